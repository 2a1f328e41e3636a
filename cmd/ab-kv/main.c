/* ab-kv: the table of operations. */
#include "ab-kv.h"
#include "data/db.h"
#include "data/hash.h"

#define WHERE(S) \
	AB_PARAM_STRING(S, where.ns, .name = "namespace", .letter = 'n', .env = "AB_NAMESPACE", .dflt = "default", .flags = AB_RAW, .meta = "NS", .group = "where", \
	    .help = "namespace, exactly"), \
	    AB_PARAM_STRING(S, where.db, .name = "db", .flags = AB_HOST_PATH, .inside = ":memory:", .meta = "FILE", .group = "where", \
		.help = "the store; :memory: is one of this process alone; AB_HOME/kv.db without it"), \
	    AB_PARAM_BOOLEAN(S, where.durable, .name = "durable", .dflt = "false", .group = "where", \
		.help = "what is written is on the disk before the answer; else a power cut may lose the last moments"), \
	    AB_PARAM_DURATION(S, where.wait_ms, .name = "busy-timeout", .dflt = "30s", .group = "where", .help = "how long to wait for other writers"), \
	    AB_PARAM_SIZE(S, where.max_value_bytes, .name = "max-value", .dflt = "64MiB", .min = 1, .max = (int64_t)1 << 30, .group = "where", \
		.help = "longest value")
#define KEY(S, text) \
	AB_PARAM_STRING(S, key, .name = "key", .flags = AB_REQUIRED | AB_POSITIONAL | AB_RAW, .meta = "KEY", .help = text)
#define CONDITION(S) \
	AB_PARAM_BOOLEAN(S, condition.if_absent, .name = "if-absent", .dflt = "false", .group = "condition", .help = "only when there is no such key"), CONDITION_THERE(S)
#define CONDITION_THERE(S) \
	AB_PARAM_INTEGER(S, condition.if_version, .name = "if-version", .min = 0, .max = INT64_MAX, .meta = "N", .group = "condition", \
		.help = "only when it is at this version; 0: absent"), \
	    AB_PARAM_STRING(S, condition.if_value_sha256, .name = "if-value-sha256", .meta = "HEX", .group = "condition", \
		.help = "only when its value has this SHA-256")
#define TTL(S, text) AB_PARAM_DURATION(S, ttl_ms, .name = "ttl", .min = 1, .help = text)

static const struct ab_param get_params[] = {
	KEY(struct get_params, "the key"),
	AB_PARAM_INTEGER(struct get_params, version, .name = "at-version", .min = 1, .max = INT64_MAX, .meta = "N", .help = "an old version, where the namespace keeps them"),
	AB_PARAM_DURATION(struct get_params, wait_for_ms, .name = "wait", .min = 1, .help = "wait so long for it to be there"),
	AB_PARAM_INTEGER(struct get_params, newer_than, .name = "newer-than", .min = 0, .max = INT64_MAX, .meta = "N", .help = "with --wait: for a version above this one"),
	WHERE(struct get_params),
	AB_PARAM_END
};

static const struct ab_param watch_params[] = {
	AB_PARAM_STRING(struct watch_params, prefix, .name = "prefix", .flags = AB_POSITIONAL | AB_RAW, .meta = "PREFIX", .help = "only keys that begin so"),
	AB_PARAM_STRING(struct watch_params, key, .name = "key", .flags = AB_RAW, .meta = "KEY", .help = "only this key"),
	AB_PARAM_INTEGER(struct watch_params, from_seq, .name = "from-seq", .min = 0, .max = INT64_MAX, .meta = "N", .help = "begin behind this change, and not with the next one"),
	AB_PARAM_INTEGER(struct watch_params, limit, .name = "limit", .min = 1, .max = INT64_MAX, .meta = "N", .help = "end after so many"),
	AB_PARAM_DURATION(struct watch_params, timeout_ms, .name = "timeout", .min = 1, .help = "end after so long"),
	AB_PARAM_BOOLEAN(struct watch_params, values, .name = "values", .dflt = "false", .help = "with the value that the key has by then, up to 1 MiB"),
	AB_PARAM_BOOLEAN(struct watch_params, recursive, .name = "recursive", .dflt = "false", .help = "and keys of the namespaces below"),
	WHERE(struct watch_params),
	AB_PARAM_END
};

