/* The store in one SQLite file: what was (changes, old versions), and what there is (namespaces). */
#include <string.h>

#include "core/time.h"
#include "data/storelite.h"

/* ---- changes ---- */

int
ab_storelite_last_seq(struct ab_store *store, int64_t *seq, struct ab_error *err)
{
	struct ab_db_statement *statement = ab_db_use(lite(store)->db, LAST_SEQ);

	if (ab_db_step(statement, err) < 0)
		return -1;
	*seq = ab_db_integer(statement, 0); /* NULL is 0 */
	ab_db_end(statement);
	return 0;
}

int
ab_storelite_log(struct ab_store *store, const struct ab_change *change, struct ab_error *err)
{
	struct ab_db_statement *statement = ab_db_use(lite(store)->db, LOG);

	ab_db_bind_integer(statement, 1, change->seq);
	ab_db_bind_integer(statement, 2, change->at_ms);
	ab_db_bind_integer(statement, 3, change->kind);
	bind_span(statement, 4, change->ns);
	bind_span(statement, 5, change->key);
	return ab_db_run(statement, err) < 0 ? -1 : 0;
}

int
ab_storelite_changes(struct ab_store *store, int64_t from_seq, ab_change_visit *visit, void *data, struct ab_error *err)
{
	struct ab_db_statement *statement = ab_db_use(lite(store)->db, CHANGES);
	int more;

	ab_db_bind_integer(statement, 1, from_seq);
	while ((more = ab_db_step(statement, err)) > 0) {
		const struct ab_change change = {
			.seq = ab_db_integer(statement, 0),
			.at_ms = ab_db_integer(statement, 1),
			.kind = (enum ab_change_kind)ab_db_integer(statement, 2),
			.ns = column_span(statement, 3),
			.key = column_span(statement, 4),
		};
		int said = visit(data, &change, err);
		if (said != 0) {
			ab_db_end(statement);
			return said;
		}
	}
	return more;
}

int
ab_storelite_forget(struct ab_store *store, int64_t before_seq, struct ab_error *err)
{
	struct ab_db_statement *statement = ab_db_use(lite(store)->db, FORGET);

	ab_db_bind_integer(statement, 1, before_seq);
	return ab_db_run(statement, err) < 0 ? -1 : 0;
}

/* ---- old versions ---- */

int
ab_storelite_keep(struct ab_store *store, struct ab_entry *old, struct ab_error *err)
{
	struct ab_db_statement *statement = ab_db_use(lite(store)->db, KEEP);

	bind_span(statement, 1, old->ns);
	bind_span(statement, 2, old->key);
	if (ab_db_run(statement, err) < 0)
		return -1;
	old->value_id = 0; /* its chunks are the old version's from now on */
	return 0;
}

int
ab_storelite_past(struct ab_store *store, struct ab_span ns, struct ab_span key, int64_t seq, bool values, ab_entry_visit *visit, void *data,
    struct ab_error *err)
{
	struct storelite *self = lite(store);
	struct ab_db_statement *statement = ab_db_use(self->db, PAST);

	bind_span(statement, 1, ns);
	bind_span(statement, 2, key);
	ab_db_bind_integer(statement, 3, seq);
	return ab_storelite_visit(self, statement, values, visit, data, err);
}

static int
trim_key(struct storelite *self, struct ab_span ns, struct ab_span key, int64_t most, int64_t since_ms, struct ab_error *err)
{
	for (;;) {
		struct ab_db_statement *statement = ab_db_use(self->db, PAST_BEHIND);
		bind_span(statement, 1, ns);
		bind_span(statement, 2, key);
		ab_db_bind_integer(statement, 3, most);
		ab_db_bind_integer(statement, 4, since_ms);
		int found = ab_db_step(statement, err);
		if (found <= 0)
			return found;
		int64_t seq = ab_db_integer(statement, 0), id = ab_db_integer(statement, 1);
		ab_db_end(statement);
		statement = ab_db_use(self->db, REMOVE_PAST);
		bind_span(statement, 1, ns);
		bind_span(statement, 2, key);
		ab_db_bind_integer(statement, 3, seq);
		if (ab_storelite_remove_chunks(self, id, err) < 0 || ab_db_run(statement, err) < 0)
			return -1;
	}
}

