/* data/db: how a database is opened and closed, who may use it, and what is said when something is wrong with it. */
#include "data/db.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/buf.h"
#include "core/time.h"
#include "tap.h"

static char base[] = "/tmp/ab-db-test-XXXXXX";

enum { ADD, GET, ALL, SYNCHRONOUS, JOURNAL, ENDLESS, STATEMENTS };
static const char *const statements[] = {
	[ADD] = "INSERT INTO t(k, v) VALUES(?1, ?2)",
	[GET] = "SELECT v FROM t WHERE k = ?1",
	[ALL] = "SELECT k, v FROM t ORDER BY k",
	[SYNCHRONOUS] = "PRAGMA synchronous", /* 1: NORMAL, 2: FULL */
	[JOURNAL] = "PRAGMA journal_mode",
	[ENDLESS] = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
};
static const struct ab_db_schema one = { .name = "thing", .application_id = 0x61626b01, .version = 1,
	.create = "CREATE TABLE t(k INTEGER PRIMARY KEY, v BLOB) STRICT", .statements = statements, .count = STATEMENTS };
static const struct ab_db_schema two = { .name = "thing", .application_id = 0x61626b01, .version = 2,
	.create = "CREATE TABLE t(k INTEGER PRIMARY KEY, v BLOB) STRICT", .statements = statements, .count = STATEMENTS };
static const struct ab_db_schema other = { .name = "other", .application_id = 0x61626b02, .version = 1,
	.create = "CREATE TABLE t(k INTEGER PRIMARY KEY, v BLOB) STRICT", .statements = statements, .count = STATEMENTS };

static char *
below(const char *rel)
{
	return ab_asprintf("%s/%s", base, rel);
}

static struct ab_db *
open_db(const char *path, unsigned flags)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_db *db = NULL;

	if (!CHECK_INT(ab_db_open(&db, path, flags, 10000, &one, &err), 0)) {
		printf("# %s\n", err.msg);
		exit(1);
	}
	return db;
}

/* What opening says; err is given for its words. */
static enum ab_errcode
open_code(const char *path, unsigned flags, const struct ab_db_schema *schema, struct ab_error *err)
{
	struct ab_db *db = NULL;

	*err = (struct ab_error)AB_ERROR_INIT;
	int status = ab_db_open(&db, path, flags, 100, schema, err);
	CHECK((status == 0) == (db != NULL) && (status == 0) == (err->code == AB_E_NONE));
	ab_db_close(db);
	return err->code;
}

static int
add(struct ab_db *db, int64_t k, const void *v, size_t len, struct ab_error *err)
{
	struct ab_db_statement *statement = ab_db_use(db, ADD);

	ab_db_bind_integer(statement, 1, k);
	ab_db_bind_bytes(statement, 2, v, len);
	return ab_db_run(statement, err) < 0 ? -1 : 0;
}

static int64_t
count(struct ab_db *db)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_db_statement *statement = ab_db_use(db, ALL);
	int64_t rows = 0;
	int more;

	while ((more = ab_db_step(statement, &err)) > 0)
		rows++;
	CHECK_INT(more, 0);
	return rows;
}

/* All bytes of a file; the caller frees. */
static char *
content(const char *path, size_t *len)
{
	AB_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (!CHECK(fd >= 0 && fstat(fd, &st) == 0))
		exit(1);
	char *bytes = ab_malloc((size_t)st.st_size + 1);
	*len = (size_t)st.st_size;
	CHECK_INT(read(fd, bytes, *len), st.st_size);
	return bytes;
}

static void
write_file(const char *path, const void *bytes, size_t len)
{
	AB_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
}

static bool
file_is(const char *path, const char *bytes, size_t len)
{
	size_t now_len;
	AB_AUTO_FREE char *now = content(path, &now_len);

	return now_len == len && memcmp(now, bytes, len) == 0;
}

/* What a program of its own does with a database: its exit status. It is this one, started anew: of a connection that is open here
 * a forked process would see what SQLite keeps in memory. */
