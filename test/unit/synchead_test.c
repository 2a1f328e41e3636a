/* data/synchead: the head of a synchronised copy. */
#include "data/synchead.h"

#include <inttypes.h>

#include "tap.h"

#define COPY "01J000000000000000000000C0"
#define PUSH "01J000000000000000000000P0"
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define MIB ((int64_t)1 << 20)

/* ---- heads that are made here ---- */

/* A list of one stored part. */
static struct ab_syncparts
one(const char *name, int64_t bytes)
{
	struct ab_syncparts parts = { .part = NULL };
	struct ab_syncpart *part = ab_syncparts_add(&parts, name, 2 * bytes);

	part->bytes = bytes;
	memcpy(part->sha256, HASH, sizeof(HASH));
	return parts;
}

/* One more segment, whose part is named after its numbers. */
static void
add_segment(struct ab_synchead *head, int64_t from, int64_t to, int64_t bytes)
{
	AB_AUTO_FREE char *name = ab_asprintf("segment/%" PRId64 "-%" PRId64, from, to);
	struct ab_syncparts parts = one(name, bytes);

	ab_synchead_add_segment(head, from, to, &parts);
	CHECK(parts.part == NULL && parts.count == 0); /* taken */
	head->seq = to;
}

/* The names of what is gone; the caller frees. */
static char *
set_snapshot(struct ab_synchead *head, int64_t seq, int64_t bytes)
{
	AB_AUTO_FREE char *name = ab_asprintf("snapshot/%" PRId64, seq);
	struct ab_buf names = AB_BUF_INIT(100000);
	struct ab_syncparts parts = one(name, bytes), gone = { .part = NULL };

	ab_synchead_set_snapshot(head, seq, &parts, &gone);
	CHECK(parts.part == NULL && parts.count == 0);
	head->seq = seq;
	for (size_t i = 0; i < gone.count; i++)
		ab_buf_printf(&names, "%s ", gone.part[i].name);
	ab_syncparts_release(&gone);
	return ab_buf_take(&names);
}

static void
set_names(struct ab_synchead *head)
{
	memcpy(head->copy, COPY, sizeof(COPY));
	memcpy(head->push, PUSH, sizeof(PUSH));
	head->generation = 3;
	head->at_ms = 12345;
	free(head->writer);
	head->writer = ab_strdup("me@host");
}

/* As JSON; the caller frees. */
static char *
written(const struct ab_synchead *head)
{
	struct ab_buf text = AB_BUF_INIT((size_t)16 << 20);
	struct ab_json json;

	ab_json_begin(&json, &text, AB_ENCODING_AUTO);
	ab_synchead_write(&json, NULL, head);
	return ab_buf_take(&text);
}

static struct ab_error last;

static int
parse(struct ab_synchead *head, const char *text)
{
	last = (struct ab_error)AB_ERROR_INIT;
	int status = ab_synchead_parse(head, text, strlen(text), &last);
	CHECK((status == 0) == (last.code == AB_E_NONE) && (status == 0 || last.msg[0] != '\0'));
	return status;
}

/* Whether it is the one or the other. */
static void
check_way(const struct ab_synchead *head, int64_t from_seq, bool whole, size_t segment, int line)
{
	struct ab_syncway way = ab_synchead_way(head, from_seq);

	if (!tap_int(way.whole, whole, __FILE__, line, "whole") || !tap_int((intmax_t)way.segment, (intmax_t)segment, __FILE__, line, "segment"))
		printf("# from %" PRId64 "\n", from_seq);
}

#define CHECK_WAY(head, from_seq, whole, segment) check_way((head), (from_seq), (whole), (segment), __LINE__)

/* ---- written and read back ---- */