#define PUT_PARAMS(text, ttl) \
	KEY(struct put_params, "the key"), \
	AB_PARAM_BYTES(struct put_params, value, .name = "value", .flags = AB_POSITIONAL, .meta = "VALUE", .help = text), \
	TTL(struct put_params, ttl), \
	CONDITION(struct put_params), \
	WHERE(struct put_params), \
	AB_PARAM_END

static const struct ab_param put_params[] = { PUT_PARAMS("the value itself; --value FILE reads it from a file; without both what stdin gives", "it expires after so long; without it never") };
static const struct ab_param append_params[] = { PUT_PARAMS("what comes at its end; --value FILE reads it from a file; without both what stdin gives", "it expires after so long; without it as before") };

static const struct ab_param incr_params[] = {
	KEY(struct incr_params, "the key"),
	AB_PARAM_INTEGER(struct incr_params, by, .name = "by", .flags = AB_POSITIONAL, .dflt = "1", .min = INT64_MIN + 1, .max = INT64_MAX, .meta = "N", .help = "how much to add"),
	TTL(struct incr_params, "it expires after so long; without it as before"),
	CONDITION(struct incr_params),
	WHERE(struct incr_params),
	AB_PARAM_END
};

static const struct ab_param touch_params[] = {
	KEY(struct touch_params, "the key"),
	TTL(struct touch_params, "it expires after so long from now; without it never"),
	CONDITION_THERE(struct touch_params),
	WHERE(struct touch_params),
	AB_PARAM_END
};

static const struct ab_param atomic_params[] = {
	AB_PARAM_JSON(struct atomic_params, requests, .name = "requests", .choices = "array", .flags = AB_REQUIRED | AB_POSITIONAL, .meta = "JSON", .help = "an array of requests, as in batch; from stdin: batch --atomic"),
	WHERE(struct atomic_params),
	AB_PARAM_END
};

static const struct ab_param key_params[] = { KEY(struct key_params, "the key"), WHERE(struct key_params), AB_PARAM_END };

static const struct ab_param delete_params[] = {
	AB_PARAM_LIST(struct delete_params, keys, .name = "key", .flags = AB_POSITIONAL | AB_REST | AB_ALONE, .meta = "KEY", .help = "the keys"),
	/* No defaults of a batch: what a request deletes it says itself. */
	AB_PARAM_STRING(struct delete_params, prefix, .name = "prefix", .flags = AB_RAW | AB_CLI_OFF, .meta = "PREFIX", .help = "in the place of keys: all that begin so"),
	AB_PARAM_BOOLEAN(struct delete_params, all, .name = "all", .dflt = "false", .flags = AB_CLI_OFF, .help = "in the place of keys: all of the namespace, which has to be named"),
	AB_PARAM_BOOLEAN(struct delete_params, recursive, .name = "recursive", .dflt = "false", .help = "with --prefix or --all: and those of the namespaces below"),
	CONDITION(struct delete_params),
	WHERE(struct delete_params),
	AB_PARAM_END
};

