/* Keys and values, on any store. */
#include "data/kv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/time.h"
#include "data/hash.h"
#include "data/kvinside.h"

#define SWEPT_AT_ONCE 64	/* expired rows that a write takes away beside its own work */
#define LOG_KEPT 65536		/* changes that `watch --from-seq` can still see */
#define LOG_TRIMMED_EACH 1024	/* changes: forgetting costs a page */

struct ab_kv *
ab_kv_new(struct ab_store *store, int64_t value_max)
{
	struct ab_kv *kv = ab_calloc(1, sizeof(*kv));

	*kv = (struct ab_kv){ .store = store, .value_max = value_max, .now = ab_now_unix_ms, .name = AB_BUF_INIT(SIZE_MAX / 2) };
	return kv;
}

void
ab_kv_free(struct ab_kv *kv)
{
	if (kv == NULL)
		return;
	ab_kv_abandon(kv);
	engine(kv)->close(kv->store);
	ab_buf_release(&kv->name);
	free(kv);
}

void
ab_kv_free_indirect(struct ab_kv **kv)
{
	ab_kv_free(*kv);
	*kv = NULL;
}

void
ab_kv_clock(struct ab_kv *kv, int64_t (*now_ms)(void))
{
	kv->now = now_ms;
}

struct ab_store *
ab_kv_store(struct ab_kv *kv)
{
	return kv->store;
}

/* ---- transactions ---- */

static int sweep(struct ab_kv *kv, unsigned most, int64_t *swept, struct ab_error *err);

/* A change that failed stays half-way. */
static int
changed(struct ab_kv *kv, int status)
{
	kv->changing = status < 0;
	return status < 0 ? -1 : 0;
}

int
ab_kvinside_put_back(struct ab_kv *kv, struct ab_error *err)
{
	if (!kv->known || !kv->counted_changed)
		return 0;
	kv->counted_changed = false;
	return changed(kv, engine(kv)->put_namespace(kv->store, &kv->namespace, err));
}

/* A transaction, if none goes on. */
static int
begin(struct ab_kv *kv, bool *begun, struct ab_error *err)
{
	*begun = false;
	kv->now_ms = kv->now();
	if (kv->spoiled.code != AB_E_NONE) { /* the engine may have undone it already: what is written now would stay */
		*err = kv->spoiled;
		return -1;
	}
	if (kv->writing)
		return 0;
	if (engine(kv)->begin(kv->store, true, err) < 0)
		return -1;
	kv->writing = *begun = true;
	kv->known = kv->counted_changed = kv->changing = false;
	if (engine(kv)->last_seq(kv->store, &kv->seq, err) == 0)
		return 0;
	ab_kv_abandon(kv);
	return -1;
}

int
ab_kvinside_enter(struct ab_kv *kv, struct ab_error *err)
{
	int64_t swept;
	bool begun;

	if (begin(kv, &begun, err) < 0)
		return -1;
	if (!begun || kv->replaying || sweep(kv, SWEPT_AT_ONCE, &swept, err) == 0)
		return 0;
	ab_kv_abandon(kv);
	return -1;
}

static int
commit(struct ab_kv *kv, struct ab_error *err)
{
	if (!kv->writing)
		return 0;
	if (kv->spoiled.code != AB_E_NONE) {
		*err = kv->spoiled;
		ab_kv_abandon(kv);
		return -1;
	}
	if (ab_kvinside_put_back(kv, err) < 0) {
		ab_kv_abandon(kv);
		return -1;
	}
	kv->writing = false;
	return engine(kv)->commit(kv->store, err);
}

/* An operation ends. One that was refused has changed nothing, and spoils nothing of a group; one that broke off may have. */
int
ab_kvinside_leave(struct ab_kv *kv, int status, struct ab_error *err)
{
	if (kv->grouped) {
		if (status < 0 && (kv->changing || ab_errcode_status(err->code) >= ab_errcode_status(AB_E_BUSY)))
			kv->spoiled = *err;
		return status;
	}
	if (status < 0) {
		ab_kv_abandon(kv);
		return status;
	}
	return commit(kv, err) < 0 ? -1 : status;
}