static int
in_child(const char *what, const char *path)
{
	int status;

	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		execl("/proc/self/exe", "db_test", what, path, NULL);
		_exit(9);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- opening ---- */

static void
test_made(void)
{
	AB_AUTO_FREE char *path = below("made");
	AB_AUTO_FREE char *log = below("made-wal");
	AB_AUTO_FREE char *shared = below("made-shm");
	struct ab_error err;
	struct stat st;

	CHECK_INT(open_code(path, AB_DB_READ, &one, &err), AB_E_NOT_FOUND);
	CHECK(access(path, F_OK) != 0);
	mode_t mask = umask(0);
	AB_AUTO_DB struct ab_db *db = open_db(path, 0);
	umask(mask);
	CHECK_STRING(ab_db_path(db), path);
	CHECK_INT(add(db, 1, "x", 1, &err), 0);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
	CHECK(stat(log, &st) == 0 && (st.st_mode & 07777) == 0600);
	CHECK(stat(shared, &st) == 0 && (st.st_mode & 07777) == 0600);
	AB_AUTO_DB struct ab_db *reader = open_db(path, AB_DB_READ);
	CHECK_INT(count(reader), 1);
	CHECK_INT(add(reader, 2, "y", 1, &err), -1);
	CHECK_INT(err.code, AB_E_DENIED_PERMISSION);
	CHECK(strstr(err.hint, path) != NULL);
	CHECK_INT(count(db), 1);
}

static void
test_places(void)
{
	AB_AUTO_FREE char *nowhere = below("none/made");
	AB_AUTO_FREE char *dir = below("dir");
	AB_AUTO_FREE char *empty = below("empty");
	AB_AUTO_FREE char *link = below("link");
	AB_AUTO_FREE char *dangling = below("dangling");
	struct ab_error err;

	CHECK_INT(open_code(nowhere, 0, &one, &err), AB_E_INPUT_INVALID);
	CHECK(mkdir(dir, 0700) == 0);
	CHECK_INT(open_code(dir, 0, &one, &err), AB_E_IS_DIRECTORY);
	/* An empty file is one where nothing was stored, and becomes a database. */
	write_file(empty, "", 0);
	CHECK_INT(open_code(empty, AB_DB_READ, &one, &err), AB_E_NOT_FOUND);
	CHECK_INT(open_code(empty, 0, &one, &err), AB_E_NONE);
	CHECK_INT(open_code(empty, AB_DB_READ, &one, &err), AB_E_NONE);
	CHECK(symlink("empty", link) == 0 && symlink("not-there", dangling) == 0);
	CHECK_INT(open_code(link, 0, &one, &err), AB_E_NONE);
	CHECK_INT(open_code(dangling, 0, &one, &err), AB_E_NOT_FOUND);
}

static void
test_memory(void)
{
	AB_AUTO_DB struct ab_db *db = open_db(":memory:", 0);
	AB_AUTO_DB struct ab_db *second = open_db(":memory:", 0);
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(ab_db_begin(db, true, &err), 0);
	CHECK_INT(add(db, 1, "x", 1, &err), 0);
	CHECK_INT(ab_db_commit(db, &err), 0);
	CHECK_INT(count(db), 1);
	CHECK_INT(count(second), 0);
	CHECK(access(":memory:", F_OK) != 0);
}

static void
test_permission(void)
{
	AB_AUTO_FREE char *path = below("locked");
	AB_AUTO_FREE char *dir = below("locked-dir");
	AB_AUTO_FREE char *inside = below("locked-dir/kv.db");
	struct ab_error err;

	if (geteuid() == 0)
		TAP_SKIP("nothing is denied to root");
	CHECK_INT(open_code(path, 0, &one, &err), AB_E_NONE);
	CHECK(chmod(path, 0) == 0);
	CHECK_INT(open_code(path, 0, &one, &err), AB_E_DENIED_PERMISSION);
	CHECK(strstr(err.hint, path) != NULL);
	CHECK_INT(open_code(path, AB_DB_READ, &one, &err), AB_E_DENIED_PERMISSION);
	CHECK(strstr(err.msg, path) != NULL && strstr(err.hint, path) != NULL);
	CHECK(mkdir(dir, 0500) == 0);
	CHECK_INT(open_code(inside, 0, &one, &err), AB_E_DENIED_PERMISSION);
	CHECK(strstr(err.hint, inside) != NULL);
}

static void
test_others(void)
{
	AB_AUTO_FREE char *path = below("others");
	AB_AUTO_FREE char *foreign = below("foreign");
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *before = NULL;
	size_t len;

	CHECK_INT(open_code(path, 0, &one, &err), AB_E_NONE);
	before = content(path, &len);
	CHECK_INT(open_code(path, 0, &other, &err), AB_E_UNSUPPORTED);
	CHECK(strstr(err.msg, path) != NULL && strstr(err.hint, "--db") != NULL);
	CHECK_INT(open_code(path, AB_DB_READ, &other, &err), AB_E_UNSUPPORTED);
	CHECK(file_is(path, before, len));
	/* One without an identity, that has tables. */
	AB_AUTO_DB struct ab_db *db = open_db(foreign, 0);
	CHECK_INT(ab_db_execute(db, "PRAGMA application_id = 0; PRAGMA user_version = 0", &err), 0);
	ab_db_close_indirect(&db);
	CHECK_INT(open_code(foreign, 0, &one, &err), AB_E_UNSUPPORTED);
	CHECK_INT(open_code(foreign, AB_DB_READ, &one, &err), AB_E_UNSUPPORTED);
}

static void
test_newer(void)
{
	AB_AUTO_FREE char *path = below("newer");
	struct ab_error err;
	AB_AUTO_FREE char *before = NULL;
	size_t len;

	CHECK_INT(open_code(path, 0, &two, &err), AB_E_NONE);
	before = content(path, &len);
	CHECK_INT(open_code(path, 0, &one, &err), AB_E_VERSION_NEWER);
	CHECK(strstr(err.msg, "2") != NULL && err.hint[0] != '\0');
	CHECK_INT(open_code(path, AB_DB_READ, &one, &err), AB_E_VERSION_NEWER);
	CHECK(file_is(path, before, len));
	CHECK_INT(open_code(path, 0, &two, &err), AB_E_NONE);
}

static void
test_no_database(void)
{
	AB_AUTO_FREE char *path = below("letter");
	char letter[5000];
	struct ab_error err;

	memset(letter, 'x', sizeof(letter));
	for (size_t len = 5; len <= sizeof(letter); len *= 10) { /* 5, 50, 500, 5000 */
		write_file(path, letter, len);
		if (!CHECK_INT(open_code(path, 0, &one, &err), AB_E_CORRUPT))
			printf("# %zu bytes\n", len);
		CHECK(strstr(err.msg, path) != NULL);
		CHECK(strstr(err.hint, "backup") != NULL && strstr(err.hint, path) != NULL);
		CHECK_INT(open_code(path, AB_DB_READ, &one, &err), AB_E_CORRUPT);
		CHECK(file_is(path, letter, len));
	}
}

/* ---- many at once ---- */

static int
open_and_add(const char *path)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_db *db;

	if (ab_db_open(&db, path, 0, 20000, &one, &err) < 0 || ab_db_begin(db, true, &err) < 0 || add(db, getpid(), "x", 1, &err) < 0 ||
	    ab_db_commit(db, &err) < 0) {
		printf("# %s [%s]\n", err.msg, ab_errcode_name(err.code));
		fflush(stdout);
		return 1;
	}
	ab_db_close(db);
	return 0;
}

