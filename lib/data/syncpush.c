/* push: what has changed since the last push goes to the copy. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io.h"
#include "core/time.h"
#include "data/kvcopy.h"
#include "data/syncnote.h"

#define PART_BYTES ((int64_t)8 << 20) /* of lines: what is lost when an upload breaks off */

/* ---- staging: lines into files ---- */

struct staging {
	const struct ab_sync *sync;
	const char *prefix;	    /* of the parts' names */
	struct ab_syncparts *parts; /* NULL: nothing is kept, all is counted */
	FILE *file;
	int64_t written; /* into it */
	int64_t count, bytes; /* in all */
};

/* On the disk: it may be sent by another process, later. */
static int
close_part(struct staging *staging, struct ab_error *err)
{
	if (staging->file == NULL)
		return 0;
	bool written = fflush(staging->file) == 0 && fsync(fileno(staging->file)) == 0;
	int saved = errno;
	written = fclose(ab_steal(&staging->file)) == 0 && written;
	if (!written)
		return ab_fail_errno(err, saved, "write a part to \"%s\"", staging->sync->dir);
	staging->parts->part[staging->parts->count - 1].plain_bytes = staging->written;
	return 0;
}

static int
open_part(struct staging *staging, struct ab_error *err)
{
	AB_AUTO_FREE char *name = ab_asprintf("%s/%04zu.ndjson.zst", staging->prefix, staging->parts->count + 1);
	AB_AUTO_FREE char *path = ab_sync_file(staging->sync, name);
	AB_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return ab_fail_errno(err, errno, "make \"%s\"", path);
	staging->file = fdopen(fd, "w");
	if (staging->file == NULL)
		return ab_fail_errno(err, errno, "open \"%s\"", path);
	(void)ab_steal_fd(&fd);
	(void)ab_syncparts_add(staging->parts, name, 0);
	staging->written = 0;
	return 0;
}

static int
stage_line(void *data, int64_t seq, const char *text, size_t len, struct ab_error *err)
{
	struct staging *staging = data;

	(void)seq;
	staging->count++;
	staging->bytes += (int64_t)len + 1;
	if (staging->parts == NULL)
		return 0;
	if (staging->file != NULL && staging->written + (int64_t)len > PART_BYTES && close_part(staging, err) < 0)
		return -1;
	if (staging->file == NULL && open_part(staging, err) < 0)
		return -1;
	if (fwrite(text, 1, len, staging->file) != len || putc('\n', staging->file) == EOF)
		return ab_fail_errno(err, errno, "write a part to \"%s\"", staging->sync->dir);
	staging->written += (int64_t)len + 1;
	return 0;
}

static int
end_staging(struct staging *staging, int status, struct ab_error *err)
{
	if (status == 0 && close_part(staging, err) == 0)
		return 0;
	if (staging->file != NULL)
		fclose(staging->file);
	return -1;
}

/* The changes behind `after`; 0: they are forgotten. */
static int
stage_segment(struct staging *staging, int64_t after, struct ab_error *err)
{
	int status = end_staging(staging, ab_kvcopy_changes(staging->sync->kv, after, stage_line, staging, err), err);

	return status == 0 ? 1 : err->code == AB_E_GONE ? 0 : -1;
}

static int
stage_snapshot(struct staging *staging, struct ab_error *err)
{
	return end_staging(staging, ab_kvcopy_all(staging->sync->kv, stage_line, staging, err), err);
}

/* What push has to do. */
struct pushing {
	const struct ab_sync *sync;
	struct syncnote note;
	struct ab_synchead head; /* what is there: copy "" when nothing is */
	char etag[130];
	int64_t last_seq;
	struct ab_syncresult *result;
};

/* One state of the store, as files: a segment where the copy can be continued, a snapshot where it must be begun or has become long. */
static int
stage_within(struct pushing *pushing, struct staged *staged, struct ab_error *err)
{
	const struct ab_sync *sync = pushing->sync;
	const int64_t after = pushing->head.copy[0] != '\0' ? pushing->head.seq : 0;
	AB_AUTO_FREE char *segment = ab_asprintf("segment/%016" PRId64 "-%016" PRId64 "-%s", after + 1, staged->to, staged->push);
	AB_AUTO_FREE char *snapshot = ab_asprintf("snapshot/%016" PRId64 "-%s", staged->to, staged->push);
	struct staging changes = { .sync = sync, .prefix = segment, .parts = sync->dry_run ? NULL : &staged->segment };
	struct staging all = { .sync = sync, .prefix = snapshot, .parts = sync->dry_run ? NULL : &staged->snapshot };
	int known = pushing->head.copy[0] != '\0' ? stage_segment(&changes, after, err) : 0;

	if (known < 0)
		return -1;
	if (known > 0) {
		staged->from = after + 1;
	} else {
		ab_syncparts_release(&staged->segment); /* as far as it came */
	}
	const bool whole = known == 0 || ab_synchead_wants_snapshot(&pushing->head);
	if (whole && stage_snapshot(&all, err) < 0)
		return -1;
	if (sync->dry_run) {
		pushing->result->whole = whole;
		pushing->result->bytes = (known > 0 ? changes.bytes : 0) + all.bytes;
	}
	return 0;
}

