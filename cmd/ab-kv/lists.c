/* list, history, namespaces, config. */
#include <string.h>

#include "ab-kv.h"
#include "core/mem.h"
#include "core/time.h"

/* What one answer of a batch may hold, of bytes that as JSON may be six times as many. */
#define ANSWER_BYTES ((size_t)64 << 20)
#define ITEM_BYTES 256 /* of an item, beside its names and its value */

/* Whether an answer has room for one item more. On the command line each is on its way at once. */
static bool
has_room(const struct ab_call *call, size_t *bytes, size_t more)
{
	*bytes += more + ITEM_BYTES;
	return !ab_call_is_batch(call) || *bytes <= ANSWER_BYTES;
}

static int
fail_long(struct ab_error *err)
{
	ab_fail(err, AB_E_LIMIT_SIZE, "the answer would be longer than one may be");
	ab_error_hint(err, "ask for less, with a limit, or without values; or on the command line");
	return -1;
}

/* ---- list ---- */

#define PAGE 1000

struct listing {
	struct ab_call *call;
	int64_t left, page; /* INT64_MAX: all of them */
	bool more, paused;
	bool whole;   /* there are no pages: what is too long for one answer is refused */
	size_t bytes; /* of the answer, by now */
	struct ab_buf last_ns, last;
};

static int
list_one(void *data, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err)
{
	struct listing *listing = data;
	const size_t value_len = value != NULL && value->len <= KV_VALUE_SHOWN_MAX ? value->len : 0;
	const bool full = !has_room(listing->call, &listing->bytes, entry->ns.len + entry->key.len + value_len);

	if (full && listing->whole && listing->left > 0)
		return fail_long(err);
	if (full || listing->left == 0 || listing->page == 0) {
		listing->more = full || listing->left == 0;
		listing->paused = !listing->more;
		return 1;
	}
	listing->left--;
	listing->page--;
	ab_buf_truncate(&listing->last_ns, 0);
	ab_buf_truncate(&listing->last, 0);
	ab_buf_put(&listing->last_ns, entry->ns.data, entry->ns.len);
	ab_buf_put(&listing->last, entry->key.data, entry->key.len);
	kv_write_entry(ab_call_item(listing->call), entry, value);
	ab_call_item_end(listing->call);
	return 0;
}

/* A cursor is the last entry: its namespace, a NUL that neither may hold, its key; as hexadecimal digits, since it travels as a string. */
static char *
write_cursor(const struct listing *listing)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(SIZE_MAX / 2);

	for (size_t i = 0; i < listing->last_ns.len; i++)
		ab_buf_printf(&text, "%02x", (unsigned char)listing->last_ns.data[i]);
	ab_buf_puts(&text, "00");
	for (size_t i = 0; i < listing->last.len; i++)
		ab_buf_printf(&text, "%02x", (unsigned char)listing->last.data[i]);
	return ab_buf_take(&text);
}

static int
read_cursor(const char *text, struct ab_buf *ns, struct ab_buf *key, struct ab_error *err)
{
	static const char digits[] = "0123456789abcdef";
	struct ab_buf *into = ns;
	size_t len = strlen(text);

	if (len % 2 != 0 || strspn(text, digits) != len)
		return ab_fail(err, AB_E_INPUT_INVALID, "--cursor: not one that a list gave");
	for (; *text != '\0'; text += 2) {
		char byte = (char)((strchr(digits, text[0]) - digits) << 4 | (strchr(digits, text[1]) - digits));
		if (byte == '\0' && into == ns)
			into = key;
		else
			ab_buf_putc(into, byte);
	}
	if (key->len == 0)
		return ab_fail(err, AB_E_INPUT_INVALID, "--cursor: not one that a list gave");
	return 0;
}

static void
take(struct ab_buf *to, const struct ab_buf *from)
{
	ab_buf_truncate(to, 0);
	ab_buf_put(to, from->data, from->len);
}