/* All begin at the same moment: they read from a pipe that ends. */
static void
test_many_make(void)
{
	enum { ROUNDS = 40, PROCESSES = 8 };

	for (int round = 0; round < ROUNDS; round++) {
		AB_AUTO_FREE char *path = ab_asprintf("%s/many-%d", base, round);
		int gate[2], status, failed = 0;
		char byte;
		fflush(stdout);
		if (!CHECK(pipe2(gate, O_CLOEXEC) == 0))
			return;
		for (int i = 0; i < PROCESSES; i++)
			if (fork() == 0) {
				close(gate[1]);
				_exit(read(gate[0], &byte, 1) == 0 ? open_and_add(path) : 2);
			}
		close(gate[0]);
		close(gate[1]);
		for (int i = 0; i < PROCESSES; i++)
			failed += wait(&status) < 0 || status != 0;
		AB_AUTO_DB struct ab_db *db = open_db(path, AB_DB_READ);
		if (!CHECK_INT(failed, 0) || !CHECK_INT(count(db), PROCESSES))
			return;
	}
}

static int
be_refused(const char *path)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_db *db;
	int64_t from;

	if (ab_db_open(&db, path, 0, 200, &one, &err) < 0)
		return 1;
	if (count(db) != 0) /* readers never wait, and see nothing of it */
		return 2;
	from = ab_now_ms();
	if (ab_db_begin(db, true, &err) == 0 || err.code != AB_E_BUSY || strstr(err.msg, "200ms") == NULL || err.hint[0] == '\0')
		return 3;
	if (ab_now_ms() - from < 190 || ab_now_ms() - from > 5000 || ab_db_in_transaction(db))
		return 4;
	ab_db_close(db);
	return 0;
}