static const struct ab_param list_params[] = {
	AB_PARAM_STRING(struct list_params, prefix, .name = "prefix", .flags = AB_POSITIONAL | AB_RAW, .meta = "PREFIX", .help = "only keys that begin so"),
	AB_PARAM_STRING(struct list_params, start, .name = "start", .flags = AB_RAW, .meta = "KEY", .help = "from this key on"),
	AB_PARAM_STRING(struct list_params, end, .name = "end", .flags = AB_RAW, .meta = "KEY", .help = "up to this key, without it"),
	AB_PARAM_BOOLEAN(struct list_params, reverse, .name = "reverse", .dflt = "false", .help = "from the last to the first"),
	AB_PARAM_BOOLEAN(struct list_params, values, .name = "values", .dflt = "false", .help = "with values up to 1 MiB"),
	AB_PARAM_BOOLEAN(struct list_params, recursive, .name = "recursive", .dflt = "false", .help = "and those of the namespaces below"),
	AB_PARAM_INTEGER(struct list_params, limit, .name = "limit", .dflt = "1000", .min = 1, .max = 1000000, .meta = "N", .help = "at most so many; on the command line all without it"),
	AB_PARAM_STRING(struct list_params, cursor, .name = "cursor", .meta = "CURSOR", .help = "go on where an answer's `next` says"),
	WHERE(struct list_params),
	AB_PARAM_END
};

static const struct ab_param history_params[] = {
	KEY(struct history_params, "the key"),
	AB_PARAM_BOOLEAN(struct history_params, values, .name = "values", .dflt = "false", .help = "with values up to 1 MiB"),
	AB_PARAM_INTEGER(struct history_params, limit, .name = "limit", .dflt = "1000", .min = 1, .max = 1000000, .meta = "N", .help = "at most so many"),
	WHERE(struct history_params),
	AB_PARAM_END
};

static const struct ab_param search_params[] = {
	AB_PARAM_STRING(struct search_params, query, .name = "query", .flags = AB_REQUIRED | AB_POSITIONAL, .meta = "QUERY",
	    .help = "words; \"a phrase\"; a prefix*; AND, OR, NOT"),
	AB_PARAM_INTEGER(struct search_params, limit, .name = "limit", .dflt = "20", .min = 1, .max = 1000000, .meta = "N", .help = "at most so many, the best"),
	AB_PARAM_BOOLEAN(struct search_params, recursive, .name = "recursive", .dflt = "false", .help = "and in the namespaces below"),
	WHERE(struct search_params),
	AB_PARAM_END
};

#define MEMORY(member, ...) AB_PARAM_STRING(struct memory_params, member, __VA_ARGS__, .flags = AB_REQUEST_ONLY, .group = "input")
static const struct ab_param memory_params[] = {
	AB_PARAM_STRING(struct memory_params, prefix, .name = "prefix", .meta = "PREFIX", .help = "keys begin so, before the path"),
	MEMORY(command, .name = "command", .choices = "view|create|str_replace|insert|delete|rename", .help = "what to do; on the command line stdin has it all"),
	MEMORY(path, .name = "path", .help = "/memories, or below it"),
	MEMORY(file_text, .name = "file-text", .help = "of create"),
	MEMORY(old_str, .name = "old-str", .help = "of str_replace"),
	MEMORY(new_str, .name = "new-str", .help = "of str_replace"),
	AB_PARAM_INTEGER(struct memory_params, insert_line, .name = "insert-line", .min = INT64_MIN + 1, .max = INT64_MAX, .flags = AB_REQUEST_ONLY, .group = "input", .help = "of insert: behind this line; 0: first"),
	MEMORY(insert_text, .name = "insert-text", .help = "of insert"),
	MEMORY(old_path, .name = "old-path", .help = "of rename"),
	MEMORY(new_path, .name = "new-path", .help = "of rename"),
	AB_PARAM_JSON(struct memory_params, view_range, .name = "view-range", .choices = "array", .flags = AB_REQUEST_ONLY, .group = "input", .help = "of view: the first line and the last, or -1"),
	WHERE(struct memory_params),
	AB_PARAM_END
};

static const struct ab_param namespaces_params[] = {
	AB_PARAM_STRING(struct namespaces_params, prefix, .name = "prefix", .flags = AB_POSITIONAL | AB_RAW, .meta = "NS", .help = "this one, and those below it"),
	WHERE(struct namespaces_params),
	AB_PARAM_END
};