static int
list_from(struct ab_kv *kv, const struct list_params *params, struct ab_span ns, struct listing *listing, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf after_ns = AB_BUF_INIT(SIZE_MAX / 2);
	AB_AUTO_BUF struct ab_buf after = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_range range = { .ns = ns, .nested = params->recursive == 1, .prefix = kv_span(params->prefix), .from = kv_span(params->start),
		.to = kv_span(params->end), .reverse = params->reverse == 1, .values = params->values == 1 };

	if (params->cursor != NULL) {
		if (read_cursor(params->cursor, &after_ns, &after, err) < 0)
			return -1;
		range.after_ns = (struct ab_span){ after_ns.data, after_ns.len };
		range.after = (struct ab_span){ after.data, after.len };
	}
	/* On the command line who reads may be slow, and what is read from the store all that while would stay in its log. */
	for (;;) {
		listing->paused = false;
		listing->page = ab_call_is_batch(listing->call) ? INT64_MAX : PAGE;
		if (ab_kv_range(kv, &range, list_one, listing, err) < 0)
			return -1;
		if (!listing->paused)
			return 0;
		take(&after_ns, &listing->last_ns);
		take(&after, &listing->last);
		range.after_ns = (struct ab_span){ after_ns.data, after_ns.len };
		range.after = (struct ab_span){ after.data, after.len };
	}
}

int
list_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct list_params *params = data;
	bool all = !ab_call_is_batch(call) && !ab_call_given(call, "limit");
	struct listing listing = { .call = call, .left = all ? INT64_MAX : params->limit, .last_ns = AB_BUF_INIT(SIZE_MAX / 2), .last = AB_BUF_INIT(SIZE_MAX / 2) };
	struct ab_kv *kv;
	struct ab_span ns;

	if (kv_open(call, &params->where, false, &kv, &ns, err) < 0)
		return -1;
	int status = kv == NULL ? 0 : list_from(kv, params, ns, &listing, err);
	if (status == 0 && listing.more) {
		AB_AUTO_FREE char *cursor = write_cursor(&listing);
		ab_call_next(call, cursor);
	}
	ab_buf_release(&listing.last_ns);
	ab_buf_release(&listing.last);
	return status < 0 ? -1 : AB_DONE;
}

/* ---- history ---- */

int
history_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct history_params *params = data;
	struct listing listing = { .call = call, .left = params->limit, .page = INT64_MAX, .whole = true, .last_ns = AB_BUF_INIT(SIZE_MAX / 2), .last = AB_BUF_INIT(SIZE_MAX / 2) };
	struct ab_kv *kv;
	struct ab_span ns;

	if (ab_kv_check_key(kv_span(params->key), err) < 0 || kv_open(call, &params->where, false, &kv, &ns, err) < 0)
		return -1;
	int status = kv == NULL ? 0 : ab_kv_history(kv, ns, kv_span(params->key), params->values == 1, list_one, &listing, err);
	ab_buf_release(&listing.last_ns);
	ab_buf_release(&listing.last);
	return status < 0 ? -1 : AB_DONE;
}

/* ---- namespaces ---- */

struct naming {
	struct ab_call *call;
	struct ab_span within; /* this one and those below it; data NULL: all */
	size_t bytes;
};

static bool
is_within(struct ab_span name, struct ab_span outer)
{
	return outer.data == NULL || (name.len >= outer.len && memcmp(name.data, outer.data, outer.len) == 0 &&
					 (name.len == outer.len || name.data[outer.len] == '/'));
}

static int
list_namespace(void *data, struct ab_span name, int64_t keys, int64_t bytes, struct ab_error *err)
{
	struct naming *naming = data;
	struct ab_call *call = naming->call;

	if (!is_within(name, naming->within))
		return 0;
	if (!has_room(call, &naming->bytes, name.len))
		return fail_long(err);
	struct ab_json *json = ab_call_item(call);
	ab_json_bytes(json, "namespace", name.data, name.len);
	ab_json_integer(json, "keys", keys);
	ab_json_integer(json, "bytes", bytes);
	ab_call_item_end(call);
	return 0;
}