static void
test_busy(void)
{
	AB_AUTO_FREE char *path = below("busy");
	struct ab_error err = AB_ERROR_INIT;
	struct ab_db *db = open_db(path, 0);

	CHECK_INT(ab_db_begin(db, true, &err), 0);
	CHECK_INT(add(db, 1, "x", 1, &err), 0);
	CHECK_INT(in_child("be-refused", path), 0);
	CHECK_INT(ab_db_commit(db, &err), 0);
	CHECK_INT(in_child("add", path), 0);
	CHECK_INT(count(db), 2);
	ab_db_close(db);
}

static void
test_gone(void)
{
	AB_AUTO_FREE char *path = below("gone");
	AB_AUTO_FREE char *aside = below("aside");
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_DB struct ab_db *db = open_db(path, 0);

	CHECK_INT(ab_db_begin(db, true, &err), 0);
	ab_db_rollback(db);
	CHECK(rename(path, aside) == 0);
	CHECK_INT(ab_db_begin(db, true, &err), -1); /* taken away */
	CHECK_INT(err.code, AB_E_GONE);
	CHECK(!ab_db_in_transaction(db));
	write_file(path, "", 0);
	CHECK_INT(ab_db_begin(db, true, &err), -1); /* another one is there */
	CHECK_INT(err.code, AB_E_GONE);
	CHECK(strstr(err.msg, path) != NULL && err.hint[0] != '\0');
	CHECK_INT(unlink(path), 0);
	CHECK(rename(aside, path) == 0);
	CHECK_INT(ab_db_begin(db, true, &err), 0);
	ab_db_rollback(db);
}

/* ---- transactions and statements ---- */

static void
test_transactions(void)
{
	AB_AUTO_FREE char *path = below("transactions");
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_DB struct ab_db *db = open_db(path, AB_DB_DURABLE);

	CHECK(!ab_db_in_transaction(db));
	CHECK_INT(ab_db_begin(db, true, &err), 0);
	CHECK(ab_db_in_transaction(db));
	CHECK_INT(add(db, 1, "x", 1, &err), 0);
	ab_db_rollback(db);
	ab_db_rollback(db); /* nothing is there to undo */
	CHECK(!ab_db_in_transaction(db));
	CHECK_INT(count(db), 0);
	CHECK_INT(ab_db_begin(db, true, &err), 0);
	CHECK_INT(add(db, 1, "x", 1, &err), 0);
	CHECK_INT(ab_db_commit(db, &err), 0);
	CHECK_INT(count(db), 1);
	/* A statement that failed has ended, and can be used again. */
	CHECK_INT(add(db, 1, "x", 1, &err), -1);
	CHECK_INT(add(db, 2, "x", 1, &err), 0);
	CHECK_INT(ab_db_begin(db, false, &err), 0);
	CHECK_INT(count(db), 2);
	CHECK_INT(in_child("add", path), 0);
	CHECK_INT(count(db), 2); /* one moment, all the time */
	CHECK_INT(ab_db_commit(db, &err), 0);
	CHECK_INT(count(db), 3);
}

