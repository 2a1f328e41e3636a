/* net/compress: there and back, damage, bombs. */
#include "net/compress.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/io.h"
#include "tap.h"

static int
keep(void *data, const void *bytes, size_t len, struct ab_error *err)
{
	return ab_buf_add(data, bytes, len) ? 0 : ab_fail(err, AB_E_LIMIT_SIZE, "too much");
}

static void
compressed(const void *data, size_t len, struct ab_buf *out)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_CLOSE int from = ab_memory_file("from", data, len), to = memfd_create("to", MFD_CLOEXEC);

	CHECK_INT(ab_compress_file(from, to, "from", "to", &err), 0);
	lseek(to, 0, SEEK_SET);
	CHECK_INT(ab_read_all(to, out, "to", &err), 0);
}

/* step: how many bytes come at once. */
static enum ab_errcode
decompressed(const void *data, size_t len, size_t step, struct ab_buf *out)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_decompressor *decompressor = ab_decompressor_new();
	int rc = 0;

	for (size_t at = 0; rc == 0 && at < len; at += step)
		rc = ab_decompressor_write(decompressor, (const char *)data + at, step < len - at ? step : len - at, keep, out, &err);
	if (rc == 0)
		rc = ab_decompressor_end(decompressor, &err);
	ab_decompressor_free(decompressor);
	return rc == 0 ? AB_E_NONE : err.code;
}

static void
fill(struct ab_buf *buf, size_t len)
{
	unsigned state = 1;

	while (buf->len < len) {
		state = state * 1103515245 + 12345;
		ab_buf_putc(buf, (char)((state >> 16) & ((buf->len >> 16) % 2 != 0 ? 0xff : 0x03)));
	}
}

static void
test_round_trip(void)
{
	static const size_t SIZES[] = { 0, 1, 131072, 131073, 20 << 20 };

	for (size_t i = 0; i < AB_COUNT_OF(SIZES); i++) {
		AB_AUTO_BUF struct ab_buf plain = AB_BUF_INIT(32 << 20), small = AB_BUF_INIT(32 << 20), back = AB_BUF_INIT(32 << 20);
		fill(&plain, SIZES[i]);
		compressed(plain.data, plain.len, &small);
		CHECK_INT(decompressed(small.data, small.len, 65536, &back), AB_E_NONE);
		CHECK(back.len == plain.len && (plain.len == 0 || memcmp(back.data, plain.data, plain.len) == 0));
		if (small.len < 1000) {
			ab_buf_truncate(&back, 0);
			CHECK_INT(decompressed(small.data, small.len, 1, &back), AB_E_NONE);
			CHECK_INT(back.len, plain.len);
		}
	}
}

/* Every cut and every changed byte is found. */
static void
test_damage(void)
{
	AB_AUTO_BUF struct ab_buf plain = AB_BUF_INIT(1000), small = AB_BUF_INIT(2000), back = AB_BUF_INIT(1 << 20);

	fill(&plain, 300);
	compressed(plain.data, plain.len, &small);
	for (size_t cut = 0; cut < small.len; cut++)
		CHECK_INT(decompressed(small.data, cut, 7, &back), AB_E_CORRUPT);
	for (size_t at = 0; at < small.len; at++) {
		ab_buf_truncate(&back, 0);
		small.data[at] ^= 0x10;
		enum ab_errcode code = decompressed(small.data, small.len, small.len, &back);
		small.data[at] ^= 0x10;
		/* Bits of the frame's head may mean nothing. */
		CHECK(code == AB_E_CORRUPT || (code == AB_E_NONE && back.len == plain.len && memcmp(back.data, plain.data, plain.len) == 0));
	}
	ab_buf_truncate(&back, 0);
	CHECK_INT(decompressed("plain text, not compressed", 26, 26, &back), AB_E_CORRUPT);
	/* What follows a frame must be one. */
	CHECK(ab_buf_add(&small, "x", 1));
	CHECK_INT(decompressed(small.data, small.len, small.len, &back), AB_E_CORRUPT);
}

/* 64 MiB of zeros are some 6 KiB: the sink stops it, whatever it would become. */
static void
test_bomb(void)
{
	AB_AUTO_CLOSE int from = memfd_create("from", MFD_CLOEXEC), to = memfd_create("to", MFD_CLOEXEC);
	AB_AUTO_BUF struct ab_buf small = AB_BUF_INIT(1 << 20), back = AB_BUF_INIT(1 << 20);
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(ftruncate(from, 64 << 20), 0);
	CHECK_INT(ab_compress_file(from, to, "from", "to", &err), 0);
	lseek(to, 0, SEEK_SET);
	CHECK_INT(ab_read_all(to, &small, "to", &err), 0);
	CHECK(small.len < 65536);
	CHECK_INT(decompressed(small.data, small.len, small.len, &back), AB_E_LIMIT_SIZE);
}

static void
test_errors(void)
{
	AB_AUTO_CLOSE int from = ab_memory_file("from", "x", 1);
	struct ab_error err = AB_ERROR_INIT;
	FILE *full = fopen("/dev/full", "we");

	CHECK_INT(ab_compress_file(from, fileno(full), "from", "to", &err), -1);
	CHECK_INT(err.code, AB_E_LIMIT_STORAGE);
	fclose(full);
	CHECK_INT(ab_compress_file(-1, from, "from", "to", &err), -1);
	CHECK_INT(err.code, AB_E_SYSTEM);
	CHECK(ab_compress_library_version()[0] != '\0');
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "there and back", test_round_trip },
		{ "damage", test_damage },
		{ "a bomb", test_bomb },
		{ "files that fail", test_errors },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
