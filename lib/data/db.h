/*
 * A SQLite database: the one door to sqlite3. State that many short processes use at the same time.
 *
 * How it is opened is decided here once for all tools (www.sqlite.org/wal.html, /pragma.html; the figures are of `make bench`):
 *
 *	journal       WAL: readers never wait. Refused on network file systems, whose shared memory is no such thing.
 *	synchronous   NORMAL: a process that dies loses nothing, a power cut may lose the last moments and never corrupts.
 *	              AB_DB_DURABLE: FULL, a commit is on the disk when it returns.
 *	writes        BEGIN IMMEDIATE: one that reads first and writes then never has to start again.
 *	busy          waits with jitter, up to a deadline: SQLite's own steps starve some of many writers.
 *	close         the last process folds the log (WAL) into the database, which costs four fsyncs: only when the log has grown.
 *	safety        DEFENSIVE, trusted_schema off, no extensions: a database may come from others. Mode 0600.
 *
 * A connection belongs to the process that opened it: none may be used across fork(2), and while one is open nobody in the process may
 * open(2) and close(2) the database otherwise (close(2) drops the locks of the whole process, fcntl(2)).
 */
#ifndef AB_DATA_DB_H
#define AB_DATA_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/mem.h"

struct ab_db;
struct ab_db_statement;

enum {
	AB_DB_READ = 1 << 0,	/* not to be written to; not made */
	AB_DB_DURABLE = 1 << 1, /* each commit is on the disk when it returns */
};

/* What a database is of. Statements are prepared at their first use, and kept. */
struct ab_db_schema {
	const char *name;	  /* for messages: "store" */
	uint32_t application_id;  /* of the file; another one's database is refused, file(1) shows it */
	int version;		  /* PRAGMA user_version; a larger one is version.newer, and untouched */
	const char *create;	  /* SQL that makes an empty database one of this version */
	const char *const *statements;
	size_t count;
};

/*
 * path: a file in a directory that exists, made when it does not exist (not with AB_DB_READ: not_found); ":memory:" is one of this process
 * alone. wait_ms: how long a statement may wait for other processes. schema is borrowed until the end.
 * Errors: corrupt, version.newer, unsupported (a network file system; another's database), denied.permission, busy, limit.storage, system.
 */
int ab_db_open(struct ab_db **db, const char *path, unsigned flags, int64_t wait_ms, const struct ab_db_schema *schema, struct ab_error *err) AB_MUST_USE;
void ab_db_close(struct ab_db *db);
void ab_db_close_indirect(struct ab_db **db);
#define AB_AUTO_DB AB_CLEANUP(ab_db_close_indirect)

const char *ab_db_path(const struct ab_db *db);

/* ---- transactions ---- */

/* write: nobody else writes until the end; fails with `gone` when the file was replaced while it was open. */
int ab_db_begin(struct ab_db *db, bool write, struct ab_error *err) AB_MUST_USE;
/* On failure the transaction is undone. */
int ab_db_commit(struct ab_db *db, struct ab_error *err) AB_MUST_USE;
void ab_db_rollback(struct ab_db *db);
bool ab_db_in_transaction(const struct ab_db *db);

/* ---- statements ---- */

/* Statement number of the schema, ready to be bound. One statement is in use once at a time: until ab_db_end() or the end of its rows. */
struct ab_db_statement *ab_db_use(struct ab_db *db, unsigned number);
/* at: from 1. Bytes are borrowed until the statement has ended; NULL data with len 0 is an empty blob. */
void ab_db_bind_bytes(struct ab_db_statement *statement, int at, const void *data, size_t len);
/* As UTF-8 text, not a blob. */
void ab_db_bind_text(struct ab_db_statement *statement, int at, const char *text, size_t len);
void ab_db_bind_integer(struct ab_db_statement *statement, int at, int64_t value);
void ab_db_bind_null(struct ab_db_statement *statement, int at);
/* The next row: 1; none any more: 0, the statement has ended; -1: so too. */
int ab_db_step(struct ab_db_statement *statement, struct ab_error *err) AB_MUST_USE;
/* Without rows, or without interest in them. Returns how many rows were changed, or -1. */
int64_t ab_db_run(struct ab_db_statement *statement, struct ab_error *err) AB_MUST_USE;
/* Not all rows are wanted; also after the last one. */
void ab_db_end(struct ab_db_statement *statement);
/* column: from 0; of the row that step gave. Bytes are the statement's until its next step or end. */
bool ab_db_is_null(struct ab_db_statement *statement, int column);
int64_t ab_db_integer(struct ab_db_statement *statement, int column);
const char *ab_db_bytes(struct ab_db_statement *statement, int column, size_t *len);

/* Statements that go on after this moment (AB_NEVER: none, as at the beginning) end with `timeout`. Not looked at while they wait. */
void ab_db_limit(struct ab_db *db, int64_t until_ms);

/* ---- words ---- */

/*
 * Words as FTS5 finds them with the tokenizer "unicode61 remove_diacritics 2" (www.sqlite.org/fts5.html): from byte `from` to before `to`;
 * true: no more. After the first call statements with a MATCH on a table with one such column have two functions, whose time is linear in
 * the phrases and their hits: word_rank(table), that orders as bm25() does; word_hit(table), the number of the word, from 0, where one of
 * the phrases has its first hit, with as many of the others behind it as can be.
 */
typedef bool ab_word_visit(void *data, size_t from, size_t to);
int ab_db_visit_words(struct ab_db *db, const char *text, size_t len, ab_word_visit *visit, void *data, struct ab_error *err) AB_MUST_USE;

/* ---- the whole ---- */

/* SQL of our own, run once. */
int ab_db_execute(struct ab_db *db, const char *sql, struct ab_error *err) AB_MUST_USE;
/* Whether all of it is sound: 0, or `corrupt` with the first thing that is not. Reads everything. */
/* For who finds that what the file holds cannot be: AB_E_CORRUPT, with the file's name and the way out. -1. */
int ab_db_fail_corrupt(const struct ab_db *db, const char *what, const char *why, struct ab_error *err);
int ab_db_check(struct ab_db *db, struct ab_error *err) AB_MUST_USE;
/* A copy as of now in a new file, while others go on; durable when it returns. exists: the file is there. */
int ab_db_backup(struct ab_db *db, const char *path, struct ab_error *err) AB_MUST_USE;
const char *ab_db_library_version(void);

#endif
