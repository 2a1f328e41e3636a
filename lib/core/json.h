/*
 * JSON: a direct writer for what we answer, and a read-only view of what we are asked.
 *
 * The writer appends text to a struct ab_buf without building a tree (a request costs microseconds; building and dumping
 * a document costs as much again). The reader is jansson 2.14 behind an opaque type: exact 64-bit integers, strict UTF-8,
 * duplicate names refused, NUL allowed in strings but not in names. jansson.h is included by json.c alone.
 */
#ifndef AB_CORE_JSON_H
#define AB_CORE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"

/* How bytes become JSON (contract section 3, "Bytes in JSON"). */
enum ab_encoding {
	AB_ENCODING_AUTO,   /* "NAME" when valid UTF-8, else "NAME_base64" */
	AB_ENCODING_UTF8,   /* always "NAME"; invalid bytes become U+FFFD and "NAME_lossy" is true */
	AB_ENCODING_BASE64, /* always "NAME_base64" */
};

/*
 * The writer. Commas and nesting are its business. `name` is the member's name inside an object and NULL inside an array or
 * at the top. Strings should be valid UTF-8: invalid bytes become U+FFFD. Control characters and DEL are escaped, so that a
 * record never breaks a line. A value that would pass out->max is a broken invariant: the caller bounds what it writes
 * (outputs are capped long before); text grows to at most six times its length.
 */
struct ab_json {
	struct ab_buf *out;
	enum ab_encoding encoding;
	unsigned depth;
	bool comma;
};

void ab_json_begin(struct ab_json *json, struct ab_buf *out, enum ab_encoding encoding);
void ab_json_object(struct ab_json *json, const char *name);
void ab_json_object_end(struct ab_json *json);
void ab_json_array(struct ab_json *json, const char *name);
void ab_json_array_end(struct ab_json *json);
void ab_json_string(struct ab_json *json, const char *name, const char *text); /* NULL text: null */
void ab_json_integer(struct ab_json *json, const char *name, int64_t value);
void ab_json_boolean(struct ab_json *json, const char *name, bool value);
void ab_json_null(struct ab_json *json, const char *name);
void ab_json_bytes(struct ab_json *json, const char *name, const void *data, size_t len);
/* An element of an array or value of a map that may be any bytes: a string, or {"base64":"…"}. The encoding decides as
   above, but nothing tells that an element was repaired. ab_json_bytes() with name NULL is this. */
void ab_json_element(struct ab_json *json, const char *name, const void *data, size_t len);
/* RFC 3339, UTC, milliseconds; 0 writes null. */
void ab_json_time(struct ab_json *json, const char *name, int64_t unix_ms);
/* Text that is one JSON value already. */
void ab_json_raw(struct ab_json *json, const char *name, const char *text, size_t len);
/* The error object of contract section 4 as member `name`; null when err->code is AB_E_NONE. Control characters become '?'. */
void ab_json_error(struct ab_json *json, const char *name, const struct ab_error *err);

/* The reader. A value is owned by its document and lives as long. */
struct ab_value; /* opaque */

enum ab_value_kind {
	AB_VALUE_NULL,
	AB_VALUE_BOOLEAN,
	AB_VALUE_INTEGER,
	AB_VALUE_REAL,
	AB_VALUE_STRING,
	AB_VALUE_ARRAY,
	AB_VALUE_OBJECT
};

/*
 * Parse one document. Nesting deeper than 128 is refused before jansson sees it. Returns a document that the caller frees,
 * or NULL: input.malformed, with position and reason, never with the input.
 */
struct ab_value *ab_value_parse(const char *text, size_t len, struct ab_error *err) AB_MUST_USE;
void ab_value_free(struct ab_value *document);
void ab_value_free_indirect(struct ab_value **document);
#define AB_AUTO_VALUE AB_CLEANUP(ab_value_free_indirect)

/* NULL (an absent member) has kind AB_VALUE_NULL. The functions below that want one kind answer NULL, 0 or false for
   another. */
enum ab_value_kind ab_value_kind(const struct ab_value *value);
const struct ab_value *ab_value_get(const struct ab_value *object, const char *name); /* NULL when absent or not an object */
size_t ab_value_count(const struct ab_value *container);
const struct ab_value *ab_value_at(const struct ab_value *array, size_t index);
bool ab_value_boolean(const struct ab_value *value);
int64_t ab_value_integer(const struct ab_value *value);
/* The string's bytes and length (it may hold NUL); never NULL for a string. */
const char *ab_value_string(const struct ab_value *value, size_t *len);
/* Iterate an object's members in input order: start with cursor = NULL; returns NULL at the end. */
void *ab_value_next(const struct ab_value *object, void *cursor, const char **name, const struct ab_value **member);
/* Append value as compact JSON to out; false, with nothing appended, when out->max is reached. Integers are exact. */
bool ab_value_print(const struct ab_value *value, struct ab_buf *out) AB_MUST_USE;

/* Convenience for our own files: member of that kind (a string without NUL), or the fallback. */
const char *ab_value_get_string(const struct ab_value *object, const char *name, const char *fallback);
int64_t ab_value_get_integer(const struct ab_value *object, const char *name, int64_t fallback);
bool ab_value_get_boolean(const struct ab_value *object, const char *name, bool fallback);

/* The version of the library behind the reader ("2.14"), for --version --json. */
const char *ab_json_library_version(void);

#endif