static void
test_round(void)
{
	AB_AUTO_SYNCHEAD struct ab_synchead head = AB_SYNCHEAD_INIT, back = AB_SYNCHEAD_INIT;

	set_names(&head);
	add_segment(&head, 1, 10, 100);
	free(set_snapshot(&head, 10, 50));
	add_segment(&head, 11, 11, 200);
	struct ab_syncpart *more = ab_syncparts_add(&head.segment[1].parts, "segment/more", 7);
	more->bytes = 5;
	memcpy(more->sha256, HASH, sizeof(HASH));
	AB_AUTO_FREE char *text = written(&head);
	CHECK_STRING(text,
	    "{\"format\":\"ab.kv.sync/1\",\"copy\":\"" COPY "\",\"push\":\"" PUSH "\",\"generation\":3,\"seq\":11,\"writer\":\"me@host\",\"at_ms\":12345,"
	    "\"snapshot\":{\"seq\":10,\"parts\":[{\"name\":\"snapshot/10\",\"bytes\":50,\"sha256\":\"" HASH "\",\"plain_bytes\":100}]},"
	    "\"segments\":[{\"from\":1,\"to\":10,\"parts\":[{\"name\":\"segment/1-10\",\"bytes\":100,\"sha256\":\"" HASH "\",\"plain_bytes\":200}]},"
	    "{\"from\":11,\"to\":11,\"parts\":[{\"name\":\"segment/11-11\",\"bytes\":200,\"sha256\":\"" HASH "\",\"plain_bytes\":400},"
	    "{\"name\":\"segment/more\",\"bytes\":5,\"sha256\":\"" HASH "\",\"plain_bytes\":7}]}]}");
	CHECK_INT(parse(&back, text), 0);
	CHECK_STRING(back.copy, COPY);
	CHECK_STRING(back.push, PUSH);
	CHECK_STRING(back.writer, "me@host");
	CHECK(back.generation == 3 && back.seq == 11 && back.at_ms == 12345 && back.snapshot_seq == 10);
	CHECK_INT(back.segments, 2);
	CHECK_INT(back.segment[1].parts.count, 2);
	CHECK_INT(ab_syncparts_bytes(&back.segment[1].parts), 205);
	CHECK_STRING(back.segment[1].parts.part[1].sha256, HASH);
	AB_AUTO_FREE char *again = written(&back);
	CHECK_STRING(again, text);
	/* What is in it is replaced. */
	CHECK_INT(parse(&back, text), 0);
	CHECK_INT(back.segments, 2);
	CHECK_INT(parse(&back, "{}"), -1);
	CHECK(back.segments == 0 && back.segment == NULL && back.writer == NULL && back.copy[0] == '\0' && back.snapshot.count == 0);
	ab_synchead_release(&head);
	CHECK(head.segments == 0 && head.writer == NULL && head.seq == 0);
}

/* As a member of something else, and without who wrote it. */
static void
test_member(void)
{
	AB_AUTO_SYNCHEAD struct ab_synchead head = AB_SYNCHEAD_INIT, back = AB_SYNCHEAD_INIT;
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(100000);
	struct ab_syncparts parts = { .part = NULL };
	struct ab_json json;

	set_names(&head);
	free(head.writer);
	head.writer = NULL;
	add_segment(&head, 1, 10, 100);
	ab_syncparts_add(&parts, "segment/later", 9); /* not stored yet */
	ab_json_begin(&json, &text, AB_ENCODING_AUTO);
	ab_json_object(&json, NULL);
	ab_synchead_write(&json, "head", &head);
	ab_syncparts_write(&json, "parts", &parts);
	ab_json_object_end(&json);
	ab_syncparts_release(&parts);
	AB_AUTO_VALUE struct ab_value *value = ab_value_parse(text.data, text.len, &last);
	CHECK_INT(ab_synchead_read(&back, ab_value_get(value, "head"), &last), 0);
	CHECK_INT(back.segments, 1);
	CHECK_STRING(back.writer, "somebody");
	CHECK_INT(ab_syncparts_read(&parts, ab_value_get(value, "parts"), &last), 0);
	CHECK_INT(parts.count, 1);
	CHECK_STRING(parts.part[0].name, "segment/later");
	CHECK_STRING(parts.part[0].sha256, "");
	CHECK(parts.part[0].bytes == 0 && parts.part[0].plain_bytes == 9);
	ab_syncparts_release(&parts);
	CHECK_INT(ab_synchead_read(&back, ab_value_get(value, "none"), &last), -1);
	CHECK_INT(last.code, AB_E_CORRUPT);
}

