/* The head of a synchronised copy. */
#include "data/synchead.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "ab.kv.sync/1"
#define FORMATS "ab.kv.sync/"
#define SEGMENTS_KEPT 32	    /* behind a snapshot, for readers that come from before it */
#define SEGMENTS_MOST 64	    /* without a new snapshot */
#define BYTES_LEAST ((int64_t)4 << 20) /* of segments, before their size is a reason for one */
#define PART_MOST ((int64_t)1 << 43)   /* bytes: all that a head of AB_SYNC_HEAD_MAX can list is less than INT64_MAX together */
#define NUMBER_MOST ((int64_t)1 << 53) /* of changes and pushes: all numbers of a store are below it, and can be counted on from */

/* ---- parts ---- */

void
ab_syncparts_release(struct ab_syncparts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		free(parts->part[i].name);
	free(parts->part);
	parts->part = NULL;
	parts->count = parts->room = 0;
}

/* Twice as many each time: a head may list very many. */
static size_t
roomier(size_t room)
{
	return room == 0 ? 8 : 2 * room;
}

struct ab_syncpart *
ab_syncparts_add(struct ab_syncparts *parts, const char *name, int64_t plain_bytes)
{
	if (parts->count == parts->room) {
		parts->room = roomier(parts->room);
		parts->part = ab_reallocarray(parts->part, parts->room, sizeof(*parts->part));
	}
	struct ab_syncpart *part = &parts->part[parts->count++];
	*part = (struct ab_syncpart){ .name = ab_strdup(name), .plain_bytes = plain_bytes };
	return part;
}

int64_t
ab_syncparts_bytes(const struct ab_syncparts *parts)
{
	int64_t bytes = 0;

	for (size_t i = 0; i < parts->count; i++)
		bytes += parts->part[i].bytes;
	return bytes;
}

/* All of one list behind those of another. */
static void
move_parts(struct ab_syncparts *to, struct ab_syncparts *from)
{
	if (from->count > 0) {
		to->room = to->count + from->count;
		to->part = ab_reallocarray(to->part, to->room, sizeof(*to->part));
		memcpy(to->part + to->count, from->part, from->count * sizeof(*from->part));
		to->count = to->room;
	}
	free(from->part);
	*from = (struct ab_syncparts){ .part = NULL };
}

/* ---- segments ---- */

void
ab_synchead_release(struct ab_synchead *head)
{
	for (size_t i = 0; i < head->segments; i++)
		ab_syncparts_release(&head->segment[i].parts);
	free(head->segment);
	ab_syncparts_release(&head->snapshot);
	free(head->writer);
	memset(head, 0, sizeof(*head)); /* clang-tidy does not see that an assignment clears it */
}

void
ab_synchead_add_segment(struct ab_synchead *head, int64_t from, int64_t to, struct ab_syncparts *parts)
{
	if (head->segments == head->room) {
		head->room = roomier(head->room);
		head->segment = ab_reallocarray(head->segment, head->room, sizeof(*head->segment));
	}
	struct ab_syncsegment *segment = &head->segment[head->segments++];
	*segment = (struct ab_syncsegment){ .from = from, .to = to };
	move_parts(&segment->parts, parts);
}

void
ab_synchead_set_snapshot(struct ab_synchead *head, int64_t seq, struct ab_syncparts *parts, struct ab_syncparts *gone)
{
	size_t surplus = head->segments > SEGMENTS_KEPT ? head->segments - SEGMENTS_KEPT : 0;

	if (head->segments > 0 && head->segment[head->segments - 1].to != seq) /* they lead nowhere */
		surplus = head->segments;
	move_parts(gone, &head->snapshot);
	move_parts(&head->snapshot, parts);
	head->snapshot_seq = seq;
	for (size_t i = 0; i < surplus; i++)
		move_parts(gone, &head->segment[i].parts);
	head->segments -= surplus;
	if (surplus > 0)
		memmove(head->segment, head->segment + surplus, head->segments * sizeof(*head->segment));
}

bool
ab_synchead_wants_snapshot(const struct ab_synchead *head)
{
	int64_t bytes = 0, whole = ab_syncparts_bytes(&head->snapshot);
	size_t count = 0;

	for (size_t i = 0; i < head->segments; i++) {
		if (head->segment[i].to <= head->snapshot_seq)
			continue;
		bytes += ab_syncparts_bytes(&head->segment[i].parts);
		count++;
	}
	return count >= SEGMENTS_MOST || bytes > (whole > BYTES_LEAST ? whole : BYTES_LEAST);
}

