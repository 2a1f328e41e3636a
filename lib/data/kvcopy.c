/* Copies of a store: from it to lines, and from lines to it. */
#include "data/kvcopy.h"

#include <inttypes.h>
#include <string.h>

#include "core/mem.h"
#include "core/time.h"
#include "data/kvinside.h"

#define THINGS_MOST 64 /* members of a line, and what they hold: ours have ten */

/* ---- to lines ---- */

struct copying {
	struct ab_kv *kv;
	ab_kvcopy_sink *sink;
	void *data;
	struct ab_buf text, value;
	enum ab_kvline_kind kind; /* of entries that are visited */
	struct ab_change last;
	bool any;
};

#define COPYING(of, to, its) { .kv = (of), .sink = (to), .data = (its), .text = AB_BUF_INIT(SIZE_MAX / 2), .value = AB_BUF_INIT(SIZE_MAX / 2) }

static void
copying_release(struct copying *copying)
{
	ab_buf_release(&copying->text);
	ab_buf_release(&copying->value);
}

static int
give(struct copying *copying, const struct ab_kvline *line, struct ab_error *err)
{
	struct ab_json json;

	ab_buf_truncate(&copying->text, 0);
	ab_json_begin(&json, &copying->text, AB_ENCODING_AUTO);
	ab_json_object(&json, NULL);
	ab_kvline_write(&json, line);
	ab_json_object_end(&json);
	return copying->sink(copying->data, line->entry.seq, copying->text.data, copying->text.len, err);
}

static int
give_settings(void *data, const struct ab_namespace *namespace, struct ab_error *err)
{
	const struct ab_kvline line = { .kind = AB_KVLINE_CONFIG, .namespace = *namespace };

	return give(data, &line, err);
}

static int
give_change(void *data, const struct ab_change *change, struct ab_error *err)
{
	static const enum ab_kvline_kind kinds[] = {
		[AB_CHANGE_PUT] = AB_KVLINE_PUT, [AB_CHANGE_DELETE] = AB_KVLINE_DELETE, [AB_CHANGE_EXPIRE] = AB_KVLINE_EXPIRE };
	struct copying *copying = data;
	struct ab_kvline line = {
		.kind = kinds[change->kind],
		.entry = { .ns = change->ns, .key = change->key, .seq = change->seq, .updated_ms = change->at_ms, .expires_ms = AB_NEVER },
	};

	if (change->kind == AB_CHANGE_PUT) {
		struct ab_kv *kv = copying->kv;
		struct ab_entry entry;
		ab_buf_truncate(&copying->value, 0);
		int found = ab_kvinside_get_any(kv, change->ns, change->key, change->seq, &entry, &copying->value, err);
		if (found < 0)
			return -1;
		if (found > 0) {
			line.entry = entry;
			line.entry.ns = change->ns;
			line.entry.key = change->key;
			line.value = (struct ab_span){ copying->value.data != NULL ? copying->value.data : "", copying->value.len };
		}
	}
	return give(copying, &line, err);
}

int
ab_kvcopy_changes(struct ab_kv *kv, int64_t after_seq, ab_kvcopy_sink *sink, void *data, struct ab_error *err)
{
	AB_CLEANUP(copying_release) struct copying copying = COPYING(kv, sink, data);

	if (engine(kv)->settings(kv->store, give_settings, &copying, err) < 0)
		return -1;
	return ab_kv_changes(kv, after_seq, give_change, &copying, err);
}

static int
give_entry(void *data, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err)
{
	struct copying *copying = data;
	const struct ab_kvline line = { .kind = copying->kind, .entry = *entry, .value = *value };

	return give(copying, &line, err);
}

static int
give_last(void *data, const struct ab_change *change, struct ab_error *err)
{
	const struct ab_kvline line = {
		.kind = AB_KVLINE_LAST,
		.was = change->kind,
		.entry = { .ns = change->ns, .key = change->key, .seq = change->seq, .updated_ms = change->at_ms },
	};

	return give(data, &line, err);
}

int
ab_kvcopy_all(struct ab_kv *kv, ab_kvcopy_sink *sink, void *data, struct ab_error *err)
{
	AB_CLEANUP(copying_release) struct copying copying = COPYING(kv, sink, data);
	/* Also what has expired: that it did is a change to come. */
	const struct ab_range all = { .ns = { "", 0 }, .nested = true, .values = true, .now_ms = INT64_MIN };
	int64_t last;

	if (engine(kv)->settings(kv->store, give_settings, &copying, err) < 0)
		return -1;
	copying.kind = AB_KVLINE_OLD;
	if (engine(kv)->olds(kv->store, true, give_entry, &copying, err) < 0)
		return -1;
	copying.kind = AB_KVLINE_ENTRY;
	if (engine(kv)->range(kv->store, &all, give_entry, &copying, err) < 0)
		return -1;
	if (engine(kv)->last_seq(kv->store, &last, err) < 0)
		return -1;
	return engine(kv)->changes(kv->store, last, give_last, &copying, err) < 0 ? -1 : 0;
}

