/* What a namespace was told: its old versions, its quota, its index of words. */
#include <string.h>

#include "core/text.h"
#include "core/time.h"
#include "data/kvinside.h"

#define TEXT_MAX ((size_t)1 << 20) /* of a value is indexed */

/* ---- words ---- */

int
ab_kvinside_index(struct ab_kv *kv, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err)
{
	if (!kv->namespace.search)
		return 0;
	struct ab_span text = value != NULL ? *value : (struct ab_span){ .data = NULL };
	if (text.len > TEXT_MAX)
		text.len = ab_utf8_prefix(text.data, TEXT_MAX);
	bool is_text = value != NULL && ab_utf8_valid(text.data, text.len) && memchr(text.data, '\0', text.len) == NULL;
	return engine(kv)->index(kv->store, entry->ns, entry->key, is_text ? &text : NULL, err);
}

/* ---- old versions ---- */

int
ab_kvinside_trim(struct ab_kv *kv, const struct ab_namespace *namespace, struct ab_error *err)
{
	const struct ab_span every = { .data = NULL };

	return engine(kv)->trim(kv->store, namespace->name, every, namespace->history,
	    namespace->history_age_ms == AB_NEVER ? INT64_MIN : kv->now_ms - namespace->history_age_ms, err);
}

/* ---- what a namespace is told ---- */

static int
add_bytes(void *data, struct ab_span name, int64_t keys, int64_t bytes, struct ab_error *err)
{
	struct ab_namespace *namespace = data;

	(void)keys, (void)err;
	if (ab_span_compare(name, namespace->name) != 0)
		return 0;
	namespace->bytes = bytes;
	return 1;
}

static int
index_one(void *data, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err)
{
	return ab_kvinside_index(data, entry, value, err);
}

/* All that is there, when it begins to be searched, or is no longer. */
static int
index_all(struct ab_kv *kv, struct ab_span ns, bool on, struct ab_error *err)
{
	struct ab_range range = { .ns = ns, .values = on };
	bool searched = kv->namespace.search;

	kv->namespace.search = true; /* to take away what was indexed, too */
	int status = ab_kv_range(kv, &range, index_one, kv, err);
	kv->namespace.search = searched;
	return status;
}

int
ab_kv_config(struct ab_kv *kv, struct ab_span ns, const struct ab_kv_settings *set, struct ab_namespace *now, struct ab_error *err)
{
	bool any = set->history != AB_UNSET || set->history_age_ms != AB_UNSET || set->max_bytes != AB_UNSET || set->search != AB_MAYBE;

	if (!any && kv->writing && ab_kvinside_put_back(kv, err) < 0)
		return ab_kvinside_leave(kv, -1, err);
	if (!any)
		return engine(kv)->get_namespace(kv->store, ns, now, err) < 0 ? -1 : 0;
	if (ab_kvinside_enter(kv, err) < 0)
		return -1;
	int status = ab_kvinside_know_namespace(kv, ns, err);
	if (status == 0) {
		struct ab_namespace *namespace = &kv->namespace;
		bool counted = namespace->max_bytes != INT64_MAX, searched = namespace->search;
		namespace->history = set->history != AB_UNSET ? set->history : namespace->history;
		namespace->history_age_ms = set->history_age_ms != AB_UNSET ? set->history_age_ms : namespace->history_age_ms;
		namespace->max_bytes = set->max_bytes != AB_UNSET ? set->max_bytes : namespace->max_bytes;
		namespace->search = set->search != AB_MAYBE ? set->search == 1 : namespace->search;
		if (!counted && namespace->max_bytes != INT64_MAX) {
			namespace->bytes = 0; /* from now on it is counted as it changes; what has expired and is still there too */
			status = engine(kv)->namespaces(kv->store, ns, INT64_MIN, add_bytes, namespace, err) < 0 ? -1 : 0;
		}
		/* What shall no longer be kept goes now: nobody can read it any more. */
		if (status == 0 && (set->history != AB_UNSET || set->history_age_ms != AB_UNSET))
			status = ab_kvinside_trim(kv, namespace, err);
		if (status == 0 && namespace->search != searched)
			status = index_all(kv, ns, namespace->search, err);
		kv->counted_changed = true;
		*now = *namespace;
		now->name = ns;
	}
	return ab_kvinside_leave(kv, status, err);
}
