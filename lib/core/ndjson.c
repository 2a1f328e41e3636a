/* Newline-delimited JSON in. https://github.com/ndjson/ndjson-spec */
#include "core/ndjson.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CHUNK ((size_t)64 * 1024)
#define AHEAD ((size_t)16 * 1024 * 1024) /* what may be pushed and not handed out, beyond one line */
#define KEEP ((size_t)1024 * 1024)	 /* memory that an empty buffer keeps */

void
ab_lines_init(struct ab_lines *lines, size_t max)
{
	*lines = (struct ab_lines){ .max = max };
	/* what was handed out may take as much again before it is moved away */
	ab_buf_init(&lines->buf, 2 * (max + AHEAD + CHUNK));
}

void
ab_lines_release(struct ab_lines *lines)
{
	ab_buf_release(&lines->buf);
}

static void
drop(struct ab_lines *lines)
{
	ab_buf_consume(&lines->buf, lines->at);
	lines->scanned -= lines->at;
	lines->at = 0;
	if (lines->buf.len == 0 && lines->buf.room > KEEP)
		ab_buf_release(&lines->buf);
}

char *
ab_lines_reserve(struct ab_lines *lines, size_t *room)
{
	size_t kept = lines->buf.len - lines->at;

	assert(!lines->ended && kept <= lines->max + AHEAD);
	/* moving no more than is dropped makes the moves cost as much as the reads */
	if (lines->at > 0 && lines->at >= kept)
		drop(lines);
	char *to = ab_buf_reserve(&lines->buf, CHUNK);
	assert(to != NULL);
	*room = lines->buf.room - 1 - lines->buf.len;
	return to;
}

void
ab_lines_commit(struct ab_lines *lines, size_t len)
{
	assert(len < lines->buf.room - lines->buf.len);
	lines->buf.len += len;
	lines->buf.data[lines->buf.len] = '\0';
}

void
ab_lines_end(struct ab_lines *lines)
{
	lines->ended = true;
}

/* The first line from `at` without its newline; false when it is not complete. `after` is where the next begins. */
static bool
cut(struct ab_lines *lines, size_t *len, size_t *after)
{
	const char *data = lines->buf.data;
	const char *newline = lines->buf.len == lines->scanned ? NULL :
	    memchr(data + lines->scanned, '\n', lines->buf.len - lines->scanned);

	if (newline == NULL && (!lines->ended || lines->at == lines->buf.len)) {
		lines->scanned = lines->buf.len;
		return false;
	}
	size_t end = newline != NULL ? (size_t)(newline - data) : lines->buf.len;
	*after = newline != NULL ? end + 1 : end;
	if (end > lines->at && data[end - 1] == '\r')
		end--;
	*len = end - lines->at;
	return true;
}

enum ab_line
ab_lines_next(struct ab_lines *lines, const char **text, size_t *len)
{
	size_t after;

	while (cut(lines, len, &after)) {
		*text = lines->buf.data + lines->at;
		lines->at = lines->scanned = after;
		if (lines->skipping) {
			/* the rest of a line that has been reported */
			lines->skipping = false;
			continue;
		}
		lines->line++;
		if (*len > lines->max)
			return AB_LINE_TOO_LONG;
		if (*len > 0)
			return AB_LINE_TEXT;
	}
	/* Incomplete. One byte more than max may still be the '\r' of a line that is just not too long. */
	size_t kept = lines->buf.len - lines->at;
	bool report = !lines->skipping && kept > lines->max + 1;
	if (lines->skipping || report)
		lines->at = lines->scanned = lines->buf.len;
	if (!report)
		return AB_LINE_NONE;
	lines->skipping = true;
	lines->line++;
	return AB_LINE_TOO_LONG;
}

static int
visit_all(struct ab_lines *lines, ab_lines_visit *visit, void *data, struct ab_error *err)
{
	enum ab_line kind;
	const char *text;
	size_t len = 0;

	while ((kind = ab_lines_next(lines, &text, &len)) != AB_LINE_NONE)
		if (visit(data, lines->line, kind == AB_LINE_TEXT ? text : NULL, len, err) < 0) {
			ab_error_context(err, "line %llu", lines->line);
			return -1;
		}
	return 0;
}

int
ab_lines_read(struct ab_lines *lines, int fd, ab_lines_visit *visit, void *data, struct ab_error *err)
{
	for (;;) {
		size_t room;
		char *into = ab_lines_reserve(lines, &room);
		ssize_t n = read(fd, into, room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ab_fail_errno(err, errno, "read");
		if (n == 0)
			ab_lines_end(lines);
		else
			ab_lines_commit(lines, (size_t)n);
		if (visit_all(lines, visit, data, err) < 0)
			return -1;
		if (n == 0)
			return 0;
	}
}