/* ---- from lines ---- */

int
ab_kvcopy_begin(struct ab_kv *kv, int64_t at_seq, int64_t to_seq, bool clear, struct ab_error *err)
{
	kv->replaying = kv->grouped = true;
	kv->replay_to = to_seq;
	if (ab_kvinside_enter(kv, err) < 0)
		return -1;
	if (kv->seq != at_seq) {
		ab_fail(err, AB_E_CONFLICT, "somebody wrote to the store meanwhile: it is at change %" PRId64 ", not at %" PRId64 " any more", kv->seq, at_seq);
		ab_error_hint(err, "do it again, to see what can be done now");
		return -1;
	}
	if (!clear)
		return 0;
	kv->seq = 0;
	return engine(kv)->clear(kv->store, err);
}

/* ---- one line ---- */

static int
log_as(struct ab_kv *kv, const struct ab_entry *as, enum ab_change_kind kind, struct ab_error *err)
{
	kv->seq = as->seq;
	return ab_kvinside_log_change(kv, kind, as->updated_ms, as, err);
}

/* Nothing of it has changed but its times: it was touched, and no old version was kept. */
static int
is_touched(struct ab_kv *kv, const struct ab_entry *old, const struct ab_entry *as, struct ab_span value, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf was = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_entry entry;

	if (old->size != as->size || old->created_ms != as->created_ms)
		return 0;
	if (engine(kv)->get(kv->store, old->ns, old->key, &entry, &was, err) < 0)
		return -1;
	return was.len == value.len && (value.len == 0 || memcmp(was.data, value.data, value.len) == 0);
}

static int
put_as(struct ab_kv *kv, const struct ab_entry *as, const struct ab_span *value, struct ab_error *err)
{
	struct ab_entry old;

	if (value == NULL)
		return log_as(kv, as, AB_CHANGE_PUT, err);
	int found = engine(kv)->get(kv->store, as->ns, as->key, &old, NULL, err);
	if (found < 0 || ab_kvinside_know_namespace(kv, as->ns, err) < 0)
		return -1;
	old.ns = as->ns;
	old.key = as->key;
	int touched = found > 0 ? is_touched(kv, &old, as, *value, err) : 0;
	if (touched < 0)
		return -1;
	if (touched > 0)
		return engine(kv)->put(kv->store, as, &old, NULL, err) < 0 ? -1 : log_as(kv, as, AB_CHANGE_PUT, err);
	ab_kvinside_count_bytes(kv, ab_kvinside_weight(as) - ab_kvinside_weight(found > 0 ? &old : NULL));
	if ((found > 0 && ab_kvinside_keep_old(kv, &old, err) < 0) || engine(kv)->put(kv->store, as, found > 0 ? &old : NULL, value, err) < 0 ||
	    ab_kvinside_index(kv, as, value, err) < 0)
		return -1;
	return log_as(kv, as, AB_CHANGE_PUT, err);
}

static int
remove_as(struct ab_kv *kv, const struct ab_entry *as, enum ab_change_kind kind, struct ab_error *err)
{
	struct ab_entry old;
	int found = engine(kv)->get(kv->store, as->ns, as->key, &old, NULL, err);

	if (found < 0 || ab_kvinside_know_namespace(kv, as->ns, err) < 0)
		return -1;
	old.ns = as->ns;
	old.key = as->key;
	if (found > 0) {
		ab_kvinside_count_bytes(kv, -ab_kvinside_weight(&old));
		if (ab_kvinside_keep_old(kv, &old, err) < 0 || ab_kvinside_index(kv, &old, NULL, err) < 0 || engine(kv)->remove(kv->store, &old, err) < 0)
			return -1;
	}
	return log_as(kv, as, kind, err);
}

static int
add_old(struct ab_kv *kv, const struct ab_entry *as, struct ab_span value, struct ab_error *err)
{
	struct ab_entry kept = *as;

	if (engine(kv)->put(kv->store, as, NULL, &value, err) < 0 || engine(kv)->get(kv->store, as->ns, as->key, &kept, NULL, err) < 0 ||
	    engine(kv)->keep(kv->store, &kept, err) < 0)
		return -1;
	return engine(kv)->remove(kv->store, &kept, err);
}

