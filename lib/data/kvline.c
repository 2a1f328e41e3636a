/* Entries and changes as lines of JSON. */
#include "data/kvline.h"

#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "core/time.h"
#include "data/kv.h"

#define TIME_MAX (((int64_t)1 << 53) - 1)

static const char *const words[] = {
	[AB_KVLINE_EXPORTED] = "",
	[AB_KVLINE_PUT] = "put",
	[AB_KVLINE_DELETE] = "delete",
	[AB_KVLINE_EXPIRE] = "expire",
	[AB_KVLINE_CONFIG] = "config",
	[AB_KVLINE_OLD] = "old",
	[AB_KVLINE_ENTRY] = "entry",
	[AB_KVLINE_LAST] = "last",
};
static const char *const changes[] = { [AB_CHANGE_PUT] = "put", [AB_CHANGE_DELETE] = "delete", [AB_CHANGE_EXPIRE] = "expire" };

void
ab_kvline_release(struct ab_kvline *line)
{
	ab_buf_release(&line->ns);
	ab_buf_release(&line->key);
	ab_buf_release(&line->bytes);
}

/* ---- writing ---- */

static void
write_config(struct ab_json *json, const struct ab_namespace *namespace)
{
	ab_json_bytes(json, "namespace", namespace->name.data, namespace->name.len);
	ab_json_integer(json, "history", namespace->history);
	if (namespace->history_age_ms != AB_NEVER)
		ab_json_integer(json, "history_age_ms", namespace->history_age_ms);
	if (namespace->max_bytes != INT64_MAX)
		ab_json_integer(json, "max_bytes", namespace->max_bytes);
	ab_json_boolean(json, "search", namespace->search);
}

/* Whether it is longer as a text than as base64: six for one, where it is full of control characters. */
static bool
is_costly(struct ab_span value)
{
	const unsigned char *data = (const unsigned char *)value.data;
	size_t more = 0;

	for (size_t i = 0; i < value.len; i++)
		more += data[i] < ' ' ? 5 : data[i] == '"' || data[i] == '\\';
	return more > value.len / 3 + 4;
}

/* A copy's lines have a bound that any value keeps; export keeps what is text as text. */
static void
write_value(struct ab_json *json, const struct ab_kvline *line)
{
	const enum ab_encoding encoding = json->encoding;

	if (line->kind != AB_KVLINE_EXPORTED && is_costly(line->value))
		json->encoding = AB_ENCODING_BASE64;
	ab_json_bytes(json, "value", line->value.data, line->value.len);
	json->encoding = encoding;
}

void
ab_kvline_write(struct ab_json *json, const struct ab_kvline *line)
{
	const struct ab_entry *entry = &line->entry;

	if (line->kind != AB_KVLINE_EXPORTED)
		ab_json_string(json, "change", words[line->kind]);
	if (line->kind == AB_KVLINE_CONFIG) {
		write_config(json, &line->namespace);
		return;
	}
	if (line->kind == AB_KVLINE_LAST)
		ab_json_string(json, "was", changes[line->was]);
	if (line->kind != AB_KVLINE_EXPORTED)
		ab_json_integer(json, "seq", entry->seq);
	ab_json_bytes(json, "namespace", entry->ns.data, entry->ns.len);
	ab_json_bytes(json, "key", entry->key.data, entry->key.len);
	if (line->value.data != NULL) {
		write_value(json, line);
		ab_json_integer(json, "created_ms", entry->created_ms);
	}
	ab_json_integer(json, "updated_ms", entry->updated_ms);
	if (line->value.data != NULL && entry->expires_ms != AB_NEVER)
		ab_json_integer(json, "expires_ms", entry->expires_ms);
}

/* ---- reading ---- */

/* NAME, or NAME_base64: 1, 0: it is not there. */
static int
take_bytes(const struct ab_value *line, const char *name, struct ab_buf *bytes, struct ab_error *err)
{
	AB_AUTO_FREE char *coded = ab_asprintf("%s_base64", name);
	const struct ab_value *plain = ab_value_get(line, name), *base64 = ab_value_get(line, coded);
	size_t len;

	ab_buf_truncate(bytes, 0);
	if (ab_value_kind(plain) != AB_VALUE_NULL && ab_value_kind(base64) != AB_VALUE_NULL)
		return ab_fail(err, AB_E_INPUT_INVALID, "\"%s\": given twice, as text and as base64", name);
	if (ab_value_kind(plain) == AB_VALUE_STRING) {
		const char *text = ab_value_string(plain, &len);
		ab_buf_put(bytes, text, len);
		return 1;
	}
	if (ab_value_kind(base64) != AB_VALUE_STRING)
		return 0;
	const char *text = ab_value_string(base64, &len);
	if (!ab_base64_decode(bytes, text, len))
		return ab_fail(err, AB_E_INPUT_INVALID, "\"%s\": no base64", coded);
	return 1;
}