/* ---- refused ---- */

#define HEAD(more) "{\"format\":\"ab.kv.sync/1\",\"copy\":\"" COPY "\",\"push\":\"" PUSH "\"," more "}"
#define NUMBERS(seq) "\"generation\":1,\"seq\":" seq ","
#define PART(name) "{\"name\":\"" name "\",\"bytes\":1,\"sha256\":\"" HASH "\",\"plain_bytes\":1}"
#define SEGMENT(from, to) "{\"from\":" from ",\"to\":" to ",\"parts\":[" PART("segment/x") "]}"
#define SNAPSHOT(seq) "\"snapshot\":{\"seq\":" seq ",\"parts\":[" PART("snapshot/x") "]}"
#define PARTS(parts) HEAD(NUMBERS("1") "\"segments\":[{\"from\":1,\"to\":1,\"parts\":[" parts "]}]")
#define LONG64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void
test_accepted(void)
{
	static const char *const texts[] = {
		HEAD(NUMBERS("5") "\"segments\":[" SEGMENT("1", "5") "]"),
		HEAD(NUMBERS("5") "\"segments\":[" SEGMENT("1", "4") "," SEGMENT("5", "5") "]"),
		HEAD(NUMBERS("5") SNAPSHOT("5")),
		HEAD(NUMBERS("5") SNAPSHOT("5") ",\"segments\":[]"),
		HEAD(NUMBERS("5") SNAPSHOT("3") ",\"segments\":[" SEGMENT("4", "5") "]"),
		HEAD(NUMBERS("5") SNAPSHOT("3") ",\"segments\":[" SEGMENT("2", "3") "," SEGMENT("4", "5") "],\"more\":true"),
		HEAD(NUMBERS("5") SNAPSHOT("5") ",\"segments\":[" SEGMENT("2", "3") "," SEGMENT("4", "5") "]"),
		HEAD(NUMBERS("5") SNAPSHOT("3") ",\"segments\":[" SEGMENT("1", "3") "," SEGMENT("4", "5") "]"),
		HEAD(NUMBERS("9007199254740992") SNAPSHOT("9007199254740992")),
		HEAD(NUMBERS("9007199254740992") "\"segments\":[" SEGMENT("1", "9007199254740992") "]"),
		PARTS(PART("segment/01J-0001/a_b.ndjson.zst")),
		PARTS(PART("snapshot/" LONG64 LONG64)),
	};

	for (size_t i = 0; i < AB_COUNT_OF(texts); i++) {
		AB_AUTO_SYNCHEAD struct ab_synchead head = AB_SYNCHEAD_INIT;
		if (!CHECK_INT(parse(&head, texts[i]), 0))
			printf("# %s: %s\n", texts[i], last.msg);
	}
}

