/* For storelite.c, storepast.c and storetext.c alone: the engine, its statements, and what they need of each other. */
#ifndef AB_DATA_STORELITE_H
#define AB_DATA_STORELITE_H

#include "data/db.h"
#include "data/store.h"

enum {
	GET,
	PUT,
	PUT_REST,
	REMOVE,
	RANGE,
	RANGE_REVERSE,
	EXPIRED,
	CHUNKS,
	LAST_CHUNK,
	PUT_CHUNK,
	REMOVE_CHUNKS,
	LAST_SEQ,
	LOG,
	CHANGES,
	FORGET,
	KEEP,
	PAST,
	PAST_BEHIND,
	PAST_KEY,
	REMOVE_PAST,
	GET_NAMESPACE,
	PUT_NAMESPACE,
	NEXT_NAMESPACE,
	NEXT_NAMESPACE_REVERSE,
	COUNT,
	TORN_ENTRY,
	TORN_PAST,
	HAS_INDEX,
	IS_INDEXED,
	ADD_INDEXED,
	REMOVE_INDEXED,
	ADD_WORDS,
	REMOVE_WORDS,
	SEARCH,
	OLDS,
	SETTINGS,
	GET_NOTE,
	PUT_NOTE,
	REMOVE_NOTE,
	STATEMENTS
};

struct storelite {
	const struct ab_store_engine *engine;
	struct ab_db *db;
	struct ab_buf value; /* of the entry that is visited */
	struct ab_buf name[2]; /* of the last two entries that were got */
	unsigned turn;
};

/* Behind every name. */
extern const struct ab_span ab_storelite_end;

static inline struct storelite *
lite(struct ab_store *store)
{
	return (struct storelite *)store;
}

static inline void
bind_span(struct ab_db_statement *statement, int at, struct ab_span span)
{
	ab_db_bind_bytes(statement, at, span.data, span.len);
}

static inline struct ab_span
column_span(struct ab_db_statement *statement, int column)
{
	struct ab_span span = { .len = 0 };

	span.data = ab_db_bytes(statement, column, &span.len);
	return span;
}

static inline void
set_buf(struct ab_buf *buf, struct ab_span span)
{
	ab_buf_truncate(buf, 0);
	ab_buf_put(buf, span.data, span.len);
}

/* The columns of an entry, but for the value. */
void ab_storelite_read_entry(struct ab_db_statement *statement, struct ab_entry *entry);
/* What a namespace was told, but for its name. */
void ab_storelite_read_namespace(struct ab_db_statement *statement, struct ab_namespace *namespace);
/* Rows of entries to a visitor. 0: all, 1: it has enough, -1. */
int ab_storelite_visit(struct storelite *lite, struct ab_db_statement *statement, bool values, ab_entry_visit *visit, void *data, struct ab_error *err);
/* The namespace next to one, between two bounds: 1 and its name in `found`, 0, -1. */
int ab_storelite_next_namespace(struct storelite *lite, bool reverse, struct ab_span from, struct ab_span to, struct ab_buf *found, struct ab_error *err);
/* Of a value; id 0: it has none. */
int ab_storelite_remove_chunks(struct storelite *lite, int64_t id, struct ab_error *err);

/* Of the engine's row: storewhole.c. */
int ab_storelite_olds(struct ab_store *store, bool values, ab_entry_visit *visit, void *data, struct ab_error *err);
int ab_storelite_settings(struct ab_store *store, ab_settings_visit *visit, void *data, struct ab_error *err);
int ab_storelite_clear(struct ab_store *store, struct ab_error *err);
int ab_storelite_get_note(struct ab_store *store, const char *name, struct ab_buf *text, struct ab_error *err);
int ab_storelite_put_note(struct ab_store *store, const char *name, const struct ab_span *text, struct ab_error *err);

/* Of the engine's row: storetext.c. */
int ab_storelite_index(struct ab_store *store, struct ab_span ns, struct ab_span key, const struct ab_span *text, struct ab_error *err);
int ab_storelite_search(struct ab_store *store, const struct ab_search *search, ab_found_visit *visit, void *data, struct ab_error *err);

/* Of the engine's row: storepast.c. */
int ab_storelite_last_seq(struct ab_store *store, int64_t *seq, struct ab_error *err);
int ab_storelite_log(struct ab_store *store, const struct ab_change *change, struct ab_error *err);
int ab_storelite_changes(struct ab_store *store, int64_t from_seq, ab_change_visit *visit, void *data, struct ab_error *err);
int ab_storelite_forget(struct ab_store *store, int64_t before_seq, struct ab_error *err);
int ab_storelite_keep(struct ab_store *store, struct ab_entry *old, struct ab_error *err);
int ab_storelite_past(struct ab_store *store, struct ab_span ns, struct ab_span key, int64_t seq, bool values, ab_entry_visit *visit, void *data,
    struct ab_error *err);
int ab_storelite_trim(struct ab_store *store, struct ab_span ns, struct ab_span key, int64_t most, int64_t since_ms, struct ab_error *err);
int ab_storelite_get_namespace(struct ab_store *store, struct ab_span name, struct ab_namespace *namespace, struct ab_error *err);
int ab_storelite_put_namespace(struct ab_store *store, const struct ab_namespace *namespace, struct ab_error *err);
int ab_storelite_namespaces(struct ab_store *store, struct ab_span outer, int64_t now_ms, ab_namespace_visit *visit, void *data, struct ab_error *err);

#endif
