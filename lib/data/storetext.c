/* Values as text: an index of words, made when the first namespace asks for one. */
#include <string.h>

#include "core/time.h"
#include "data/storelite.h"

#define QUERY_WORDS 64	  /* all of them are looked for in each text */
#define SEARCH_MS 30000	  /* until the first row; and from one to the next */
#define SNIPPET_WORDS 16
#define BEFORE_WORDS 4	  /* of them before the hit */
#define BEFORE_BYTES 512  /* at most: words may be long, and far from each other */
#define BEHIND_BYTES 1536 /* from where the hit begins */

/* FTS5 with its own copy of the texts: to take one away it must know it, and old versions may be gone. Its row numbers are ours, since
 * what names an entry is no number. No triggers: they would have to be trusted. */
static const char create_sql[] =
    "CREATE TABLE IF NOT EXISTS indexed(id INTEGER PRIMARY KEY, ns BLOB NOT NULL, k BLOB NOT NULL, UNIQUE(ns, k)) STRICT;"
    "CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(body, tokenize = 'unicode61 remove_diacritics 2');";

/* Its number in the index, or 0. */
static int
find_indexed(struct storelite *lite, struct ab_span ns, struct ab_span key, int64_t *id, struct ab_error *err)
{
	struct ab_db_statement *statement = ab_db_use(lite->db, IS_INDEXED);

	bind_span(statement, 1, ns);
	bind_span(statement, 2, key);
	int found = ab_db_step(statement, err);
	*id = found > 0 ? ab_db_integer(statement, 0) : 0;
	if (found > 0)
		ab_db_end(statement);
	return found < 0 ? -1 : 0;
}

static int
run_with(struct storelite *lite, unsigned number, int64_t id, struct ab_error *err)
{
	struct ab_db_statement *statement = ab_db_use(lite->db, number);

	ab_db_bind_integer(statement, 1, id);
	return ab_db_run(statement, err) < 0 ? -1 : 0;
}

static int
add(struct storelite *lite, struct ab_span ns, struct ab_span key, struct ab_span text, struct ab_error *err)
{
	struct ab_db_statement *statement = ab_db_use(lite->db, ADD_INDEXED);

	bind_span(statement, 1, ns);
	bind_span(statement, 2, key);
	if (ab_db_step(statement, err) < 0)
		return -1;
	int64_t id = ab_db_integer(statement, 0);
	ab_db_end(statement);
	statement = ab_db_use(lite->db, ADD_WORDS);
	ab_db_bind_integer(statement, 1, id);
	ab_db_bind_text(statement, 2, text.data, text.len);
	return ab_db_run(statement, err) < 0 ? -1 : 0;
}

int
ab_storelite_index(struct ab_store *store, struct ab_span ns, struct ab_span key, const struct ab_span *text, struct ab_error *err)
{
	struct storelite *self = lite(store);
	int64_t id;

	if (ab_db_execute(self->db, create_sql, err) < 0 || find_indexed(self, ns, key, &id, err) < 0)
		return -1;
	if (id != 0 && (run_with(self, REMOVE_WORDS, id, err) < 0 || run_with(self, REMOVE_INDEXED, id, err) < 0))
		return -1;
	return text == NULL ? 0 : add(self, ns, key, *text, err);
}

static bool
count_word(void *data, size_t from, size_t to)
{
	(void)from, (void)to;
	++*(size_t *)data;
	return false;
}

static int
fail_query(struct ab_error *err)
{
	ab_fail(err, AB_E_INPUT_INVALID, "the query is not words, \"phrases\", beginnings*, AND, OR, NOT and parentheses");
	ab_error_hint(err, "what has other signs in it stands in double quotes: '\"well-known\"'");
	return -1;
}

static int
check_query(struct storelite *lite, const char *query, struct ab_error *err)
{
	size_t words = 0;

	if (query[0] == '*') /* to FTS5 a question about itself */
		return fail_query(err);
	if (ab_db_visit_words(lite->db, query, strlen(query), count_word, &words, err) < 0)
		return -1;
	if (words <= QUERY_WORDS)
		return 0;
	ab_fail(err, AB_E_INPUT_INVALID, "a query has at most %d words, with AND, OR and NOT, not %zu", QUERY_WORDS, words);
	ab_error_hint(err, "take those that are rare, or search several times");
	return -1;
}

