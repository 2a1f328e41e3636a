/* The operation log. */
#include "core/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/io.h"
#include "core/json.h"
#include "core/ndjson.h"
#include "tap.h"

static char path[] = "/tmp/ab-log-test-XXXXXX";
static const struct ab_log_entry entry = { .tool = "ab-kv", .operation = "put", .scope = "users/u1", .what = "a \"key\"", .status = "ok",
	.started_unix_ms = 1767323045678, .wall_ms = 12 };

static void
test_record(void)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(10000);
	struct ab_error err = AB_ERROR_INIT;
	struct stat st;
	char want[300];

	CHECK_INT(unlink(path), 0);
	CHECK_INT(ab_log_append(path, &entry, &err), 0);
	CHECK_INT(ab_read_file(AT_FDCWD, path, &text, &err), 0);
	snprintf(want, sizeof(want),
	    "{\"started_at\":\"2026-01-02T03:04:05.678Z\",\"tool\":\"ab-kv\",\"operation\":\"put\",\"scope\":\"users/u1\",\"what\":\"a \\\"key\\\"\","
	    "\"status\":\"ok\",\"wall_ms\":12,\"pid\":%d}\n",
	    (int)getpid());
	CHECK_STRING(text.data, want);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0600);
}

/* What is long is cut between characters, and what is absent is null. */
static void
test_bounded(void)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(10000);
	struct ab_error err = AB_ERROR_INIT;
	struct ab_log_entry large = entry;
	char what[1000] = "a";
	size_t len;

	while (strlen(what) < 900)
		strcat(what, "\xc3\xa4");
	large.what = what;
	large.scope = NULL;
	CHECK_INT(truncate(path, 0), 0);
	CHECK_INT(ab_log_append(path, &large, &err), 0);
	CHECK_INT(ab_read_file(AT_FDCWD, path, &text, &err), 0);
	AB_AUTO_VALUE struct ab_value *record = ab_value_parse(text.data, text.len, &err);
	CHECK(record != NULL);
	const char *kept = ab_value_string(ab_value_get(record, "what"), &len);
	CHECK_INT(len, 255);
	CHECK(memcmp(kept, what, len) == 0);
	CHECK_INT(ab_value_kind(ab_value_get(record, "scope")), AB_VALUE_NULL);
	CHECK(ab_value_get(record, "scope") != NULL);
}

/* Records of many writers do not mix. */
static void
test_shared(void)
{
	enum { WRITERS = 4, EACH = 200 };
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(10000000);
	struct ab_error err = AB_ERROR_INIT;
	int failed = 0, records = 0;

	CHECK_INT(truncate(path, 0), 0);
	for (int i = 0; i < WRITERS; i++) {
		if (fork() != 0)
			continue;
		for (int k = 0; k < EACH; k++)
			if (ab_log_append(path, &entry, &err) != 0)
				_exit(1);
		_exit(0);
	}
	for (int i = 0, status; i < WRITERS; i++)
		failed += wait(&status) < 0 || status != 0;
	CHECK_INT(failed, 0);
	CHECK_INT(ab_read_file(AT_FDCWD, path, &text, &err), 0);
	for (char *at = text.data, *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
		AB_AUTO_VALUE struct ab_value *record = ab_value_parse(at, (size_t)(end - at), &err);
		failed += record == NULL;
		records++;
	}
	CHECK_INT(failed, 0);
	CHECK_INT(records, WRITERS * EACH);
}

static void
test_failures(void)
{
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(ab_log_append("/dev/full", &entry, &err), -1);
	CHECK_INT(err.code, AB_E_LIMIT_STORAGE);
	CHECK_STRING(err.msg, "write log \"/dev/full\": No space left on device");
	CHECK_INT(ab_log_append("/nowhere/log", &entry, &err), -1);
	CHECK_INT(err.code, AB_E_NOT_FOUND);
	CHECK_INT(unlink(path), 0);
	CHECK_INT(mkfifo(path, 0600), 0);
	CHECK_INT(ab_log_append(path, &entry, &err), -1);
	CHECK_STRING(strrchr(err.msg, ':'), ": No such device or address");
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "one record", test_record },
		{ "bounded", test_bounded },
		{ "many writers", test_shared },
		{ "failures, and a FIFO does not hang", test_failures },
	};
	close(mkstemp(path));
	int status = tap_run(tests, AB_COUNT_OF(tests));
	unlink(path);
	return status;
}
