/* A store and its copy elsewhere: what the one knows of the other. */
#include "data/sync.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/io.h"
#include "core/time.h"
#include "data/syncnote.h"

#define NOTE_MAX (SIZE_MAX / 2) /* it is our own, and as long as a store needs */

/* ---- the note ---- */

void
ab_syncnote_release(struct syncnote *note)
{
	ab_syncparts_release(&note->staged.segment);
	ab_syncparts_release(&note->staged.snapshot);
	ab_syncparts_release(&note->gone);
}

static void
copy_id(char id[static AB_ID_SIZE], const char *from)
{
	snprintf(id, AB_ID_SIZE, "%s", from);
}

static int
read_note(struct syncnote *note, const struct ab_value *value, struct ab_error *err)
{
	const struct ab_value *staged = ab_value_get(value, "staged");

	copy_id(note->copy, ab_value_get_string(value, "copy", ""));
	copy_id(note->push, ab_value_get_string(value, "push", ""));
	note->generation = ab_value_get_integer(value, "generation", 0);
	note->seq = ab_value_get_integer(value, "seq", 0);
	note->following = ab_value_get_boolean(value, "following", false);
	copy_id(note->staged.push, ab_value_get_string(staged, "push", ""));
	note->staged.from = ab_value_get_integer(staged, "from", 0);
	note->staged.to = ab_value_get_integer(staged, "to", 0);
	if (ab_syncparts_read(&note->staged.segment, ab_value_get(staged, "segment"), err) < 0 ||
	    ab_syncparts_read(&note->staged.snapshot, ab_value_get(staged, "snapshot"), err) < 0)
		return -1;
	return ab_syncparts_read(&note->gone, ab_value_get(value, "gone"), err);
}

/* The name of the note; the caller frees. */
static char *
name_of(const struct ab_sync *sync)
{
	return ab_asprintf("sync:%s", sync->url);
}

int
ab_syncnote_read(const struct ab_sync *sync, struct syncnote *note, struct ab_error *err)
{
	struct ab_store *store = ab_kv_store(sync->kv);
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(NOTE_MAX);
	AB_AUTO_FREE char *name = name_of(sync);
	int found = store->engine->get_note(store, name, &text, err);

	if (found <= 0)
		return found;
	AB_AUTO_VALUE struct ab_value *value = ab_value_parse(text.data, text.len, err);
	return value == NULL ? -1 : read_note(note, value, err);
}

static void
write_staged(struct ab_json *json, const struct staged *staged)
{
	ab_json_object(json, "staged");
	ab_json_string(json, "push", staged->push);
	ab_json_integer(json, "from", staged->from);
	ab_json_integer(json, "to", staged->to);
	ab_syncparts_write(json, "segment", &staged->segment);
	ab_syncparts_write(json, "snapshot", &staged->snapshot);
	ab_json_object_end(json);
}

/* Whether it follows this copy is noted; that it follows another one stays. */
static int
put_follows(const struct ab_sync *sync, bool following, struct ab_error *err)
{
	struct ab_store *store = ab_kv_store(sync->kv);
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(NOTE_MAX);
	const struct ab_span url = { sync->url, strlen(sync->url) };

	if (following)
		return store->engine->put_note(store, AB_KV_FOLLOWS, &url, err);
	int found = store->engine->get_note(store, AB_KV_FOLLOWS, &text, err);
	if (found <= 0 || text.len != url.len || memcmp(text.data, url.data, url.len) != 0)
		return found < 0 ? -1 : 0;
	return store->engine->put_note(store, AB_KV_FOLLOWS, NULL, err);
}

int
ab_syncnote_write(const struct ab_sync *sync, const struct syncnote *note, bool within, struct ab_error *err)
{
	struct ab_store *store = ab_kv_store(sync->kv);
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(NOTE_MAX);
	AB_AUTO_FREE char *name = name_of(sync);
	struct ab_json json;

	ab_json_begin(&json, &text, AB_ENCODING_AUTO);
	ab_json_object(&json, NULL);
	ab_json_string(&json, "copy", note->copy);
	ab_json_string(&json, "push", note->push);
	ab_json_integer(&json, "generation", note->generation);
	ab_json_integer(&json, "seq", note->seq);
	ab_json_boolean(&json, "following", note->following);
	if (note->staged.push[0] != '\0')
		write_staged(&json, &note->staged);
	ab_syncparts_write(&json, "gone", &note->gone);
	ab_json_object_end(&json);
	if (!within && store->engine->begin(store, true, err) < 0)
		return -1;
	const struct ab_span span = { text.data, text.len };
	int status = store->engine->put_note(store, name, &span, err);
	if (status == 0)
		status = put_follows(sync, note->following, err);
	if (within)
		return status;
	if (status == 0)
		return store->engine->commit(store, err);
	store->engine->rollback(store);
	return -1;
}

void
ab_syncnote_drop_staged(struct syncnote *note)
{
	ab_syncparts_release(&note->staged.segment);
	ab_syncparts_release(&note->staged.snapshot);
	note->staged = (struct staged){ .from = 0 };
}

