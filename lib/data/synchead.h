/*
 * What a synchronised copy consists of: a list, the head, of immutable parts. The head is one JSON object in the place HEAD of the copy,
 * and nothing else there is ever changed:
 *
 *	{"format":"ab.kv.sync/1","copy":"<id>","push":"<id>","generation":3,"seq":900,"writer":"me@host","at_ms":…,
 *	 "snapshot":{"seq":500,"parts":[{"name":"snapshot/…/1.ndjson.zst","bytes":…,"sha256":"…","plain_bytes":…}]},
 *	 "segments":[{"from":501,"to":900,"parts":[…]}]}
 *
 * copy names it from its first push on; push is new each time. A segment holds the changes `from` to `to`, a snapshot the whole store as it
 * was at `seq`; segments from before the snapshot are there for readers that come from there. Parts are lines (data/kvline.h), compressed
 * by zstd (RFC 8878); bytes and sha256 are of the object as it is stored.
 */
#ifndef AB_DATA_SYNCHEAD_H
#define AB_DATA_SYNCHEAD_H

#include "core/buf.h"
#include "core/id.h"
#include "core/json.h"

#define AB_SYNC_HEAD "head.json"
#define AB_SYNC_HEAD_MAX ((size_t)16 << 20)

struct ab_syncpart {
	char *name;
	int64_t bytes, plain_bytes; /* as stored; as lines */
	char sha256[65];	    /* hex; empty: it is not stored yet */
};
struct ab_syncparts {
	struct ab_syncpart *part;
	size_t count, room;
};
struct ab_syncsegment {
	int64_t from, to;
	struct ab_syncparts parts;
};
struct ab_synchead {
	char copy[AB_ID_SIZE], push[AB_ID_SIZE];
	int64_t generation, seq, at_ms;
	char *writer;
	int64_t snapshot_seq; /* 0: there is none */
	struct ab_syncparts snapshot;
	struct ab_syncsegment *segment;
	size_t segments, room;
};

#define AB_SYNCHEAD_INIT { .generation = 0 }
#define AB_AUTO_SYNCHEAD AB_CLEANUP(ab_synchead_release)
void ab_synchead_release(struct ab_synchead *head);

/* A part that is to be stored. */
struct ab_syncpart *ab_syncparts_add(struct ab_syncparts *parts, const char *name, int64_t plain_bytes);
void ab_syncparts_release(struct ab_syncparts *parts);
int64_t ab_syncparts_bytes(const struct ab_syncparts *parts);
/* Takes the parts. */
void ab_synchead_add_segment(struct ab_synchead *head, int64_t from, int64_t to, struct ab_syncparts *parts);
/* In the place of the one that was; its parts, and those of segments that are no longer kept, go to `gone`. Takes the parts. */
void ab_synchead_set_snapshot(struct ab_synchead *head, int64_t seq, struct ab_syncparts *parts, struct ab_syncparts *gone);
/* Whether reading it from the beginning has become so long that a new snapshot pays. */
bool ab_synchead_wants_snapshot(const struct ab_synchead *head);

/* Parts as member `name`, and back. */
void ab_syncparts_write(struct ab_json *json, const char *name, const struct ab_syncparts *parts);
int ab_syncparts_read(struct ab_syncparts *parts, const struct ab_value *array, struct ab_error *err) AB_MUST_USE;
void ab_synchead_write(struct ab_json *json, const char *name, const struct ab_synchead *head);
/* Judged: version.newer for another format, corrupt for what does not hold together. What is in head is replaced. */
int ab_synchead_read(struct ab_synchead *head, const struct ab_value *value, struct ab_error *err) AB_MUST_USE;
int ab_synchead_parse(struct ab_synchead *head, const char *text, size_t len, struct ab_error *err) AB_MUST_USE;

/*
 * The way from a change to the head's: its parts in order are those of `segment` and the following ones, behind those of the snapshot
 * when whole is true.
 */
struct ab_syncway {
	bool whole;
	size_t segment;
};
struct ab_syncway ab_synchead_way(const struct ab_synchead *head, int64_t from_seq);

#endif