/* Each key of the namespace in turn. */
static int
trim_all(struct storelite *self, struct ab_span ns, int64_t most, int64_t since_ms, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf key = AB_BUF_INIT(SIZE_MAX / 2);

	for (;;) {
		struct ab_db_statement *statement = ab_db_use(self->db, PAST_KEY);
		bind_span(statement, 1, ns);
		ab_db_bind_bytes(statement, 2, key.data, key.len);
		if (ab_db_step(statement, err) < 0)
			return -1;
		bool any = !ab_db_is_null(statement, 0);
		set_buf(&key, column_span(statement, 0));
		ab_db_end(statement);
		if (!any)
			return 0;
		if (trim_key(self, ns, (struct ab_span){ key.data, key.len }, most, since_ms, err) < 0)
			return -1;
	}
}

int
ab_storelite_trim(struct ab_store *store, struct ab_span ns, struct ab_span key, int64_t most, int64_t since_ms, struct ab_error *err)
{
	return key.data != NULL ? trim_key(lite(store), ns, key, most, since_ms, err) : trim_all(lite(store), ns, most, since_ms, err);
}

/* ---- namespaces ---- */

void
ab_storelite_read_namespace(struct ab_db_statement *statement, struct ab_namespace *namespace)
{
	namespace->history = ab_db_integer(statement, 0);
	namespace->history_age_ms = ab_db_integer(statement, 1);
	namespace->max_bytes = ab_db_integer(statement, 2);
	namespace->bytes = ab_db_integer(statement, 3);
	namespace->search = ab_db_integer(statement, 4) != 0;
}

int
ab_storelite_get_namespace(struct ab_store *store, struct ab_span name, struct ab_namespace *namespace, struct ab_error *err)
{
	struct ab_db_statement *statement = ab_db_use(lite(store)->db, GET_NAMESPACE);

	*namespace = (struct ab_namespace){ .name = name, .history_age_ms = AB_NEVER, .max_bytes = INT64_MAX };
	bind_span(statement, 1, name);
	int found = ab_db_step(statement, err);
	if (found <= 0)
		return found;
	ab_storelite_read_namespace(statement, namespace);
	ab_db_end(statement);
	return 1;
}

int
ab_storelite_put_namespace(struct ab_store *store, const struct ab_namespace *namespace, struct ab_error *err)
{
	struct ab_db_statement *statement = ab_db_use(lite(store)->db, PUT_NAMESPACE);

	bind_span(statement, 1, namespace->name);
	ab_db_bind_integer(statement, 2, namespace->history);
	ab_db_bind_integer(statement, 3, namespace->history_age_ms);
	ab_db_bind_integer(statement, 4, namespace->max_bytes);
	ab_db_bind_integer(statement, 5, namespace->bytes);
	ab_db_bind_integer(statement, 6, namespace->search);
	return ab_db_run(statement, err) < 0 ? -1 : 0;
}

static int
count(struct storelite *lite, struct ab_span name, int64_t now_ms, int64_t *keys, int64_t *bytes, struct ab_error *err)
{
	struct ab_db_statement *statement = ab_db_use(lite->db, COUNT);

	bind_span(statement, 1, name);
	ab_db_bind_integer(statement, 2, now_ms);
	if (ab_db_step(statement, err) < 0)
		return -1;
	*keys = ab_db_integer(statement, 0);
	*bytes = ab_db_integer(statement, 1);
	ab_db_end(statement);
	return 0;
}

static bool
is_in(struct ab_span name, struct ab_span outer)
{
	return outer.data == NULL || ab_span_compare(name, outer) == 0 ||
	    (name.len > outer.len && memcmp(name.data, outer.data, outer.len) == 0 && name.data[outer.len] == '/');
}

int
ab_storelite_namespaces(struct ab_store *store, struct ab_span outer, int64_t now_ms, ab_namespace_visit *visit, void *data, struct ab_error *err)
{
	struct storelite *self = lite(store);
	AB_AUTO_BUF struct ab_buf last = AB_BUF_INIT(SIZE_MAX / 2);
	AB_AUTO_BUF struct ab_buf name = AB_BUF_INIT(SIZE_MAX / 2);
	int more, said = 0;

	while (said == 0 && (more = ab_storelite_next_namespace(self, false, (struct ab_span){ last.data, last.len }, ab_storelite_end, &name, err)) > 0) {
		const struct ab_span found = { name.data, name.len };
		int64_t keys, bytes;
		set_buf(&last, found);
		if (!is_in(found, outer))
			continue;
		if (count(self, found, now_ms, &keys, &bytes, err) < 0)
			return -1;
		if (keys > 0)
			said = visit(data, found, keys, bytes, err);
	}
	return said != 0 ? said : more;
}