/* Its parts are named by it, and by nothing else. */
static bool
lists_push(const struct ab_syncparts *parts, const char *push)
{
	return parts->count > 0 && strstr(parts->part[0].name, push) != NULL;
}

bool
ab_syncnote_settle(struct syncnote *note, const struct ab_synchead *head)
{
	const struct staged *staged = &note->staged;

	if (staged->push[0] == '\0')
		return false;
	bool listed = strcmp(head->push, staged->push) == 0 || lists_push(&head->snapshot, staged->push);
	for (size_t i = 0; i < head->segments && !listed; i++)
		listed = lists_push(&head->segment[i].parts, staged->push);
	if (!listed)
		return false;
	memcpy(note->copy, head->copy, AB_ID_SIZE);
	memcpy(note->push, staged->push, AB_ID_SIZE);
	note->seq = staged->to; /* its generation is not known; it is above the last one that is */
	note->following = false;
	ab_syncnote_drop_staged(note);
	return true;
}

void
ab_syncnote_saw(struct syncnote *note, const struct ab_synchead *head, bool following)
{
	memcpy(note->copy, head->copy, AB_ID_SIZE);
	memcpy(note->push, head->push, AB_ID_SIZE);
	note->generation = head->generation;
	note->seq = head->seq;
	note->following = following;
}

/* ---- in common ---- */

char *
ab_sync_file(const struct ab_sync *sync, const char *name)
{
	char *path = ab_asprintf("%s/%s", sync->dir, name);

	for (char *at = path + strlen(sync->dir) + 1; *at != '\0'; at++)
		if (*at == '/')
			*at = '_';
	return path;
}

int
ab_sync_get_head(const struct ab_sync *sync, struct ab_synchead *head, struct ab_syncobject *object, struct ab_error *err)
{
	AB_AUTO_FREE char *file = ab_sync_file(sync, AB_SYNC_HEAD);
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(AB_SYNC_HEAD_MAX);

	if (sync->remote->get(sync->remote->data, AB_SYNC_HEAD, file, false, NULL, (int64_t)AB_SYNC_HEAD_MAX, object, err) < 0) {
		if (err->code == AB_E_LIMIT_SIZE) /* no push makes such a one */
			err->code = AB_E_CORRUPT;
		if (err->code != AB_E_NOT_FOUND)
			return -1;
		ab_error_context(err, "there is no copy of a store at %s", sync->url);
		return 0;
	}
	int status = ab_read_file(AT_FDCWD, file, &text, err);
	(void)!unlink(file);
	if (status == 0)
		status = ab_synchead_parse(head, text.data != NULL ? text.data : "", text.len, err);
	if (status == 0)
		return 1;
	ab_error_context(err, "%s/" AB_SYNC_HEAD, sync->url);
	return -1;
}

int
ab_sync_conflict(const struct ab_sync *sync, const struct syncnote *note, const struct ab_synchead *head, int64_t last_seq, struct ab_error *err)
{
	char when[AB_TIME_SIZE];
	const int64_t own = last_seq - note->seq;

	ab_time_format(when, head->at_ms);
	if (note->copy[0] == '\0') {
		ab_fail(err, AB_E_CONFLICT, "%s is the copy of another store, pushed by %.100s at %s", sync->url, head->writer, when);
		ab_error_hint(err, "push to another prefix; or ab-kv sync restore %s --db NEW-FILE, to go on with that one", sync->url);
		return -1;
	}
	ab_fail(err, AB_E_CONFLICT, "%s was pushed by %.100s at %s, and is at change %" PRId64 "; this store has seen %" PRId64, sync->url, head->writer, when,
	    head->seq, note->seq);
	if (strcmp(head->copy, note->copy) != 0)
		ab_error_hint(err, "it was begun anew there: push to another prefix, or ab-kv sync restore %s --db NEW-FILE", sync->url);
	else if (own <= 0)
		ab_error_hint(err, "ab-kv sync pull %s", sync->url);
	else
		ab_error_hint(err, "what has changed here since (%" PRId64 ") is only here: ab-kv sync restore %s --db NEW-FILE, then export and import what shall be kept", own,
		    sync->url);
	return -1;
}

void
ab_sync_tell(struct ab_syncresult *result, const struct ab_synchead *head)
{
	snprintf(result->writer, sizeof(result->writer), "%s", head->writer);
	result->at_ms = head->at_ms;
	result->seq = head->seq;
}

int
ab_sync_look(const struct ab_sync *sync, struct ab_error *err)
{
	AB_AUTO_SYNCHEAD struct ab_synchead head = AB_SYNCHEAD_INIT;
	struct ab_syncobject object;

	return ab_sync_get_head(sync, &head, &object, err) <= 0 ? -1 : 0;
}

void
ab_sync_empty(const struct ab_sync *sync)
{
	DIR *dir = opendir(sync->dir);

	if (dir == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
		(void)!unlinkat(dirfd(dir), entry->d_name, 0); /* "." and ".." are no files */
	closedir(dir);
}