static int
add_entry(struct ab_kv *kv, const struct ab_entry *as, struct ab_span value, struct ab_error *err)
{
	if (ab_kvinside_know_namespace(kv, as->ns, err) < 0)
		return -1;
	ab_kvinside_count_bytes(kv, ab_kvinside_weight(as));
	if (engine(kv)->put(kv->store, as, NULL, &value, err) < 0)
		return -1;
	return ab_kvinside_index(kv, as, &value, err);
}

static int
take_config(struct ab_kv *kv, const struct ab_namespace *told, struct ab_error *err)
{
	const struct ab_kv_settings set = {
		.history = told->history, .history_age_ms = told->history_age_ms, .max_bytes = told->max_bytes, .search = told->search };
	struct ab_namespace now;

	if (ab_kvinside_know_namespace(kv, told->name, err) < 0)
		return -1;
	const struct ab_namespace *is = &kv->namespace;
	if (is->history == set.history && is->history_age_ms == set.history_age_ms && is->max_bytes == set.max_bytes && is->search == told->search)
		return 0;
	return ab_kv_config(kv, told->name, &set, &now, err);
}

static int
take(struct ab_kv *kv, const struct ab_kvline *line, struct ab_error *err)
{
	const struct ab_entry *entry = &line->entry;

	switch (line->kind) {
	case AB_KVLINE_CONFIG:
		return take_config(kv, &line->namespace, err);
	case AB_KVLINE_PUT:
	case AB_KVLINE_DELETE:
	case AB_KVLINE_EXPIRE:
		if (entry->seq != kv->seq + 1 || entry->seq > kv->replay_to)
			return ab_fail(err, AB_E_CORRUPT, "change %" PRId64 " comes behind %" PRId64, entry->seq, kv->seq);
		break;
	default:
		if (entry->seq <= 0 || entry->seq > kv->replay_to)
			return ab_fail(err, AB_E_CORRUPT, "change %" PRId64 " is beyond %" PRId64, entry->seq, kv->replay_to);
	}
	switch (line->kind) {
	case AB_KVLINE_PUT:
		return put_as(kv, entry, line->value.data != NULL ? &line->value : NULL, err);
	case AB_KVLINE_DELETE:
		return remove_as(kv, entry, AB_CHANGE_DELETE, err);
	case AB_KVLINE_EXPIRE:
		return remove_as(kv, entry, AB_CHANGE_EXPIRE, err);
	case AB_KVLINE_OLD:
		return add_old(kv, entry, line->value, err);
	case AB_KVLINE_ENTRY:
		return add_entry(kv, entry, line->value, err);
	case AB_KVLINE_LAST:
		if (entry->seq <= kv->seq)
			return ab_fail(err, AB_E_CORRUPT, "change %" PRId64 " comes behind %" PRId64, entry->seq, kv->seq);
		return log_as(kv, entry, line->was, err);
	default:
		return ab_fail(err, AB_E_CORRUPT, "a line that is of no copy");
	}
}

/* Whether it is one object of few members: a parser makes twenty times the memory of what is many small things. */
static bool
is_line(const char *text, size_t len)
{
	const char *end = text + len;
	int things = 0;

	for (const char *at = text; at < end && things <= THINGS_MOST; at++) {
		things += *at == '[' || *at == '{' || *at == ',';
		if (*at == '"')
			for (at++; at < end && *at != '"'; at++)
				at += *at == '\\';
	}
	return things <= THINGS_MOST;
}

int
ab_kvcopy_take(struct ab_kv *kv, const char *text, size_t len, struct ab_error *err)
{
	AB_AUTO_KVLINE struct ab_kvline line = AB_KVLINE_INIT;

	if (!is_line(text, len))
		return ab_fail(err, AB_E_CORRUPT, "a line that is of no copy");
	if (ab_kvline_read(&line, text, len, (struct ab_span){ .data = NULL }, err) < 0) {
		err->code = AB_E_CORRUPT; /* it is not what we wrote */
		return -1;
	}
	return take(kv, &line, err);
}

int
ab_kvcopy_end(struct ab_kv *kv, bool keep, struct ab_error *err)
{
	int status = 0;

	if (keep && kv->seq != kv->replay_to)
		status = ab_fail(err, AB_E_CORRUPT, "the copy ends at change %" PRId64 ", not at %" PRId64, kv->seq, kv->replay_to);
	if (keep && status == 0)
		status = ab_kv_settle(kv, err);
	else
		ab_kv_abandon(kv);
	kv->replaying = kv->grouped = false;
	return status;
}
