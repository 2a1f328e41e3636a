/* SQLite databases. */
#include "data/db.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/time.h"
#include "data/dbfile.h"

#define LOG_KEPT ((off_t)128 << 10) /* a log (WAL) that is left to the next process */
#define WAIT_LEAST_US 200
#define WAIT_MOST_US 16000
#define STEPS 1000	/* of SQLite's machine from one look at the clock to the next */
#define HITS_MOST 4096	/* more of one phrase in one text hardly change its rank */
#define FIRST_MOST 128	/* phrases whose first hits are compared */
#define NEAR_WORDS 12

struct ab_db_statement {
	struct ab_db *db;
	sqlite3_stmt *stmt;
	int failed; /* what binding gave, told by step */
};

struct ab_db {
	sqlite3 *sqlite;
	char *path;
	const struct ab_db_schema *schema;
	int64_t wait_ms, waiting_until_ms, until_ms; /* until_ms: of statements under ab_db_limit() */
	unsigned random;
	bool memory;
	fts5_api *words; /* when ab_db_visit_words() was called */
	struct ab_db_statement statement[];
};

/* ---- errors ---- */

int
ab_db_fail_corrupt(const struct ab_db *db, const char *what, const char *why, struct ab_error *err)
{
	ab_fail(err, AB_E_CORRUPT, "%s \"%s\": %s: %s", db->schema->name, db->path, what, why);
	ab_error_hint(err, "move the file away and bring back a backup; sqlite3 '%s' .recover saves what can be read", db->path);
	return -1;
}

static int
fail(struct ab_db *db, int code, const char *what, struct ab_error *err)
{
	const char *why = db->sqlite != NULL && sqlite3_extended_errcode(db->sqlite) == code ? sqlite3_errmsg(db->sqlite) : sqlite3_errstr(code);
	int system_errno = db->sqlite != NULL ? sqlite3_system_errno(db->sqlite) : errno;
	char waited[AB_UNIT_SIZE];

	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		ab_fail(err, AB_E_BUSY, "%s \"%s\": %s: other processes held it for %s", db->schema->name, db->path, what,
		    ab_duration_format(waited, db->wait_ms));
		ab_error_hint(err, "try again");
		return -1;
	case SQLITE_INTERRUPT:
		return ab_fail(err, AB_E_TIMEOUT, "%s \"%s\": %s: the time for it ran out", db->schema->name, db->path, what);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_CONSTRAINT: /* no statement breaks one, where the file is sound */
		return ab_db_fail_corrupt(db, what, why, err);
	case SQLITE_FULL:
		ab_fail(err, AB_E_LIMIT_STORAGE, "%s \"%s\": %s: the disk is full", db->schema->name, db->path, what);
		ab_error_hint(err, "make room; nothing that was there is lost");
		return -1;
	case SQLITE_TOOBIG:
		return ab_fail(err, AB_E_LIMIT_SIZE, "%s \"%s\": %s: %s", db->schema->name, db->path, what, why);
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		ab_fail(err, AB_E_DENIED_PERMISSION, "%s \"%s\": %s: %s", db->schema->name, db->path, what, why);
		return ab_dbfile_hint(db->path, err);
	case SQLITE_CANTOPEN:
		if (system_errno == ENOSPC || system_errno == EDQUOT)
			return ab_fail(err, AB_E_LIMIT_STORAGE, "%s \"%s\": %s: the disk is full", db->schema->name, db->path, what);
		ab_fail_errno(err, system_errno != 0 ? system_errno : ENOENT, "%s \"%s\": %s", db->schema->name, db->path, what);
		return ab_dbfile_hint(db->path, err);
	case SQLITE_IOERR:
		if (system_errno == ENOSPC || system_errno == EDQUOT)
			return ab_fail(err, AB_E_LIMIT_STORAGE, "%s \"%s\": %s: the disk is full", db->schema->name, db->path, what);
		return ab_fail(err, AB_E_SYSTEM, "%s \"%s\": %s: %s%s%s", db->schema->name, db->path, what, why, system_errno != 0 ? ": " : "",
		    system_errno != 0 ? strerror(system_errno) : "");
	default:
		return ab_fail(err, AB_E_INTERNAL, "%s \"%s\": %s: %s", db->schema->name, db->path, what, why);
	}
}

/* ---- waiting for others ---- */

