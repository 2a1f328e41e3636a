/* pull and restore: what others have pushed comes here. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ndjson.h"
#include "data/kvcopy.h"
#include "data/syncnote.h"

#define PLAIN_MAX ((int64_t)2 << 30) /* of a part */
#define LOOKS_MOST 5		     /* while others push and take away what was listed */

struct pulling {
	const struct ab_sync *sync;
	bool restore;
	struct syncnote note;
	struct ab_synchead head;
	int64_t last_seq;
	struct ab_syncway way;
	struct ab_syncresult *result;
};

/* Each part on the way, in order. */
typedef int part_visit(struct pulling *pulling, const struct ab_syncpart *part, struct ab_error *err);

static int
visit_list(struct pulling *pulling, const struct ab_syncparts *parts, part_visit *visit, struct ab_error *err)
{
	for (size_t i = 0; i < parts->count; i++)
		if (visit(pulling, &parts->part[i], err) < 0)
			return -1;
	return 0;
}

static int
visit_parts(struct pulling *pulling, part_visit *visit, struct ab_error *err)
{
	const struct ab_synchead *head = &pulling->head;

	if (pulling->way.whole && visit_list(pulling, &head->snapshot, visit, err) < 0)
		return -1;
	for (size_t i = pulling->way.segment; i < head->segments; i++)
		if (visit_list(pulling, &head->segment[i].parts, visit, err) < 0)
			return -1;
	return 0;
}

static int
count_part(struct pulling *pulling, const struct ab_syncpart *part, struct ab_error *err)
{
	(void)err;
	pulling->result->parts++;
	pulling->result->bytes += part->bytes;
	return 0;
}

/* ---- downloading ---- */

/* It has come whole when it is there: the name is this part's alone. */
static int
fetch_part(struct pulling *pulling, const struct ab_syncpart *part, struct ab_error *err)
{
	const struct ab_sync *sync = pulling->sync;
	AB_AUTO_FREE char *path = ab_sync_file(sync, part->name);
	struct ab_syncobject object;
	struct stat st;

	if (stat(path, &st) < 0 || st.st_size != part->plain_bytes) {
		const int64_t most = part->plain_bytes < PLAIN_MAX ? part->plain_bytes : PLAIN_MAX;
		if (sync->remote->get(sync->remote->data, part->name, path, true, part->sha256, most, &object, err) < 0) {
			if (err->code == AB_E_LIMIT_SIZE) /* the head says how long it is */
				err->code = AB_E_CORRUPT;
			return -1;
		}
	}
	pulling->result->parts++;
	pulling->result->bytes += part->bytes;
	return 0;
}

static int
fetch_and_tell(struct pulling *pulling, const struct ab_syncpart *part, struct ab_error *err)
{
	const struct ab_sync *sync = pulling->sync;

	if (fetch_part(pulling, part, err) < 0)
		return -1;
	if (sync->progress != NULL)
		sync->progress(sync->progress_data, (size_t)pulling->result->parts, 0, pulling->result->bytes);
	return 0;
}

/* ---- taking over ---- */

static int
take_line(void *data, unsigned long long number, const char *text, size_t len, struct ab_error *err)
{
	(void)number;
	return text == NULL ? ab_fail(err, AB_E_CORRUPT, "it is too long") : ab_kvcopy_take(data, text, len, err);
}

static int
take_part(struct pulling *pulling, const struct ab_syncpart *part, struct ab_error *err)
{
	AB_AUTO_FREE char *path = ab_sync_file(pulling->sync, part->name);
	AB_AUTO_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct ab_lines lines;

	if (fd < 0)
		return ab_fail_errno(err, errno, "open \"%s\"", path);
	ab_lines_init(&lines, (size_t)(part->plain_bytes < PLAIN_MAX ? part->plain_bytes : PLAIN_MAX) + 1);
	int status = ab_lines_read(&lines, fd, take_line, pulling->sync->kv, err);
	ab_lines_release(&lines);
	if (status < 0)
		ab_error_context(err, "%s/%s", pulling->sync->url, part->name);
	return status;
}

static int
drop_part(struct pulling *pulling, const struct ab_syncpart *part, struct ab_error *err)
{
	AB_AUTO_FREE char *path = ab_sync_file(pulling->sync, part->name);

	(void)err;
	(void)!unlink(path);
	return 0;
}