static void
test_durable(void)
{
	AB_AUTO_FREE char *path = below("durable");

	for (int durable = 0; durable < 2; durable++) {
		AB_AUTO_DB struct ab_db *db = open_db(path, durable ? AB_DB_DURABLE : 0);
		struct ab_error err = AB_ERROR_INIT;
		struct ab_db_statement *statement = ab_db_use(db, SYNCHRONOUS);
		size_t len;
		CHECK_INT(ab_db_step(statement, &err), 1);
		CHECK_INT(ab_db_integer(statement, 0), durable ? 2 : 1);
		ab_db_end(statement);
		statement = ab_db_use(db, JOURNAL);
		CHECK_INT(ab_db_step(statement, &err), 1);
		const char *journal = ab_db_bytes(statement, 0, &len);
		CHECK(len == 3 && memcmp(journal, "wal", 3) == 0);
		ab_db_end(statement);
	}
}

static void
check_blob(struct ab_db *db, int64_t k, bool null, const char *want, size_t want_len)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_db_statement *statement = ab_db_use(db, GET);
	size_t len = 99;

	ab_db_bind_integer(statement, 1, k);
	if (!CHECK_INT(ab_db_step(statement, &err), 1))
		return;
	CHECK_INT(ab_db_is_null(statement, 0), null);
	const char *data = ab_db_bytes(statement, 0, &len);
	CHECK(data != NULL && len == want_len && memcmp(data, want, len) == 0);
	ab_db_end(statement);
	ab_db_end(statement);
}

static void
test_blobs(void)
{
	AB_AUTO_DB struct ab_db *db = open_db(":memory:", 0);
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(add(db, 1, NULL, 0, &err), 0);
	CHECK_INT(add(db, 2, "", 0, &err), 0);
	CHECK_INT(add(db, 3, "a\0b", 3, &err), 0);
	struct ab_db_statement *statement = ab_db_use(db, ADD);
	ab_db_bind_integer(statement, 1, INT64_MIN);
	ab_db_bind_null(statement, 2);
	CHECK_INT(ab_db_run(statement, &err), 1);
	/* What was bound is forgotten: a NULL in its place, here of a column that gives itself a number. */
	CHECK_INT(ab_db_run(ab_db_use(db, ADD), &err), 1);
	check_blob(db, 1, false, "", 0);
	check_blob(db, 2, false, "", 0);
	check_blob(db, 3, false, "a\0b", 3);
	check_blob(db, INT64_MIN, true, "", 0);
	check_blob(db, 4, true, "", 0);
	statement = ab_db_use(db, ALL);
	CHECK_INT(ab_db_step(statement, &err), 1);
	CHECK_INT(ab_db_integer(statement, 0), INT64_MIN);
	ab_db_end(statement);
	CHECK_INT(count(db), 5);
}

/* ---- the whole ---- */

static void
fill(struct ab_db *db, int from, int to, size_t len)
{
	AB_AUTO_FREE char *bytes = ab_calloc(1, len);
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(ab_db_begin(db, true, &err), 0);
	for (int i = from; i < to; i++)
		CHECK_INT(add(db, i, bytes, len, &err), 0);
	CHECK_INT(ab_db_commit(db, &err), 0);
}