/* Twice as long each time, and never in step with the others. */
static int
busy(void *data, int count)
{
	struct ab_db *db = data;
	int64_t now_ms = ab_now_ms(), most_us = (int64_t)WAIT_LEAST_US << (count < 7 ? count : 7);

	if (count == 0)
		db->waiting_until_ms = db->wait_ms == AB_NEVER ? AB_NEVER : now_ms + db->wait_ms;
	if (now_ms >= db->waiting_until_ms)
		return 0;
	if (most_us > WAIT_MOST_US)
		most_us = WAIT_MOST_US;
	int64_t wait_us = most_us / 2 + rand_r(&db->random) % (most_us / 2 + 1);
	const struct timespec wait = { .tv_nsec = wait_us * 1000 };
	nanosleep(&wait, NULL);
	return 1;
}

/* ---- opening ---- */

static int
get_pragma(struct ab_db *db, const char *sql, int64_t *value, struct ab_error *err)
{
	sqlite3_stmt *stmt = NULL;

	*value = 0;
	int code = sqlite3_prepare_v2(db->sqlite, sql, -1, &stmt, NULL);

	if (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		*value = sqlite3_column_int64(stmt, 0);
		code = SQLITE_OK;
	}
	sqlite3_finalize(stmt);
	return code == SQLITE_OK ? 0 : fail(db, code, "open", err);
}

static int
execute(struct ab_db *db, const char *sql, const char *what, struct ab_error *err)
{
	int code = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : fail(db, code, what, err);
}

/* The journal is the log (WAL); where it is so this costs nothing. Of processes that change it at the same time SQLite refuses all but
 * one, at once: it asks the busy handler only where waiting cannot block the others for ever. */
