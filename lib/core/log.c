/* The operation log. */
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/json.h"
#include "core/text.h"

#define WHAT_MAX 256
#define SCOPE_MAX 4096 /* PATH_MAX */

/* A member that is text, cut between characters; null for NULL. */
static void
put(struct ab_json *json, const char *name, const char *text, size_t max)
{
	if (text == NULL) {
		ab_json_null(json, name);
		return;
	}
	char copy[SCOPE_MAX + 1];
	size_t len = strnlen(text, max);
	if (text[len] != '\0')
		len -= ab_utf8_incomplete(text, len);
	memcpy(copy, text, len);
	copy[len] = '\0';
	ab_json_string(json, name, copy);
}

static void
print(struct ab_buf *line, const struct ab_log_entry *entry)
{
	struct ab_json json;

	ab_json_begin(&json, line, AB_ENCODING_AUTO);
	ab_json_object(&json, NULL);
	ab_json_time(&json, "started_at", entry->started_unix_ms);
	put(&json, "tool", entry->tool, WHAT_MAX);
	put(&json, "operation", entry->operation, WHAT_MAX);
	put(&json, "scope", entry->scope, SCOPE_MAX);
	put(&json, "what", entry->what, WHAT_MAX);
	put(&json, "status", entry->status, WHAT_MAX);
	ab_json_integer(&json, "wall_ms", entry->wall_ms);
	ab_json_integer(&json, "pid", getpid());
	ab_json_object_end(&json);
	ab_buf_putc(line, '\n');
}

int
ab_log_append(const char *path, const struct ab_log_entry *entry, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf line = AB_BUF_INIT(64 * 1024);
	AB_AUTO_CLOSE int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	ssize_t n;

	if (fd < 0)
		return ab_fail_errno(err, errno, "open log \"%s\"", path);
	print(&line, entry);
	do
		n = write(fd, line.data, line.len);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)line.len)
		return 0;
	/* a part of a record: the disk is full, and the next write would say so */
	return ab_fail_errno(err, n < 0 ? errno : ENOSPC, "write log \"%s\"", path);
}
