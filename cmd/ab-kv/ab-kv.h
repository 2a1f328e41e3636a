/*
 * ab-kv: a durable key/value store for many short processes. main.c has the table of operations and what may be asked; store.c opens the
 * store that a request means; entries.c has the operations on one key, delete.c and lists.c those on many, whole.c those on the whole store,
 * sync.c its copy elsewhere. What they mean is in data/kv.h.
 */
#ifndef AB_KV_COMMAND_H
#define AB_KV_COMMAND_H

#include "core/op.h"
#include "data/kv.h"

/* What every operation takes: which store, and which namespace of it. */
struct where_params {
	const char *db, *ns;
	int64_t wait_ms, max_value_bytes;
	int durable;
};
struct condition_params {
	int if_absent;
	int64_t if_version;
	const char *if_value_sha256;
};
struct get_params {
	struct where_params where;
	const char *key;
	int64_t version, wait_for_ms, newer_than;
};
struct watch_params {
	struct where_params where;
	const char *prefix, *key;
	int64_t from_seq, limit, timeout_ms;
	int values, recursive;
};
struct put_params {
	struct where_params where;
	struct condition_params condition;
	const char *key;
	struct ab_bytes value;
	int64_t ttl_ms;
};
struct incr_params {
	struct where_params where;
	struct condition_params condition;
	const char *key;
	int64_t by, ttl_ms;
};
struct touch_params {
	struct where_params where;
	struct condition_params condition;
	const char *key;
	int64_t ttl_ms;
};
struct key_params {
	struct where_params where;
	const char *key;
};
struct delete_params {
	struct where_params where;
	struct condition_params condition;
	struct ab_list keys;
	const char *prefix;
	int all, recursive;
};
struct list_params {
	struct where_params where;
	const char *prefix, *start, *end, *cursor;
	int64_t limit;
	int reverse, values, recursive;
};
struct history_params {
	struct where_params where;
	const char *key;
	int64_t limit;
	int values;
};
struct config_params {
	struct where_params where;
	int64_t history, history_age_ms, max_bytes;
	const char *search;
};
struct search_params {
	struct where_params where;
	const char *query;
	int64_t limit;
	int recursive;
};
int search_operation(struct ab_call *call, void *params, struct ab_error *err);
struct namespaces_params {
	struct where_params where;
	const char *prefix;
};
struct file_params {
	struct where_params where;
	const char *file;
};
struct export_params {
	struct where_params where;
	const char *prefix;
	int recursive, all;
};
struct import_params {
	struct where_params where;
	struct ab_bytes file;
	int into;
};
int export_operation(struct ab_call *call, void *params, struct ab_error *err);
int import_operation(struct ab_call *call, void *params, struct ab_error *err);
struct sync_params {
	struct where_params where;
	const char *direction, *url, *endpoint, *region;
	int64_t timeout_ms;
};
int sync_operation(struct ab_call *call, void *params, struct ab_error *err);
struct whole_params {
	struct where_params where;
};

/* ---- store.c ---- */

struct kv_state;
struct kv_state *kv_state_new(void);
void kv_state_free(struct kv_state *state);
/* The store that a request means: opened, and kept for the next one. write: it is made when it does not exist. NULL without err when it
 * does not exist and nothing is to be written: it is empty. */
int kv_open(struct ab_call *call, const struct where_params *where, bool write, struct ab_kv **kv, struct ab_span *ns, struct ab_error *err) AB_MUST_USE;
/* struct ab_tool.settle, .undo */
void kv_undo(void *state);
int kv_settle(void *state, struct ab_error *err) AB_MUST_USE;
/* A connection of its own to the store, which is made when it does not exist: it sees what is committed alone. The caller frees both. */
int kv_open_apart(struct ab_call *call, const struct where_params *where, struct ab_kv **kv, char **path, struct ab_span *ns, struct ab_error *err) AB_MUST_USE;
/* The file of the store, whether it is there or not; ":memory:". The caller frees; NULL with err. */
char *kv_path(struct ab_call *call, const struct where_params *where, struct ab_error *err) AB_MUST_USE;
struct ab_span kv_span(const char *text);
/* A value as member of a list's item or an event: one that is long is left out, and that is said. */
#define KV_VALUE_SHOWN_MAX (1 << 20)
void kv_write_value(struct ab_json *json, const struct ab_span *value);
/* The members of a record that tell of an entry; value: NULL leaves it out. */
void kv_write_entry(struct ab_json *json, const struct ab_entry *entry, const struct ab_span *value);

extern const struct ab_field kv_entry_fields[];

/* get --wait: the answer of get, later. ns and params stay. */
int wait_operation(struct ab_call *call, const struct get_params *params, struct ab_error *err);
int watch_operation(struct ab_call *call, void *params, struct ab_error *err);
/* hash: room for a SHA-256. */
int kv_read_condition(const struct condition_params *params, unsigned char hash[static 32], struct ab_kv_condition *condition, struct ab_error *err) AB_MUST_USE;
/* Its value, as get gives it. -1: it is too long for a record. */
int kv_answer_value(struct ab_call *call, const struct ab_entry *entry, const struct ab_buf *value, struct ab_error *err) AB_MUST_USE;

struct atomic_params {
	struct where_params where;
	const struct ab_value *requests;
};
int atomic_operation(struct ab_call *call, void *params, struct ab_error *err);

struct memory_params {
	struct where_params where;
	const char *prefix, *command, *path, *file_text, *old_str, *new_str, *insert_text, *old_path, *new_path;
	int64_t insert_line;
	const struct ab_value *view_range;
};
int memory_operation(struct ab_call *call, void *params, struct ab_error *err);

int get_operation(struct ab_call *call, void *params, struct ab_error *err);
int put_operation(struct ab_call *call, void *params, struct ab_error *err);
int delete_operation(struct ab_call *call, void *params, struct ab_error *err);
int exists_operation(struct ab_call *call, void *params, struct ab_error *err);
int stat_operation(struct ab_call *call, void *params, struct ab_error *err);
int incr_operation(struct ab_call *call, void *params, struct ab_error *err);
int append_operation(struct ab_call *call, void *params, struct ab_error *err);
int touch_operation(struct ab_call *call, void *params, struct ab_error *err);

int list_operation(struct ab_call *call, void *params, struct ab_error *err);
int history_operation(struct ab_call *call, void *params, struct ab_error *err);
int namespaces_operation(struct ab_call *call, void *params, struct ab_error *err);
int config_operation(struct ab_call *call, void *params, struct ab_error *err);

int backup_operation(struct ab_call *call, void *params, struct ab_error *err);
int check_operation(struct ab_call *call, void *params, struct ab_error *err);
int gc_operation(struct ab_call *call, void *params, struct ab_error *err);

#endif