static int
stage(struct pushing *pushing, struct staged *staged, struct ab_error *err)
{
	struct ab_store *store = ab_kv_store(pushing->sync->kv);

	ab_id_new(staged->push);
	if (store->engine->begin(store, false, err) < 0)
		return -1;
	int status = store->engine->last_seq(store, &staged->to, err);
	if (status == 0)
		status = stage_within(pushing, staged, err);
	store->engine->rollback(store);
	return status;
}

/* ---- sending ---- */

/* Whether each part is stored, or still lies here whole. */
static bool
is_complete(const struct ab_sync *sync, const struct ab_syncparts *parts)
{
	struct stat st;

	for (size_t i = 0; i < parts->count; i++) {
		AB_AUTO_FREE char *path = ab_sync_file(sync, parts->part[i].name);
		if (parts->part[i].sha256[0] == '\0' && (stat(path, &st) < 0 || st.st_size != parts->part[i].plain_bytes))
			return false;
	}
	return true;
}

static int
send_parts(struct pushing *pushing, struct ab_syncparts *parts, size_t before, size_t all, struct ab_error *err)
{
	const struct ab_sync *sync = pushing->sync;
	struct ab_syncobject object;

	for (size_t i = 0; i < parts->count; i++) {
		struct ab_syncpart *part = &parts->part[i];
		AB_AUTO_FREE char *path = ab_sync_file(sync, part->name);
		if (part->sha256[0] == '\0') {
			/* Its name is of this push alone: nobody else's can be there. */
			if (sync->remote->put(sync->remote->data, part->name, path, true, NULL, &object, err) < 0)
				return -1;
			part->bytes = object.bytes;
			memcpy(part->sha256, object.sha256, sizeof(part->sha256));
			if (ab_syncnote_write(sync, &pushing->note, false, err) < 0)
				return -1;
			(void)!unlink(path);
			pushing->result->bytes += object.bytes;
			pushing->result->parts++;
		}
		if (sync->progress != NULL)
			sync->progress(sync->progress_data, before + i + 1, all, pushing->result->bytes);
	}
	return 0;
}

/* The head as it will be; what nobody needs then is noted as gone. */
static void
renew_head(struct pushing *pushing)
{
	struct ab_synchead *head = &pushing->head;
	struct syncnote *note = &pushing->note;
	struct staged *staged = &note->staged;

	if (head->copy[0] == '\0')
		ab_id_new(head->copy);
	memcpy(head->push, staged->push, AB_ID_SIZE);
	head->generation = (head->generation > note->generation ? head->generation : note->generation) + 1;
	head->seq = staged->to;
	head->at_ms = ab_now_unix_ms();
	free(head->writer);
	head->writer = ab_strdup(pushing->sync->writer);
	if (staged->from > 0)
		ab_synchead_add_segment(head, staged->from, staged->to, &staged->segment);
	if (staged->snapshot.count > 0)
		ab_synchead_set_snapshot(head, staged->to, &staged->snapshot, &note->gone);
}

static int
put_head(const struct ab_sync *sync, const struct ab_synchead *head, const char *etag, struct ab_syncobject *object, struct ab_error *err)
{
	AB_AUTO_FREE char *file = ab_sync_file(sync, "new-" AB_SYNC_HEAD);
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_json json;

	ab_json_begin(&json, &text, AB_ENCODING_AUTO);
	ab_synchead_write(&json, NULL, head);
	ab_buf_putc(&text, '\n');
	if (text.len > AB_SYNC_HEAD_MAX) { /* nobody could read it */
		ab_fail(err, AB_E_LIMIT_SIZE, "%s: a head of %zu bytes, to list all parts: at most %zu", sync->url, text.len, AB_SYNC_HEAD_MAX);
		ab_error_hint(err, "a store of so many parts of 8 MiB is too large for it; a new prefix begins with fewer of them");
		return -1;
	}
	if (ab_write_file_atomic(AT_FDCWD, file, text.data, text.len, 0600, err) < 0)
		return -1;
	int status = sync->remote->put(sync->remote->data, AB_SYNC_HEAD, file, false, etag, object, err);
	(void)!unlink(file);
	return status;
}

