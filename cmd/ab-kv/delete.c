/* delete: keys that are named, those that begin so, or a namespace. */
#include <string.h>

#include "ab-kv.h"

#define PAGE 1000

static bool
is_conditional(const struct condition_params *condition)
{
	return condition->if_absent == 1 || condition->if_version != AB_UNSET || condition->if_value_sha256 != NULL;
}

/* What goes is said in one way, and no empty variable says it. */
static int
judge(const struct ab_call *call, const struct delete_params *params, struct ab_error *err)
{
	const enum ab_errcode wrong = ab_call_is_batch(call) ? AB_E_INPUT_INVALID : AB_E_USAGE;
	bool named = ab_call_given(call, "key"), many = params->prefix != NULL || params->all == 1;

	if (!named && !many) {
		ab_fail(err, wrong, ab_call_is_batch(call) ? "\"key\" is missing" : "KEY is missing");
		ab_error_hint(err, "keys, or --prefix PREFIX, or --all of a namespace");
		return -1;
	}
	if ((int)named + (params->prefix != NULL) + (params->all == 1) > 1)
		return ab_fail(err, wrong, "keys, --prefix and --all: one of them says what to delete");
	if (params->prefix != NULL && params->prefix[0] == '\0') {
		ab_fail(err, AB_E_INPUT_INVALID, "--prefix is empty: every key begins so");
		ab_error_hint(err, "--all, if that is meant");
		return -1;
	}
	if (params->all == 1 && !ab_call_given(call, "namespace")) {
		ab_fail(err, wrong, "--all is for a namespace that is named");
		ab_error_hint(err, "ab-kv delete --all -n default");
		return -1;
	}
	/* In a batch it may be the default of other requests. */
	if (!many && params->recursive == 1 && !ab_call_is_batch(call))
		return ab_fail(err, wrong, "--recursive is for --prefix and --all");
	if (!is_conditional(&params->condition))
		return 0;
	/* What was deleted before a key that is refused would stay deleted in a group. */
	if (many || params->keys.count != 1)
		return ab_fail(err, AB_E_INPUT_INVALID, "a condition is for one key");
	if (ab_call_dry_run(call))
		return ab_fail(err, wrong, "--dry-run looks at no condition");
	return 0;
}

/* ---- keys that are named ---- */

static int
delete_keys(struct ab_kv *kv, struct ab_span ns, const struct delete_params *params, int64_t *deleted, struct ab_error *err)
{
	struct ab_kv_condition condition;
	unsigned char hash[32];
	struct ab_entry entry;

	if (kv_read_condition(&params->condition, hash, &condition, err) < 0)
		return -1;
	for (size_t i = 0; i < params->keys.count; i++) {
		int gone = ab_kv_delete(kv, ns, kv_span(params->keys.item[i]), &condition, &entry, err);
		if (gone < 0)
			return -1;
		*deleted += gone;
	}
	return 0;
}

static int
count_keys(struct ab_kv *kv, struct ab_span ns, const struct ab_list *keys, int64_t *count, struct ab_error *err)
{
	struct ab_entry entry;

	for (size_t i = 0; i < keys->count; i++) {
		int found = ab_kv_get(kv, ns, kv_span(keys->item[i]), &entry, NULL, err);
		if (found < 0)
			return -1;
		*count += found;
	}
	return 0;
}

/* ---- those that begin so ---- */

static int
count_one(void *data, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err)
{
	int64_t *count = data;

	(void)entry, (void)value, (void)err;
	++*count;
	return 0;
}

/* Namespace, NUL, key, NUL: neither may hold one. */
struct page {
	struct ab_buf names;
	size_t left;
};

static int
note_one(void *data, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err)
{
	struct page *page = data;

	(void)value, (void)err;
	if (page->left == 0)
		return 1;
	page->left--;
	ab_buf_put(&page->names, entry->ns.data, entry->ns.len);
	ab_buf_putc(&page->names, '\0');
	ab_buf_put(&page->names, entry->key.data, entry->key.len);
	ab_buf_putc(&page->names, '\0');
	return 0;
}

static int
delete_page(struct ab_kv *kv, const struct page *page, struct ab_range *range, int64_t *deleted, struct ab_error *err)
{
	const struct ab_kv_condition anyhow = AB_KV_ANYHOW;
	const char *at = page->names.data, *end = at + page->names.len;
	struct ab_entry entry;

	while (at < end) {
		range->after_ns = kv_span(at);
		range->after = kv_span(at + range->after_ns.len + 1);
		at = range->after.data + range->after.len + 1;
		int gone = ab_kv_delete(kv, range->after_ns, range->after, &anyhow, &entry, err);
		if (gone < 0)
			return -1;
		*deleted += gone;
	}
	return 0;
}

static int
delete_range(struct ab_kv *kv, struct ab_range *range, int64_t *deleted, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf behind = AB_BUF_INIT(SIZE_MAX / 2); /* what range->after lies in */
	struct page page = { .names = AB_BUF_INIT(SIZE_MAX / 2), .left = 1 };
	int status;

	/* The first page is one key: with it the transaction begins, and what others put until then is looked for from the beginning. */
	for (bool first = true;; first = false) {
		status = ab_kv_range(kv, range, note_one, &page, err);
		if (status < 0 || page.names.len == 0)
			break;
		status = delete_page(kv, &page, range, deleted, err);
		if (status < 0)
			break;
		if (first)
			range->after_ns = range->after = (struct ab_span){ .data = NULL };
		const struct ab_buf read = page.names;
		page = (struct page){ .names = behind, .left = PAGE };
		behind = read;
		ab_buf_truncate(&page.names, 0);
	}
	ab_buf_release(&page.names);
	return status;
}

int
delete_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct delete_params *params = data;
	bool dry_run = ab_call_dry_run(call), many = params->prefix != NULL || params->all == 1;
	struct ab_range range = { .nested = params->recursive == 1, .prefix = kv_span(params->prefix) };
	int64_t deleted = 0;
	struct ab_kv *kv;
	int status = 0;

	if (judge(call, params, err) < 0)
		return -1;
	for (size_t i = 0; i < params->keys.count; i++)
		if (ab_kv_check_key(kv_span(params->keys.item[i]), err) < 0)
			return -1;
	if (kv_open(call, &params->where, !dry_run, &kv, &range.ns, err) < 0)
		return -1;
	if (!dry_run)
		ab_kv_group(kv); /* all or none */
	if (kv != NULL && dry_run)
		status = many ? ab_kv_range(kv, &range, count_one, &deleted, err) : count_keys(kv, range.ns, &params->keys, &deleted, err);
	else if (kv != NULL)
		status = many ? delete_range(kv, &range, &deleted, err) : delete_keys(kv, range.ns, params, &deleted, err);
	if (status < 0 || (!dry_run && !ab_call_is_batch(call) && ab_kv_settle(kv, err) < 0))
		return -1;
	struct ab_json *json = ab_call_record(call);
	ab_json_integer(json, "deleted", deleted);
	if (dry_run)
		ab_json_boolean(json, "dry_run", true);
	ab_call_record_end(call);
	return AB_DONE;
}
