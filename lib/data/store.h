/*
 * The store: entries by namespace and key, and the log of their changes. What an engine does, and all that ab-kv asks of one.
 *
 * The interface is as small as it can be: a transaction; get, put, range; changes since a number. Everything that a user calls a feature
 * (versions, conditions, expiry, history, quotas) is made of these by data/kv.c, once for all engines. Today's engine is one SQLite file
 * (data/storelite.c). Another one, an SQL server that many hosts share, has the same tables and fits without a change above it:
 *
 *	- a write transaction is serialisable, and the whole of it may have to be done again: begin, commit and every call between
 *	  may fail with `busy`, after which nothing of it has happened (PostgreSQL: 40001; here: a lock that was not to be had in time);
 *	- numbers of changes come from the store (last_seq) and grow within a transaction: no engine needs a sequence that never has gaps;
 *	- nothing is read by position, and nothing is kept open between two calls: a range names where it begins and is given in pieces;
 *	- values come whole, and an engine cuts them as it likes.
 *
 * Names and values are bytes. What a call gives is the engine's until the next call; what it is given it copies.
 */
#ifndef AB_DATA_STORE_H
#define AB_DATA_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/error.h"

struct ab_span {
	const char *data;
	size_t len;
};

/* An entry, without its value. */
struct ab_entry {
	struct ab_span ns, key;
	int64_t seq;	    /* of its last change, and so its version: never given twice, and only ever larger */
	int64_t created_ms; /* unix time, milliseconds */
	int64_t updated_ms;
	int64_t expires_ms; /* AB_NEVER: never */
	int64_t size;	    /* of its value, bytes */
	int64_t value_id;   /* the engine's own: where the value lies */
};

enum ab_change_kind { AB_CHANGE_PUT = 1, AB_CHANGE_DELETE = 2, AB_CHANGE_EXPIRE = 3 };

struct ab_change {
	int64_t seq, at_ms;
	enum ab_change_kind kind;
	struct ab_span ns, key;
};

/* What a namespace was told to do; those never told anything have none. */
struct ab_namespace {
	struct ab_span name;
	int64_t history;	/* old versions that are kept of a key */
	int64_t history_age_ms; /* and for how long; AB_NEVER */
	int64_t max_bytes;	/* of its keys and values; INT64_MAX: no bound, and nothing is counted */
	int64_t bytes;		/* what they are */
	bool search;		/* its values are indexed as text */
};

/* Entries of one namespace, or with `nested` of those below it too, in the order of (namespace, key), bytes compared. */
struct ab_range {
	struct ab_span ns;
	bool nested;
	struct ab_span prefix;	  /* keys begin so */
	struct ab_span from, to;  /* keys: from the one, up to and without the other; data NULL: unbounded */
	struct ab_span after_ns, after; /* behind this entry (before it, when reverse); data NULL: from the beginning */
	bool reverse, values;
	int64_t now_ms; /* what has expired by then is not there */
};

/* Called for each; value: NULL unless asked for. Returns 0 to go on, 1 to end, -1 with err. */
typedef int ab_entry_visit(void *data, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err);
typedef int ab_change_visit(void *data, const struct ab_change *change, struct ab_error *err);
typedef int ab_namespace_visit(void *data, struct ab_span name, int64_t keys, int64_t bytes, struct ab_error *err);
typedef int ab_settings_visit(void *data, const struct ab_namespace *namespace, struct ab_error *err);

/* Values as text, of namespaces that are indexed. */
struct ab_search {
	struct ab_span ns;
	bool nested;
	const char *query; /* words; "a phrase"; a prefix*; AND, OR, NOT (www.sqlite.org/fts5.html, section 3) */
	int64_t limit;
	int64_t now_ms;
};
/* Best first. snippet: a few words around what was found. */
typedef int ab_found_visit(void *data, const struct ab_entry *entry, struct ab_span snippet, struct ab_error *err);

struct ab_store; /* an engine's own begins with `const struct ab_store_engine *engine` */

struct ab_store_engine {
	const char *name;
	void (*close)(struct ab_store *store);

	int (*begin)(struct ab_store *store, bool write, struct ab_error *err);
	int (*commit)(struct ab_store *store, struct ab_error *err);
	void (*rollback)(struct ab_store *store);