struct ab_syncway
ab_synchead_way(const struct ab_synchead *head, int64_t from_seq)
{
	size_t i = 0;

	while (i < head->segments && head->segment[i].to <= from_seq)
		i++;
	if (i == head->segments ? from_seq == head->seq : head->segment[i].from == from_seq + 1)
		return (struct ab_syncway){ .segment = i };
	for (i = 0; i < head->segments && head->segment[i].to <= head->snapshot_seq;)
		i++;
	return (struct ab_syncway){ .whole = true, .segment = i };
}

/* ---- as JSON ---- */

void
ab_syncparts_write(struct ab_json *json, const char *name, const struct ab_syncparts *parts)
{
	ab_json_array(json, name);
	for (size_t i = 0; i < parts->count; i++) {
		const struct ab_syncpart *part = &parts->part[i];
		ab_json_object(json, NULL);
		ab_json_string(json, "name", part->name);
		ab_json_integer(json, "bytes", part->bytes);
		ab_json_string(json, "sha256", part->sha256);
		ab_json_integer(json, "plain_bytes", part->plain_bytes);
		ab_json_object_end(json);
	}
	ab_json_array_end(json);
}

void
ab_synchead_write(struct ab_json *json, const char *name, const struct ab_synchead *head)
{
	ab_json_object(json, name);
	ab_json_string(json, "format", FORMAT);
	ab_json_string(json, "copy", head->copy);
	ab_json_string(json, "push", head->push);
	ab_json_integer(json, "generation", head->generation);
	ab_json_integer(json, "seq", head->seq);
	ab_json_string(json, "writer", head->writer);
	ab_json_integer(json, "at_ms", head->at_ms);
	ab_json_object(json, "snapshot");
	ab_json_integer(json, "seq", head->snapshot_seq);
	ab_syncparts_write(json, "parts", &head->snapshot);
	ab_json_object_end(json);
	ab_json_array(json, "segments");
	for (size_t i = 0; i < head->segments; i++) {
		ab_json_object(json, NULL);
		ab_json_integer(json, "from", head->segment[i].from);
		ab_json_integer(json, "to", head->segment[i].to);
		ab_syncparts_write(json, "parts", &head->segment[i].parts);
		ab_json_object_end(json);
	}
	ab_json_array_end(json);
	ab_json_object_end(json);
}

/* Names are ours: they lead to nothing else, here or there. */
static bool
is_name(const char *name)
{
	return (strncmp(name, "snapshot/", 9) == 0 || strncmp(name, "segment/", 8) == 0) && strlen(name) < 200 && strstr(name, "..") == NULL &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") == strlen(name);
}

static bool
is_hash(const char *hash)
{
	return hash[0] == '\0' || (strlen(hash) == 64 && strspn(hash, "0123456789abcdef") == 64);
}

int
ab_syncparts_read(struct ab_syncparts *parts, const struct ab_value *array, struct ab_error *err)
{
	for (size_t i = 0; i < ab_value_count(array); i++) {
		const struct ab_value *value = ab_value_at(array, i);
		const char *name = ab_value_get_string(value, "name", ""), *hash = ab_value_get_string(value, "sha256", "");
		int64_t bytes = ab_value_get_integer(value, "bytes", -1), plain_bytes = ab_value_get_integer(value, "plain_bytes", -1);
		if (!is_name(name) || !is_hash(hash) || bytes < 0 || bytes > PART_MOST || plain_bytes < 0 || plain_bytes > PART_MOST)
			return ab_fail(err, AB_E_CORRUPT, "part %zu is not described as it should be", i + 1);
		struct ab_syncpart *part = ab_syncparts_add(parts, name, plain_bytes);
		part->bytes = bytes;
		memcpy(part->sha256, hash, strlen(hash) + 1);
	}
	return 0;
}

static int
read_id(char id[static AB_ID_SIZE], const struct ab_value *value, const char *name, struct ab_error *err)
{
	const char *text = ab_value_get_string(value, name, "");

	if (strlen(text) != AB_ID_SIZE - 1)
		return ab_fail(err, AB_E_CORRUPT, "\"%s\" is no identifier", name);
	memcpy(id, text, AB_ID_SIZE);
	return 0;
}

