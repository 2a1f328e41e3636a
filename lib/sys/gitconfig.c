/* Variables of one git configuration file. */
#include "sys/gitconfig.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PART_MAX 1024

struct reader {
	const char *at, *end;
};

struct word {
	char text[PART_MAX];
	size_t len;
};

static void
word_put(struct word *word, char byte)
{
	if (word->len < sizeof(word->text) - 1 && byte != '\0')
		word->text[word->len++] = byte;
	word->text[word->len] = '\0';
}

static int
peek(const struct reader *reader)
{
	return reader->at < reader->end ? (unsigned char)*reader->at : -1;
}

static void
skip_line(struct reader *reader)
{
	while (peek(reader) >= 0 && *reader->at != '\n')
		reader->at++;
}

static void
skip_blanks(struct reader *reader)
{
	while (peek(reader) == ' ' || peek(reader) == '\t' || peek(reader) == '\r')
		reader->at++;
}

/* [section "subsection"] -> "section." or "section.subsection." */
static void
read_section(struct reader *reader, struct word *section)
{
	section->len = 0;
	reader->at++;
	for (int c; (c = peek(reader)) >= 0 && c != ']' && c != '"' && c != '\n'; reader->at++)
		if (!isspace(c))
			word_put(section, (char)tolower(c));
	word_put(section, '.');
	if (peek(reader) == '"') {
		reader->at++;
		for (int c; (c = peek(reader)) >= 0 && c != '"' && c != '\n'; reader->at++) {
			if (c == '\\' && reader->at + 1 < reader->end)
				c = (unsigned char)*++reader->at;
			word_put(section, (char)c);
		}
		word_put(section, '.');
	}
	while (peek(reader) >= 0 && *reader->at != ']' && *reader->at != '\n')
		reader->at++;
	if (peek(reader) == ']')
		reader->at++;
}

/* One escape after a backslash; false for a line continuation. */
static bool
read_escape(struct reader *reader, struct word *value)
{
	int c = peek(reader);

	if (c == '\r' && reader->at + 1 < reader->end && reader->at[1] == '\n')
		c = (unsigned char)*++reader->at;
	if (c < 0 || c == '\n')
		return false;
	word_put(value, c == 'n' ? '\n' : c == 't' ? '\t' : c == 'b' ? '\b' : (char)c);
	return true;
}

static void
read_value(struct reader *reader, struct word *value)
{
	bool quoted = false;
	size_t keep = 0; /* trailing blanks outside quotes are dropped */

	value->len = 0;
	value->text[0] = '\0';
	skip_blanks(reader);
	for (int c; (c = peek(reader)) >= 0 && c != '\n'; reader->at++) {
		if (!quoted && (c == '#' || c == ';')) {
			skip_line(reader);
			break;
		}
		if (c == '"') {
			quoted = !quoted;
			keep = value->len;
			continue;
		}
		if (c == '\\') {
			reader->at++;
			if (read_escape(reader, value))
				keep = value->len;
			if (peek(reader) < 0)
				break;
			continue;
		}
		word_put(value, (char)c);
		if (quoted || !isspace(c))
			keep = value->len;
	}
	value->len = keep;
	value->text[keep] = '\0';
}

int
ab_gitconfig_each(const char *text, size_t len, int (*each)(void *data, const char *key, const char *value), void *data)
{
	struct reader reader = { .at = text, .end = text + len };
	struct word section = { .len = 0 }, name, value;
	char key[2 * PART_MAX];

	while (peek(&reader) >= 0) {
		int c = peek(&reader);
		if (isspace(c)) {
			reader.at++;
			continue;
		}
		if (c == '[') {
			read_section(&reader, &section);
			continue;
		}
		if (!isalpha(c) || section.len == 0) {
			skip_line(&reader);
			continue;
		}
		name.len = 0;
		name.text[0] = '\0';
		for (; (c = peek(&reader)) >= 0 && (isalnum(c) || c == '-'); reader.at++)
			word_put(&name, (char)tolower(c));
		skip_blanks(&reader);
		if (peek(&reader) == '=') {
			reader.at++;
			read_value(&reader, &value);
		} else {
			skip_line(&reader);
			snprintf(value.text, sizeof(value.text), "true");
		}
		snprintf(key, sizeof(key), "%s%s", section.text, name.text);
		int stop = each(data, key, value.text);
		if (stop != 0)
			return stop;
	}
	return 0;
}