void
ab_kv_group(struct ab_kv *kv)
{
	kv->grouped = true;
}

int
ab_kv_settle(struct ab_kv *kv, struct ab_error *err)
{
	return commit(kv, err);
}

void
ab_kv_abandon(struct ab_kv *kv)
{
	if (kv->writing)
		engine(kv)->rollback(kv->store);
	kv->writing = kv->known = kv->counted_changed = false;
	kv->spoiled.code = AB_E_NONE;
}

/* ---- one change ---- */

int
ab_kvinside_log_change(struct ab_kv *kv, enum ab_change_kind kind, int64_t at_ms, const struct ab_entry *entry, struct ab_error *err)
{
	const struct ab_change change = { .seq = kv->seq, .at_ms = at_ms, .kind = kind, .ns = entry->ns, .key = entry->key };

	if (engine(kv)->log(kv->store, &change, err) < 0)
		return -1;
	return kv->seq % LOG_TRIMMED_EACH == 0 ? engine(kv)->forget(kv->store, kv->seq - LOG_KEPT, err) : 0;
}

int
ab_kvinside_know_namespace(struct ab_kv *kv, struct ab_span ns, struct ab_error *err)
{
	if (kv->known && ab_span_compare(kv->namespace.name, ns) == 0)
		return 0;
	if (ab_kvinside_put_back(kv, err) < 0)
		return -1;
	ab_buf_truncate(&kv->name, 0);
	ab_buf_put(&kv->name, ns.data, ns.len);
	const struct ab_span name = { kv->name.data, kv->name.len };
	kv->known = engine(kv)->get_namespace(kv->store, name, &kv->namespace, err) >= 0;
	kv->namespace.name = name;
	return kv->known ? 0 : -1;
}

/* Bytes come to a namespace, or leave it. */
void
ab_kvinside_count_bytes(struct ab_kv *kv, int64_t more)
{
	if (kv->namespace.max_bytes == INT64_MAX || more == 0)
		return;
	kv->namespace.bytes += more;
	kv->counted_changed = true;
}

/* What was there becomes an old version, where the namespace keeps them. */
int
ab_kvinside_keep_old(struct ab_kv *kv, struct ab_entry *old, struct ab_error *err)
{
	const struct ab_namespace *namespace = &kv->namespace;

	if (old == NULL || namespace->history == 0)
		return 0;
	if (engine(kv)->keep(kv->store, old, err) < 0)
		return -1;
	return engine(kv)->trim(kv->store, old->ns, old->key, namespace->history,
	    namespace->history_age_ms == AB_NEVER ? INT64_MIN : kv->now_ms - namespace->history_age_ms, err);
}

/* An entry goes: deleted, or expired. */
static int
take_away(struct ab_kv *kv, struct ab_entry *old, enum ab_change_kind kind, struct ab_error *err)
{
	int64_t at_ms = kv->now_ms > old->updated_ms ? kv->now_ms : old->updated_ms + 1;

	if (ab_kvinside_know_namespace(kv, old->ns, err) < 0)
		return -1;
	ab_kvinside_count_bytes(kv, -ab_kvinside_weight(old));
	kv->seq++;
	if (ab_kvinside_log_change(kv, kind, at_ms, old, err) < 0 || ab_kvinside_keep_old(kv, old, err) < 0 || ab_kvinside_index(kv, old, NULL, err) < 0)
		return changed(kv, -1);
	return changed(kv, engine(kv)->remove(kv->store, old, err));
}

struct gone {
	struct ab_entry entry;
	char *names;
};

struct collected {
	struct gone *gone;
	size_t count;
};

