/*
 * Keys and values: what the operations of ab-kv mean, on any store (data/store.h).
 *
 * - Each change has a number (seq) that grows over the whole store; a key's version is the seq of its last change, so it is never given
 *   twice, also after the key was deleted or has expired.
 * - updated_ms of a key grows with each change, whatever the clock does.
 * - A key that has expired is not there, for any reader, from that millisecond on (CLOCK_REALTIME). Its row goes with a later write, at
 *   most 64 rows each, and the change that says so is logged then.
 * - Old versions are kept of namespaces that were told to (ab_kv_config).
 *
 * A function that writes is one transaction, or part of that which ab_kv_group() began.
 */
#ifndef AB_DATA_KV_H
#define AB_DATA_KV_H

#include "core/op.h"
#include "data/store.h"

#define AB_KEY_MAX 1024				  /* bytes of a key, and of a namespace's name */
#define AB_VALUE_MAX_DEFAULT ((int64_t)64 << 20)

struct ab_kv;

/* Takes the store. value_max: bytes of a value. */
struct ab_kv *ab_kv_new(struct ab_store *store, int64_t value_max);
void ab_kv_free(struct ab_kv *kv);
void ab_kv_free_indirect(struct ab_kv **kv);
#define AB_AUTO_KV AB_CLEANUP(ab_kv_free_indirect)
/* For tests: what time it is, unix time in milliseconds. */
void ab_kv_clock(struct ab_kv *kv, int64_t (*now_ms)(void));

/* From now on nothing is committed before ab_kv_settle(), which begins anew: many small writes cost what one costs. What is read sees
 * all that was written. */
void ab_kv_group(struct ab_kv *kv);
/* When it fails nothing of the group has happened. */
int ab_kv_settle(struct ab_kv *kv, struct ab_error *err) AB_MUST_USE;
/* Undo what was not settled. */
void ab_kv_abandon(struct ab_kv *kv);

/* What a key must be for a change to happen; else conflict. All zero but if_version: no condition. */
struct ab_kv_condition {
	bool absent;
	int64_t version;	       /* AB_UNSET: any; 0: absent */
	const unsigned char *sha256; /* of its value, 32 bytes; or NULL */
};
#define AB_KV_ANYHOW { .version = AB_UNSET }

/* Keys and names: 1 to 1,024 bytes, no NUL; a name's parts between '/' are not empty. what: for the message. */
int ab_kv_check_key(struct ab_span key, struct ab_error *err) AB_MUST_USE;
int ab_kv_check_namespace(struct ab_span name, struct ab_error *err) AB_MUST_USE;

/* 1: there is one, 0: none. value: appended to, or NULL. entry's names are good until the next call. */
int ab_kv_get(struct ab_kv *kv, struct ab_span ns, struct ab_span key, struct ab_entry *entry, struct ab_buf *value, struct ab_error *err) AB_MUST_USE;
/* A version of it that was kept, or the present one: 1, 0. */
int ab_kv_get_version(struct ab_kv *kv, struct ab_span ns, struct ab_span key, int64_t version, struct ab_entry *entry, struct ab_buf *value,
    struct ab_error *err) AB_MUST_USE;

/* ttl_ms: AB_UNSET: it never expires, whatever was said before. entry: as it is now. Errors: conflict, limit.size, limit.quota. */
int ab_kv_put(struct ab_kv *kv, struct ab_span ns, struct ab_span key, struct ab_span value, int64_t ttl_ms, const struct ab_kv_condition *condition,
    struct ab_entry *entry, struct ab_error *err) AB_MUST_USE;
/* As put, with the times of an entry that was exported (unix time, ms; expires_ms: AB_NEVER: never). 0: it has expired, and was left out. */
int ab_kv_import(struct ab_kv *kv, const struct ab_entry *as, struct ab_span value, struct ab_entry *entry, struct ab_error *err) AB_MUST_USE;
/* More bytes at its end, or a new value. ttl_ms: AB_UNSET: as it was. */
int ab_kv_append(struct ab_kv *kv, struct ab_span ns, struct ab_span key, struct ab_span more, int64_t ttl_ms, const struct ab_kv_condition *condition,
    struct ab_entry *entry, struct ab_error *err) AB_MUST_USE;
/* A decimal number, absent as 0, and by added to it; input.invalid: the value is none, or beyond 64 bits. */
int ab_kv_incr(struct ab_kv *kv, struct ab_span ns, struct ab_span key, int64_t by, int64_t ttl_ms, const struct ab_kv_condition *condition,
    int64_t *number, struct ab_entry *entry, struct ab_error *err) AB_MUST_USE;
/* When it expires: ttl_ms from now, AB_UNSET: never. 0: there is none. */
int ab_kv_touch(struct ab_kv *kv, struct ab_span ns, struct ab_span key, int64_t ttl_ms, const struct ab_kv_condition *condition, struct ab_entry *entry,
    struct ab_error *err) AB_MUST_USE;
/* 1: it was there, and is in entry; 0. */
int ab_kv_delete(struct ab_kv *kv, struct ab_span ns, struct ab_span key, const struct ab_kv_condition *condition, struct ab_entry *entry,
    struct ab_error *err) AB_MUST_USE;

/* Entries in order; range->now_ms is set. */
int ab_kv_range(struct ab_kv *kv, struct ab_range *range, ab_entry_visit *visit, void *data, struct ab_error *err) AB_MUST_USE;
/* Versions of a key, the present one first. */
int ab_kv_history(struct ab_kv *kv, struct ab_span ns, struct ab_span key, bool values, ab_entry_visit *visit, void *data, struct ab_error *err) AB_MUST_USE;
int ab_kv_namespaces(struct ab_kv *kv, struct ab_span outer, ab_namespace_visit *visit, void *data, struct ab_error *err) AB_MUST_USE;

/* Texts in values of namespaces that were told to be searched; best first. */
int ab_kv_search(struct ab_kv *kv, struct ab_search *search, ab_found_visit *visit, void *data, struct ab_error *err) AB_MUST_USE;

/* The number of the last change; 0: none ever. */
int ab_kv_last_seq(struct ab_kv *kv, int64_t *seq, struct ab_error *err) AB_MUST_USE;
/* Changes behind a number, in order, each once. `gone` when they are no longer known; the message has the oldest that is. */
int ab_kv_changes(struct ab_kv *kv, int64_t after_seq, ab_change_visit *visit, void *data, struct ab_error *err) AB_MUST_USE;

/* What a namespace was told; set: fields that are AB_UNSET (search: AB_MAYBE) stay. */
struct ab_kv_settings {
	int64_t history, history_age_ms, max_bytes;
	int search;
};
int ab_kv_config(struct ab_kv *kv, struct ab_span ns, const struct ab_kv_settings *set, struct ab_namespace *now, struct ab_error *err) AB_MUST_USE;

/* A note of the store (data/store.h): the URL of the copy that it follows. */
#define AB_KV_FOLLOWS "follows"

/* Everything that has expired goes now, and old versions that are too old; not of a store that follows another one: its changes are that one's. */
int ab_kv_sweep(struct ab_kv *kv, bool dry_run, int64_t *swept, struct ab_error *err) AB_MUST_USE;

struct ab_store *ab_kv_store(struct ab_kv *kv);

#endif