static int
use_log(struct ab_db *db, struct ab_error *err)
{
	const int64_t until_ms = db->wait_ms == AB_NEVER ? AB_NEVER : ab_now_ms() + db->wait_ms;
	const struct timespec wait = { .tv_nsec = WAIT_LEAST_US * 1000 * (1 + rand_r(&db->random) % 16) };

	while (!db->memory) {
		int code = sqlite3_exec(db->sqlite, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
		if (code == SQLITE_OK)
			break;
		if ((code & 0xff) != SQLITE_BUSY || ab_now_ms() >= until_ms)
			return fail(db, code, "open", err);
		nanosleep(&wait, NULL);
	}
	return 0;
}

/* An empty file becomes a database; who comes second finds that it is one. */
static int
make(struct ab_db *db, struct ab_error *err)
{
	const struct ab_db_schema *schema = db->schema;
	int64_t version = 0, id = 0;
	char stamp[128];

	if (use_log(db, err) < 0 || ab_db_begin(db, true, err) < 0)
		return -1;
	if (get_pragma(db, "PRAGMA user_version", &version, err) < 0 || get_pragma(db, "PRAGMA application_id", &id, err) < 0) {
		ab_db_rollback(db);
		return -1;
	}
	if (version != 0 || id != 0) {
		ab_db_rollback(db);
		return 0;
	}
	snprintf(stamp, sizeof(stamp), "PRAGMA application_id=%u; PRAGMA user_version=%d", (unsigned)schema->application_id, schema->version);
	if (execute(db, schema->create, "make", err) < 0 || execute(db, stamp, "make", err) < 0) {
		ab_db_rollback(db);
		return -1;
	}
	return ab_db_commit(db, err);
}

/* Whose database it is, and of which version. */
static int
identify(struct ab_db *db, bool write, struct ab_error *err)
{
	const struct ab_db_schema *schema = db->schema;
	int64_t version = 0, id = 0, tables = 0;

	/* Looked at again when it was empty, or when another process may have made it between two looks. */
	for (bool again = false;; again = true) {
		if (get_pragma(db, "PRAGMA user_version", &version, err) < 0 || get_pragma(db, "PRAGMA application_id", &id, err) < 0)
			return -1;
		if (id != 0 || version != 0 || again)
			break;
		if (get_pragma(db, "SELECT count(*) FROM sqlite_master", &tables, err) < 0)
			return -1;
		if (tables == 0 && !write)
			return ab_fail(err, AB_E_NOT_FOUND, "%s \"%s\": nothing was ever stored there", schema->name, db->path);
		if (tables == 0 && make(db, err) < 0)
			return -1;
	}
	if (id != (int64_t)schema->application_id) {
		ab_fail(err, AB_E_UNSUPPORTED, "\"%s\" is the database of something else, no %s of ab", db->path, schema->name);
		ab_error_hint(err, "--db FILE names another one");
		return -1;
	}
	if (version > schema->version) {
		ab_fail(err, AB_E_VERSION_NEWER, "%s \"%s\" is of version %lld, this program knows %d; it was not touched", schema->name, db->path,
		    (long long)version, schema->version);
		ab_error_hint(err, "use a newer ab");
		return -1;
	}
	return 0;
}

static int
set_up(struct ab_db *db, unsigned flags, struct ab_error *err)
{
	sqlite3_extended_result_codes(db->sqlite, 1);
	sqlite3_busy_handler(db->sqlite, busy, db);
	sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	if (identify(db, (flags & AB_DB_READ) == 0, err) < 0)
		return -1;
	if ((flags & AB_DB_READ) != 0)
		return 0;
	/* A copy, or what was recovered, has none. */
	if (use_log(db, err) < 0)
		return -1;
	/* FULL is how the library is built; the log's size is not kept after a large value. */
	if (execute(db, "PRAGMA journal_size_limit=1048576", "open", err) < 0)
		return -1;
	return (flags & AB_DB_DURABLE) != 0 ? execute(db, "PRAGMA synchronous=FULL", "open", err) : execute(db, "PRAGMA synchronous=NORMAL", "open", err);
}

int
ab_db_open(struct ab_db **out, const char *path, unsigned flags, int64_t wait_ms, const struct ab_db_schema *schema, struct ab_error *err)
{
	AB_AUTO_DB struct ab_db *db = ab_calloc(1, sizeof(*db) + schema->count * sizeof(db->statement[0]));
	bool write = (flags & AB_DB_READ) == 0;

	*out = NULL;
	*db = (struct ab_db){ .path = ab_strdup(path), .schema = schema, .wait_ms = wait_ms, .random = (unsigned)getpid() ^ (unsigned)ab_now_us(),
		.memory = strcmp(path, ":memory:") == 0 };
	for (size_t i = 0; i < schema->count; i++)
		db->statement[i].db = db;
	if (!db->memory && ab_dbfile_check(schema->name, path, write, err) < 0)
		return -1;
	/* A file that SQLite makes would have the umask's mode; the log and the shared memory take the file's. */
	if (write && !db->memory) {
		AB_AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 && errno != EEXIST) {
			ab_fail_errno(err, errno, "make %s \"%s\"", schema->name, path);
			return ab_dbfile_hint(db->path, err);
		}
	}
	/* Before the first one; later it is refused, and nothing is lost. A process has no second thread that knows of a database. */
	(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	int code = sqlite3_open_v2(path, &db->sqlite, (write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (code != SQLITE_OK) {
		(void)fail(db, code, "open", err);
		return -1;
	}
	if (set_up(db, flags, err) < 0)
		return -1;
	*out = ab_steal(&db);
	return 0;
}

/* The last one to close folds the log into the database, with four fsyncs; a young log may wait for the next. One that nobody ever
 * folded would grow without bound: each process that opens it alone begins by reading it, and cannot start it anew. */
static void
spare_log(struct ab_db *db)
{
	AB_AUTO_FREE char *log = ab_asprintf("%s-wal", db->path);
	struct stat st;

	if (!db->memory && stat(log, &st) == 0 && st.st_size <= LOG_KEPT)
		sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

void
ab_db_close(struct ab_db *db)
{
	if (db == NULL)
		return;
	for (size_t i = 0; i < db->schema->count; i++)
		sqlite3_finalize(db->statement[i].stmt);
	if (db->sqlite != NULL) {
		spare_log(db);
		sqlite3_close(db->sqlite);
	}
	free(db->path);
	free(db);
}

void
ab_db_close_indirect(struct ab_db **db)
{
	ab_db_close(*db);
	*db = NULL;
}

const char *
ab_db_path(const struct ab_db *db)
{
	return db->path;
}

/* ---- transactions ---- */

int
ab_db_begin(struct ab_db *db, bool write, struct ab_error *err)
{
	int moved = 0;

	if (execute(db, write ? "BEGIN IMMEDIATE" : "BEGIN", "begin", err) < 0)
		return -1;
	if (write && !db->memory && sqlite3_file_control(db->sqlite, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved) {
		ab_db_rollback(db);
		ab_fail(err, AB_E_GONE, "%s \"%s\" was moved or replaced while it was open", db->schema->name, db->path);
		ab_error_hint(err, "start again, to work on the file that is there now");
		return -1;
	}
	return 0;
}

int
ab_db_commit(struct ab_db *db, struct ab_error *err)
{
	if (execute(db, "COMMIT", "commit", err) == 0)
		return 0;
	ab_db_rollback(db);
	return -1;
}

void
ab_db_rollback(struct ab_db *db)
{
	if (ab_db_in_transaction(db))
		(void)sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
}

bool
ab_db_in_transaction(const struct ab_db *db)
{
	return sqlite3_get_autocommit(db->sqlite) == 0;
}

/* ---- statements ---- */

struct ab_db_statement *
ab_db_use(struct ab_db *db, unsigned number)
{
	struct ab_db_statement *statement = &db->statement[number];

	statement->failed = SQLITE_OK;
	if (statement->stmt == NULL)
		statement->failed = sqlite3_prepare_v3(db->sqlite, db->schema->statements[number], -1, SQLITE_PREPARE_PERSISTENT, &statement->stmt, NULL);
	return statement;
}

static void
bound(struct ab_db_statement *statement, int code)
{
	if (statement->failed == SQLITE_OK)
		statement->failed = code;
}

void
ab_db_bind_bytes(struct ab_db_statement *statement, int at, const void *data, size_t len)
{
	if (statement->stmt != NULL)
		bound(statement, sqlite3_bind_blob64(statement->stmt, at, data != NULL ? data : "", len, SQLITE_STATIC));
}

void
ab_db_bind_text(struct ab_db_statement *statement, int at, const char *text, size_t len)
{
	if (statement->stmt != NULL)
		bound(statement, sqlite3_bind_text64(statement->stmt, at, text, len, SQLITE_STATIC, SQLITE_UTF8));
}

void
ab_db_bind_integer(struct ab_db_statement *statement, int at, int64_t value)
{
	if (statement->stmt != NULL)
		bound(statement, sqlite3_bind_int64(statement->stmt, at, value));
}

void
ab_db_bind_null(struct ab_db_statement *statement, int at)
{
	if (statement->stmt != NULL)
		bound(statement, sqlite3_bind_null(statement->stmt, at));
}

int
ab_db_step(struct ab_db_statement *statement, struct ab_error *err)
{
	struct ab_db *db = statement->db;
	int code = statement->failed != SQLITE_OK ? statement->failed : sqlite3_step(statement->stmt);

	if (code == SQLITE_ROW)
		return 1;
	int status = code == SQLITE_DONE ? 0 : fail(db, code, sqlite3_stmt_readonly(statement->stmt) ? "read" : "write", err);
	ab_db_end(statement);
	return status;
}

int64_t
ab_db_run(struct ab_db_statement *statement, struct ab_error *err)
{
	int more;

	while ((more = ab_db_step(statement, err)) > 0)
		continue;
	return more < 0 ? -1 : sqlite3_changes64(statement->db->sqlite);
}

void
ab_db_end(struct ab_db_statement *statement)
{
	if (statement->stmt == NULL)
		return;
	sqlite3_reset(statement->stmt);
	sqlite3_clear_bindings(statement->stmt);
}

bool
ab_db_is_null(struct ab_db_statement *statement, int column)
{
	return sqlite3_column_type(statement->stmt, column) == SQLITE_NULL;
}

int64_t
ab_db_integer(struct ab_db_statement *statement, int column)
{
	return sqlite3_column_int64(statement->stmt, column);
}

const char *
ab_db_bytes(struct ab_db_statement *statement, int column, size_t *len)
{
	const char *data = sqlite3_column_blob(statement->stmt, column);

	*len = (size_t)sqlite3_column_bytes(statement->stmt, column);
	return data != NULL ? data : "";
}

static int
is_late(void *data)
{
	const struct ab_db *db = data;

	return ab_now_ms() >= db->until_ms;
}

void
ab_db_limit(struct ab_db *db, int64_t until_ms)
{
	db->until_ms = until_ms;
	sqlite3_progress_handler(db->sqlite, STEPS, until_ms == AB_NEVER ? NULL : is_late, db);
}

/* ---- words ---- */

struct ranking {
	double mean_len; /* of texts, in words */
	double weight[]; /* of each phrase: how rare it is */
};

static int
count_row(const Fts5ExtensionApi *api, Fts5Context *match, void *data)
{
	(void)api, (void)match;
	++*(int64_t *)data;
	return SQLITE_OK;
}

/* Once a query. */
static int
weigh(const Fts5ExtensionApi *api, Fts5Context *match, struct ranking **out)
{
	const int count = api->xPhraseCount(match);
	AB_AUTO_FREE struct ranking *ranking = ab_calloc(1, sizeof(*ranking) + ((size_t)count + 1) * sizeof(ranking->weight[0]));
	sqlite3_int64 rows = 0, words = 0;
	int code = api->xRowCount(match, &rows);

	if (code == SQLITE_OK)
		code = api->xColumnTotalSize(match, -1, &words);
	ranking->mean_len = rows > 0 && words > 0 ? (double)words / (double)rows : 1;
	ranking->weight[0] = 1; /* one alone is weighed against nothing */
	for (int i = 0; code == SQLITE_OK && count > 1 && i < count; i++) {
		int64_t with = 0;
		code = api->xQueryPhrase(match, i, &with, count_row);
		ranking->weight[i] = fmax(log(((double)(rows - with) + 0.5) / ((double)with + 0.5)), 1e-6);
	}
	*out = code == SQLITE_OK ? ab_steal(&ranking) : NULL;
	return code == SQLITE_OK ? api->xSetAuxdata(match, *out, free) : code;
}

/* As bm25() (section 5.1.1), which sorts the hits of all phrases first: for each hit it looks at each phrase. */
static void
tell_rank(const Fts5ExtensionApi *api, Fts5Context *match, sqlite3_context *answer, int count, sqlite3_value **values)
{
	struct ranking *ranking = api->xGetAuxdata(match, 0);
	int code = ranking == NULL ? weigh(api, match, &ranking) : SQLITE_OK, len = 0, column, word;
	double rank = 0;
	Fts5PhraseIter hit;

	(void)count, (void)values;
	if (code == SQLITE_OK)
		code = api->xColumnSize(match, -1, &len);
	for (int i = 0; code == SQLITE_OK && i < api->xPhraseCount(match); i++) {
		int hits = 0;
		code = api->xPhraseFirst(match, i, &hit, &column, &word);
		for (; code == SQLITE_OK && column >= 0 && hits < HITS_MOST; hits++)
			api->xPhraseNext(match, &hit, &column, &word);
		rank -= ranking->weight[i] * hits * 2.2 / (hits + 1.2 * (0.25 + 0.75 * len / ranking->mean_len));
	}
	if (code == SQLITE_OK)
		sqlite3_result_double(answer, rank);
	else
		sqlite3_result_error_code(answer, code);
}

/* Of the first hits of all phrases the one that has most of the others behind it. */
static void
tell_hit(const Fts5ExtensionApi *api, Fts5Context *match, sqlite3_context *answer, int count, sqlite3_value **values)
{
	int first[FIRST_MOST], found = 0, most = 0, chosen = 0, column, word, code = SQLITE_OK;
	Fts5PhraseIter hit;

	(void)count, (void)values;
	for (int i = 0; code == SQLITE_OK && i < api->xPhraseCount(match) && found < FIRST_MOST; i++) {
		code = api->xPhraseFirst(match, i, &hit, &column, &word);
		if (code == SQLITE_OK && column >= 0)
			first[found++] = word;
	}
	for (int i = 0; i < found; i++) {
		int near = 0;
		for (int j = 0; j < found; j++)
			near += first[j] >= first[i] && first[j] < first[i] + NEAR_WORDS;
		if (near > most || (near == most && first[i] < chosen)) {
			most = near;
			chosen = first[i];
		}
	}
	if (code == SQLITE_OK)
		sqlite3_result_int(answer, chosen);
	else
		sqlite3_result_error_code(answer, code);
}

/* www.sqlite.org/fts5.html, section 7. */
static int
find_words_api(struct ab_db *db)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db->sqlite, "SELECT fts5(?1)", -1, &stmt, NULL);

	if (code == SQLITE_OK && (code = sqlite3_bind_pointer(stmt, 1, &db->words, "fts5_api_ptr", NULL)) == SQLITE_OK) {
		(void)sqlite3_step(stmt);
		code = db->words == NULL ? SQLITE_ERROR : db->words->xCreateFunction(db->words, "word_rank", NULL, tell_rank, NULL);
	}
	if (code == SQLITE_OK)
		code = db->words->xCreateFunction(db->words, "word_hit", NULL, tell_hit, NULL);
	sqlite3_finalize(stmt);
	return code;
}

struct word_visit {
	ab_word_visit *visit;
	void *data;
};

static int
visit_word(void *data, int flags, const char *token, int len, int from, int to)
{
	const struct word_visit *words = data;

	(void)flags, (void)token, (void)len;
	return words->visit(words->data, (size_t)from, (size_t)to) ? SQLITE_DONE : SQLITE_OK;
}

int
ab_db_visit_words(struct ab_db *db, const char *text, size_t len, ab_word_visit *visit, void *data, struct ab_error *err)
{
	const char *arguments[] = { "remove_diacritics", "2" };
	struct word_visit words = { visit, data };
	int code = db->words == NULL ? find_words_api(db) : SQLITE_OK;
	fts5_tokenizer tokenizer;
	Fts5Tokenizer *made = NULL;
	void *its = NULL;

	if (code == SQLITE_OK)
		code = db->words->xFindTokenizer(db->words, "unicode61", &its, &tokenizer);
	if (code == SQLITE_OK && (code = tokenizer.xCreate(its, arguments, AB_COUNT_OF(arguments), &made)) == SQLITE_OK) {
		code = tokenizer.xTokenize(made, &words, FTS5_TOKENIZE_AUX, text, (int)len, visit_word);
		tokenizer.xDelete(made);
	}
	return code == SQLITE_OK || code == SQLITE_DONE ? 0 : fail(db, code, "read", err);
}

/* ---- the whole ---- */

int
ab_db_execute(struct ab_db *db, const char *sql, struct ab_error *err)
{
	return execute(db, sql, "change", err);
}

int
ab_db_check(struct ab_db *db, struct ab_error *err)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db->sqlite, "PRAGMA integrity_check(1)", -1, &stmt, NULL), status;

	if (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *said = (const char *)sqlite3_column_text(stmt, 0);
		status = said != NULL && strcmp(said, "ok") == 0 ? 0 : ab_db_fail_corrupt(db, "check", said != NULL ? said : "no answer", err);
	} else {
		status = fail(db, code, "check", err);
	}
	sqlite3_finalize(stmt);
	return status;
}

/* VACUUM INTO: a copy without holes, of one moment. It is made beside, and gets its name when it is on the disk. */
int
ab_db_backup(struct ab_db *db, const char *path, struct ab_error *err)
{
	AB_AUTO_FREE char *part = ab_asprintf("%s.part-%d", path, (int)getpid());
	sqlite3_stmt *stmt = NULL;

	if (access(path, F_OK) == 0)
		return ab_fail(err, AB_E_EXISTS, "backup \"%s\": there is such a file", path);
	AB_AUTO_CLOSE int fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600); /* VACUUM INTO takes an empty file */
	if (fd < 0)
		return ab_fail_errno(err, errno, "backup \"%s\"", path);
	int code = sqlite3_prepare_v2(db->sqlite, "VACUUM INTO ?", -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_bind_text(stmt, 1, part, -1, SQLITE_STATIC);
	if (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_DONE)
		code = SQLITE_OK;
	sqlite3_finalize(stmt);
	int status = code == SQLITE_OK ? 0 : fail(db, code, "backup", err);
	/* link(2), unlike rename(2), takes nobody's file away. */
	if (status == 0 && (fsync(fd) < 0 || link(part, path) < 0))
		status = ab_fail_errno(err, errno, "backup \"%s\"", path);
	(void)unlink(part);
	AB_AUTO_FREE char *dir = ab_dbfile_directory(path);
	AB_AUTO_CLOSE int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (status == 0 && (dir_fd < 0 || fsync(dir_fd) < 0)) /* the name, too */
		status = ab_fail_errno(err, errno, "backup \"%s\"", path);
	return status;
}

const char *
ab_db_library_version(void)
{
	return sqlite3_libversion();
}