static void
test_log(void)
{
	AB_AUTO_FREE char *path = below("log");
	AB_AUTO_FREE char *log = below("log-wal");
	struct ab_db *db = open_db(path, 0);
	struct stat st;

	fill(db, 0, 1, 100);
	ab_db_close(db);
	CHECK(stat(log, &st) == 0 && st.st_size > 0 && st.st_size <= 128 << 10); /* a small one waits */
	db = open_db(path, 0);
	CHECK_INT(count(db), 1);
	fill(db, 1, 20, 20000);
	CHECK(stat(log, &st) == 0 && st.st_size > 128 << 10);
	ab_db_close(db);
	CHECK(stat(log, &st) < 0); /* a large one is folded */
	CHECK(stat(path, &st) == 0 && st.st_size > 19 * 20000);
	db = open_db(path, AB_DB_READ);
	CHECK_INT(count(db), 20);
	ab_db_close(db);
}

static void
test_backup(void)
{
	AB_AUTO_FREE char *path = below("source");
	AB_AUTO_FREE char *copy = below("copy");
	AB_AUTO_FREE char *log = below("copy-wal");
	AB_AUTO_FREE char *nowhere = below("none/copy");
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_DB struct ab_db *db = open_db(path, 0);
	struct stat st;

	fill(db, 0, 10, 1000);
	CHECK_INT(ab_db_backup(db, copy, &err), 0);
	CHECK(stat(copy, &st) == 0 && (st.st_mode & 07777) == 0600 && st.st_nlink == 1);
	fill(db, 10, 20, 1000);
	AB_AUTO_FREE char *before = NULL;
	size_t len;
	before = content(copy, &len);
	CHECK_INT(ab_db_backup(db, copy, &err), -1);
	CHECK_INT(err.code, AB_E_EXISTS);
	CHECK(file_is(copy, before, len));
	CHECK_INT(ab_db_backup(db, path, &err), -1); /* nor over itself */
	CHECK_INT(err.code, AB_E_EXISTS);
	CHECK_INT(ab_db_backup(db, nowhere, &err), -1);
	CHECK_INT(err.code, AB_E_NOT_FOUND);
	CHECK_INT(count(db), 20);
	/* It is as good as what it was made of: writers and readers do not wait for each other there. */
	AB_AUTO_DB struct ab_db *second = open_db(copy, 0);
	CHECK_INT(count(second), 10);
	CHECK_INT(ab_db_check(second, &err), 0);
	fill(second, 10, 11, 100);
	CHECK(access(log, F_OK) == 0);
	CHECK_INT(ab_db_begin(second, true, &err), 0);
	CHECK_INT(add(second, 99, "x", 1, &err), 0);
	AB_AUTO_DB struct ab_db *third = open_db(copy, AB_DB_READ);
	CHECK_INT(count(third), 11);
	CHECK_INT(ab_db_commit(second, &err), 0);
	CHECK_INT(count(third), 12);
}

static void
test_damage(void)
{
	AB_AUTO_FREE char *path = below("damaged");
	struct ab_error err = AB_ERROR_INIT;
	struct ab_db *db = open_db(path, 0);
	struct stat st = { .st_size = 0 };

	fill(db, 0, 100, 5000);
	CHECK_INT(ab_db_check(db, &err), 0);
	ab_db_close(db);
	{
		AB_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
		char junk[20000];
		memset(junk, 0x5a, sizeof(junk));
		CHECK(fd >= 0 && fstat(fd, &st) == 0 && pwrite(fd, junk, sizeof(junk), st.st_size / 2) == (ssize_t)sizeof(junk));
	}
	db = open_db(path, AB_DB_READ);
	CHECK_INT(ab_db_check(db, &err), -1);
	CHECK_INT(err.code, AB_E_CORRUPT);
	CHECK(strstr(err.msg, path) != NULL && strstr(err.hint, "backup") != NULL && strstr(err.hint, ".recover") != NULL);
	ab_db_close(db);
	/* Half of it lost. */
	CHECK(truncate(path, st.st_size / 2 / 4096 * 4096) == 0);
	struct ab_db *half = NULL;
	if (ab_db_open(&half, path, AB_DB_READ, 100, &one, &err) == 0)
		CHECK_INT(ab_db_check(half, &err), -1);
	CHECK_INT(err.code, AB_E_CORRUPT);
	ab_db_close(half);
}