static int
collect(void *data, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err)
{
	struct collected *collected = data;

	(void)value, (void)err;
	collected->gone = ab_reallocarray(collected->gone, collected->count + 1, sizeof(*collected->gone));
	struct gone *gone = &collected->gone[collected->count++];
	gone->entry = *entry;
	gone->names = ab_malloc(entry->ns.len + entry->key.len + 1);
	memcpy(gone->names, entry->ns.data, entry->ns.len);
	memcpy(gone->names + entry->ns.len, entry->key.data, entry->key.len);
	gone->entry.ns.data = gone->names;
	gone->entry.key.data = gone->names + entry->ns.len;
	return 0;
}

static int
sweep(struct ab_kv *kv, unsigned most, int64_t *swept, struct ab_error *err)
{
	struct collected collected = { .gone = NULL };
	int status = engine(kv)->expired(kv->store, kv->now_ms, most, collect, &collected, err);

	for (size_t i = 0; i < collected.count; i++) {
		if (status >= 0)
			status = take_away(kv, &collected.gone[i].entry, AB_CHANGE_EXPIRE, err);
		free(collected.gone[i].names);
	}
	free(collected.gone);
	*swept = (int64_t)collected.count;
	return status;
}

/* ---- writing ---- */

static int
check_condition(struct ab_kv *kv, const struct ab_entry *old, struct ab_span key, const struct ab_kv_condition *condition, struct ab_error *err)
{
	unsigned char hash[AB_SHA256_SIZE];
	const int shown = (int)(key.len < 100 ? key.len : 100);

	if ((condition->absent || condition->version == 0) && old != NULL)
		return ab_fail(err, AB_E_CONFLICT, "key \"%.*s\" is there, version %" PRId64, shown, key.data, old->seq);
	if (condition->version != AB_UNSET && condition->version != 0 && (old == NULL || old->seq != condition->version)) {
		if (old == NULL)
			return ab_fail(err, AB_E_CONFLICT, "key \"%.*s\" is not there", shown, key.data);
		return ab_fail(err, AB_E_CONFLICT, "key \"%.*s\" is at version %" PRId64, shown, key.data, old->seq);
	}
	if (condition->sha256 == NULL)
		return 0;
	AB_AUTO_BUF struct ab_buf value = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_entry entry;
	if (old == NULL)
		return ab_fail(err, AB_E_CONFLICT, "key \"%.*s\" is not there", shown, key.data);
	if (engine(kv)->get(kv->store, old->ns, old->key, &entry, &value, err) < 0)
		return -1;
	ab_sha256(value.data != NULL ? value.data : "", value.len, hash);
	if (memcmp(hash, condition->sha256, sizeof(hash)) != 0)
		return ab_fail(err, AB_E_CONFLICT, "key \"%.*s\" has another value, version %" PRId64, shown, key.data, old->seq);
	return 0;
}

/* What is there now: in old, or *there false. One that has expired goes at once. value: appended to, or NULL. */
static int
look(struct ab_kv *kv, struct ab_span ns, struct ab_span key, const struct ab_kv_condition *condition, struct ab_entry *old, bool *there,
    struct ab_buf *value, struct ab_error *err)
{
	int found = engine(kv)->get(kv->store, ns, key, old, value, err);

	if (found < 0)
		return -1;
	old->ns = ns;
	old->key = key;
	*there = found > 0 && old->expires_ms > kv->now_ms;
	if (condition != NULL && check_condition(kv, *there ? old : NULL, key, condition, err) < 0)
		return -1;
	if (ab_kvinside_know_namespace(kv, ns, err) < 0)
		return -1;
	if (*there || found == 0)
		return 0;
	if (value != NULL)
		ab_buf_truncate(value, 0);
	return take_away(kv, old, AB_CHANGE_EXPIRE, err);
}

/* "64MiB", "10 bytes". */
static const char *
tell_size(char text[static AB_UNIT_SIZE], int64_t bytes)
{
	const size_t len = strlen(ab_size_format(text, bytes));

	if (text[len - 1] >= '0' && text[len - 1] <= '9')
		snprintf(text + len, AB_UNIT_SIZE - len, " bytes");
	return text;
}

