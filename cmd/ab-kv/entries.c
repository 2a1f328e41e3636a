/* get, put, exists, stat, incr, append, touch. */
#include <stdio.h>
#include <string.h>

#include "ab-kv.h"
#include "core/mem.h"
#include "core/time.h"

/* In a record: what a line of batch may hold. */
#define IN_RECORD_MAX (16 << 20)

static int
no_such_key(const char *key, struct ab_error *err)
{
	const size_t len = strlen(key);

	return ab_fail(err, AB_E_NOT_FOUND, "no such key \"%.*s\"", (int)(len < 200 ? len : 200), key);
}

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : at - digits < 16 ? (int)(at - digits) : (int)(at - digits) - 6;
}

int
kv_read_condition(const struct condition_params *params, unsigned char hash[static 32], struct ab_kv_condition *condition, struct ab_error *err)
{
	const char *text = params->if_value_sha256;

	*condition = (struct ab_kv_condition){ .absent = params->if_absent == 1, .version = params->if_version };
	if (text == NULL)
		return 0;
	for (size_t i = 0; i < 32; i++) {
		int high = hex_digit(text[2 * i]), low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);
		if (low < 0)
			return ab_fail(err, AB_E_INPUT_INVALID, "--if-value-sha256: 64 hexadecimal digits");
		hash[i] = (unsigned char)(high << 4 | low);
	}
	if (text[64] != '\0')
		return ab_fail(err, AB_E_INPUT_INVALID, "--if-value-sha256: 64 hexadecimal digits");
	condition->sha256 = hash;
	return 0;
}

/* Where, and a key that is one. */
static int
begin(struct ab_call *call, const struct where_params *where, const char *key, bool write, struct ab_kv **kv, struct ab_span *ns, struct ab_error *err)
{
	if (key != NULL && ab_kv_check_key(kv_span(key), err) < 0)
		return -1;
	return kv_open(call, where, write, kv, ns, err);
}

static void
answer(struct ab_call *call, const struct ab_entry *entry)
{
	struct ab_json *json = ab_call_record(call);
	kv_write_entry(json, entry, NULL);
	ab_call_record_end(call);
}

int
kv_answer_value(struct ab_call *call, const struct ab_entry *entry, const struct ab_buf *value, struct ab_error *err)
{
	const char *bytes = value->data != NULL ? value->data : "";

	if (!ab_call_json(call)) {
		ab_call_bytes(call, bytes, value->len);
		return 0;
	}
	if (value->len > IN_RECORD_MAX) {
		ab_fail(err, AB_E_LIMIT_SIZE, "the value has %zu bytes; a record holds 16 MiB", value->len);
		ab_error_hint(err, "ab-kv get without --json gives the bytes");
		return -1;
	}
	struct ab_json *json = ab_call_record(call);
	kv_write_entry(json, entry, NULL);
	ab_json_bytes(json, "value", bytes, value->len);
	ab_call_record_end(call);
	return 0;
}

int
get_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct get_params *params = data;
	AB_AUTO_BUF struct ab_buf value = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_entry entry;
	struct ab_kv *kv;
	struct ab_span ns;
	int found = 0;

	if (params->newer_than != AB_UNSET && params->wait_for_ms == AB_UNSET)
		return ab_fail(err, AB_E_USAGE, "--newer-than is for --wait");
	if (params->version != AB_UNSET && params->wait_for_ms != AB_UNSET)
		return ab_fail(err, AB_E_USAGE, "--at-version and --wait: an old version does not come");
	if (params->wait_for_ms != AB_UNSET)
		return ab_kv_check_key(kv_span(params->key), err) < 0 ? -1 : wait_operation(call, params, err);
	if (begin(call, &params->where, params->key, false, &kv, &ns, err) < 0)
		return -1;
	if (kv != NULL && params->version != AB_UNSET)
		found = ab_kv_get_version(kv, ns, kv_span(params->key), params->version, &entry, &value, err);
	else if (kv != NULL)
		found = ab_kv_get(kv, ns, kv_span(params->key), &entry, &value, err);
	if (found == 0 && params->version != AB_UNSET) {
		const size_t len = strlen(params->key);
		ab_fail(err, AB_E_NOT_FOUND, "key \"%.*s\" has no version %lld that is kept", (int)(len < 200 ? len : 200), params->key, (long long)params->version);
		ab_error_hint(err, "ab-kv history lists those that are; config --history N keeps more");
		return -1;
	}
	if (found <= 0)
		return found < 0 ? -1 : no_such_key(params->key, err);
	return kv_answer_value(call, &entry, &value, err) < 0 ? -1 : AB_DONE;
}

