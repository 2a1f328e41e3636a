/* The store in one SQLite file: what copies of the whole need, and notes. */
#include <string.h>

#include "data/storelite.h"

int
ab_storelite_olds(struct ab_store *store, bool values, ab_entry_visit *visit, void *data, struct ab_error *err)
{
	struct storelite *self = lite(store);

	return ab_storelite_visit(self, ab_db_use(self->db, OLDS), values, visit, data, err);
}

int
ab_storelite_settings(struct ab_store *store, ab_settings_visit *visit, void *data, struct ab_error *err)
{
	struct ab_db_statement *statement = ab_db_use(lite(store)->db, SETTINGS);
	int more;

	while ((more = ab_db_step(statement, err)) > 0) {
		struct ab_namespace namespace = { .name = column_span(statement, 5) };
		ab_storelite_read_namespace(statement, &namespace);
		int said = visit(data, &namespace, err);
		if (said != 0) {
			ab_db_end(statement);
			return said;
		}
	}
	return more;
}

int
ab_storelite_clear(struct ab_store *store, struct ab_error *err)
{
	struct ab_db *db = lite(store)->db;
	struct ab_db_statement *statement = ab_db_use(db, HAS_INDEX);
	int indexed = ab_db_step(statement, err);

	if (indexed < 0)
		return -1;
	ab_db_end(statement);
	if (indexed > 0 && ab_db_execute(db, "DELETE FROM words; DELETE FROM indexed;", err) < 0)
		return -1;
	return ab_db_execute(db, "DELETE FROM entry; DELETE FROM chunk; DELETE FROM past; DELETE FROM change; DELETE FROM namespace;", err);
}

int
ab_storelite_get_note(struct ab_store *store, const char *name, struct ab_buf *text, struct ab_error *err)
{
	struct ab_db_statement *statement = ab_db_use(lite(store)->db, GET_NOTE);

	ab_db_bind_text(statement, 1, name, strlen(name));
	int found = ab_db_step(statement, err);
	if (found <= 0)
		return found;
	struct ab_span span = column_span(statement, 0);
	ab_buf_put(text, span.data, span.len);
	ab_db_end(statement);
	return 1;
}

int
ab_storelite_put_note(struct ab_store *store, const char *name, const struct ab_span *text, struct ab_error *err)
{
	struct ab_db_statement *statement = ab_db_use(lite(store)->db, text != NULL ? PUT_NOTE : REMOVE_NOTE);

	ab_db_bind_text(statement, 1, name, strlen(name));
	if (text != NULL)
		ab_db_bind_text(statement, 2, text->data, text->len);
	return ab_db_run(statement, err) < 0 ? -1 : 0;
}