static const struct ab_param config_params[] = {
	AB_PARAM_INTEGER(struct config_params, history, .name = "history", .min = 0, .max = 1000000, .meta = "N", .help = "old versions of a key that are kept"),
	AB_PARAM_DURATION(struct config_params, history_age_ms, .name = "history-age", .min = 0, .help = "and for how long; 0: as long as there are not more"),
	AB_PARAM_SIZE(struct config_params, max_bytes, .name = "max-bytes", .min = 0, .help = "most that its keys and values may be; 0: no bound"),
	AB_PARAM_STRING(struct config_params, search, .name = "search", .choices = "on|off", .meta = "on|off", .help = "an index of the words in values"),
	WHERE(struct config_params),
	AB_PARAM_END
};

static const struct ab_param export_params[] = {
	AB_PARAM_STRING(struct export_params, prefix, .name = "prefix", .flags = AB_POSITIONAL | AB_RAW, .meta = "PREFIX", .help = "only keys that begin so"),
	AB_PARAM_BOOLEAN(struct export_params, recursive, .name = "recursive", .dflt = "false", .help = "and those of the namespaces below"),
	AB_PARAM_BOOLEAN(struct export_params, all, .name = "all", .letter = 'a', .dflt = "false", .help = "of all namespaces"),
	WHERE(struct export_params),
	AB_PARAM_END
};

static const struct ab_param import_params[] = {
	AB_PARAM_BYTES(struct import_params, file, .name = "file", .meta = "FILE|-", .help = "where the lines are; without it stdin"),
	AB_PARAM_BOOLEAN(struct import_params, into, .name = "into", .dflt = "false", .help = "all into --namespace; without it each where its line says, whatever --namespace is"),
	WHERE(struct import_params),
	AB_PARAM_END
};

static const struct ab_param backup_params[] = {
	AB_PARAM_STRING(struct file_params, file, .name = "file", .flags = AB_REQUIRED | AB_POSITIONAL | AB_HOST_PATH, .meta = "FILE", .help = "a new file"),
	WHERE(struct file_params),
	AB_PARAM_END
};

static const struct ab_param sync_params[] = {
	AB_PARAM_STRING(struct sync_params, direction, .name = "direction", .choices = "push|pull|restore", .flags = AB_REQUIRED | AB_POSITIONAL, .meta = "push|pull|restore",
	    .help = "what has changed there; what others pushed here; all of it into an empty store"),
	AB_PARAM_STRING(struct sync_params, url, .name = "url", .flags = AB_REQUIRED | AB_POSITIONAL, .meta = "S3-URL", .help = "the copy: s3://BUCKET or s3://BUCKET/PREFIX"),
	AB_PARAM_STRING(struct sync_params, endpoint, .name = "endpoint", .meta = "URL", .group = "remote",
	    .help = "of an object store that is not Amazon's, path style; else AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL"),
	AB_PARAM_STRING(struct sync_params, region, .name = "region", .meta = "REGION", .group = "remote", .help = "else AWS_REGION, AWS_DEFAULT_REGION, us-east-1"),
	AB_PARAM_DURATION(struct sync_params, timeout_ms, .name = "timeout", .min = 1, .group = "remote", .help = "give up after so long; without it, when one part has failed for 2m"),
	WHERE(struct sync_params),
	AB_PARAM_END
};

static const struct ab_param whole_params[] = { WHERE(struct whole_params), AB_PARAM_END };

