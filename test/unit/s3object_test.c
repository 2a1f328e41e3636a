/* net/s3object: files there and back; a file is whole, or as it was. */
#include "net/s3object.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/io.h"
#include "core/time.h"
#include "s3_store.h"

static struct ab_s3_name name;
static struct ab_s3 *s3;
static char dir[] = "/tmp/ab-s3object-XXXXXX";

static const struct store_answer ECHO[] = {
	{ .status = "200 OK", .headers = "ETag: \"e\"\r\n" },
	{ .status = "200 OK", .headers = "ETag: \"e\"\r\n", .how = STORE_ECHO },
	{ .status = NULL },
};

static struct ab_s3_place
place_of(const struct store *store)
{
	return (struct ab_s3_place){
		.endpoint = store->endpoint, .region = "r", .credentials = { "AK", "secret", NULL }, .deadline_ms = ab_deadline(20000)
	};
}

static const char *
path_of(const char *file)
{
	static char path[2][128];
	static unsigned turn;
	char *to = path[turn++ % 2];

	snprintf(to, sizeof(path[0]), "%s/%s", dir, file);
	return to;
}

static void
write_file(const char *file, const void *data, size_t len)
{
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(ab_write_file_atomic(AT_FDCWD, path_of(file), data, len, 0600, &err), 0);
}

static bool
holds(const char *file, const void *data, size_t len)
{
	AB_AUTO_BUF struct ab_buf buf = AB_BUF_INIT(64 << 20);
	struct ab_error err = AB_ERROR_INIT;

	return ab_read_file(AT_FDCWD, path_of(file), &buf, &err) == 0 && buf.len == len && (len == 0 || memcmp(buf.data, data, len) == 0);
}

/* What stands in the directory: nothing temporary may. */
static unsigned
files(void)
{
	DIR *open = opendir(dir);
	unsigned count = 0;

	while (readdir(open) != NULL)
		count++;
	closedir(open);
	return count - 2;
}

static void
empty_dir(void)
{
	unlink(path_of("in"));
	unlink(path_of("out"));
	CHECK_INT(files(), 0);
}

static void
round_trip(const void *data, size_t len, bool zstd)
{
	struct store store;
	struct ab_s3_stored put_stored, got;
	struct ab_error err = AB_ERROR_INIT;
	unsigned char hash[AB_SHA256_SIZE];
	char hex[AB_SHA256_TEXT];

	write_file("in", data, len);
	store_start(&store, ECHO);
	const struct ab_s3_place place = place_of(&store);
	const struct ab_s3_put put = { .path = path_of("in"), .zstd = zstd };
	CHECK_INT(ab_s3_put(s3, &place, &name, &put, &put_stored, &err), 0);
	CHECK_STRING(put_stored.etag, "\"e\"");
	CHECK_INT(put_stored.bytes, store.page->object_len);
	ab_sha256(store.page->object, store.page->object_len, hash);
	CHECK_STRING(put_stored.sha256, ab_sha256_text(hex, hash));
	CHECK(zstd || (put_stored.bytes == (int64_t)len));
	const struct ab_s3_get get = { .path = path_of("out"), .zstd = zstd, .max_bytes = (int64_t)len, .sha256 = put_stored.sha256 };
	if (!CHECK_INT(ab_s3_get(s3, &place, &name, &get, &got, &err), 0))
		printf("# %s\n", err.msg);
	CHECK(!got.not_modified && got.bytes == put_stored.bytes);
	CHECK_STRING(got.sha256, put_stored.sha256);
	CHECK_STRING(got.etag, "\"e\"");
	CHECK(holds("out", data, len));
	CHECK_INT(files(), 2);
	/* One byte fewer would not be enough. */
	const struct ab_s3_get less = { .path = path_of("out"), .zstd = zstd, .max_bytes = (int64_t)len - 1 };
	if (len > 0) {
		CHECK_INT(ab_s3_get(s3, &place, &name, &less, &got, &err), -1);
		CHECK_INT(err.code, AB_E_LIMIT_SIZE);
		CHECK(holds("out", data, len));
	}
	store_forget(&store);
	empty_dir();
}

