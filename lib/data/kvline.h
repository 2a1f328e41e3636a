/*
 * Entries and changes as lines of JSON, one each: what `export` prints and `import` reads, and what copies of a store are made of
 * (data/kvcopy.h).
 *
 *	{"namespace":"n","key":"k","value":"v","created_ms":1,"updated_ms":2,"expires_ms":3}			exported
 *	{"change":"put","seq":7,"namespace":"n","key":"k","value":"v","created_ms":1,"updated_ms":2}		as change 7 left it
 *	{"change":"put","seq":6,"namespace":"n","key":"k","updated_ms":2}					since changed again: only that it was
 *	{"change":"delete","seq":8,"namespace":"n","key":"k","updated_ms":4}					"expire": its time was over
 *	{"change":"config","namespace":"n","history":2,"history_age_ms":1000,"max_bytes":500,"search":true}	what it was told
 *	{"change":"old",…}, {"change":"entry",…}								as put, without being a change
 *	{"change":"last","was":"put","seq":8,…}									where the numbers stand
 *
 * Names and values that are no UTF-8 are "NAME_base64", and so are values of a copy that are shorter so. Times are unix time, milliseconds.
 */
#ifndef AB_DATA_KVLINE_H
#define AB_DATA_KVLINE_H

#include "core/buf.h"
#include "core/json.h"
#include "data/store.h"

#define AB_KVLINE_MORE (64 << 10) /* of a line, beside its value */

enum ab_kvline_kind {
	AB_KVLINE_EXPORTED,
	AB_KVLINE_PUT,
	AB_KVLINE_DELETE,
	AB_KVLINE_EXPIRE,
	AB_KVLINE_CONFIG,
	AB_KVLINE_OLD,
	AB_KVLINE_ENTRY,
	AB_KVLINE_LAST,
};

/* What a line says. Its names and its value are of the buffers, or borrowed by who made it. */
struct ab_kvline {
	enum ab_kvline_kind kind;
	struct ab_entry entry;		/* of a change without value: ns, key, seq, and updated_ms: when it was */
	struct ab_span value;		/* data NULL: none is told */
	struct ab_namespace namespace;	/* kind CONFIG */
	enum ab_change_kind was;	/* kind LAST */
	struct ab_buf ns, key, bytes;
};

#define AB_KVLINE_INIT { .ns = AB_BUF_INIT(SIZE_MAX / 2), .key = AB_BUF_INIT(SIZE_MAX / 2), .bytes = AB_BUF_INIT(SIZE_MAX / 2) }
#define AB_AUTO_KVLINE AB_CLEANUP(ab_kvline_release)
void ab_kvline_release(struct ab_kvline *line);

/* The members, into an object that was begun. */
void ab_kvline_write(struct ab_json *json, const struct ab_kvline *line);
/* What was in line is replaced. Keys and names are judged (data/kv.h). into: the namespace, whatever the line says; data NULL: as it
 * says. Errors: input.malformed, input.invalid. */
int ab_kvline_read(struct ab_kvline *line, const char *text, size_t len, struct ab_span into, struct ab_error *err) AB_MUST_USE;

#endif
