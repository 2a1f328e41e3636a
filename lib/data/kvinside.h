/* For kv.c, kvread.c, kvspace.c and kvcopy.c alone: what is within a struct ab_kv, and what they need of each other. */
#ifndef AB_DATA_KVINSIDE_H
#define AB_DATA_KVINSIDE_H

#include "data/kv.h"

struct ab_kv {
	struct ab_store *store;
	int64_t value_max;
	int64_t (*now)(void);
	bool grouped; /* a transaction goes on behind the end of an operation */
	bool writing; /* one is begun */
	int64_t seq;  /* of the last change, in a write transaction */
	int64_t now_ms;
	/* what the namespace of the last write was told; its name is in name */
	struct ab_namespace namespace;
	struct ab_buf name;
	bool known, counted_changed;
	const struct ab_entry *import; /* the times of what is put; or NULL */
	bool changing;		       /* a change is half-way */
	bool replaying;		 /* lines of a copy come in: nothing else is done, and numbers are theirs */
	int64_t replay_to;
	struct ab_error spoiled; /* an operation of the group failed half-way: nothing of the group will happen */
};

static inline const struct ab_store_engine *
engine(const struct ab_kv *kv)
{
	return kv->store->engine;
}

/* A function that writes begins, and ends with its status. One that was refused has changed nothing, and spoils nothing of a group; one
 * that broke off may have. */
int ab_kvinside_enter(struct ab_kv *kv, struct ab_error *err) AB_MUST_USE;
int ab_kvinside_leave(struct ab_kv *kv, int status, struct ab_error *err) AB_MUST_USE;
/* What a namespace was told: in kv->namespace. */
int ab_kvinside_know_namespace(struct ab_kv *kv, struct ab_span ns, struct ab_error *err) AB_MUST_USE;
/* What the namespace was told and how much it holds goes back before another's is read, and before the end. */
int ab_kvinside_put_back(struct ab_kv *kv, struct ab_error *err) AB_MUST_USE;
/* As it was at a change: 1, also when it has expired or is an old version; 0: it is not kept. */
int ab_kvinside_get_any(struct ab_kv *kv, struct ab_span ns, struct ab_span key, int64_t seq, struct ab_entry *entry, struct ab_buf *value,
    struct ab_error *err) AB_MUST_USE;
/* A change with the number kv->seq. */
int ab_kvinside_log_change(struct ab_kv *kv, enum ab_change_kind kind, int64_t at_ms, const struct ab_entry *entry, struct ab_error *err) AB_MUST_USE;
/* Of kv->namespace: bytes come to it, or leave it; what was there becomes an old version (NULL: nothing was), where they are kept. */
void ab_kvinside_count_bytes(struct ab_kv *kv, int64_t more);
int ab_kvinside_keep_old(struct ab_kv *kv, struct ab_entry *old, struct ab_error *err) AB_MUST_USE;
static inline int64_t
ab_kvinside_weight(const struct ab_entry *entry)
{
	return entry == NULL ? 0 : entry->size + (int64_t)entry->key.len;
}
/* Old versions that are too many or too old by now, of all keys of a namespace. */
int ab_kvinside_trim(struct ab_kv *kv, const struct ab_namespace *namespace, struct ab_error *err) AB_MUST_USE;
/* What a value says as text, where kv->namespace is searched; value NULL: it goes. */
int ab_kvinside_index(struct ab_kv *kv, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err) AB_MUST_USE;

#endif