static int
check_size(const struct ab_kv *kv, int64_t size, struct ab_error *err)
{
	char most[AB_UNIT_SIZE];

	if (size <= kv->value_max)
		return 0;
	ab_fail(err, AB_E_LIMIT_SIZE, "a value has at most %s", tell_size(most, kv->value_max));
	ab_error_hint(err, "keep the bytes in a file and its name here, or --max-value SIZE");
	return -1;
}

/* For more bytes in a namespace, which is known. What has expired and is still there takes none. */
static int
make_room(struct ab_kv *kv, struct ab_span ns, int64_t more, struct ab_error *err)
{
	char most[AB_UNIT_SIZE];
	int64_t swept;

	if (kv->namespace.max_bytes == INT64_MAX || more <= 0 || more <= kv->namespace.max_bytes - kv->namespace.bytes)
		return 0;
	if (sweep(kv, UINT32_MAX, &swept, err) < 0 || ab_kvinside_know_namespace(kv, ns, err) < 0)
		return -1;
	if (more <= kv->namespace.max_bytes - kv->namespace.bytes)
		return 0;
	ab_fail(err, AB_E_LIMIT_QUOTA, "namespace \"%.*s\" is full: its max_bytes is %s", (int)(ns.len < 200 ? ns.len : 200), ns.data,
	    tell_size(most, kv->namespace.max_bytes));
	ab_error_hint(err, "delete keys, or ab-kv config -n '%.*s' --max-bytes SIZE", (int)(ns.len < 200 ? ns.len : 200), ns.data);
	return -1;
}

/* The entry as it will be, with the next number. */
static void
renew(struct ab_kv *kv, struct ab_span ns, struct ab_span key, const struct ab_entry *old, int64_t size, struct ab_entry *entry)
{
	*entry = (struct ab_entry){
		.ns = ns,
		.key = key,
		.seq = ++kv->seq,
		.created_ms = old != NULL ? old->created_ms : kv->now_ms,
		.updated_ms = old != NULL && old->updated_ms >= kv->now_ms ? old->updated_ms + 1 : kv->now_ms,
		.expires_ms = AB_NEVER,
		.size = size,
	};
	if (kv->import != NULL) {
		entry->created_ms = kv->import->created_ms;
		if (old == NULL || old->updated_ms < kv->import->updated_ms)
			entry->updated_ms = kv->import->updated_ms;
	}
}

static int64_t
expiry(const struct ab_kv *kv, int64_t ttl_ms, int64_t otherwise)
{
	int64_t expires_ms;

	if (ttl_ms == AB_UNSET)
		return otherwise;
	return __builtin_add_overflow(kv->now_ms, ttl_ms, &expires_ms) ? AB_NEVER : expires_ms;
}

/* A whole value in the place of old (NULL: none). */
static int
put_whole(struct ab_kv *kv, struct ab_span ns, struct ab_span key, struct ab_entry *old, struct ab_span value, int64_t expires_ms, struct ab_entry *entry,
    struct ab_error *err)
{
	const int64_t more = (int64_t)value.len + (int64_t)key.len - ab_kvinside_weight(old);

	if (check_size(kv, (int64_t)value.len, err) < 0 || make_room(kv, ns, more, err) < 0)
		return -1;
	renew(kv, ns, key, old, (int64_t)value.len, entry);
	entry->expires_ms = expires_ms;
	ab_kvinside_count_bytes(kv, more);
	if (ab_kvinside_keep_old(kv, old, err) < 0 || engine(kv)->put(kv->store, entry, old, &value, err) < 0 || ab_kvinside_index(kv, entry, &value, err) < 0)
		return changed(kv, -1);
	return changed(kv, ab_kvinside_log_change(kv, AB_CHANGE_PUT, entry->updated_ms, entry, err));
}

int
ab_kv_put(struct ab_kv *kv, struct ab_span ns, struct ab_span key, struct ab_span value, int64_t ttl_ms, const struct ab_kv_condition *condition,
    struct ab_entry *entry, struct ab_error *err)
{
	struct ab_entry old;
	bool there;