static void
test_refused(void)
{
	static const char *const texts[] = {
		"", "{", "[]", "7", "\"ab.kv.sync/1\"", "{}", "{\"format\":7}", "{\"format\":\"ab.kv.sync\"}", "{\"format\":\"tar\"}",
		"{\"format\":\"ab.kv.sync/1\"}",
		/* no identifiers */
		"{\"format\":\"ab.kv.sync/1\",\"copy\":\"" COPY "0\",\"push\":\"" PUSH "\",\"generation\":1,\"seq\":5," SNAPSHOT("5") "}",
		"{\"format\":\"ab.kv.sync/1\",\"copy\":\"" COPY "\",\"push\":\"short\",\"generation\":1,\"seq\":5," SNAPSHOT("5") "}",
		"{\"format\":\"ab.kv.sync/1\",\"copy\":7,\"push\":\"" PUSH "\",\"generation\":1,\"seq\":5," SNAPSHOT("5") "}",
		/* numbers */
		HEAD("\"seq\":5," SNAPSHOT("5")),
		HEAD("\"generation\":0,\"seq\":5," SNAPSHOT("5")),
		HEAD("\"generation\":1," SNAPSHOT("5")),
		HEAD(NUMBERS("0") SNAPSHOT("0")),
		HEAD(NUMBERS("-5") SNAPSHOT("-5")),
		HEAD(NUMBERS("\"5\"") SNAPSHOT("5")),
		/* that nobody could count on from */
		HEAD(NUMBERS("9223372036854775807") SNAPSHOT("9223372036854775807")),
		HEAD("\"generation\":9223372036854775807,\"seq\":5," SNAPSHOT("5")),
		/* segments that are no chain */
		HEAD(NUMBERS("5") "\"segments\":[" SEGMENT("1", "3") "," SEGMENT("5", "5") "]"),
		HEAD(NUMBERS("5") "\"segments\":[" SEGMENT("1", "3") "," SEGMENT("3", "5") "]"),
		HEAD(NUMBERS("5") "\"segments\":[" SEGMENT("4", "5") "," SEGMENT("1", "3") "]"),
		HEAD(NUMBERS("5") "\"segments\":[" SEGMENT("1", "0") "," SEGMENT("1", "5") "]"),
		HEAD(NUMBERS("5") "\"segments\":[" SEGMENT("0", "5") "]"),
		HEAD(NUMBERS("5") "\"segments\":[" SEGMENT("-9223372036854775808", "5") "]"),
		HEAD(NUMBERS("5") "\"segments\":[" SEGMENT("1", "9223372036854775807") "," SEGMENT("-9223372036854775808", "5") "]"),
		HEAD(NUMBERS("5") "\"segments\":[" SEGMENT("1", "9223372036854775807") "," SEGMENT("5", "5") "]"),
		HEAD(NUMBERS("5") "\"segments\":[7]"),
		HEAD(NUMBERS("5") "\"segments\":{\"a\":1}"),
		/* parts that end elsewhere */
		HEAD(NUMBERS("5") "\"segments\":[]"),
		HEAD(NUMBERS("5") SNAPSHOT("4")),
		HEAD(NUMBERS("5") SNAPSHOT("6")),
		HEAD(NUMBERS("5") "\"segments\":[" SEGMENT("1", "4") "]"),
		HEAD(NUMBERS("5") "\"segments\":[" SEGMENT("1", "6") "]"),
		HEAD(NUMBERS("5") SNAPSHOT("4") ",\"segments\":[" SEGMENT("5", "6") "]"),
		HEAD(NUMBERS("5") SNAPSHOT("5") ",\"segments\":[" SEGMENT("1", "3") "]"), /* who comes from before 3 would end there */
		/* no way from the snapshot */
		HEAD(NUMBERS("5") "\"segments\":[" SEGMENT("2", "5") "]"),
		HEAD(NUMBERS("5") SNAPSHOT("2") ",\"segments\":[" SEGMENT("4", "5") "]"),
		HEAD(NUMBERS("5") SNAPSHOT("4") ",\"segments\":[" SEGMENT("3", "5") "]"), /* it ends within a segment */
		HEAD(NUMBERS("5") SNAPSHOT("4") ",\"segments\":[" SEGMENT("1", "5") "]"),
		HEAD(NUMBERS("5") SNAPSHOT("6") ",\"segments\":[" SEGMENT("2", "5") "]"),
		HEAD(NUMBERS("5") SNAPSHOT("-1") ",\"segments\":[" SEGMENT("1", "5") "]"),
		HEAD(NUMBERS("5") SNAPSHOT("0") ",\"segments\":[" SEGMENT("1", "5") "]"), /* a snapshot of nothing */
		HEAD(NUMBERS("5") "\"snapshot\":{\"seq\":5,\"parts\":[]}"),
		HEAD(NUMBERS("5") "\"snapshot\":{\"seq\":3,\"parts\":[]},\"segments\":[" SEGMENT("4", "5") "]"),
		/* parts */
		PARTS("7"),
		PARTS("{}"),
		PARTS(PART("")),
		PARTS(PART("../x")),
		PARTS(PART("segment/../x")),
		PARTS(PART("segment/..")),
		PARTS(PART("/segment/x")),
		PARTS(PART("/etc/passwd")),
		PARTS(PART("head.json")),
		PARTS(PART("segmentx")),
		PARTS(PART("Segment/x")),
		PARTS(PART("segment/a b")),
		PARTS(PART("segment/a?b")),
		PARTS(PART("segment/a\\u0000b")),
		PARTS(PART("segment/a\\nb")),
		PARTS(PART("segment/\xc3\xa4")),
		PARTS(PART("segment/" LONG64 LONG64 LONG64)),
		PARTS("{\"name\":\"segment/x\",\"bytes\":1,\"sha256\":\"\",\"plain_bytes\":1}"), /* listed, and not stored */
		PARTS("{\"name\":\"segment/x\",\"bytes\":1,\"plain_bytes\":1}"),
		PARTS("{\"name\":\"segment/x\",\"bytes\":1,\"sha256\":\"" HASH "0\",\"plain_bytes\":1}"),
		PARTS("{\"name\":\"segment/x\",\"bytes\":1,\"sha256\":\"" HASH "g\",\"plain_bytes\":1}"),
		PARTS("{\"name\":\"segment/x\",\"bytes\":1,\"sha256\":\"" LONG64 "\",\"plain_bytes\":1}"),
		PARTS("{\"name\":\"segment/x\",\"bytes\":1,\"sha256\":\"abc\",\"plain_bytes\":1}"),
		PARTS("{\"name\":\"segment/x\",\"bytes\":-1,\"sha256\":\"" HASH "\",\"plain_bytes\":1}"),
		PARTS("{\"name\":\"segment/x\",\"sha256\":\"" HASH "\",\"plain_bytes\":1}"),
		PARTS("{\"name\":\"segment/x\",\"bytes\":1,\"sha256\":\"" HASH "\",\"plain_bytes\":-1}"),
		PARTS("{\"name\":\"segment/x\",\"bytes\":1,\"sha256\":\"" HASH "\"}"),
		PARTS("{\"name\":\"segment/x\",\"bytes\":9223372036854775807,\"sha256\":\"" HASH "\",\"plain_bytes\":1}"), /* sums must hold them */
		PARTS(PART("segment/x") "," PART("../x")),
		HEAD(NUMBERS("5") "\"snapshot\":{\"seq\":5,\"parts\":[" PART("../x") "]}"),
	};

	for (size_t i = 0; i < AB_COUNT_OF(texts); i++) {
		AB_AUTO_SYNCHEAD struct ab_synchead head = AB_SYNCHEAD_INIT;
		if (!CHECK_INT(parse(&head, texts[i]), -1) || !CHECK_INT(last.code, AB_E_CORRUPT))
			printf("# %s: %s\n", texts[i], last.msg);
		CHECK(head.segment == NULL && head.segments == 0 && head.snapshot.part == NULL && head.writer == NULL);
	}
}