/* A store that takes no notice of conditions would let two writers overwrite each other: asked once, when a copy begins. */
static int
test_conditions(const struct ab_sync *sync, const struct ab_synchead *head, struct ab_error *err)
{
	struct ab_error ignored = AB_ERROR_INIT;
	struct ab_syncobject object;

	bool absent = put_head(sync, head, "", &object, &ignored) < 0 && ignored.code == AB_E_CONFLICT;
	bool match = absent && put_head(sync, head, "\"00000000000000000000000000000000\"", &object, &ignored) < 0 && ignored.code == AB_E_CONFLICT;
	if (match)
		return 0;
	if (ignored.code != AB_E_NONE && ignored.code != AB_E_CONFLICT) {
		*err = ignored;
		return -1;
	}
	(void)sync->remote->remove(sync->remote->data, AB_SYNC_HEAD, &ignored);
	ab_fail(err, AB_E_UNSUPPORTED, "%s: this object store takes no notice of %s: two writers could overwrite each other", sync->url,
	    absent ? "If-Match" : "If-None-Match");
	ab_error_hint(err, "a store with conditional writes: Amazon S3, Cloudflare R2, MinIO, Ceph");
	return -1;
}

/* The moment when it happens. A conflict may be one with ourselves: an answer that was lost. */
static int
change_head(struct pushing *pushing, struct ab_error *err)
{
	const struct ab_sync *sync = pushing->sync;
	AB_AUTO_SYNCHEAD struct ab_synchead there = AB_SYNCHEAD_INIT;
	const bool first = pushing->etag[0] == '\0';
	struct ab_syncobject object;

	if (put_head(sync, &pushing->head, pushing->etag, &object, err) == 0)
		return first ? test_conditions(sync, &pushing->head, err) : 0;
	if (err->code != AB_E_CONFLICT)
		return -1;
	int found = ab_sync_get_head(sync, &there, &object, err);
	if (found < 0)
		return -1;
	if (found == 0)
		return ab_fail(err, AB_E_CONFLICT, "%s was taken away while this push went on", sync->url);
	if (strcmp(there.push, pushing->head.push) == 0)
		return 0;
	return ab_sync_conflict(sync, &pushing->note, &there, pushing->last_seq, err);
}

/* What is no longer needed: left for the next time when it does not work now, and for good where it may not be done. */
static int
remove_gone(struct pushing *pushing, struct ab_error *err)
{
	const struct ab_sync *sync = pushing->sync;
	struct ab_syncparts *gone = &pushing->note.gone;
	struct ab_error ignored = AB_ERROR_INIT;
	size_t i = 0;

	if (gone->count == 0)
		return 0;
	while (i < gone->count && sync->remote->remove(sync->remote->data, gone->part[i].name, &ignored) == 0)
		i++;
	if (i < gone->count && ignored.code != AB_E_AUTH_FAILED)
		return 0;
	ab_syncparts_release(gone);
	return ab_syncnote_write(sync, &pushing->note, false, err);
}

/* Parts that were stored for nothing are gone. */
static void
discard_staged(struct syncnote *note)
{
	struct ab_syncparts *const lists[] = { &note->staged.segment, &note->staged.snapshot };

	for (size_t list = 0; list < AB_COUNT_OF(lists); list++)
		for (size_t i = 0; i < lists[list]->count; i++)
			if (lists[list]->part[i].sha256[0] != '\0')
				(void)ab_syncparts_add(&note->gone, lists[list]->part[i].name, 0);
	ab_syncnote_drop_staged(note);
}

static int
send_staged(struct pushing *pushing, struct ab_error *err)
{
	struct syncnote *note = &pushing->note;
	struct staged *staged = &note->staged;
	const size_t all = staged->segment.count + staged->snapshot.count;

	pushing->result->whole |= staged->snapshot.count > 0;
	if (send_parts(pushing, &staged->segment, 0, all, err) < 0 || send_parts(pushing, &staged->snapshot, staged->segment.count, all, err) < 0)
		return -1;
	renew_head(pushing);
	if (change_head(pushing, err) < 0)
		return -1;
	ab_syncnote_saw(note, &pushing->head, false);
	ab_syncnote_drop_staged(note);
	return ab_syncnote_write(pushing->sync, note, false, err);
}

/* ---- push ---- */