	if (ab_kvinside_enter(kv, err) < 0)
		return -1;
	int status = look(kv, ns, key, condition, &old, &there, NULL, err);
	if (status == 0)
		status = put_whole(kv, ns, key, there ? &old : NULL, value, expiry(kv, ttl_ms, AB_NEVER), entry, err);
	return ab_kvinside_leave(kv, status, err);
}

int
ab_kv_import(struct ab_kv *kv, const struct ab_entry *as, struct ab_span value, struct ab_entry *entry, struct ab_error *err)
{
	struct ab_entry old;
	bool there;

	if (ab_kvinside_enter(kv, err) < 0)
		return -1;
	if (as->expires_ms <= kv->now_ms)
		return ab_kvinside_leave(kv, 0, err);
	int status = look(kv, as->ns, as->key, NULL, &old, &there, NULL, err);
	if (status == 0) {
		kv->import = as;
		status = put_whole(kv, as->ns, as->key, there ? &old : NULL, value, as->expires_ms, entry, err) < 0 ? -1 : 1;
		kv->import = NULL;
	}
	return ab_kvinside_leave(kv, status, err);
}

static int
append(struct ab_kv *kv, struct ab_entry *old, struct ab_span more, int64_t expires_ms, struct ab_entry *entry, struct ab_error *err)
{
	if (check_size(kv, old->size + (int64_t)more.len, err) < 0 || make_room(kv, old->ns, (int64_t)more.len, err) < 0)
		return -1;
	renew(kv, old->ns, old->key, old, old->size + (int64_t)more.len, entry);
	entry->expires_ms = expires_ms;
	ab_kvinside_count_bytes(kv, (int64_t)more.len);
	if (engine(kv)->append(kv->store, entry, old, more, err) < 0)
		return changed(kv, -1);
	return changed(kv, ab_kvinside_log_change(kv, AB_CHANGE_PUT, entry->updated_ms, entry, err));
}

int
ab_kv_append(struct ab_kv *kv, struct ab_span ns, struct ab_span key, struct ab_span more, int64_t ttl_ms, const struct ab_kv_condition *condition,
    struct ab_entry *entry, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf value = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_entry old;
	bool there;

	if (ab_kvinside_enter(kv, err) < 0)
		return -1;
	int status = look(kv, ns, key, condition, &old, &there, NULL, err);
	if (status == 0 && there && kv->namespace.history == 0 && !kv->namespace.search) {
		status = append(kv, &old, more, expiry(kv, ttl_ms, old.expires_ms), entry, err);
	} else if (status == 0) {
		/* The old version keeps its own bytes; an index is of the whole. */
		status = there && engine(kv)->get(kv->store, ns, key, entry, &value, err) < 0 ? -1 : 0;
		ab_buf_put(&value, more.data, more.len);
		if (status == 0)
			status = put_whole(kv, ns, key, there ? &old : NULL, (struct ab_span){ value.data, value.len },
			    expiry(kv, ttl_ms, there ? old.expires_ms : AB_NEVER), entry, err);
	}
	return ab_kvinside_leave(kv, status, err);
}

/* "-12", " 12\n": what a person or a shell may have put. */
static bool
parse_number(const struct ab_buf *text, int64_t *number)
{
	AB_AUTO_FREE char *copy = ab_strndup(text->data != NULL ? text->data : "", text->len);
	char *end;

	if (strlen(copy) != text->len || text->len > 64)
		return false;
	errno = 0;
	*number = strtoll(copy, &end, 10);
	return errno == 0 && end != copy && end[strspn(end, " \t\r\n")] == '\0';
}

