#include "sys/capture.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "core/text.h"
#include "tap.h"

/* The whole of len bytes, given in chunks of `step`, assembled; the caller releases. */
static struct ab_captured
run(const char *data, size_t len, size_t max, enum ab_keep keep, size_t step)
{
	struct ab_capture capture;
	struct ab_captured result;

	ab_capture_init(&capture, max, keep);
	for (size_t at = 0; at < len; at += step)
		ab_capture_add(&capture, data + at, len - at < step ? len - at : step);
	ab_capture_result(&capture, &result);
	ab_capture_release(&capture);
	return result;
}

static const char *
text(const struct ab_captured *result)
{
	return result->text.data == NULL ? "" : result->text.data;
}

static void
nothing_is_cut_up_to_the_maximum(void)
{
	for (int keep = AB_KEEP_BOTH; keep <= AB_KEEP_TAIL; keep++)
		for (size_t step = 1; step < 12; step++) {
			struct ab_captured got = run("0123456789", 10, 10, (enum ab_keep)keep, step);
			CHECK_STRING(text(&got), "0123456789");
			CHECK_INT(got.total, 10);
			CHECK_INT(got.omitted, 0);
			CHECK_INT(got.truncated, 0);
			ab_buf_release(&got.text);
		}
	struct ab_captured none = run("", 0, 0, AB_KEEP_BOTH, 1);
	CHECK_INT(none.text.len, 0);
	CHECK(!none.truncated);
}

static void
head_and_tail(void)
{
	struct ab_captured got = run("abcdefghijklmnopqrstuvwxyz", 26, 8, AB_KEEP_BOTH, 5);
	CHECK_STRING(text(&got), "abcd\n[\u2026 18 bytes omitted \u2026]\nwxyz");
	CHECK_INT(got.head_bytes, 4);
	CHECK_INT(got.omitted, 18);
	ab_buf_release(&got.text);

	got = run("abcdefghijklmnopqrstuvwxyz", 26, 8, AB_KEEP_HEAD, 5);
	CHECK_STRING(text(&got), "abcdefgh\n[\u2026 18 bytes omitted \u2026]\n");
	CHECK_INT(got.head_bytes, 8);
	ab_buf_release(&got.text);

	got = run("abcdefghijklmnopqrstuvwxyz", 26, 8, AB_KEEP_TAIL, 5);
	CHECK_STRING(text(&got), "[\u2026 18 bytes omitted \u2026]\nstuvwxyz");
	CHECK_INT(got.head_bytes, 0);
	ab_buf_release(&got.text);

	got = run("abcdef", 6, 0, AB_KEEP_BOTH, 5);
	CHECK_STRING(text(&got), "[\u2026 6 bytes omitted \u2026]\n");
	CHECK(got.truncated);
	ab_buf_release(&got.text);
}

static void
cuts_fall_between_lines(void)
{
	const char *lines = "aaaaaa\nbbbbbb\ncccccc\ndddddd\neeeeee\nffffff\n"; /* 42 */

	struct ab_captured got = run(lines, 42, 20, AB_KEEP_BOTH, 3);
	CHECK_STRING(text(&got), "aaaaaa\n[\u2026 28 bytes omitted \u2026]\nffffff\n");
	ab_buf_release(&got.text);
	/* Exactly at a line on both sides: nothing more is lost, and no newline is put in. */
	got = run(lines, 42, 28, AB_KEEP_BOTH, 3);
	CHECK_STRING(text(&got), "aaaaaa\nbbbbbb\n[\u2026 14 bytes omitted \u2026]\neeeeee\nffffff\n");
	CHECK_INT(got.head_bytes, 14);
	ab_buf_release(&got.text);

	/* A newline further away than 4 KiB is no reason to lose so much. */
	char *data = malloc(100000);
	memset(data, 'x', 100000);
	data[10000 - 4096 - 2] = '\n';
	got = run(data, 100000, 20000, AB_KEEP_BOTH, 777);
	CHECK_INT(got.head_bytes, 10000);
	CHECK_INT(got.omitted, 80000);
	ab_buf_release(&got.text);
	data[10000 - 4096] = '\n';
	data[90000 + 4000] = '\n';
	got = run(data, 100000, 20000, AB_KEEP_BOTH, 777);
	CHECK_INT(got.head_bytes, 10000 - 4095);
	CHECK_INT(got.omitted, 80000 + 4095 + 4001);
	ab_buf_release(&got.text);
	free(data);
}