static void
test_round_trip(void)
{
	enum { LONG = 20 << 20 };
	AB_AUTO_FREE char *data = ab_malloc(LONG);
	unsigned state = 1;

	for (size_t i = 0; i < LONG; i++) {
		state = state * 1103515245 + 12345;
		data[i] = (char)(state >> 16);
	}
	round_trip("", 0, false);
	round_trip("", 0, true);
	round_trip("x", 1, false);
	round_trip("x", 1, true);
	round_trip(data, LONG, false);
	round_trip(data, LONG, true);
}

/* The file that was there stays as it was. */
static void
fails(const struct store_answer *answers, const struct ab_s3_get *get, enum ab_errcode code)
{
	struct store store;
	struct ab_s3_stored stored;
	struct ab_error err = AB_ERROR_INIT;

	write_file("out", "before", 6);
	store_start(&store, answers);
	struct ab_s3_place place = place_of(&store);
	place.deadline_ms = ab_deadline(500);
	CHECK_INT(ab_s3_get(s3, &place, &name, get, &stored, &err), -1);
	CHECK_INT(err.code, code);
	if (code == AB_E_CORRUPT || code == AB_E_LIMIT_SIZE)
		CHECK(strstr(err.msg, "s3://bkt/key: ") != NULL);
	CHECK(holds("out", "before", 6));
	CHECK_INT(files(), 1);
	store_forget(&store);
	empty_dir();
}

