/*
 * A store and its copy elsewhere (data/synchead.h): push what has changed, pull what others pushed, restore it whole.
 *
 * One store at a time is the writer: a head is only ever put in the place of the one that this store has seen last, so that two writers
 * never overwrite each other; the second is told `conflict`, and by whom. What a store has seen it keeps as a note in itself: a copy of
 * the file that goes back in time goes back in what it has seen, too.
 *
 * Everything that takes long can be broken off and begun again: parts that were uploaded are in the note, parts that were downloaded are
 * in the directory. A pull is one transaction: nobody sees half of it.
 */
#ifndef AB_DATA_SYNC_H
#define AB_DATA_SYNC_H

#include "data/kv.h"
#include "data/synchead.h"

/* An object that was read or written. */
struct ab_syncobject {
	char etag[130];
	int64_t bytes;
	char sha256[65];
};

/* Where the copy is. Names are relative to it; file is a path of ours, of the plain bytes: what is stored is compressed where zstd says so.
 * Errors: not_found, conflict (of a condition), corrupt, auth.failed, unavailable, timeout, …: final, whoever implements it tries again. */
struct ab_syncremote {
	void *data;
	/* sha256: of the object as it is stored; or NULL. most: bytes of the file. */
	int (*get)(void *data, const char *name, const char *file, bool zstd, const char *sha256, int64_t most, struct ab_syncobject *object, struct ab_error *err);
	/* if_match: an etag; "": only when there is none; NULL: whatever there is. What broke off may have happened. */
	int (*put)(void *data, const char *name, const char *file, bool zstd, const char *if_match, struct ab_syncobject *object, struct ab_error *err);
	int (*remove)(void *data, const char *name, struct ab_error *err);
};

struct ab_sync {
	struct ab_kv *kv; /* no group; opened for writing, but for a dry run */
	const char *url;  /* names the copy, in notes and messages */
	const char *dir;  /* ours alone while this lasts: parts lie there on their way */
	const char *writer; /* who this is, for others: "me@host" */
	const struct ab_syncremote *remote;
	bool dry_run; /* say what would be done */
	/* after each part; or NULL */
	void (*progress)(void *data, size_t done, size_t parts, int64_t bytes);
	void *progress_data;
};

struct ab_syncresult {
	int64_t from_seq, seq; /* of the last change that both had, and have now */
	int64_t parts, bytes;  /* moved, as stored; of a dry run of push: as lines, not compressed */
	bool whole;	       /* a snapshot was among it */
	bool moved;	       /* false: there was nothing to do */
	char writer[160];      /* who pushed last */
	int64_t at_ms;	       /* and when */
};

/* Errors: conflict, and those of the remote and the store. */
int ab_sync_push(const struct ab_sync *sync, struct ab_syncresult *result, struct ab_error *err) AB_MUST_USE;
/* The store has no changes of its own since it was pushed or pulled last, else conflict. restore: it is empty, else exists; it is the
 * writer's own from then on, and sweeps what expires. */
int ab_sync_pull(const struct ab_sync *sync, bool restore, struct ab_syncresult *result, struct ab_error *err) AB_MUST_USE;
/* Whether there is a copy: not_found. For who would have to make a store for it. */
int ab_sync_look(const struct ab_sync *sync, struct ab_error *err) AB_MUST_USE;
/* When all is done nobody needs what lies in the directory, also not what was left by one that broke off. */
void ab_sync_empty(const struct ab_sync *sync);

#endif
