/*
 * The operation log (--log FILE, AB_LOG): one NDJSON record an operation, appended with one write(2); never contents or secrets.
 *
 * {"started_at":TIME,"tool":…,"operation":…,"scope":… or null,"what":… or null,"status":…,"wall_ms":N,"pid":N}
 */
#ifndef AB_CORE_LOG_H
#define AB_CORE_LOG_H

#include <stdint.h>

#include "core/error.h"

struct ab_log_entry {
	const char *tool, *operation, *scope; /* scope may be NULL */
	const char *what;   /* without secrets: the program's name, a key, a path; or NULL. Cut to 256 bytes */
	const char *status; /* "ok", or an error code's name */
	int64_t started_unix_ms, wall_ms;
};

/*
 * Open for O_APPEND|O_CREAT, 0600, CLOEXEC; each write holds a whole record, so that any number of processes may share a log.
 * Never waits: a FIFO without a reader, or a full one, is an error.
 */
int ab_log_append(const char *path, const struct ab_log_entry *entry, struct ab_error *err) AB_MUST_USE;

#endif