static const struct ab_field watch_fields[] = {
	{ .name = "seq", .type = "integer", .help = "the last change before; what comes is behind it", .event = "ready" },
#define CHANGE_FIELDS(word) \
	{ .name = "seq", .type = "integer", .help = "the change's number, and the key's version", .event = word }, \
	    { .name = "key", .type = "bytes", .help = "the key", .event = word }, { .name = "namespace", .type = "bytes", .help = "its namespace", .event = word }, \
	    { .name = "at", .type = "time", .help = "when it was", .event = word }
	CHANGE_FIELDS("put"),
	{ .name = "value", .type = "bytes?", .help = "with --values, when nothing has changed it since", .event = "put" },
	{ .name = "value_omitted", .type = "boolean?", .help = "true: the value is too long", .event = "put" },
	CHANGE_FIELDS("delete"),
	CHANGE_FIELDS("expire"),
	{ .name = "seq", .type = "integer", .help = "the last change that was looked at" },
	{ .name = NULL }
};
static const struct ab_field atomic_fields[] = { { .name = "results", .type = "array", .help = "the answer of each, in order" }, { .name = NULL } };
static const struct ab_field exists_fields[] = { { .name = "exists", .type = "boolean", .help = "whether it is there" }, { .name = NULL } };
static const struct ab_field delete_fields[] = {
	{ .name = "deleted", .type = "integer", .help = "how many were there" },
	{ .name = "dry_run", .type = "boolean?", .help = "true: nothing was changed" },
	{ .name = NULL }
};
static const struct ab_field search_fields[] = {
	{ .name = "key", .type = "bytes", .help = "the key" },
	{ .name = "namespace", .type = "bytes", .help = "its namespace" },
	{ .name = "version", .type = "integer", .help = "its version" },
	{ .name = "size_bytes", .type = "integer", .help = "of its value" },
	{ .name = "created_at", .type = "time", .help = "when it was first put" },
	{ .name = "updated_at", .type = "time", .help = "its last change" },
	{ .name = "expires_at", .type = "time?", .help = "when it is no longer there; null: never" },
	{ .name = "snippet", .type = "bytes", .help = "some words around those that were found" },
	{ .name = NULL }
};
static const struct ab_field memory_fields[] = {
	{ .name = "content", .type = "bytes", .help = "what the model is told" },
	{ .name = "is_error", .type = "boolean", .help = "it did not work, and the text says why" },
	{ .name = NULL }
};
static const struct ab_field namespace_fields[] = {
	{ .name = "namespace", .type = "bytes", .help = "its name" },
	{ .name = "keys", .type = "integer", .help = "how many it has" },
	{ .name = "bytes", .type = "integer", .help = "of its keys and values" },
	{ .name = NULL }
};
static const struct ab_field config_fields[] = {
	{ .name = "namespace", .type = "bytes", .help = "its name" },
	{ .name = "history", .type = "integer", .help = "old versions of a key that are kept" },
	{ .name = "history_age_ms", .type = "integer?", .help = "and for how long; null: as long as there are not more" },
	{ .name = "max_bytes", .type = "integer?", .help = "most that its keys and values may be" },
	{ .name = "search", .type = "'on|off'", .help = "whether its words are indexed" },
	{ .name = NULL }
};
static const struct ab_field export_fields[] = {
	{ .name = "namespace", .type = "bytes", .help = "its namespace" },
	{ .name = "key", .type = "bytes", .help = "the key" },
	{ .name = "value", .type = "bytes", .help = "its value" },
	{ .name = "created_ms", .type = "integer", .help = "when it was first put, unix time" },
	{ .name = "updated_ms", .type = "integer", .help = "its last change" },
	{ .name = "expires_ms", .type = "integer?", .help = "when it is no longer there" },
	{ .name = NULL }
};
static const struct ab_field import_fields[] = {
	{ .name = "imported", .type = "integer", .help = "how many were put" },
	{ .name = "expired", .type = "integer", .help = "how many were left out, since their time is over" },
	{ .name = "dry_run", .type = "boolean", .help = "nothing was changed" },
	{ .name = NULL }
};
static const struct ab_field sync_fields[] = {
	{ .name = "direction", .type = "'push|pull|restore'", .help = "what was asked for" },
	{ .name = "url", .type = "string", .help = "the copy" },
	{ .name = "moved", .type = "boolean", .help = "false: both had the same already" },
	{ .name = "from_seq", .type = "integer", .help = "the last change that both had before" },
	{ .name = "seq", .type = "integer", .help = "and have now" },
	{ .name = "whole", .type = "boolean", .help = "a snapshot of the whole was among it" },
	{ .name = "parts", .type = "integer", .help = "objects that were moved" },
	{ .name = "bytes", .type = "integer", .help = "of them, compressed; of push --dry-run: not compressed" },
	{ .name = "writer", .type = "string?", .help = "who pushed last: user@host" },
	{ .name = "pushed_at", .type = "time?", .help = "and when" },
	{ .name = "dry_run", .type = "boolean", .help = "nothing was changed" },
	{ .name = NULL }
};
static const struct ab_field backup_fields[] = { { .name = "file", .type = "string", .help = "where the copy is" }, { .name = NULL } };
static const struct ab_field check_fields[] = { { .name = "sound", .type = "boolean", .help = "all of it was read, and is as it should be" }, { .name = NULL } };
static const struct ab_field gc_fields[] = {
	{ .name = "expired", .type = "integer", .help = "keys that were taken away" },
	{ .name = "dry_run", .type = "boolean", .help = "nothing was changed" },
	{ .name = NULL }
};