static void
cuts_fall_between_characters(void)
{
	/* € has three bytes; every maximum and chunk size must leave valid text and exact numbers. */
	char data[300];
	for (size_t i = 0; i < sizeof(data); i += 3)
		memcpy(data + i, "\u20ac", 3);
	for (int keep = AB_KEEP_BOTH; keep <= AB_KEEP_TAIL; keep++)
		for (size_t max = 0; max < 60; max++) {
			struct ab_captured got = run(data, sizeof(data), max, (enum ab_keep)keep, 1 + max % 7);
			CHECK(ab_utf8_valid(got.text.data, got.text.len));
			CHECK((sizeof(data) - got.omitted) % 3 == 0);
			CHECK(sizeof(data) - got.omitted + 6 > max);
			ab_buf_release(&got.text);
		}
	/* Bytes that are no text lose nothing to the search for a character. */
	memset(data, 0x80, sizeof(data));
	struct ab_captured got = run(data, sizeof(data), 50, AB_KEEP_TAIL, 9);
	CHECK_INT(got.omitted, sizeof(data) - 50);
	ab_buf_release(&got.text);
}

/* Against a model that has everything: the text is always prefix, marker, suffix. */
static void
random_chunks(void)
{
	srand(1);
	for (int round = 0; round < 2000; round++) {
		char data[400];
		size_t len = (size_t)rand() % sizeof(data), max = (size_t)rand() % 200;
		enum ab_keep keep = (enum ab_keep)(rand() % 3);
		for (size_t i = 0; i < len; i++)
			data[i] = rand() % 9 == 0 ? '\n' : (char)('a' + rand() % 26);
		struct ab_captured got = run(data, len, max, keep, 1 + (size_t)rand() % 100);
		CHECK_INT(got.total, len);
		CHECK_INT(got.truncated, len > max);
		CHECK(memcmp(text(&got), data, got.head_bytes) == 0);
		size_t tail = len - got.omitted - got.head_bytes;
		CHECK(tail <= got.text.len);
		CHECK(memcmp(text(&got) + got.text.len - tail, data + len - tail, tail) == 0);
		if (got.truncated) {
			char marker[80];
			snprintf(marker, sizeof(marker), "[\u2026 %zu bytes omitted \u2026]\n", (size_t)got.omitted);
			const char *at = strstr(text(&got), marker);
			CHECK(at != NULL && (at == text(&got) || at[-1] == '\n'));
			CHECK(got.omitted > 0);
		}
		ab_buf_release(&got.text);
	}
}

static void
pieces_are_everything(void)
{
	struct ab_capture capture;
	struct ab_capture_pieces pieces;

	ab_capture_init(&capture, 10, AB_KEEP_BOTH);
	ab_capture_whole(&capture, &pieces);
	CHECK_INT(pieces.len[0] + pieces.len[1], 0);
	ab_capture_add(&capture, "0123456", 7);
	ab_capture_whole(&capture, &pieces);
	CHECK_INT(pieces.len[0], 5);
	CHECK_INT(pieces.len[1], 2);
	CHECK(memcmp(pieces.data[0], "01234", 5) == 0 && memcmp(pieces.data[1], "56", 2) == 0);
	ab_capture_release(&capture);
}

static void
ten_gigabytes_cost_nothing(void)
{
	static char chunk[65536];
	struct ab_capture capture;
	struct ab_captured result;
	struct rusage before, after;

	ab_capture_init(&capture, 131072, AB_KEEP_BOTH);
	getrusage(RUSAGE_SELF, &before);
	for (uint64_t done = 0; done < UINT64_C(10) << 30; done += sizeof(chunk))
		ab_capture_add(&capture, chunk, sizeof(chunk));
	getrusage(RUSAGE_SELF, &after);
	CHECK(after.ru_maxrss - before.ru_maxrss < 2048);
	ab_capture_result(&capture, &result);
	CHECK_INT(result.total, UINT64_C(10) << 30);
	CHECK_INT(result.omitted, (UINT64_C(10) << 30) - 131072);
	ab_buf_release(&result.text);
	ab_capture_release(&capture);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "nothing is cut up to the maximum", nothing_is_cut_up_to_the_maximum },
		{ "head, tail, both, nothing", head_and_tail },
		{ "cuts fall between lines", cuts_fall_between_lines },
		{ "cuts fall between characters", cuts_fall_between_characters },
		{ "random chunks against a model", random_chunks },
		{ "pieces are everything while nothing is left out", pieces_are_everything },
		{ "10 GiB cost no memory", ten_gigabytes_cost_nothing },
	};
	return tap_run(tests, sizeof(tests) / sizeof(tests[0]));
}