static int
read_value(const struct put_params *params, struct ab_buf *value, struct ab_error *err)
{
	struct ab_bytes bytes = params->value;

	/* put KEY alone: what comes on stdin. */
	if (bytes.kind == AB_BYTES_NONE)
		bytes.kind = AB_BYTES_STDIN;
	ab_buf_init(value, (size_t)params->where.max_value_bytes);
	if (ab_bytes_read(&bytes, value, err) == 0)
		return 0;
	if (err->code == AB_E_NOT_FOUND)
		err->code = AB_E_INPUT_INVALID; /* the file is not there: that says nothing of the key */
	if (err->code == AB_E_LIMIT_SIZE) {
		ab_error_context(err, "the value");
		ab_error_hint(err, "keep the bytes in a file and its name here, or --max-value SIZE");
	}
	return -1;
}

/* A value goes to a key: ab_kv_put, ab_kv_append. */
static int
store_value(struct ab_call *call, const struct put_params *params, __typeof__(ab_kv_put) *store, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf value = AB_BUF_INIT(0);
	struct ab_kv_condition condition;
	unsigned char hash[32];
	struct ab_entry entry;
	struct ab_kv *kv;
	struct ab_span ns;

	if (params->value.kind == AB_BYTES_NONE && ab_call_is_batch(call))
		return ab_fail(err, AB_E_INPUT_INVALID, "\"value\" is missing");
	if (kv_read_condition(&params->condition, hash, &condition, err) < 0 || read_value(params, &value, err) < 0 ||
	    begin(call, &params->where, params->key, true, &kv, &ns, err) < 0)
		return -1;
	if (store(kv, ns, kv_span(params->key), (struct ab_span){ value.data, value.len }, params->ttl_ms, &condition, &entry, err) < 0)
		return -1;
	answer(call, &entry);
	return AB_DONE;
}

int
put_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	return store_value(call, data, ab_kv_put, err);
}

int
append_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	return store_value(call, data, ab_kv_append, err);
}

int
incr_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct incr_params *params = data;
	struct ab_kv_condition condition;
	unsigned char hash[32];
	struct ab_entry entry;
	struct ab_kv *kv;
	struct ab_span ns;
	int64_t number;
	char text[32];

	if (kv_read_condition(&params->condition, hash, &condition, err) < 0 || begin(call, &params->where, params->key, true, &kv, &ns, err) < 0)
		return -1;
	if (ab_kv_incr(kv, ns, kv_span(params->key), params->by, params->ttl_ms, &condition, &number, &entry, err) < 0)
		return -1;
	int len = snprintf(text, sizeof(text), "%lld", (long long)number);
	if (ab_call_json(call)) {
		struct ab_json *json = ab_call_record(call);
		kv_write_entry(json, &entry, NULL);
		ab_json_bytes(json, "value", text, (size_t)len); /* a string: it may be beyond 2^53 */
		ab_call_record_end(call);
	} else {
		text[len++] = '\n';
		ab_call_bytes(call, text, (size_t)len);
	}
	return AB_DONE;
}

int
touch_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct touch_params *params = data;
	struct ab_kv_condition condition;
	unsigned char hash[32];
	struct ab_entry entry;
	struct ab_kv *kv;
	struct ab_span ns;

	if (kv_read_condition(&params->condition, hash, &condition, err) < 0 || begin(call, &params->where, params->key, true, &kv, &ns, err) < 0)
		return -1;
	int found = ab_kv_touch(kv, ns, kv_span(params->key), params->ttl_ms, &condition, &entry, err);
	if (found <= 0)
		return found < 0 ? -1 : no_such_key(params->key, err);
	answer(call, &entry);
	return AB_DONE;
}

int
exists_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct key_params *params = data;
	struct ab_entry entry;
	struct ab_kv *kv;
	struct ab_span ns;

	if (begin(call, &params->where, params->key, false, &kv, &ns, err) < 0)
		return -1;
	int found = kv == NULL ? 0 : ab_kv_get(kv, ns, kv_span(params->key), &entry, NULL, err);
	if (found < 0)
		return -1;
	struct ab_json *json = ab_call_record(call);
	ab_json_boolean(json, "exists", found > 0);
	ab_call_record_end(call);
	if (found == 0)
		ab_call_answer_no(call);
	return AB_DONE;
}

int
stat_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct key_params *params = data;
	struct ab_entry entry;
	struct ab_kv *kv;
	struct ab_span ns;

	if (begin(call, &params->where, params->key, false, &kv, &ns, err) < 0)
		return -1;
	int found = kv == NULL ? 0 : ab_kv_get(kv, ns, kv_span(params->key), &entry, NULL, err);
	if (found <= 0)
		return found < 0 ? -1 : no_such_key(params->key, err);
	answer(call, &entry);
	return AB_DONE;
}