static int
read_segments(struct ab_synchead *head, const struct ab_value *array, struct ab_error *err)
{
	for (size_t i = 0; i < ab_value_count(array); i++) {
		const struct ab_value *value = ab_value_at(array, i);
		int64_t from = ab_value_get_integer(value, "from", 0), to = ab_value_get_integer(value, "to", 0);
		struct ab_syncparts parts = { .part = NULL };
		if (from < 1 || to < from || (i > 0 && from - 1 != head->segment[i - 1].to))
			return ab_fail(err, AB_E_CORRUPT, "segment %zu (changes %" PRId64 " to %" PRId64 ") does not follow what is before it", i + 1, from, to);
		int status = ab_syncparts_read(&parts, ab_value_get(value, "parts"), err);
		ab_synchead_add_segment(head, from, to, &parts);
		if (status < 0)
			return -1;
	}
	return 0;
}

/* What is listed is stored, and can be known again. */
static bool
all_stored(const struct ab_syncparts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		if (parts->part[i].sha256[0] == '\0')
			return false;
	return true;
}

/* Snapshot and segments lead to the last change, wherever one comes from. */
static int
check_way(const struct ab_synchead *head, struct ab_error *err)
{
	int64_t to = head->segments > 0 ? head->segment[head->segments - 1].to : head->snapshot_seq;
	bool stored = all_stored(&head->snapshot);

	for (size_t i = 0; i < head->segments; i++)
		stored = stored && all_stored(&head->segment[i].parts);
	if (!stored)
		return ab_fail(err, AB_E_CORRUPT, "a part has no SHA-256");
	if (to != head->seq)
		return ab_fail(err, AB_E_CORRUPT, "its parts end at change %" PRId64 ", and not at %" PRId64, to, head->seq);
	if ((head->snapshot_seq != 0) != (head->snapshot.count > 0) || ab_synchead_way(head, head->snapshot_seq).whole)
		return ab_fail(err, AB_E_CORRUPT, "there is no way from its snapshot to change %" PRId64, head->seq);
	return 0;
}

static int
read_head(struct ab_synchead *head, const struct ab_value *value, struct ab_error *err)
{
	const struct ab_value *snapshot = ab_value_get(value, "snapshot");
	const char *format = ab_value_get_string(value, "format", "");

	if (strcmp(format, FORMAT) != 0 && strncmp(format, FORMATS, sizeof(FORMATS) - 1) == 0) {
		ab_fail(err, AB_E_VERSION_NEWER, "it is of format \"%.40s\", and this is %s", format, FORMAT);
		ab_error_hint(err, "use the ab that made it, or a newer one");
		return -1;
	}
	if (strcmp(format, FORMAT) != 0)
		return ab_fail(err, AB_E_CORRUPT, "it is no head of a copy");
	if (read_id(head->copy, value, "copy", err) < 0 || read_id(head->push, value, "push", err) < 0)
		return -1;
	head->generation = ab_value_get_integer(value, "generation", 0);
	head->seq = ab_value_get_integer(value, "seq", 0);
	head->at_ms = ab_value_get_integer(value, "at_ms", 0);
	head->writer = ab_strdup(ab_value_get_string(value, "writer", "somebody"));
	head->snapshot_seq = ab_value_get_integer(snapshot, "seq", 0);
	if (head->generation < 1 || head->generation > NUMBER_MOST || head->seq < 1 || head->seq > NUMBER_MOST)
		return ab_fail(err, AB_E_CORRUPT, "its numbers are not those of a copy");
	if (ab_syncparts_read(&head->snapshot, ab_value_get(snapshot, "parts"), err) < 0 || read_segments(head, ab_value_get(value, "segments"), err) < 0)
		return -1;
	return check_way(head, err);
}

int
ab_synchead_read(struct ab_synchead *head, const struct ab_value *value, struct ab_error *err)
{
	ab_synchead_release(head);
	if (read_head(head, value, err) == 0)
		return 0;
	ab_synchead_release(head);
	return -1;
}

int
ab_synchead_parse(struct ab_synchead *head, const char *text, size_t len, struct ab_error *err)
{
	AB_AUTO_VALUE struct ab_value *value = ab_value_parse(text, len, err);

	if (value != NULL)
		return ab_synchead_read(head, value, err);
	err->code = AB_E_CORRUPT;
	return -1;
}
