/* JSON: the direct writer, and jansson behind an opaque type. RFC 8259. */
#include "core/json.h"

#include <assert.h>
#include <jansson.h>
#include <string.h>

#include "core/text.h"
#include "core/time.h"

#define DEPTH_MAX 128

/* ---- the writer ---- */

static const char hex[] = "0123456789abcdef";

/*
 * The short escape of a byte, 'u' for \u00XX, or 0 for a byte that stands for itself. DEL is escaped for the sake of
 * terminals.
 */
static char
escape_of(unsigned char byte)
{
	switch (byte) {
	case '"':
	case '\\':
		return (char)byte;
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return byte < 0x20 || byte == 0x7f ? 'u' : 0;
	}
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/*
 * Bytes at the beginning that stand for themselves (and are ASCII), eight at a time: a byte below 0x20 borrows into its high
 * bit, and so does a byte equal to one of the three after exclusive-or; a borrow from below comes only from a byte that was
 * found.
 */
static inline size_t
plain_run(const char *text, size_t len, bool ascii)
{
	size_t run = 0;
	uint64_t word;

	for (; run + sizeof(word) <= len; run += sizeof(word)) {
		memcpy(&word, text + run, sizeof(word));
		uint64_t found = word - EACH(0x20);
		found |= (word ^ EACH('"')) - EACH(1);
		found |= (word ^ EACH('\\')) - EACH(1);
		found |= (word ^ EACH(0x7f)) - EACH(1);
		if ((((found & ~word) | (ascii ? word : 0)) & EACH(0x80)) != 0)
			break;
	}
	for (; run < len; run++) {
		unsigned char byte = (unsigned char)text[run];
		if (byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f || (ascii && byte >= 0x80))
			break;
	}
	return run;
}

/* The inside of a string; the bytes are valid UTF-8. */
static void
put_valid(struct ab_buf *out, const char *text, size_t len)
{
	for (;;) {
		size_t run = plain_run(text, len, false);
		ab_buf_put(out, text, run);
		text += run;
		len -= run;
		if (len == 0)
			return;
		unsigned char byte = (unsigned char)*text;
		char escape[6] = { '\\', escape_of(byte), '0', '0', hex[byte >> 4], hex[byte & 15] };
		ab_buf_put(out, escape, escape[1] == 'u' ? 6 : 2);
		text++;
		len--;
	}
}

/* A whole string; true when invalid bytes were replaced. */
static bool
put_string(struct ab_buf *out, const char *text, size_t len)
{
	/* Nearly all: nothing of it is escaped, or is not ASCII. */
	if (plain_run(text, len, true) == len) {
		char *to = ab_buf_reserve(out, len + 2);
		assert(to != NULL);
		to[0] = '"';
		memcpy(to + 1, text, len);
		to[len + 1] = '"';
		to[len + 2] = '\0';
		out->len += len + 2;
		return false;
	}
	bool valid = ab_utf8_valid(text, len);
	ab_buf_putc(out, '"');
	if (valid) {
		put_valid(out, text, len);
	} else {
		AB_AUTO_BUF struct ab_buf repaired = AB_BUF_INIT(3 * len);
		ab_utf8_lossy(&repaired, text, len);
		put_valid(out, repaired.data, repaired.len);
	}
	ab_buf_putc(out, '"');
	return !valid;
}

/* The comma before a value, and its name, which `suffix` ends. */
static void
put_name(struct ab_json *json, const char *name, const char *suffix)
{
	if (json->comma)
		ab_buf_putc(json->out, ',');
	json->comma = true;
	if (name == NULL)
		return;
	put_string(json->out, name, strlen(name));
	if (suffix[0] != '\0') {
		ab_buf_truncate(json->out, json->out->len - 1);
		ab_buf_puts(json->out, suffix);
		ab_buf_putc(json->out, '"');
	}
	ab_buf_putc(json->out, ':');
}

static void
open_container(struct ab_json *json, const char *name, char bracket)
{
	put_name(json, name, "");
	ab_buf_putc(json->out, bracket);
	json->comma = false;
	json->depth++;
}

static void
close_container(struct ab_json *json, char bracket)
{
	assert(json->depth > 0);
	ab_buf_putc(json->out, bracket);
	json->comma = true;
	json->depth--;
}

void
ab_json_begin(struct ab_json *json, struct ab_buf *out, enum ab_encoding encoding)
{
	*json = (struct ab_json){ .out = out, .encoding = encoding };
}

void
ab_json_object(struct ab_json *json, const char *name)
{
	open_container(json, name, '{');
}

void
ab_json_object_end(struct ab_json *json)
{
	close_container(json, '}');
}

void
ab_json_array(struct ab_json *json, const char *name)
{
	open_container(json, name, '[');
}

void
ab_json_array_end(struct ab_json *json)
{
	close_container(json, ']');
}

void
ab_json_string(struct ab_json *json, const char *name, const char *text)
{
	if (text == NULL) {
		ab_json_null(json, name);
		return;
	}
	put_name(json, name, "");
	put_string(json->out, text, strlen(text));
}

void
ab_json_integer(struct ab_json *json, const char *name, int64_t value)
{
	char text[20];
	size_t at = sizeof(text);
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do {
		text[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest != 0);
	if (value < 0)
		text[--at] = '-';
	put_name(json, name, "");
	ab_buf_put(json->out, text + at, sizeof(text) - at);
}

void
ab_json_boolean(struct ab_json *json, const char *name, bool value)
{
	put_name(json, name, "");
	ab_buf_puts(json->out, value ? "true" : "false");
}

void
ab_json_null(struct ab_json *json, const char *name)
{
	put_name(json, name, "");
	ab_buf_puts(json->out, "null");
}

static void
put_base64(struct ab_buf *out, const void *data, size_t len)
{
	ab_buf_putc(out, '"');
	ab_base64_encode(out, data, len);
	ab_buf_putc(out, '"');
}

static bool
as_base64(const struct ab_json *json, const void *data, size_t len)
{
	if (json->encoding == AB_ENCODING_AUTO)
		return !ab_utf8_valid(data, len);
	return json->encoding == AB_ENCODING_BASE64;
}

void
ab_json_bytes(struct ab_json *json, const char *name, const void *data, size_t len)
{
	if (name == NULL) {
		ab_json_element(json, NULL, data, len);
		return;
	}
	if (as_base64(json, data, len)) {
		put_name(json, name, "_base64");
		put_base64(json->out, data, len);
		return;
	}
	put_name(json, name, "");
	if (put_string(json->out, len > 0 ? data : "", len)) {
		put_name(json, name, "_lossy");
		ab_buf_puts(json->out, "true");
	}
}

void
ab_json_element(struct ab_json *json, const char *name, const void *data, size_t len)
{
	put_name(json, name, "");
	if (as_base64(json, data, len)) {
		ab_buf_puts(json->out, "{\"base64\":");
		put_base64(json->out, data, len);
		ab_buf_putc(json->out, '}');
	} else {
		put_string(json->out, len > 0 ? data : "", len);
	}
}

void
ab_json_time(struct ab_json *json, const char *name, int64_t unix_ms)
{
	char text[AB_TIME_SIZE];

	ab_json_string(json, name, unix_ms == 0 ? NULL : ab_time_format(text, unix_ms));
}

void
ab_json_raw(struct ab_json *json, const char *name, const char *text, size_t len)
{
	put_name(json, name, "");
	ab_buf_put(json->out, text, len);
}

/* A field of struct ab_error, none of which is longer than its message. */
static void
put_sanitized(struct ab_json *json, const char *name, const char *text)
{
	char copy[sizeof(((struct ab_error *)0)->msg)];

	memccpy(copy, text, '\0', sizeof(copy));
	ab_error_sanitize(copy);
	ab_json_string(json, name, copy);
}

void
ab_json_error(struct ab_json *json, const char *name, const struct ab_error *err)
{
	if (err->code == AB_E_NONE) {
		ab_json_null(json, name);
		return;
	}
	ab_json_object(json, name);
	ab_json_string(json, "code", ab_errcode_name(err->code));
	put_sanitized(json, "message", err->msg);
	if (err->hint[0] != '\0')
		put_sanitized(json, "hint", err->hint);
	else
		ab_json_null(json, "hint");
	ab_json_boolean(json, "retryable", ab_errcode_retryable(err->code));
	if (err->operation[0] != '\0')
		put_sanitized(json, "operation", err->operation);
	ab_json_object_end(json);
}

/* ---- the reader: a struct ab_value is a json_t ---- */

static json_t *
node(const struct ab_value *value)
{
	return (json_t *)value;
}

/* From the opening quote to the byte after the closing one, or to the end. */
static const char *
skip_string(const char *at, const char *end)
{
	for (at++; at < end; at++) {
		const char *quote = memchr(at, '"', (size_t)(end - at));
		if (quote == NULL)
			return end;
		const char *before = quote;
		while (before > at && before[-1] == '\\')
			before--;
		if ((quote - before) % 2 == 0)
			return quote + 1;
		at = quote;
	}
	return end;
}

/* The first bracket that opens a level too many, or NULL. */
static const char *
too_deep(const char *text, size_t len)
{
	const char *end = text + len;
	unsigned depth = 0;

	for (const char *at = text; at < end;) {
		if (*at == '"') {
			at = skip_string(at, end);
			continue;
		}
		if (*at == '[' || *at == '{') {
			if (++depth > DEPTH_MAX)
				return at;
		} else if (*at == ']' || *at == '}') {
			depth -= depth > 0;
		}
		at++;
	}
	return NULL;
}

/* jansson's own text quotes the input; its code does not. */
static const char *
reason(const json_error_t *error)
{
	switch (json_error_code(error)) {
	case json_error_invalid_utf8:
		return "not valid UTF-8";
	case json_error_premature_end_of_input:
		return "the text ends too early";
	case json_error_end_of_input_expected:
		return "something follows the value";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "a name holds NUL";
	case json_error_duplicate_key:
		return "a name stands twice in one object";
	case json_error_numeric_overflow:
		return "a number is too large";
	case json_error_stack_overflow:
		return "nested too deeply";
	default:
		return "not valid JSON";
	}
}

struct ab_value *
ab_value_parse(const char *text, size_t len, struct ab_error *err)
{
	const char *deep = too_deep(text, len);
	json_error_t error;

	if (deep != NULL) {
		int line = 1;
		const char *start = text;
		for (const char *at = text; at < deep; at++) {
			if (*at != '\n')
				continue;
			line++;
			start = at + 1;
		}
		ab_fail(err, AB_E_INPUT_MALFORMED, "line %d, column %zu: nested deeper than %d", line,
		    (size_t)(deep - start) + 1, DEPTH_MAX);
		return NULL;
	}
	const size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY;
	json_t *root = json_loadb(len > 0 ? text : "", len, flags, &error);
	if (root == NULL)
		ab_fail(err, AB_E_INPUT_MALFORMED, "line %d, column %d: %s", error.line, error.column, reason(&error));
	return (struct ab_value *)root;
}

void
ab_value_free(struct ab_value *document)
{
	json_decref((json_t *)document);
}

void
ab_value_free_indirect(struct ab_value **document)
{
	ab_value_free(*document);
	*document = NULL;
}

enum ab_value_kind
ab_value_kind(const struct ab_value *value)
{
	if (value == NULL)
		return AB_VALUE_NULL;
	switch (json_typeof(node(value))) {
	case JSON_OBJECT:
		return AB_VALUE_OBJECT;
	case JSON_ARRAY:
		return AB_VALUE_ARRAY;
	case JSON_STRING:
		return AB_VALUE_STRING;
	case JSON_INTEGER:
		return AB_VALUE_INTEGER;
	case JSON_REAL:
		return AB_VALUE_REAL;
	case JSON_TRUE:
	case JSON_FALSE:
		return AB_VALUE_BOOLEAN;
	case JSON_NULL:
		break;
	}
	return AB_VALUE_NULL;
}

const struct ab_value *
ab_value_get(const struct ab_value *object, const char *name)
{
	return (const struct ab_value *)json_object_get(node(object), name);
}

size_t
ab_value_count(const struct ab_value *container)
{
	return json_is_object(node(container)) ? json_object_size(node(container)) : json_array_size(node(container));
}

const struct ab_value *
ab_value_at(const struct ab_value *array, size_t index)
{
	return (const struct ab_value *)json_array_get(node(array), index);
}

bool
ab_value_boolean(const struct ab_value *value)
{
	return json_is_true(node(value));
}

int64_t
ab_value_integer(const struct ab_value *value)
{
	return json_integer_value(node(value));
}

const char *
ab_value_string(const struct ab_value *value, size_t *len)
{
	*len = json_string_length(node(value));
	return json_string_value(node(value));
}

void *
ab_value_next(const struct ab_value *object, void *cursor, const char **name, const struct ab_value **member)
{
	json_t *from = node(object);
	void *next = cursor == NULL ? json_object_iter(from) : json_object_iter_next(from, cursor);

	if (next != NULL) {
		*name = json_object_iter_key(next);
		*member = (const struct ab_value *)json_object_iter_value(next);
	}
	return next;
}

static int
add_printed(const char *text, size_t len, void *out)
{
	return ab_buf_add(out, text, len) ? 0 : -1;
}

bool
ab_value_print(const struct ab_value *value, struct ab_buf *out)
{
	size_t before = out->len;

	if (json_dump_callback(node(value), add_printed, out, JSON_COMPACT | JSON_ENCODE_ANY) == 0)
		return true;
	ab_buf_truncate(out, before);
	return false;
}

const char *
ab_value_get_string(const struct ab_value *object, const char *name, const char *fallback)
{
	const json_t *member = json_object_get(node(object), name);

	/* what does not fit a char * is not such a string */
	if (!json_is_string(member) || strlen(json_string_value(member)) != json_string_length(member))
		return fallback;
	return json_string_value(member);
}

int64_t
ab_value_get_integer(const struct ab_value *object, const char *name, int64_t fallback)
{
	const json_t *member = json_object_get(node(object), name);

	return json_is_integer(member) ? json_integer_value(member) : fallback;
}

bool
ab_value_get_boolean(const struct ab_value *object, const char *name, bool fallback)
{
	const json_t *member = json_object_get(node(object), name);

	return json_is_boolean(member) ? json_is_true(member) : fallback;
}

const char *
ab_json_library_version(void)
{
	return jansson_version_str();
}