int
ab_kv_incr(struct ab_kv *kv, struct ab_span ns, struct ab_span key, int64_t by, int64_t ttl_ms, const struct ab_kv_condition *condition,
    int64_t *number, struct ab_entry *entry, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf value = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_entry old;
	char text[24];
	bool there;

	if (ab_kvinside_enter(kv, err) < 0)
		return -1;
	*number = 0;
	int status = look(kv, ns, key, condition, &old, &there, &value, err);
	if (status == 0 && there && !parse_number(&value, number))
		status = ab_fail(err, AB_E_INPUT_INVALID, "key \"%.*s\" holds no decimal number", (int)(key.len < 100 ? key.len : 100), key.data);
	if (status == 0 && __builtin_add_overflow(*number, by, number))
		status = ab_fail(err, AB_E_INPUT_INVALID, "key \"%.*s\": the sum is beyond 64 bits", (int)(key.len < 100 ? key.len : 100), key.data);
	if (status == 0) {
		int len = snprintf(text, sizeof(text), "%" PRId64, *number);
		status = put_whole(kv, ns, key, there ? &old : NULL, (struct ab_span){ text, (size_t)len },
		    expiry(kv, ttl_ms, there ? old.expires_ms : AB_NEVER), entry, err);
	}
	return ab_kvinside_leave(kv, status, err);
}

int
ab_kv_touch(struct ab_kv *kv, struct ab_span ns, struct ab_span key, int64_t ttl_ms, const struct ab_kv_condition *condition, struct ab_entry *entry,
    struct ab_error *err)
{
	struct ab_entry old;
	bool there;

	if (ab_kvinside_enter(kv, err) < 0)
		return -1;
	int status = look(kv, ns, key, condition, &old, &there, NULL, err);
	if (status == 0 && there) {
		renew(kv, ns, key, &old, old.size, entry);
		entry->expires_ms = expiry(kv, ttl_ms, AB_NEVER);
		status = engine(kv)->put(kv->store, entry, &old, NULL, err) < 0 ? -1 : ab_kvinside_log_change(kv, AB_CHANGE_PUT, entry->updated_ms, entry, err);
		status = changed(kv, status) < 0 ? -1 : 1;
	}
	return ab_kvinside_leave(kv, status, err);
}

int
ab_kv_delete(struct ab_kv *kv, struct ab_span ns, struct ab_span key, const struct ab_kv_condition *condition, struct ab_entry *entry, struct ab_error *err)
{
	bool there;

	if (ab_kvinside_enter(kv, err) < 0)
		return -1;
	int status = look(kv, ns, key, condition, entry, &there, NULL, err);
	if (status == 0 && there)
		status = take_away(kv, entry, AB_CHANGE_DELETE, err) < 0 ? -1 : 1;
	return ab_kvinside_leave(kv, status, err);
}

static int
trim_aged(void *data, const struct ab_namespace *namespace, struct ab_error *err)
{
	return namespace->history_age_ms == AB_NEVER ? 0 : ab_kvinside_trim(data, namespace, err);
}

int
ab_kv_sweep(struct ab_kv *kv, bool dry_run, int64_t *swept, struct ab_error *err)
{
	struct collected collected = { .gone = NULL };
	AB_AUTO_BUF struct ab_buf url = AB_BUF_INIT(SIZE_MAX / 2);
	int64_t now = 0;
	bool begun;

	*swept = 0;
	int follows = engine(kv)->get_note(kv->store, AB_KV_FOLLOWS, &url, err);
	if (follows != 0)
		return follows < 0 ? -1 : 0;
	if (dry_run) {
		int status = engine(kv)->expired(kv->store, kv->now(), UINT32_MAX, collect, &collected, err);
		for (size_t i = 0; i < collected.count; i++)
			free(collected.gone[i].names);
		free(collected.gone);
		*swept = (int64_t)collected.count;
		return status < 0 ? -1 : 0;
	}
	/* In small transactions: nobody waits long. */
	do {
		if (begin(kv, &begun, err) < 0)
			return -1;
		int status = sweep(kv, 1000, &now, err);
		*swept += now;
		if (ab_kvinside_leave(kv, status, err) < 0)
			return -1;
	} while (now > 0);
	if (begin(kv, &begun, err) < 0)
		return -1;
	return ab_kvinside_leave(kv, engine(kv)->settings(kv->store, trim_aged, kv, err), err);
}