static void
test_damage(void)
{
	static const struct store_answer hello[] = { { .status = "200 OK", .body = "hello" }, { .status = NULL } };
	static const struct store_answer cut[] = { { .status = "200 OK", .body = "hello", .how = STORE_SHORT }, { .status = NULL } };
	static const struct store_answer nothing[] = { { .status = "200 OK" }, { .status = NULL } };
	static const struct store_answer missing[] = { { .status = "404 x", .body = "<Code>NoSuchKey</Code>" }, { .status = NULL } };
	struct ab_s3_get get = { .path = "/tmp", .max_bytes = -1, .sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9825" };
	char out[128];

	snprintf(out, sizeof(out), "%s", path_of("out"));
	get.path = out;
	fails(hello, &get, AB_E_CORRUPT);
	get.sha256 = "2cf24dba";
	fails(hello, &get, AB_E_INPUT_INVALID);
	get.sha256 = NULL;
	fails(cut, &get, AB_E_CONNECTION_LOST);
	fails(missing, &get, AB_E_NOT_FOUND);
	get.max_bytes = 4;
	fails(hello, &get, AB_E_LIMIT_SIZE);
	get.max_bytes = -1;
	get.zstd = true;
	fails(hello, &get, AB_E_CORRUPT);
	fails(nothing, &get, AB_E_CORRUPT);
}

/* 256 MiB of zeros are some 25 KiB: what would become of them stays bounded. */
static void
test_bomb(void)
{
	struct store store;
	struct ab_s3_stored stored;
	struct ab_error err = AB_ERROR_INIT;
	char in[128], out[128];

	snprintf(in, sizeof(in), "%s", path_of("in"));
	snprintf(out, sizeof(out), "%s", path_of("out"));
	write_file("in", "", 0);
	CHECK_INT(truncate(in, 256 << 20), 0);
	store_start(&store, ECHO);
	const struct ab_s3_place place = place_of(&store);
	CHECK_INT(ab_s3_put(s3, &place, &name, &(struct ab_s3_put){ .path = in, .zstd = true }, &stored, &err), 0);
	CHECK(stored.bytes < 100000);
	const struct ab_s3_get get = { .path = out, .zstd = true, .max_bytes = 1 << 20 };
	CHECK_INT(ab_s3_get(s3, &place, &name, &get, &stored, &err), -1);
	CHECK_INT(err.code, AB_E_LIMIT_SIZE);
	CHECK_INT(files(), 1);
	store_forget(&store);
	empty_dir();
}

static void
test_conditions(void)
{
	static const struct store_answer answers[] = {
		{ .status = "304 Not Modified", .headers = "ETag: \"e\"\r\n" },
		{ .status = "200 OK" },
		{ .status = "412 Precondition Failed", .body = "<Code>PreconditionFailed</Code>" },
		{ .status = "204 No Content" },
		{ .status = "404 Not Found", .body = "<Code>NoSuchKey</Code>" },
		{ .status = NULL },
	};
	struct store store;
	struct ab_s3_stored stored;
	struct ab_error err = AB_ERROR_INIT;
	char in[128], out[128];

	snprintf(in, sizeof(in), "%s", path_of("in"));
	snprintf(out, sizeof(out), "%s", path_of("out"));
	write_file("in", "x", 1);
	store_start(&store, answers);
	const struct ab_s3_place place = place_of(&store);
	CHECK_INT(ab_s3_get(s3, &place, &name, &(struct ab_s3_get){ .path = out, .max_bytes = -1, .if_none_match = "\"e\"" }, &stored, &err), 0);
	CHECK(stored.not_modified);
	CHECK_INT(files(), 1);
	CHECK_INT(ab_s3_put(s3, &place, &name, &(struct ab_s3_put){ .path = in, .if_absent = true }, &stored, &err), 0);
	CHECK_STRING(stored.etag, "");
	CHECK_INT(ab_s3_put(s3, &place, &name, &(struct ab_s3_put){ .path = in, .if_match = "\"e\"" }, &stored, &err), -1);
	CHECK_INT(err.code, AB_E_CONFLICT);
	CHECK_INT(ab_s3_delete(s3, &place, &name, &err), 0);
	CHECK_INT(ab_s3_delete(s3, &place, &name, &err), 0);
	store_stop(&store);
	CHECK_STRING(store_header(&store, 0, "if-none-match"), "\"e\"");
	CHECK_STRING(store_header(&store, 1, "if-none-match"), "*");
	CHECK_STRING(store_header(&store, 2, "if-match"), "\"e\"");
	CHECK(strncmp(store.page->seen[3].head, "DELETE /bkt/key HTTP/1.1\r\n", 26) == 0);
	store_forget(&store);
	empty_dir();
}

static void
test_files(void)
{
	const struct ab_s3_place place = { .endpoint = "http://127.0.0.1:1", .region = "r", .credentials = { "AK", "secret", NULL }, .deadline_ms = ab_deadline(300) };
	struct ab_s3_stored stored;
	struct ab_error err = AB_ERROR_INIT;
	char fifo[128];

	CHECK_INT(ab_s3_put(s3, &place, &name, &(struct ab_s3_put){ .path = path_of("none") }, &stored, &err), -1);
	CHECK_INT(err.code, AB_E_NOT_FOUND);
	CHECK_INT(ab_s3_put(s3, &place, &name, &(struct ab_s3_put){ .path = dir }, &stored, &err), -1);
	CHECK_INT(err.code, AB_E_IS_DIRECTORY);
	snprintf(fifo, sizeof(fifo), "%s", path_of("fifo"));
	CHECK_INT(mkfifo(fifo, 0600), 0);
	CHECK_INT(ab_s3_put(s3, &place, &name, &(struct ab_s3_put){ .path = fifo }, &stored, &err), -1);
	CHECK_INT(err.code, AB_E_INPUT_INVALID);
	unlink(fifo);
	CHECK_INT(ab_s3_get(s3, &place, &name, &(struct ab_s3_get){ .path = path_of("no/such"), .max_bytes = -1 }, &stored, &err), -1);
	CHECK_INT(err.code, AB_E_NOT_FOUND);
	/* A directory is no place for a file, which shows when all is there. */
	static const struct store_answer hello[] = { { .status = "200 OK", .body = "hello" }, { .status = NULL } };
	struct store store;
	store_start(&store, hello);
	const struct ab_s3_place there = place_of(&store);
	CHECK_INT(mkdir(path_of("out"), 0700), 0);
	CHECK_INT(ab_s3_get(s3, &there, &name, &(struct ab_s3_get){ .path = path_of("out"), .max_bytes = -1 }, &stored, &err), -1);
	CHECK_INT(err.code, AB_E_IS_DIRECTORY);
	CHECK_INT(files(), 1);
	rmdir(path_of("out"));
	store_forget(&store);
	empty_dir();
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "there and back", test_round_trip },
		{ "what is wrong", test_damage },
		{ "a bomb", test_bomb },
		{ "conditions", test_conditions },
		{ "files", test_files },
	};
	struct ab_error err = AB_ERROR_INIT;

	store_no_proxy();
	if (mkdtemp(dir) == NULL || ab_s3_name_parse("s3://bkt/key", &name, &err) < 0)
		return 1;
	s3 = ab_s3_new();
	int status = tap_run(tests, AB_COUNT_OF(tests));
	ab_s3_free(s3);
	rmdir(dir);
	return status;
}