int
namespaces_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct namespaces_params *params = data;
	struct ab_kv *kv;
	struct ab_span ns;

	if (kv_open(call, &params->where, false, &kv, &ns, err) < 0)
		return -1;
	/* A batch whose namespace is fixed tells of no other. */
	struct naming naming = { .call = call, .within = ab_call_given(call, "namespace") ? ns : (struct ab_span){ .data = NULL } };
	const struct ab_span outer = params->prefix != NULL ? kv_span(params->prefix) : naming.within;
	return kv == NULL ? AB_DONE : ab_kv_namespaces(kv, outer, list_namespace, &naming, err) < 0 ? -1 : AB_DONE;
}

int
config_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct config_params *params = data;
	const struct ab_kv_settings set = { .history = params->history, .history_age_ms = params->history_age_ms == 0 ? AB_NEVER : params->history_age_ms,
		.max_bytes = params->max_bytes == 0 ? INT64_MAX : params->max_bytes,
		.search = params->search == NULL ? AB_MAYBE : strcmp(params->search, "on") == 0 };
	bool any = set.history != AB_UNSET || set.history_age_ms != AB_UNSET || set.max_bytes != AB_UNSET || set.search != AB_MAYBE;
	struct ab_namespace now = { .history_age_ms = AB_NEVER, .max_bytes = INT64_MAX };
	struct ab_kv *kv;
	struct ab_span ns;

	if (kv_open(call, &params->where, any, &kv, &ns, err) < 0)
		return -1;
	if (kv != NULL && ab_kv_config(kv, ns, &set, &now, err) < 0)
		return -1;
	struct ab_json *json = ab_call_record(call);
	ab_json_bytes(json, "namespace", ns.data, ns.len);
	ab_json_integer(json, "history", now.history);
	if (now.history_age_ms == AB_NEVER)
		ab_json_null(json, "history_age_ms");
	else
		ab_json_integer(json, "history_age_ms", now.history_age_ms);
	if (now.max_bytes == INT64_MAX)
		ab_json_null(json, "max_bytes");
	else
		ab_json_integer(json, "max_bytes", now.max_bytes);
	ab_json_string(json, "search", now.search ? "on" : "off");
	ab_call_record_end(call);
	return AB_DONE;
}

/* ---- search ---- */

#define QUERY_MAX ((size_t)16 << 10) /* each word is looked up by itself, and all of them for each entry */

struct finding {
	struct ab_call *call;
	size_t bytes;
};

static int
tell_found(void *data, const struct ab_entry *entry, struct ab_span snippet, struct ab_error *err)
{
	struct finding *finding = data;
	struct ab_call *call = finding->call;

	if (!has_room(call, &finding->bytes, entry->ns.len + entry->key.len + snippet.len))
		return fail_long(err);
	struct ab_json *json = ab_call_item(call);
	kv_write_entry(json, entry, NULL);
	ab_json_bytes(json, "snippet", snippet.data, snippet.len);
	ab_call_item_end(call);
	return 0;
}

int
search_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct search_params *params = data;
	const struct ab_kv_settings ask = { .history = AB_UNSET, .history_age_ms = AB_UNSET, .max_bytes = AB_UNSET, .search = AB_MAYBE };
	struct ab_namespace told = { .search = false };
	struct ab_kv *kv;
	struct ab_span ns;

	if (strlen(params->query) > QUERY_MAX)
		return ab_fail(err, AB_E_INPUT_TOO_LONG, "a query has at most %zu bytes, not %zu", QUERY_MAX, strlen(params->query));
	if (kv_open(call, &params->where, false, &kv, &ns, err) < 0 || (kv != NULL && ab_kv_config(kv, ns, &ask, &told, err) < 0))
		return -1;
	if (!told.search && params->recursive != 1) {
		ab_fail(err, AB_E_UNSUPPORTED, "namespace \"%.*s\" has no index of words", (int)(ns.len < 200 ? ns.len : 200), ns.data);
		ab_error_hint(err, "ab-kv config -n '%.*s' --search on", (int)(ns.len < 200 ? ns.len : 200), ns.data);
		return -1;
	}
	struct finding finding = { .call = call };
	struct ab_search search = { .ns = ns, .nested = params->recursive == 1, .query = params->query, .limit = params->limit };
	return kv == NULL ? AB_DONE : ab_kv_search(kv, &search, tell_found, &finding, err) < 0 ? -1 : AB_DONE;
}