static void
test_formats(void)
{
	static const char *const texts[] = { "{\"format\":\"ab.kv.sync/2\"}", "{\"format\":\"ab.kv.sync/10\",\"copy\":7}", "{\"format\":\"ab.kv.sync/1.1\"}",
		"{\"format\":\"ab.kv.sync/\"}" };

	for (size_t i = 0; i < AB_COUNT_OF(texts); i++) {
		AB_AUTO_SYNCHEAD struct ab_synchead head = AB_SYNCHEAD_INIT;
		CHECK_INT(parse(&head, texts[i]), -1);
		CHECK_INT(last.code, AB_E_VERSION_NEWER);
		CHECK(strstr(last.msg, "ab.kv.sync/1") != NULL && last.hint[0] != '\0');
	}
}

/* ---- the way ---- */

static void
test_way(void)
{
	AB_AUTO_SYNCHEAD struct ab_synchead head = AB_SYNCHEAD_INIT;

	add_segment(&head, 1, 10, 1);
	add_segment(&head, 11, 20, 1);
	add_segment(&head, 21, 30, 1);
	CHECK_WAY(&head, 0, false, 0);
	CHECK_WAY(&head, 10, false, 1);
	CHECK_WAY(&head, 20, false, 2);
	CHECK_WAY(&head, 30, false, 3); /* nothing is to come */
	CHECK_WAY(&head, 5, true, 0);	/* within one, and no snapshot: all of it anew */
	CHECK_WAY(&head, 29, true, 0);
	CHECK_WAY(&head, 31, true, 0); /* beyond it */
	CHECK_WAY(&head, INT64_MAX, true, 0);
}