	/* 1: there is one, also when it has expired; 0: none; value: appended to, or NULL. */
	int (*get)(struct ab_store *store, struct ab_span ns, struct ab_span key, struct ab_entry *entry, struct ab_buf *value, struct ab_error *err);
	/* In the place of what was there. old: that entry, as get gave it in this transaction; NULL: none. value NULL: it stays as it is
	   (old is then given). */
	int (*put)(struct ab_store *store, const struct ab_entry *entry, const struct ab_entry *old, const struct ab_span *value, struct ab_error *err);
	/* As put, with more bytes at the end of old's value; entry->size counts them. */
	int (*append)(struct ab_store *store, const struct ab_entry *entry, const struct ab_entry *old, struct ab_span more, struct ab_error *err);
	int (*remove)(struct ab_store *store, const struct ab_entry *old, struct ab_error *err);
	int (*range)(struct ab_store *store, const struct ab_range *range, ab_entry_visit *visit, void *data, struct ab_error *err);
	/* Entries that expired by now_ms, at most `most` of them, soonest first. */
	int (*expired)(struct ab_store *store, int64_t now_ms, unsigned most, ab_entry_visit *visit, void *data, struct ab_error *err);

	/* The number of the last change; 0: none ever. */
	int (*last_seq)(struct ab_store *store, int64_t *seq, struct ab_error *err);
	int (*log)(struct ab_store *store, const struct ab_change *change, struct ab_error *err);
	/* Changes from seq on, in order. */
	int (*changes)(struct ab_store *store, int64_t from_seq, ab_change_visit *visit, void *data, struct ab_error *err);
	/* Forget those before seq; the last one is always kept. */
	int (*forget)(struct ab_store *store, int64_t before_seq, struct ab_error *err);

	/* Old versions of a key. keep: old becomes one, and its value is that one's from now on (old->value_id is cleared: what put and
	   remove are then given). past: newest first, from seq on. trim: those that are not among the newest `most`, or older than
	   since_ms, go; key with data NULL: of each key of the namespace. */
	int (*keep)(struct ab_store *store, struct ab_entry *old, struct ab_error *err);
	int (*past)(struct ab_store *store, struct ab_span ns, struct ab_span key, int64_t seq, bool values, ab_entry_visit *visit, void *data, struct ab_error *err);
	int (*trim)(struct ab_store *store, struct ab_span ns, struct ab_span key, int64_t most, int64_t since_ms, struct ab_error *err);

	/* 1: it was told something; 0: the defaults are given. */
	int (*get_namespace)(struct ab_store *store, struct ab_span name, struct ab_namespace *namespace, struct ab_error *err);
	int (*put_namespace)(struct ab_store *store, const struct ab_namespace *namespace, struct ab_error *err);
	/* Those that have entries, in order; name, and those below it; data NULL: all. */
	int (*namespaces)(struct ab_store *store, struct ab_span name, int64_t now_ms, ab_namespace_visit *visit, void *data, struct ab_error *err);

	/* The text of a key, in the place of what was known; text NULL: it has none. */
	int (*index)(struct ab_store *store, struct ab_span ns, struct ab_span key, const struct ab_span *text, struct ab_error *err);
	/* input.invalid: not a query. */
	int (*search)(struct ab_store *store, const struct ab_search *search, ab_found_visit *visit, void *data, struct ab_error *err);

	/* For copies of the whole: the old versions of all keys, also of those that are gone, in the order of (namespace, key, seq); all that
	   namespaces were told, in the order of their names; everything goes, but notes. */
	int (*olds)(struct ab_store *store, bool values, ab_entry_visit *visit, void *data, struct ab_error *err);
	int (*settings)(struct ab_store *store, ab_settings_visit *visit, void *data, struct ab_error *err);
	int (*clear)(struct ab_store *store, struct ab_error *err);
	/* A note is ours, about the store itself: no namespace has it, nothing logs it. 1: it is there, and appended to text; 0. put_note with
	   text NULL: it goes. */
	int (*get_note)(struct ab_store *store, const char *name, struct ab_buf *text, struct ab_error *err);
	int (*put_note)(struct ab_store *store, const char *name, const struct ab_span *text, struct ab_error *err);

	int (*check)(struct ab_store *store, struct ab_error *err);
	int (*backup)(struct ab_store *store, const char *path, struct ab_error *err);
};

struct ab_store {
	const struct ab_store_engine *engine;
};

enum { AB_STORE_READ = 1 << 0, AB_STORE_DURABLE = 1 << 1 };

/* One SQLite file; the errors are those of ab_db_open(). */
int ab_storelite_open(struct ab_store **store, const char *path, unsigned flags, int64_t wait_ms, struct ab_error *err) AB_MUST_USE;

static inline int
ab_span_compare(struct ab_span a, struct ab_span b)
{
	int order = a.len == 0 || b.len == 0 ? 0 : __builtin_memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

#endif
