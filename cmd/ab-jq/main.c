/*
 * ab-jq: the helper behind --jq. `ab-jq [-r] [--] FILTER` runs one jq program (libjq, jq(1)) over each record
 * that it reads on stdin and prints the results compactly, one a line; -r prints strings without quotes.
 *
 * Numbers are doubles here: an integer of 2^53 or more loses its last digits. A record that the program fails
 * on costs one line on stderr and the exit status 3; the others are still answered. Messages never hold the
 * input: libjq's own quote it whole, so only what the program itself said (`error("…")`) and what type was
 * wrong is kept, bounded.
 */
#include <errno.h>
#include <jq.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/io.h"
#include "core/ndjson.h"

enum {
	LINE_BYTES = 512 * 1024 * 1024,
	OUT_BYTES = 64 * 1024,
	DEPTH_MAX = 256, /* libjq 1.6 refuses more with a message that quotes the input */
};

struct work {
	jq_state *jq;
	bool raw, failed, broken;
	struct ab_buf out;
};

/* As every tool says it (contract section 4). The record is made by libjq's own hands, for this program links
 * no other JSON. */
static void
print_error(const struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(16384);
	const char *format = getenv("AB_ERRORS");
	struct ab_error clean = *err;

	ab_error_sanitize(clean.msg);
	if (format != NULL && strcmp(format, "json") == 0) {
		jv object = jv_object();
		object = jv_object_set(object, jv_string("code"), jv_string(ab_errcode_name(err->code)));
		object = jv_object_set(object, jv_string("message"), jv_string(clean.msg));
		object = jv_object_set(object, jv_string("hint"), jv_null());
		object = jv_object_set(
		    object, jv_string("retryable"), ab_errcode_retryable(err->code) ? jv_true() : jv_false());
		jv dumped = jv_dump_string(jv_object_set(jv_object(), jv_string("error"), object), 0);
		ab_buf_printf(&text, "%s\n", jv_string_value(dumped));
		jv_free(dumped);
	} else {
		ab_buf_printf(&text, "ab-jq: %s [%s]\n", clean.msg, ab_errcode_name(err->code));
	}
	if (ab_write_all(STDERR_FILENO, text.data, text.len) < 0)
		return; /* nobody to tell */
}

/* The default of SIGPIPE is to die, silently; we come here only when the caller had it ignored. */
static void
reader_gone(void)
{
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
	_exit(128 + SIGPIPE);
}

/* What libjq says while it compiles: the first line, without the program behind it. */
static void
compile_said(void *data, jv message)
{
	struct ab_error *err = data;

	if (err->code == AB_E_NONE && jv_get_kind(message) == JV_KIND_STRING) {
		char first[160];
		const char *text = jv_string_value(message);
		if (strncmp(text, "jq: error: ", 11) == 0)
			text += 11;
		size_t len = strcspn(text, "\n");
		len -= len > 0 && text[len - 1] == ':';
		snprintf(first, sizeof(first), "%.*s", (int)len, text);
		ab_fail(err, AB_E_USAGE, "the program: %s", first);
	}
	jv_free(message);
}

/* Nothing is to be written anywhere but by us. */
static void
ignore(void *data, jv message)
{
	(void)data;
	jv_free(message);
}

static void
flush(struct work *work)
{
	struct ab_error err = AB_ERROR_INIT;

	if (work->out.len > 0 && !work->broken &&
	    ab_write_all(STDOUT_FILENO, work->out.data, work->out.len) < 0) {
		if (errno == EPIPE)
			reader_gone();
		ab_fail_errno(&err, errno, "write to stdout");
		print_error(&err);
		work->broken = true;
	}
	ab_buf_truncate(&work->out, 0);
}

static void
tell(struct work *work, unsigned long long line, const char *what)
{
	struct ab_error err = AB_ERROR_INIT;

	flush(work); /* what came before is said before */
	ab_fail(&err, AB_E_INPUT_INVALID, "record %llu: %s", line, what);
	print_error(&err);
	work->failed = true;
}

static void
print(struct work *work, jv result)
{
	bool plain = work->raw && jv_get_kind(result) == JV_KIND_STRING;
	jv text = plain ? result : jv_dump_string(result, 0);

	ab_buf_put(&work->out, jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text)));
	ab_buf_putc(&work->out, '\n');
	jv_free(text);
	if (work->out.len >= OUT_BYTES)
		flush(work);
}

/* libjq's own sentences quote the values that were wrong, `string ("…") and number (1) cannot be added`: what
   stands between the first and the last bracket is left out, whatever it holds. */