static int
take_all(struct pulling *pulling, struct ab_error *err)
{
	const struct ab_sync *sync = pulling->sync;
	struct syncnote *note = &pulling->note;
	int status = ab_kvcopy_begin(sync->kv, pulling->last_seq, pulling->head.seq, pulling->way.whole, err);

	if (status == 0)
		status = visit_parts(pulling, take_part, err);
	if (status == 0) {
		ab_syncnote_saw(note, &pulling->head, !pulling->restore);
		status = ab_syncnote_write(sync, note, true, err);
	}
	struct ab_error ignored;
	if (status < 0)
		(void)!ab_kvcopy_end(sync->kv, false, &ignored);
	else
		status = ab_kvcopy_end(sync->kv, true, err);
	/* What is wrong in a file will not be right the next time. */
	if (status == 0 || err->code == AB_E_CORRUPT)
		(void)visit_parts(pulling, drop_part, &ignored);
	return status;
}

/* ---- pull ---- */

/* The store is the copy's, as it was some time ago. */
static int
judge(struct pulling *pulling, struct ab_error *err)
{
	const struct ab_sync *sync = pulling->sync;
	const struct syncnote *note = &pulling->note;
	const struct ab_synchead *head = &pulling->head;

	if (pulling->restore && pulling->last_seq > 0) {
		ab_fail(err, AB_E_EXISTS, "the store holds something already (it is at change %" PRId64 ")", pulling->last_seq);
		ab_error_hint(err, "--db NEW-FILE to restore beside it, or move the old file away first");
		return -1;
	}
	if (pulling->last_seq == 0)
		return 0;
	if (note->copy[0] == '\0' || strcmp(note->copy, head->copy) != 0 || pulling->last_seq > note->seq)
		return ab_sync_conflict(sync, note, head, pulling->last_seq, err);
	if (head->generation < note->generation || head->seq < note->seq) {
		ab_fail(err, AB_E_UNAVAILABLE, "%s answers with an older head (change %" PRId64 ") than the one that this store has seen (%" PRId64 ")", sync->url,
		    head->seq, note->seq);
		ab_error_hint(err, "try again");
		return -1;
	}
	return 0;
}

/* 1: what was listed is no longer there, since somebody has pushed in the meantime. */
static int
pull_once(struct pulling *pulling, struct ab_error *err)
{
	const struct ab_sync *sync = pulling->sync;
	struct ab_syncresult *result = pulling->result;
	struct ab_syncobject object;
	int found = ab_sync_get_head(sync, &pulling->head, &object, err);

	if (found <= 0)
		return -1;
	(void)ab_syncnote_settle(&pulling->note, &pulling->head);
	/* Nothing new, whatever has changed here since. */
	result->moved = pulling->note.copy[0] == '\0' || strcmp(pulling->note.push, pulling->head.push) != 0;
	if ((result->moved || pulling->restore) && judge(pulling, err) < 0)
		return -1;
	result->parts = result->bytes = 0;
	ab_sync_tell(result, &pulling->head);
	pulling->way = ab_synchead_way(&pulling->head, pulling->last_seq);
	result->whole = result->moved && pulling->way.whole;
	if (!result->moved)
		return 0;
	if (sync->dry_run)
		return visit_parts(pulling, count_part, err);
	if (visit_parts(pulling, fetch_and_tell, err) < 0)
		return err->code == AB_E_NOT_FOUND ? 1 : -1;
	return take_all(pulling, err);
}

static int
pull(struct pulling *pulling, struct ab_error *err)
{
	const struct ab_sync *sync = pulling->sync;
	char push[AB_ID_SIZE] = "";
	int status = 1;

	if (ab_syncnote_read(sync, &pulling->note, err) < 0 || ab_kv_last_seq(sync->kv, &pulling->last_seq, err) < 0)
		return -1;
	pulling->result->from_seq = pulling->last_seq;
	for (int look = 0; status > 0 && look < LOOKS_MOST; look++) {
		status = pull_once(pulling, err);
		/* The same head again: it lists what is not there. */
		if (status > 0 && strcmp(push, pulling->head.push) == 0)
			break;
		memcpy(push, pulling->head.push, AB_ID_SIZE);
	}
	if (status <= 0)
		return status;
	err->code = AB_E_CORRUPT;
	ab_error_context(err, "%s lists what is not there", sync->url);
	ab_error_hint(err, "where the store is that pushed it: push to another prefix");
	return -1;
}

int
ab_sync_pull(const struct ab_sync *sync, bool restore, struct ab_syncresult *result, struct ab_error *err)
{
	struct pulling pulling = { .sync = sync, .restore = restore, .head = AB_SYNCHEAD_INIT, .result = result };

	*result = (struct ab_syncresult){ .seq = 0 };
	int status = pull(&pulling, err);
	ab_synchead_release(&pulling.head);
	ab_syncnote_release(&pulling.note);
	return status;
}