static void
test_way_of_snapshot(void)
{
	AB_AUTO_SYNCHEAD struct ab_synchead head = AB_SYNCHEAD_INIT;

	add_segment(&head, 11, 20, 1);
	add_segment(&head, 21, 30, 1);
	AB_AUTO_FREE char *gone = set_snapshot(&head, 30, 1);
	CHECK_STRING(gone, "");
	CHECK_WAY(&head, 0, true, 2); /* from before what is kept: the snapshot is all */
	CHECK_WAY(&head, 9, true, 2);
	CHECK_WAY(&head, 10, false, 0);
	CHECK_WAY(&head, 20, false, 1);
	CHECK_WAY(&head, 25, true, 2);
	CHECK_WAY(&head, 30, false, 2);
	add_segment(&head, 31, 40, 1);
	add_segment(&head, 41, 50, 1);
	CHECK_WAY(&head, 0, true, 2); /* the snapshot, and what came behind it */
	CHECK_WAY(&head, 10, false, 0);
	CHECK_WAY(&head, 30, false, 2);
	CHECK_WAY(&head, 35, true, 2);
	CHECK_WAY(&head, 40, false, 3);
	CHECK_WAY(&head, 50, false, 4);
	CHECK_WAY(&head, 51, true, 2);
	ab_synchead_release(&head);
	free(set_snapshot(&head, 7, 1));
	CHECK_WAY(&head, 0, true, 0);
	CHECK_WAY(&head, 6, true, 0);
	CHECK_WAY(&head, 7, false, 0);
	CHECK_WAY(&head, 8, true, 0);
}

/* ---- snapshots ---- */

static void
test_set_snapshot(void)
{
	AB_AUTO_SYNCHEAD struct ab_synchead head = AB_SYNCHEAD_INIT;

	for (int64_t i = 1; i <= 32; i++)
		add_segment(&head, i, i, 1);
	AB_AUTO_FREE char *first = set_snapshot(&head, 32, 1);
	CHECK_STRING(first, "");
	CHECK_INT(head.segments, 32);
	CHECK_INT(head.snapshot_seq, 32);
	CHECK_STRING(head.snapshot.part[0].name, "snapshot/32");
	for (int64_t i = 33; i <= 35; i++)
		add_segment(&head, i, i, 1);
	AB_AUTO_FREE char *second = set_snapshot(&head, 35, 1);
	CHECK_STRING(second, "snapshot/32 segment/1-1 segment/2-2 segment/3-3 ");
	CHECK_INT(head.segments, 32);
	CHECK_INT(head.segment[0].from, 4);
	CHECK_STRING(head.segment[0].parts.part[0].name, "segment/4-4");
	CHECK_INT(head.segment[31].to, 35);
	CHECK_INT(head.snapshot.count, 1);
	/* It can be read. */
	set_names(&head);
	AB_AUTO_FREE char *text = written(&head);
	AB_AUTO_SYNCHEAD struct ab_synchead back = AB_SYNCHEAD_INIT;
	CHECK_INT(parse(&back, text), 0);
}

