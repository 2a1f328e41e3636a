/* Values as text: an index of words, made when the first namespace asks for one. */
#include <string.h>

#include "data/storelite.h"

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

int
ab_storelite_search(struct ab_store *store, const struct ab_search *search, ab_found_visit *visit, void *data, struct ab_error *err)
{
	struct storelite *self = lite(store);
	AB_AUTO_BUF struct ab_buf from = AB_BUF_INIT(SIZE_MAX / 2);
	AB_AUTO_BUF struct ab_buf to = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_entry entry;
	struct ab_db_statement *statement = ab_db_use(self->db, HAS_INDEX);
	int more = ab_db_step(statement, err);

	if (more <= 0) /* nobody ever asked for one */
		return more;
	ab_db_end(statement);
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
	while ((more = ab_db_step(statement, err)) > 0) {
		ab_storelite_read_entry(statement, &entry);
		int said = visit(data, &entry, column_span(statement, 8), err);
		if (said != 0) {
			ab_db_end(statement);
			return said;
		}
	}
	/* What SQLite calls an error of the statement is one of the query: all else in it is ours. */
	if (more < 0 && err->code == AB_E_INTERNAL) {
		ab_fail(err, AB_E_INPUT_INVALID, "the query is not words, \"phrases\", beginnings*, AND, OR, NOT and parentheses");
		ab_error_hint(err, "what has other signs in it stands in double quotes: '\"well-known\"'");
	}
	return more;
}