/* What goes on for ever ends at its time; what has none is not touched. */
static void
test_limit(void)
{
	AB_AUTO_FREE char *path = below("limit");
	AB_AUTO_DB struct ab_db *db = open_db(path, 0);
	struct ab_error err = AB_ERROR_INIT;

	ab_db_limit(db, ab_now_ms() + 20);
	CHECK_INT(ab_db_step(ab_db_use(db, ENDLESS), &err), -1);
	CHECK_INT(err.code, AB_E_TIMEOUT);
	CHECK_STRING(strstr(err.msg, "read: "), "read: the time for it ran out");
	ab_db_limit(db, AB_NEVER);
	for (int64_t k = 0; k < 2000; k++) /* more steps than the clock is looked at */
		if (add(db, k, "v", 1, &err) < 0)
			CHECK(false);
	CHECK_INT(count(db), 2000);
}

static bool
tell_word(void *data, size_t from, size_t to)
{
	ab_buf_printf(data, "%zu-%zu ", from, to);
	return to >= 12;
}

static void
test_words(void)
{
	AB_AUTO_FREE char *path = below("words");
	AB_AUTO_DB struct ab_db *db = open_db(path, 0);
	AB_AUTO_BUF struct ab_buf told = AB_BUF_INIT(1024);
	struct ab_error err = AB_ERROR_INIT;
	static const char text[] = " one,two na\xc3\xafve four five";

	CHECK_INT(ab_db_visit_words(db, text, sizeof(text) - 1, tell_word, &told, &err), 0);
	CHECK_STRING(told.data, "1-4 5-8 9-15 "); /* and no more of them */
	ab_buf_truncate(&told, 0);
	CHECK_INT(ab_db_visit_words(db, "!", 1, tell_word, &told, &err), 0);
	CHECK_INT(ab_db_visit_words(db, "", 0, tell_word, &told, &err), 0);
	CHECK_INT(told.len, 0);
}

static void
test_close_nothing(void)
{
	struct ab_db *db = NULL;

	ab_db_close(NULL);
	ab_db_close_indirect(&db);
	CHECK(ab_db_library_version()[0] == '3');
}

int
main(int argc, char **argv)
{
	static const struct tap_test tests[] = {
		{ "made with mode 0600; a reader makes and writes nothing", test_made },
		{ "places", test_places },
		{ "a database in memory", test_memory },
		{ "permission", test_permission },
		{ "another's database is refused and not touched", test_others },
		{ "a newer one is refused and not touched", test_newer },
		{ "what is no database is corrupt, with the way out", test_no_database },
		{ "many processes make one", test_many_make },
		{ "busy after the wait, in another process", test_busy },
		{ "gone when it was replaced", test_gone },
		{ "transactions", test_transactions },
		{ "durable is synchronous FULL, else NORMAL", test_durable },
		{ "NULL and empty blobs", test_blobs },
		{ "a small log is kept, a large one folded", test_log },
		{ "backup", test_backup },
		{ "check finds damage", test_damage },
		{ "a time limit", test_limit },
		{ "words", test_words },
		{ "closing nothing", test_close_nothing },
	};

	if (argc == 3)
		return strcmp(argv[1], "add") == 0 ? open_and_add(argv[2]) : be_refused(argv[2]);
	if (mkdtemp(base) == NULL)
		return 1;
	int status = tap_run(tests, AB_COUNT_OF(tests));
	AB_AUTO_FREE char *command = ab_asprintf("rm -rf '%s'", base);
	return system(command) != 0 ? 1 : status;
}