static void
without_values(const char *said, char *text, size_t size)
{
	const char *first = strstr(said, " ("), *last = strrchr(said, ')');

	if (first != NULL && last != NULL && first < last)
		snprintf(text, size, "%.*s (…)%s", (int)(first - said), said, last + 1);
	else
		snprintf(text, size, "%s", said);
}

static void
run_over(struct work *work, jv record, unsigned long long line)
{
	char text[200] = "the program failed";

	jq_start(work->jq, record, 0);
	jv result = jq_next(work->jq);
	for (; jv_is_valid(result); result = jq_next(work->jq))
		print(work, result);
	if (!jv_invalid_has_msg(jv_copy(result))) {
		jv_free(result);
		return;
	}
	jv message = jv_invalid_get_msg(result);
	if (jv_get_kind(message) == JV_KIND_STRING)
		without_values(jv_string_value(message), text, sizeof(text));
	tell(work, line, text);
	jv_free(message);
}

/* Objects and arrays that are open at the deepest place. */
static unsigned
depth_of(const char *text, size_t len)
{
	unsigned depth = 0, deepest = 0;
	bool string = false;

	for (size_t i = 0; i < len; i++) {
		if (string) {
			i += text[i] == '\\';
			string = i < len && text[i] != '"';
		} else if (text[i] == '"') {
			string = true;
		} else if (text[i] == '{' || text[i] == '[') {
			deepest = ++depth > deepest ? depth : deepest;
		} else if (text[i] == '}' || text[i] == ']') {
			depth--;
		}
	}
	return deepest;
}

static void
take_line(struct work *work, const char *text, size_t len, unsigned long long line)
{
	if (depth_of(text, len) > DEPTH_MAX) {
		tell(work, line, "nested too deeply");
		return;
	}
	jv record = jv_parse_sized(text, (int)len);
	if (jv_is_valid(record)) {
		run_over(work, record, line);
		return;
	}
	jv_free(record);
	tell(work, line, "not valid JSON");
}

static int
serve(struct work *work, struct ab_error *err)
{
	struct ab_lines lines;
	enum ab_line kind;
	const char *text;
	ssize_t got = 1;
	size_t room, len;

	ab_lines_init(&lines, LINE_BYTES);
	while (got > 0 && !work->broken) {
		char *to = ab_lines_reserve(&lines, &room);
		do
			got = read(STDIN_FILENO, to, room);
		while (got < 0 && errno == EINTR);
		if (got > 0)
			ab_lines_commit(&lines, (size_t)got);
		else
			ab_lines_end(&lines);
		while ((kind = ab_lines_next(&lines, &text, &len)) != AB_LINE_NONE) {
			if (kind == AB_LINE_TOO_LONG)
				tell(work, lines.line, "too long");
			else
				take_line(work, text, len, lines.line);
		}
		/* Before waiting for more, everything that is ready goes out. */
		flush(work);
	}
	ab_lines_release(&lines);
	return got < 0 ? ab_fail_errno(err, errno, "read stdin") : 0;
}

static int
start(struct work *work, int argc, char **argv, struct ab_error *err)
{
	int at = 1;

	for (; at < argc && argv[at][0] == '-' && argv[at][1] != '\0'; at++) {
		if (strcmp(argv[at], "--") == 0) {
			at++;
			break;
		}
		if (strcmp(argv[at], "-r") != 0)
			return ab_fail(err, AB_E_USAGE, "usage: ab-jq [-r] [--] FILTER");
		work->raw = true;
	}
	if (at != argc - 1)
		return ab_fail(err, AB_E_USAGE, "usage: ab-jq [-r] [--] FILTER");
	work->jq = jq_init();
	if (work->jq == NULL)
		return ab_fail(err, AB_E_SYSTEM, "libjq does not start");
	jq_set_error_cb(work->jq, compile_said, err);
	if (jq_compile(work->jq, argv[at]))
		err->code = AB_E_NONE;
	else if (err->code == AB_E_NONE)
		ab_fail(err, AB_E_USAGE, "the program does not compile");
	jq_set_error_cb(work->jq, ignore, NULL);
	return err->code == AB_E_NONE ? 0 : -1;
}

int
main(int argc, char **argv)
{
	struct work work = { .raw = false };
	struct ab_error err = AB_ERROR_INIT;

	ab_buf_init(&work.out, SIZE_MAX / 4);
	int rc = start(&work, argc, argv, &err);
	if (rc == 0)
		rc = serve(&work, &err);
	if (rc < 0)
		print_error(&err);
	if (work.jq != NULL)
		jq_teardown(&work.jq);
	ab_buf_release(&work.out);
	if (rc < 0)
		return ab_errcode_status(err.code);
	return work.broken ? 6 : work.failed ? 3 : 0;
}