struct window {
	size_t word, first, hit; /* numbers of words: the next one, the window's first one, the hit */
	size_t from, at, to;	 /* bytes: of the window, `at` of the hit */
	bool more;
};

static bool
see_word(void *data, size_t from, size_t to)
{
	struct window *window = data;
	const size_t word = window->word++;

	window->more = word >= window->first + SNIPPET_WORDS;
	if (window->more)
		return true;
	if (word <= window->hit)
		window->at = from;
	if (word == window->first && word > 0)
		window->from = from;
	window->to = to;
	return false;
}

/* Where the character begins that has byte `at`. */
static size_t
begin_character(struct ab_span text, size_t at)
{
	for (int i = 0; i < 3 && at > 0 && at < text.len && ((unsigned char)text.data[at] & 0xc0) == 0x80; i++)
		at--;
	return at;
}

/* A text is read as far as it is shown. */
static int
make_snippet(struct storelite *lite, struct ab_span text, size_t hit, struct ab_buf *snippet, struct ab_error *err)
{
	struct window window = { .first = hit > BEFORE_WORDS ? hit - BEFORE_WORDS : 0, .hit = hit };

	if (ab_db_visit_words(lite->db, text.data, text.len, see_word, &window, err) < 0)
		return -1;
	if (!window.more)
		window.to = text.len;
	if (window.at - window.from > BEFORE_BYTES)
		window.from = begin_character(text, window.at - BEFORE_BYTES);
	if (window.to - window.at > BEHIND_BYTES)
		window.to = begin_character(text, window.at + BEHIND_BYTES);
	ab_buf_truncate(snippet, 0);
	ab_buf_printf(snippet, "%s", window.from > 0 ? "..." : "");
	ab_buf_put(snippet, text.data + window.from, window.to - window.from);
	ab_buf_printf(snippet, "%s", window.to < text.len ? "..." : "");
	return 0;
}

/* The next row, as ab_db_step(). */
static int
step_search(struct storelite *lite, struct ab_db_statement *statement, struct ab_error *err)
{
	ab_db_limit(lite->db, ab_now_ms() + SEARCH_MS);
	int more = ab_db_step(statement, err);
	ab_db_limit(lite->db, AB_NEVER);
	if (more < 0 && err->code == AB_E_TIMEOUT)
		ab_error_hint(err, "narrow it: fewer words, without beginnings*");
	/* What SQLite calls an error of the statement is one of the query: all else in it is ours. */
	return more < 0 && err->code == AB_E_INTERNAL ? fail_query(err) : more;
}

int
ab_storelite_search(struct ab_store *store, const struct ab_search *search, ab_found_visit *visit, void *data, struct ab_error *err)
{
	struct storelite *self = lite(store);
	AB_AUTO_BUF struct ab_buf from = AB_BUF_INIT(SIZE_MAX / 2);
	AB_AUTO_BUF struct ab_buf to = AB_BUF_INIT(SIZE_MAX / 2);
	AB_AUTO_BUF struct ab_buf snippet = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_entry entry;
	struct ab_db_statement *statement = ab_db_use(self->db, HAS_INDEX);
	int more = ab_db_step(statement, err);

	if (more <= 0) /* nobody ever asked for one */
		return more;
	ab_db_end(statement);
	if (check_query(self, search->query, err) < 0)
		return -1;
	set_buf(&from, search->ns);
	set_buf(&to, search->ns);
	if (search->nested) {
		ab_buf_putc(&from, '/');
		ab_buf_putc(&to, '/' + 1);
	}
	statement = ab_db_use(self->db, SEARCH);
	ab_db_bind_text(statement, 1, search->query, strlen(search->query));
	bind_span(statement, 2, search->ns);
	ab_db_bind_bytes(statement, 3, from.data, from.len);
	ab_db_bind_bytes(statement, 4, to.data, to.len);
	ab_db_bind_integer(statement, 5, search->now_ms);
	ab_db_bind_integer(statement, 6, search->limit);
	while ((more = step_search(self, statement, err)) > 0) {
		ab_storelite_read_entry(statement, &entry);
		int said = make_snippet(self, column_span(statement, 8), (size_t)ab_db_integer(statement, 9), &snippet, err);
		if (said == 0)
			said = visit(data, &entry, (struct ab_span){ snippet.data, snippet.len }, err);
		if (said != 0) {
			ab_db_end(statement);
			return said;
		}
	}
	return more;
}