/* Nobody could go from them to it. */
static void
test_segments_that_lead_nowhere(void)
{
	AB_AUTO_SYNCHEAD struct ab_synchead head = AB_SYNCHEAD_INIT, back = AB_SYNCHEAD_INIT;

	set_names(&head);
	add_segment(&head, 1, 10, 1);
	add_segment(&head, 11, 20, 1);
	AB_AUTO_FREE char *gone = set_snapshot(&head, 30, 1);
	CHECK_STRING(gone, "segment/1-10 segment/11-20 ");
	CHECK_INT(head.segments, 0);
	CHECK_WAY(&head, 20, true, 0);
	AB_AUTO_FREE char *text = written(&head);
	CHECK_INT(parse(&back, text), 0);
	add_segment(&head, 31, 40, 1); /* it goes on from there */
	CHECK_WAY(&head, 30, false, 0);
	AB_AUTO_FREE char *more = written(&head);
	CHECK_INT(parse(&back, more), 0);
	CHECK_INT(back.segments, 1);
}

static void
test_wants_by_count(void)
{
	AB_AUTO_SYNCHEAD struct ab_synchead head = AB_SYNCHEAD_INIT;

	CHECK(!ab_synchead_wants_snapshot(&head));
	for (int64_t i = 1; i <= 63; i++)
		add_segment(&head, i, i, 1);
	CHECK(!ab_synchead_wants_snapshot(&head));
	add_segment(&head, 64, 64, 1);
	CHECK(ab_synchead_wants_snapshot(&head));
	free(set_snapshot(&head, 64, 1));
	CHECK(!ab_synchead_wants_snapshot(&head)); /* those before it do not count */
	for (int64_t i = 65; i <= 127; i++)
		add_segment(&head, i, i, 1);
	CHECK(!ab_synchead_wants_snapshot(&head));
	add_segment(&head, 128, 128, 1);
	CHECK(ab_synchead_wants_snapshot(&head));
}

static void
test_wants_by_bytes(void)
{
	AB_AUTO_SYNCHEAD struct ab_synchead head = AB_SYNCHEAD_INIT;

	add_segment(&head, 1, 1, 4 * MIB);
	CHECK(!ab_synchead_wants_snapshot(&head));
	add_segment(&head, 2, 2, 1);
	CHECK(ab_synchead_wants_snapshot(&head));
	free(set_snapshot(&head, 2, 10 * MIB));
	CHECK(!ab_synchead_wants_snapshot(&head));
	add_segment(&head, 3, 3, 10 * MIB); /* as much as the snapshot itself */
	CHECK(!ab_synchead_wants_snapshot(&head));
	add_segment(&head, 4, 4, 1);
	CHECK(ab_synchead_wants_snapshot(&head));
	free(set_snapshot(&head, 4, 1));
	CHECK(!ab_synchead_wants_snapshot(&head));
	add_segment(&head, 5, 5, 4 * MIB); /* behind a small one, not at once */
	CHECK(!ab_synchead_wants_snapshot(&head));
	add_segment(&head, 6, 6, 1);
	CHECK(ab_synchead_wants_snapshot(&head));
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "written and read back", test_round },
		{ "as a member; parts alone", test_member },
		{ "heads that hold together", test_accepted },
		{ "heads that do not", test_refused },
		{ "other formats", test_formats },
		{ "the way along segments", test_way },
		{ "the way by the snapshot", test_way_of_snapshot },
		{ "a new snapshot, and what is gone then", test_set_snapshot },
		{ "segments that do not lead to it", test_segments_that_lead_nowhere },
		{ "many segments want a snapshot", test_wants_by_count },
		{ "long segments want a snapshot", test_wants_by_bytes },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
