/* For sync.c, syncpush.c and syncpull.c alone: what a store knows of its copy, and what push and pull have in common. */
#ifndef AB_DATA_SYNCNOTE_H
#define AB_DATA_SYNCNOTE_H

#include "data/sync.h"

/* A push that is under way: its parts, stored or waiting in the directory. */
struct staged {
	char push[AB_ID_SIZE]; /* "": none */
	int64_t from, to;      /* from 0: no segment */
	struct ab_syncparts segment, snapshot;
};

/* The note. All zero: the store has never met its copy. */
struct syncnote {
	char copy[AB_ID_SIZE], push[AB_ID_SIZE]; /* of the head seen last */
	int64_t generation, seq;
	bool following; /* it was pulled last, and not pushed */
	struct staged staged;
	struct ab_syncparts gone; /* nobody needs them any more; they are still stored */
};

void ab_syncnote_release(struct syncnote *note);
#define AB_AUTO_SYNCNOTE AB_CLEANUP(ab_syncnote_release)
int ab_syncnote_read(const struct ab_sync *sync, struct syncnote *note, struct ab_error *err) AB_MUST_USE;
/* within: in the transaction that goes on. */
int ab_syncnote_write(const struct ab_sync *sync, const struct syncnote *note, bool within, struct ab_error *err) AB_MUST_USE;
void ab_syncnote_drop_staged(struct syncnote *note);
/* A push that we were not told of took place when the head lists its parts, or is it: then what is staged is what was seen last. True: so
 * it is; the note is not written. */
bool ab_syncnote_settle(struct syncnote *note, const struct ab_synchead *head);
void ab_syncnote_saw(struct syncnote *note, const struct ab_synchead *head, bool following);

/* A path in sync->dir for a part's name; the caller frees. */
char *ab_sync_file(const struct ab_sync *sync, const char *name);
/* 1: head and its etag; 0: there is none, and err says so, as not_found. */
int ab_sync_get_head(const struct ab_sync *sync, struct ab_synchead *head, struct ab_syncobject *object, struct ab_error *err) AB_MUST_USE;
/* `conflict`: another one pushed. last_seq: of the store. */
int ab_sync_conflict(const struct ab_sync *sync, const struct syncnote *note, const struct ab_synchead *head, int64_t last_seq, struct ab_error *err);
void ab_sync_tell(struct ab_syncresult *result, const struct ab_synchead *head);

#endif