static int
need_bytes(const struct ab_value *line, const char *name, struct ab_buf *bytes, struct ab_error *err)
{
	int there = take_bytes(line, name, bytes, err);

	return there != 0 ? there : ab_fail(err, AB_E_INPUT_INVALID, "\"%s\" is missing", name);
}

/* A time, when it is there. */
static int
take_time(const struct ab_value *line, const char *name, int64_t most, int64_t *time_ms, struct ab_error *err)
{
	const struct ab_value *member = ab_value_get(line, name);

	if (ab_value_kind(member) == AB_VALUE_NULL)
		return 0;
	if (ab_value_kind(member) != AB_VALUE_INTEGER || ab_value_integer(member) < 0 || ab_value_integer(member) > most)
		return ab_fail(err, AB_E_INPUT_INVALID, "\"%s\": no time in milliseconds", name);
	*time_ms = ab_value_integer(member);
	return 0;
}

static struct ab_span
bytes_of(const struct ab_buf *buf)
{
	return (struct ab_span){ buf->data != NULL ? buf->data : "", buf->len };
}

/* Its place in a list of words; -1. */
static int
find_word(const char *const *list, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] != NULL && strcmp(list[i], word) == 0)
			return (int)i;
	return -1;
}

/* What a member says: `absent` when it is not there, and no word of ours when it is no text. */
static const char *
word_of(const struct ab_value *value, const char *name, const char *absent)
{
	return ab_value_get_string(value, name, ab_value_get(value, name) == NULL ? absent : "?");
}

static int
read_kind(struct ab_kvline *line, const struct ab_value *value, struct ab_error *err)
{
	int kind = find_word(words, AB_COUNT_OF(words), word_of(value, "change", ""));
	int was = find_word(changes, AB_COUNT_OF(changes), word_of(value, "was", "put"));

	if (kind < 0 || was < 0)
		return ab_fail(err, AB_E_INPUT_INVALID, "\"%s\": no such kind of line", kind < 0 ? "change" : "was");
	line->kind = (enum ab_kvline_kind)kind;
	line->was = (enum ab_change_kind)was;
	return 0;
}

static int
read_config(struct ab_kvline *line, const struct ab_value *value, struct ab_span name, struct ab_error *err)
{
	struct ab_namespace *namespace = &line->namespace;

	*namespace = (struct ab_namespace){
		.name = name,
		.history = ab_value_get_integer(value, "history", 0),
		.history_age_ms = ab_value_get_integer(value, "history_age_ms", AB_NEVER),
		.max_bytes = ab_value_get_integer(value, "max_bytes", INT64_MAX),
		.search = ab_value_get_boolean(value, "search", false),
	};
	if (namespace->history < 0 || namespace->history_age_ms < 0 || namespace->max_bytes < 0)
		return ab_fail(err, AB_E_INPUT_INVALID, "a namespace is told no number below 0");
	return 0;
}

int
ab_kvline_read(struct ab_kvline *line, const char *text, size_t len, struct ab_span into, struct ab_error *err)
{
	AB_AUTO_VALUE struct ab_value *value = ab_value_parse(text, len, err);
	struct ab_entry *entry = &line->entry;

	/* What they named was in the buffers. */
	*entry = (struct ab_entry){ .seq = 0 };
	line->value = (struct ab_span){ .data = NULL };
	line->namespace = (struct ab_namespace){ .history = 0 };
	if (value == NULL || read_kind(line, value, err) < 0 || (into.data == NULL && need_bytes(value, "namespace", &line->ns, err) < 0))
		return -1;
	if (into.data == NULL)
		into = bytes_of(&line->ns);
	if (ab_kv_check_namespace(into, err) < 0)
		return -1;
	if (line->kind == AB_KVLINE_CONFIG)
		return read_config(line, value, into, err);
	const bool bare = line->kind == AB_KVLINE_PUT || line->kind == AB_KVLINE_DELETE || line->kind == AB_KVLINE_EXPIRE || line->kind == AB_KVLINE_LAST;
	int there = bare ? take_bytes(value, "value", &line->bytes, err) : need_bytes(value, "value", &line->bytes, err);
	if (there < 0 || need_bytes(value, "key", &line->key, err) < 0)
		return -1;
	line->value = there > 0 ? bytes_of(&line->bytes) : (struct ab_span){ .data = NULL };
	*entry = (struct ab_entry){
		.ns = into,
		.key = bytes_of(&line->key),
		.seq = ab_value_get_integer(value, "seq", 0),
		.created_ms = ab_now_unix_ms(),
		.expires_ms = AB_NEVER,
		.size = (int64_t)line->value.len,
	};
	if (take_time(value, "created_ms", TIME_MAX, &entry->created_ms, err) < 0)
		return -1;
	entry->updated_ms = entry->created_ms;
	if (take_time(value, "updated_ms", TIME_MAX, &entry->updated_ms, err) < 0 || take_time(value, "expires_ms", INT64_MAX, &entry->expires_ms, err) < 0)
		return -1;
	return ab_kv_check_key(entry->key, err);
}