#define ROW(word, text, P, kind, effects, function) \
	.name = word, .summary = text, .params = P##_params, .params_size = sizeof(struct P##_params), .answer = kind, .flags = effects, .run = function

static const struct ab_op operations[] = {
	{ ROW("get", "print a key's value", get, AB_ANSWER_BYTES, AB_READ_ONLY | AB_IDEMPOTENT | AB_OP_NESTS, get_operation), .answer_bytes = "value", .fields = kv_entry_fields },
	{ ROW("put", "give a key a value", put, AB_ANSWER_ONE, AB_DESTRUCTIVE | AB_IDEMPOTENT | AB_OP_NESTS, put_operation), .others = "set setnx add store write", .fields = kv_entry_fields },
	{ ROW("delete", "delete keys", delete, AB_ANSWER_ONE, AB_DESTRUCTIVE | AB_IDEMPOTENT | AB_OP_NESTS | AB_OP_DRY_RUN, delete_operation), .alias = "rm", .others = "del remove unset flush flushall flushdb", .fields = delete_fields },
	{ ROW("exists", "say whether a key is there", key, AB_ANSWER_ONE, AB_READ_ONLY | AB_IDEMPOTENT | AB_OP_PREDICATE | AB_OP_NESTS, exists_operation), .fields = exists_fields },
	{ ROW("list", "list keys in order", list, AB_ANSWER_LIST, AB_READ_ONLY | AB_IDEMPOTENT | AB_OP_NESTS, list_operation), .alias = "ls", .others = "keys scan find", .fields = kv_entry_fields },
	{ ROW("stat", "tell of a key all but its value", key, AB_ANSWER_ONE, AB_READ_ONLY | AB_IDEMPOTENT | AB_OP_NESTS, stat_operation), .others = "info ttl", .fields = kv_entry_fields },
	{ ROW("incr", "add to a number", incr, AB_ANSWER_BYTES, AB_OP_NESTS, incr_operation), .others = "incrby decr decrby", .answer_bytes = "value", .fields = kv_entry_fields },
	{ .name = "append", .summary = "add to the end of a value", .params = append_params, .params_size = sizeof(struct put_params), .answer = AB_ANSWER_ONE,
	    .fields = kv_entry_fields, .flags = AB_OP_NESTS, .run = append_operation },
	{ ROW("touch", "say when a key expires", touch, AB_ANSWER_ONE, AB_IDEMPOTENT | AB_OP_NESTS, touch_operation), .others = "expire persist", .fields = kv_entry_fields },
	{ ROW("atomic", "do requests together, or none of them", atomic, AB_ANSWER_ONE, AB_DESTRUCTIVE, atomic_operation), .others = "multi txn transaction", .fields = atomic_fields },
	{ ROW("watch", "tell of every change, as it comes", watch, AB_ANSWER_EVENTS, AB_READ_ONLY | AB_OP_ENDLESS, watch_operation), .others = "subscribe tail follow", .fields = watch_fields },
	{ ROW("history", "list the versions of a key that are kept, newest first", history, AB_ANSWER_LIST, AB_READ_ONLY | AB_IDEMPOTENT, history_operation), .others = "log versions", .fields = kv_entry_fields },
	{ ROW("search", "find words in values", search, AB_ANSWER_LIST, AB_READ_ONLY | AB_IDEMPOTENT, search_operation), .others = "grep query", .fields = search_fields },
	{ ROW("memory-tool", "be the memory of a Claude model (memory_20250818)", memory, AB_ANSWER_BYTES, AB_DESTRUCTIVE, memory_operation),
	    .answer_bytes = "content", .fields = memory_fields },
	{ ROW("namespaces", "list namespaces that have keys", namespaces, AB_ANSWER_LIST, AB_READ_ONLY | AB_IDEMPOTENT, namespaces_operation), .others = "ns", .fields = namespace_fields },
	{ ROW("config", "show or change what a namespace is told", config, AB_ANSWER_ONE, AB_IDEMPOTENT, config_operation), .fields = config_fields },
	{ ROW("export", "print entries as lines that import reads", export, AB_ANSWER_LIST, AB_READ_ONLY | AB_IDEMPOTENT | AB_OP_CLI_ONLY, export_operation), .others = "dump", .fields = export_fields },
	{ ROW("import", "put what export printed", import, AB_ANSWER_ONE, AB_DESTRUCTIVE | AB_IDEMPOTENT | AB_OP_CLI_ONLY | AB_OP_DRY_RUN, import_operation), .others = "load restore", .fields = import_fields },
	{ .name = "backup", .summary = "copy the whole store, while others go on", .params = backup_params, .params_size = sizeof(struct file_params), .answer = AB_ANSWER_ONE,
	    .fields = backup_fields, .run = backup_operation },
	{ ROW("sync", "keep a copy in an S3-compatible object store", sync, AB_ANSWER_ONE, AB_IDEMPOTENT | AB_OPEN_WORLD | AB_OP_CLI_ONLY | AB_OP_DRY_RUN, sync_operation), .fields = sync_fields },
	{ ROW("check", "read the whole store and say whether it is sound", whole, AB_ANSWER_ONE, AB_READ_ONLY | AB_IDEMPOTENT, check_operation), .fields = check_fields },
	{ ROW("gc", "take away what has expired", whole, AB_ANSWER_ONE, AB_IDEMPOTENT | AB_OP_DRY_RUN, gc_operation), .fields = gc_fields },
	{ .name = NULL }
};

static const char *const schemas[] = { "ab.kv/1", NULL };
static const struct ab_library libraries[] = { { "libsodium", ab_hash_library_version }, { "sqlite", ab_db_library_version }, { .name = NULL } };

static struct kv_state *state;

int
main(int argc, char **argv)
{
	const struct ab_tool tool = {
		.name = "ab-kv",
		.summary = "Keep keys and values in one file, for many short processes.",
		.ops = operations,
		.schemas = schemas,
		.epilog = "ab-kv put jobs/1 queued\n"
			  "ab-kv get jobs/1\n"
			  "ab-kv incr visits\n",
		.settle = kv_settle,
		.undo = kv_undo,
		.state = &state,
		.libraries = libraries,
	};

	state = kv_state_new();
	int status = ab_tool_main(&tool, argc, argv);
	kv_state_free(state);
	return status;
}
