/* What is read of a store of keys and values: entries, old versions, changes. */
#include <inttypes.h>

#include "data/kvinside.h"

/* ---- entries and their versions ---- */

int
ab_kv_get(struct ab_kv *kv, struct ab_span ns, struct ab_span key, struct ab_entry *entry, struct ab_buf *value, struct ab_error *err)
{
	size_t len = value != NULL ? value->len : 0;
	int found = engine(kv)->get(kv->store, ns, key, entry, value, err);

	if (found > 0 && entry->expires_ms <= kv->now()) {
		if (value != NULL)
			ab_buf_truncate(value, len);
		return 0;
	}
	return found;
}

struct wanted {
	int64_t seq;
	struct ab_entry *entry;
	struct ab_buf *value;
	bool found;
};

static int
take_version(void *data, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err)
{
	struct wanted *wanted = data;

	(void)err;
	if (entry->seq != wanted->seq)
		return 1;
	*wanted->entry = *entry;
	if (value != NULL)
		ab_buf_put(wanted->value, value->data, value->len);
	wanted->found = true;
	return 1;
}

int
ab_kv_get_version(struct ab_kv *kv, struct ab_span ns, struct ab_span key, int64_t version, struct ab_entry *entry, struct ab_buf *value,
    struct ab_error *err)
{
	struct wanted wanted = { .seq = version, .entry = entry, .value = value };
	size_t len = value != NULL ? value->len : 0;
	int found = ab_kv_get(kv, ns, key, entry, value, err);

	if (found < 0 || (found > 0 && entry->seq == version))
		return found;
	if (value != NULL)
		ab_buf_truncate(value, len);
	if (engine(kv)->past(kv->store, ns, key, version, value != NULL, take_version, &wanted, err) < 0)
		return -1;
	if (wanted.found) {
		entry->ns = ns;
		entry->key = key;
	}
	return wanted.found;
}

int
ab_kvinside_get_any(struct ab_kv *kv, struct ab_span ns, struct ab_span key, int64_t seq, struct ab_entry *entry, struct ab_buf *value,
    struct ab_error *err)
{
	struct wanted wanted = { .seq = seq, .entry = entry, .value = value };
	int found = engine(kv)->get(kv->store, ns, key, entry, value, err);

	if (found < 0 || (found > 0 && entry->seq == seq))
		return found;
	ab_buf_truncate(value, 0);
	return engine(kv)->past(kv->store, ns, key, seq, true, take_version, &wanted, err) < 0 ? -1 : wanted.found;
}

int
ab_kv_range(struct ab_kv *kv, struct ab_range *range, ab_entry_visit *visit, void *data, struct ab_error *err)
{
	range->now_ms = kv->now();
	return engine(kv)->range(kv->store, range, visit, data, err) < 0 ? -1 : 0;
}

int
ab_kv_history(struct ab_kv *kv, struct ab_span ns, struct ab_span key, bool values, ab_entry_visit *visit, void *data, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf bytes = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_entry entry;
	int found = ab_kv_get(kv, ns, key, &entry, values ? &bytes : NULL, err);
	const struct ab_span value = { bytes.data != NULL ? bytes.data : "", bytes.len };

	if (found < 0)
		return -1;
	/* It may be an old one in the meantime. */
	int64_t before = found > 0 ? entry.seq - 1 : INT64_MAX;
	int said = found > 0 ? visit(data, &entry, values ? &value : NULL, err) : 0;
	return said != 0 ? (said < 0 ? -1 : 0) : engine(kv)->past(kv->store, ns, key, before, values, visit, data, err) < 0 ? -1 : 0;
}

int
ab_kv_namespaces(struct ab_kv *kv, struct ab_span outer, ab_namespace_visit *visit, void *data, struct ab_error *err)
{
	return engine(kv)->namespaces(kv->store, outer, kv->now(), visit, data, err) < 0 ? -1 : 0;
}

int
ab_kv_search(struct ab_kv *kv, struct ab_search *search, ab_found_visit *visit, void *data, struct ab_error *err)
{
	search->now_ms = kv->now();
	return engine(kv)->search(kv->store, search, visit, data, err) < 0 ? -1 : 0;
}

/* ---- changes ---- */

int
ab_kv_last_seq(struct ab_kv *kv, int64_t *seq, struct ab_error *err)
{
	return engine(kv)->last_seq(kv->store, seq, err);
}

struct following {
	int64_t next;
	ab_change_visit *visit;
	void *data;
};

static int
follow(void *data, const struct ab_change *change, struct ab_error *err)
{
	struct following *following = data;

	if (change->seq != following->next) {
		ab_fail(err, AB_E_GONE, "the changes behind %" PRId64 " are forgotten; the oldest that is known is %" PRId64, following->next - 1, change->seq);
		ab_error_hint(err, "list what is there, and watch from now on");
		return -1;
	}
	following->next++;
	return following->visit(following->data, change, err);
}

int
ab_kv_changes(struct ab_kv *kv, int64_t after_seq, ab_change_visit *visit, void *data, struct ab_error *err)
{
	struct following following = { .next = after_seq + 1, .visit = visit, .data = data };

	return engine(kv)->changes(kv->store, after_seq + 1, follow, &following, err) < 0 ? -1 : 0;
}