/* What is there, and whether this store may go on with it. */
static int
judge(struct pushing *pushing, int found, struct ab_error *err)
{
	struct ab_synchead *head = &pushing->head;
	struct syncnote *note = &pushing->note;

	if (found == 0)
		return 0; /* nothing of anybody's is there: begun, or begun anew */
	const bool begun = strcmp(head->push, note->staged.push) == 0 && strcmp(head->copy, note->copy) != 0;
	if (begun && !pushing->sync->dry_run && test_conditions(pushing->sync, head, err) < 0)
		return -1;
	if (ab_syncnote_settle(note, head)) {
		if (strcmp(head->push, note->push) == 0)
			ab_syncnote_saw(note, head, false);
		if (!pushing->sync->dry_run && ab_syncnote_write(pushing->sync, note, false, err) < 0)
			return -1;
	}
	if (note->copy[0] != '\0' && strcmp(head->copy, note->copy) == 0 && head->generation < note->generation) {
		ab_fail(err, AB_E_UNAVAILABLE, "%s answers with an older head (%" PRId64 ") than the one that this store has seen (%" PRId64 ")",
		    pushing->sync->url, head->generation, note->generation);
		ab_error_hint(err, "try again; if it stays so, somebody put an old state back there: push to another prefix");
		return -1;
	}
	if (note->copy[0] == '\0' || strcmp(head->push, note->push) != 0)
		return ab_sync_conflict(pushing->sync, note, head, pushing->last_seq, err);
	return 0;
}

/* Staged by a push that broke off: it can be gone on with when nothing has happened there since. */
static bool
can_resume(const struct pushing *pushing)
{
	const struct staged *staged = &pushing->note.staged;
	const int64_t after = pushing->head.copy[0] != '\0' ? pushing->head.seq : 0;

	return staged->push[0] != '\0' && staged->to >= after && staged->to <= pushing->last_seq &&
	    (staged->from == 0 ? staged->snapshot.count > 0 : staged->from == after + 1) &&
	    is_complete(pushing->sync, &staged->segment) && is_complete(pushing->sync, &staged->snapshot);
}

static int
push_once(struct pushing *pushing, struct ab_error *err)
{
	struct syncnote *note = &pushing->note;

	if (!can_resume(pushing)) {
		discard_staged(note);
		ab_sync_empty(pushing->sync); /* of pushes that broke off while they were staged: as much as this one may need */
		struct staged staged = { .from = 0 };
		if (stage(pushing, &staged, err) < 0) {
			ab_sync_empty(pushing->sync);
			ab_syncparts_release(&staged.segment);
			ab_syncparts_release(&staged.snapshot);
			return -1;
		}
		note->staged = staged;
		if (ab_syncnote_write(pushing->sync, note, false, err) < 0)
			return -1;
	}
	return send_staged(pushing, err);
}

static int
look(struct pushing *pushing, struct ab_error *err)
{
	struct ab_syncobject object = { .bytes = 0 };

	pushing->etag[0] = '\0';
	int found = ab_sync_get_head(pushing->sync, &pushing->head, &object, err);
	if (found < 0 || judge(pushing, found, err) < 0)
		return -1;
	if (found > 0)
		memcpy(pushing->etag, object.etag, sizeof(pushing->etag));
	return found;
}

static int
push(struct pushing *pushing, struct ab_error *err)
{
	const struct ab_sync *sync = pushing->sync;
	struct ab_syncresult *result = pushing->result;

	if (ab_syncnote_read(sync, &pushing->note, err) < 0 || ab_kv_last_seq(sync->kv, &pushing->last_seq, err) < 0)
		return -1;
	if (pushing->last_seq == 0)
		return ab_fail(err, AB_E_NOT_FOUND, "nothing was ever stored: there is nothing to push");
	/* Twice where a push that broke off is ended first. */
	for (int round = 0; round < 2; round++) {
		int found = look(pushing, err);
		if (found < 0)
			return -1;
		if (round == 0)
			result->from_seq = found > 0 ? pushing->head.seq : 0;
		if (found > 0 && pushing->head.seq >= pushing->last_seq)
			break;
		result->moved = true;
		if (sync->dry_run) {
			AB_AUTO_SYNCNOTE struct syncnote none = { .seq = 0 };
			if (stage(pushing, &none.staged, err) < 0)
				return -1;
			result->seq = none.staged.to;
			return 0;
		}
		if (push_once(pushing, err) < 0)
			return -1;
		if (pushing->head.seq >= pushing->last_seq)
			break;
	}
	ab_sync_tell(result, &pushing->head);
	return sync->dry_run ? 0 : remove_gone(pushing, err);
}

int
ab_sync_push(const struct ab_sync *sync, struct ab_syncresult *result, struct ab_error *err)
{
	struct pushing pushing = { .sync = sync, .head = AB_SYNCHEAD_INIT, .result = result };

	*result = (struct ab_syncresult){ .seq = 0 };
	int status = push(&pushing, err);
	ab_synchead_release(&pushing.head);
	ab_syncnote_release(&pushing.note);
	return status;
}
