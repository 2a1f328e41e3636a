/* The store in one SQLite file. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/time.h"
#include "data/storelite.h"

#define INLINE_MAX 4096		      /* a larger value lies in chunks: a page of the tree of entries holds many keys */
#define CHUNK_SIZE ((size_t)256 << 10)
#define CHUNK_LEAST 4096	      /* a last chunk below this is made longer by an append, else there is a new one */
#define CHUNK_BITS 16

/* The columns of an entry, in this order wherever one is read. */
#define COLUMNS "ns, k, seq, created, updated, expires, size, id, value"

static const char create_sql[] =
    "CREATE TABLE entry(ns BLOB NOT NULL, k BLOB NOT NULL, seq INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,"
    " expires INTEGER, size INTEGER NOT NULL, id INTEGER, value BLOB, PRIMARY KEY(ns, k)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX expiring ON entry(expires) WHERE expires IS NOT NULL;"
    "CREATE TABLE chunk(at INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;"
    "CREATE TABLE change(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind INTEGER NOT NULL, ns BLOB NOT NULL, k BLOB NOT NULL) STRICT;"
    "CREATE TABLE past(ns BLOB NOT NULL, k BLOB NOT NULL, seq INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,"
    " expires INTEGER, size INTEGER NOT NULL, id INTEGER, value BLOB, PRIMARY KEY(ns, k, seq)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE namespace(ns BLOB PRIMARY KEY, history INTEGER NOT NULL, history_age INTEGER NOT NULL, max_bytes INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, search INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE note(name TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT, WITHOUT ROWID;";

/* A value that has not the length that its entry says. */
#define TORN(table) \
	"SELECT 1 FROM " table " WHERE size <> CASE WHEN id IS NULL THEN length(value) ELSE" \
	" (SELECT coalesce(sum(length(data)), 0) FROM chunk WHERE at >= id << 16 AND at < (id + 1) << 16) END LIMIT 1"

static const char *const statements[STATEMENTS] = {
	/* Who asks for one knows its names. */
	[GET] = "SELECT NULL, NULL, seq, created, updated, expires, size, id, value FROM entry WHERE ns = ?1 AND k = ?2",
	[PUT] = "INSERT OR REPLACE INTO entry(" COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[PUT_REST] = "UPDATE entry SET seq = ?3, created = ?4, updated = ?5, expires = ?6, size = ?7 WHERE ns = ?1 AND k = ?2",
	[REMOVE] = "DELETE FROM entry WHERE ns = ?1 AND k = ?2",
	[RANGE] = "SELECT " COLUMNS " FROM entry WHERE ns = ?1 AND k >= ?2 AND k < ?3 AND (expires IS NULL OR expires > ?4) ORDER BY k",
	[RANGE_REVERSE] = "SELECT " COLUMNS " FROM entry WHERE ns = ?1 AND k >= ?2 AND k < ?3 AND (expires IS NULL OR expires > ?4) ORDER BY k DESC",
	[EXPIRED] = "SELECT " COLUMNS " FROM entry WHERE expires <= ?1 ORDER BY expires LIMIT ?2",
	[CHUNKS] = "SELECT data FROM chunk WHERE at >= ?1 << 16 AND at < (?1 + 1) << 16 ORDER BY at",
	[LAST_CHUNK] = "SELECT at, length(data), data FROM chunk WHERE at >= ?1 << 16 AND at < (?1 + 1) << 16 ORDER BY at DESC LIMIT 1",
	[PUT_CHUNK] = "INSERT OR REPLACE INTO chunk(at, data) VALUES(?1, ?2)",
	[REMOVE_CHUNKS] = "DELETE FROM chunk WHERE at >= ?1 << 16 AND at < (?1 + 1) << 16",
	[LAST_SEQ] = "SELECT max(seq) FROM change",
	[LOG] = "INSERT INTO change(seq, at, kind, ns, k) VALUES(?1, ?2, ?3, ?4, ?5)",
	[CHANGES] = "SELECT seq, at, kind, ns, k FROM change WHERE seq >= ?1 ORDER BY seq",
	[FORGET] = "DELETE FROM change WHERE seq < ?1 AND seq < (SELECT max(seq) FROM change)",
	[KEEP] = "INSERT INTO past(" COLUMNS ") SELECT " COLUMNS " FROM entry WHERE ns = ?1 AND k = ?2",
	[PAST] = "SELECT " COLUMNS " FROM past WHERE ns = ?1 AND k = ?2 AND seq <= ?3 ORDER BY seq DESC",
	[PAST_BEHIND] = "SELECT seq, id FROM past WHERE ns = ?1 AND k = ?2 AND (updated < ?4 OR seq <= coalesce("
			"(SELECT seq FROM past WHERE ns = ?1 AND k = ?2 ORDER BY seq DESC LIMIT 1 OFFSET ?3), -1)) LIMIT 1",
	[PAST_KEY] = "SELECT min(k) FROM past WHERE ns = ?1 AND k > ?2",
	[REMOVE_PAST] = "DELETE FROM past WHERE ns = ?1 AND k = ?2 AND seq = ?3",
	[GET_NAMESPACE] = "SELECT history, history_age, max_bytes, bytes, search FROM namespace WHERE ns = ?1",
	[PUT_NAMESPACE] = "INSERT OR REPLACE INTO namespace(ns, history, history_age, max_bytes, bytes, search) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
	[NEXT_NAMESPACE] = "SELECT min(ns) FROM entry WHERE ns > ?1 AND ns < ?2",
	[NEXT_NAMESPACE_REVERSE] = "SELECT max(ns) FROM entry WHERE ns > ?1 AND ns < ?2",
	[COUNT] = "SELECT count(*), coalesce(sum(size + length(k)), 0) FROM entry WHERE ns = ?1 AND (expires IS NULL OR expires > ?2)",
	[TORN_ENTRY] = TORN("entry"),
	[TORN_PAST] = TORN("past"),
	[HAS_INDEX] = "SELECT 1 FROM sqlite_master WHERE name = 'words'",
	[IS_INDEXED] = "SELECT id FROM indexed WHERE ns = ?1 AND k = ?2",
	[ADD_INDEXED] = "INSERT INTO indexed(ns, k) VALUES(?1, ?2) RETURNING id",
	[REMOVE_INDEXED] = "DELETE FROM indexed WHERE id = ?1",
	[ADD_WORDS] = "INSERT INTO words(rowid, body) VALUES(?1, ?2)",
	[REMOVE_WORDS] = "DELETE FROM words WHERE rowid = ?1",
	/* MATERIALIZED: a text is read of what is given alone, when it is; rows come as they were put there. */
	[SEARCH] = "WITH found AS MATERIALIZED (SELECT e.ns, e.k, e.seq, e.created, e.updated, e.expires, e.size, e.id,"
		   " i.id AS at, word_hit(words) AS hit FROM words"
		   " JOIN indexed i ON i.id = words.rowid JOIN entry e ON e.ns = i.ns AND e.k = i.k"
		   " WHERE words MATCH ?1 AND (i.ns = ?2 OR (i.ns >= ?3 AND i.ns < ?4)) AND (e.expires IS NULL OR e.expires > ?5)"
		   " ORDER BY word_rank(words), e.ns, e.k LIMIT ?6)"
		   " SELECT ns, k, seq, created, updated, expires, size, id, (SELECT body FROM words WHERE rowid = at), hit FROM found",
	[OLDS] = "SELECT " COLUMNS " FROM past ORDER BY ns, k, seq",
	[SETTINGS] = "SELECT history, history_age, max_bytes, bytes, search, ns FROM namespace ORDER BY ns",
	[GET_NOTE] = "SELECT text FROM note WHERE name = ?1",
	[PUT_NOTE] = "INSERT OR REPLACE INTO note(name, text) VALUES(?1, ?2)",
	[REMOVE_NOTE] = "DELETE FROM note WHERE name = ?1",
};

static const struct ab_db_schema schema = {
	.name = "store",
	.application_id = 0x61626b76, /* "abkv" */
	.version = 1,
	.create = create_sql,
	.statements = statements,
	.count = STATEMENTS,
};

/* Behind every key and every name of a namespace, which have at most 1,024 bytes. */
static const char last_bytes[1025] = { [0 ... 1024] = (char)0xff };
const struct ab_span ab_storelite_end = { last_bytes, sizeof(last_bytes) };

/* ---- values ---- */

static int
read_chunks(struct storelite *lite, int64_t id, struct ab_buf *value, struct ab_error *err)
{
	struct ab_db_statement *statement = ab_db_use(lite->db, CHUNKS);
	int more;

	ab_db_bind_integer(statement, 1, id);
	while ((more = ab_db_step(statement, err)) > 0) {
		struct ab_span chunk = column_span(statement, 0);
		ab_buf_put(value, chunk.data, chunk.len);
	}
	return more;
}

static int
write_chunk(struct storelite *lite, int64_t at, const char *data, size_t len, struct ab_error *err)
{
	struct ab_db_statement *statement = ab_db_use(lite->db, PUT_CHUNK);

	ab_db_bind_integer(statement, 1, at);
	ab_db_bind_bytes(statement, 2, data, len);
	return ab_db_run(statement, err) < 0 ? -1 : 0;
}

/* From chunk `at` on. */
static int
write_chunks(struct storelite *lite, int64_t at, struct ab_span value, struct ab_error *err)
{
	for (size_t from = 0; from < value.len; at++) {
		size_t len = value.len - from < CHUNK_SIZE ? value.len - from : CHUNK_SIZE;
		if ((at & ((1 << CHUNK_BITS) - 1)) == (1 << CHUNK_BITS) - 1)
			return ab_fail(err, AB_E_LIMIT_SIZE, "a value has too many parts");
		if (write_chunk(lite, at, value.data + from, len, err) < 0)
			return -1;
		from += len;
	}
	return 0;
}

int
ab_storelite_remove_chunks(struct storelite *lite, int64_t id, struct ab_error *err)
{
	if (id == 0)
		return 0;
	struct ab_db_statement *statement = ab_db_use(lite->db, REMOVE_CHUNKS);
	ab_db_bind_integer(statement, 1, id);
	return ab_db_run(statement, err) < 0 ? -1 : 0;
}

/* ---- entries ---- */

void
ab_storelite_read_entry(struct ab_db_statement *statement, struct ab_entry *entry)
{
	*entry = (struct ab_entry){
		.ns = column_span(statement, 0),
		.key = column_span(statement, 1),
		.seq = ab_db_integer(statement, 2),
		.created_ms = ab_db_integer(statement, 3),
		.updated_ms = ab_db_integer(statement, 4),
		.expires_ms = ab_db_is_null(statement, 5) ? AB_NEVER : ab_db_integer(statement, 5),
		.size = ab_db_integer(statement, 6),
		.value_id = ab_db_integer(statement, 7),
	};
}

static int
fail_torn(struct storelite *lite, const char *what, struct ab_error *err)
{
	return ab_db_fail_corrupt(lite->db, what, "a value has not the length that it was given", err);
}

static int
read_value(struct storelite *lite, struct ab_db_statement *statement, const struct ab_entry *entry, struct ab_buf *value, struct ab_error *err)
{
	const size_t before = value->len;

	if (entry->value_id != 0 && read_chunks(lite, entry->value_id, value, err) < 0)
		return -1;
	if (entry->value_id == 0) {
		struct ab_span bytes = column_span(statement, 8);
		ab_buf_put(value, bytes.data, bytes.len);
	}
	if ((int64_t)(value->len - before) == entry->size)
		return 0;
	return fail_torn(lite, "read", err);
}

/* The names of an entry that is got: the caller's own words, which may be those that the last call gave. */
static void
give_names(struct storelite *lite, struct ab_span ns, struct ab_span key, struct ab_entry *entry)
{
	struct ab_buf *name = &lite->name[lite->turn];

	if (name->len != ns.len + key.len || memcmp(name->data, ns.data, ns.len) != 0 || memcmp(name->data + ns.len, key.data, key.len) != 0) {
		lite->turn = !lite->turn;
		name = &lite->name[lite->turn];
		set_buf(name, ns);
		ab_buf_put(name, key.data, key.len);
	}
	entry->ns = (struct ab_span){ name->data, ns.len };
	entry->key = (struct ab_span){ name->data + ns.len, key.len };
}

static int
lite_get(struct ab_store *store, struct ab_span ns, struct ab_span key, struct ab_entry *entry, struct ab_buf *value, struct ab_error *err)
{
	struct storelite *self = lite(store);
	struct ab_db_statement *statement = ab_db_use(self->db, GET);

	bind_span(statement, 1, ns);
	bind_span(statement, 2, key);
	int found = ab_db_step(statement, err);
	if (found <= 0)
		return found;
	ab_storelite_read_entry(statement, entry);
	if (value != NULL && read_value(self, statement, entry, value, err) < 0)
		found = -1;
	give_names(self, ns, key, entry);
	ab_db_end(statement);
	return found;
}

static struct ab_db_statement *
bind_entry(struct storelite *lite, unsigned number, const struct ab_entry *entry)
{
	struct ab_db_statement *statement = ab_db_use(lite->db, number);

	bind_span(statement, 1, entry->ns);
	bind_span(statement, 2, entry->key);
	ab_db_bind_integer(statement, 3, entry->seq);
	ab_db_bind_integer(statement, 4, entry->created_ms);
	ab_db_bind_integer(statement, 5, entry->updated_ms);
	if (entry->expires_ms == AB_NEVER)
		ab_db_bind_null(statement, 6);
	else
		ab_db_bind_integer(statement, 6, entry->expires_ms);
	ab_db_bind_integer(statement, 7, entry->size);
	return statement;
}

static int
put_rest(struct storelite *lite, const struct ab_entry *entry, struct ab_error *err)
{
	return ab_db_run(bind_entry(lite, PUT_REST, entry), err) < 0 ? -1 : 0;
}

static int
lite_put(struct ab_store *store, const struct ab_entry *entry, const struct ab_entry *old, const struct ab_span *value, struct ab_error *err)
{
	struct storelite *self = lite(store);

	if (value == NULL) {
		assert(old != NULL);
		return put_rest(self, entry, err);
	}
	if (old != NULL && ab_storelite_remove_chunks(self, old->value_id, err) < 0)
		return -1;
	struct ab_db_statement *statement = bind_entry(self, PUT, entry);
	if (value->len > INLINE_MAX) {
		ab_db_bind_integer(statement, 8, entry->seq);
		ab_db_bind_null(statement, 9);
	} else {
		ab_db_bind_null(statement, 8);
		bind_span(statement, 9, *value);
	}
	if (ab_db_run(statement, err) < 0)
		return -1;
	return value->len > INLINE_MAX ? write_chunks(self, entry->seq << CHUNK_BITS, *value, err) : 0;
}

/* A short last chunk is made longer: appends of a few bytes cost a page each, however long the value is. */
static int
append_chunk(struct storelite *lite, int64_t id, struct ab_span more, struct ab_error *err)
{
	struct ab_db_statement *statement = ab_db_use(lite->db, LAST_CHUNK);
	AB_AUTO_BUF struct ab_buf longer = AB_BUF_INIT(SIZE_MAX / 2);
	int64_t at = id << CHUNK_BITS;

	ab_db_bind_integer(statement, 1, id);
	int found = ab_db_step(statement, err);
	if (found < 0)
		return -1;
	if (found > 0) {
		at = ab_db_integer(statement, 0);
		if (ab_db_integer(statement, 1) < CHUNK_LEAST) {
			struct ab_span last = column_span(statement, 2);
			ab_buf_put(&longer, last.data, last.len);
		} else {
			at++;
		}
		ab_db_end(statement);
	}
	ab_buf_put(&longer, more.data, more.len);
	return write_chunks(lite, at, (struct ab_span){ longer.data, longer.len }, err);
}

static int
lite_append(struct ab_store *store, const struct ab_entry *entry, const struct ab_entry *old, struct ab_span more, struct ab_error *err)
{
	struct storelite *self = lite(store);
	AB_AUTO_BUF struct ab_buf whole = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_entry same = *old;

	if (old->value_id != 0)
		return append_chunk(self, old->value_id, more, err) < 0 ? -1 : put_rest(self, entry, err);
	if (lite_get(store, old->ns, old->key, &same, &whole, err) < 0)
		return -1;
	ab_buf_put(&whole, more.data, more.len);
	const struct ab_span value = { whole.data, whole.len };
	return lite_put(store, entry, old, &value, err);
}

static int
lite_remove(struct ab_store *store, const struct ab_entry *old, struct ab_error *err)
{
	struct storelite *self = lite(store);

	if (ab_storelite_remove_chunks(self, old->value_id, err) < 0)
		return -1;
	struct ab_db_statement *statement = ab_db_use(self->db, REMOVE);
	bind_span(statement, 1, old->ns);
	bind_span(statement, 2, old->key);
	return ab_db_run(statement, err) < 0 ? -1 : 0;
}

/* ---- ranges ---- */

int
ab_storelite_visit(struct storelite *lite, struct ab_db_statement *statement, bool values, ab_entry_visit *visit, void *data, struct ab_error *err)
{
	struct ab_entry entry;
	int more;

	while ((more = ab_db_step(statement, err)) > 0) {
		ab_storelite_read_entry(statement, &entry);
		ab_buf_truncate(&lite->value, 0);
		if (values && read_value(lite, statement, &entry, &lite->value, err) < 0) {
			ab_db_end(statement);
			return -1;
		}
		const struct ab_span value = { lite->value.data != NULL ? lite->value.data : "", lite->value.len };
		int said = visit(data, &entry, values ? &value : NULL, err);
		if (said != 0) {
			ab_db_end(statement);
			return said;
		}
	}
	return more;
}

/* The least bytes behind all that begin with span: the last byte that is not 0xff plus one. */
static bool
behind_prefix(struct ab_span span, struct ab_buf *end)
{
	ab_buf_truncate(end, 0);
	while (span.len > 0 && (unsigned char)span.data[span.len - 1] == 0xff)
		span.len--;
	if (span.len == 0)
		return false;
	ab_buf_put(end, span.data, span.len);
	end->data[span.len - 1]++;
	return true;
}

struct bounds {
	struct ab_buf from, to;
};

static void
bounds_release(struct bounds *bounds)
{
	ab_buf_release(&bounds->from);
	ab_buf_release(&bounds->to);
}

/* Keys of a range within a namespace. first: it begins behind range->after. */
static void
find_bounds(const struct ab_range *range, bool first, struct bounds *bounds)
{
	const struct ab_span after = first ? range->after : (struct ab_span){ .data = NULL };

	set_buf(&bounds->from, range->prefix);
	if (!behind_prefix(range->prefix, &bounds->to))
		set_buf(&bounds->to, ab_storelite_end);
	if (range->from.data != NULL && ab_span_compare(range->from, range->prefix) > 0)
		set_buf(&bounds->from, range->from);
	if (range->to.data != NULL && ab_span_compare(range->to, (struct ab_span){ bounds->to.data, bounds->to.len }) < 0)
		set_buf(&bounds->to, range->to);
	if (after.data == NULL)
		return;
	if (range->reverse && ab_span_compare(after, (struct ab_span){ bounds->to.data, bounds->to.len }) < 0)
		set_buf(&bounds->to, after);
	if (!range->reverse && ab_span_compare(after, (struct ab_span){ bounds->from.data, bounds->from.len }) >= 0) {
		set_buf(&bounds->from, after);
		ab_buf_putc(&bounds->from, '\0'); /* no key has it: the next one */
	}
}

static int
range_within(struct storelite *lite, const struct ab_range *range, struct ab_span ns, bool first, ab_entry_visit *visit, void *data, struct ab_error *err)
{
	AB_CLEANUP(bounds_release) struct bounds bounds = { .from = AB_BUF_INIT(SIZE_MAX / 2), .to = AB_BUF_INIT(SIZE_MAX / 2) };
	struct ab_db_statement *statement = ab_db_use(lite->db, range->reverse ? RANGE_REVERSE : RANGE);

	find_bounds(range, first, &bounds);
	bind_span(statement, 1, ns);
	ab_db_bind_bytes(statement, 2, bounds.from.data, bounds.from.len);
	ab_db_bind_bytes(statement, 3, bounds.to.data, bounds.to.len);
	ab_db_bind_integer(statement, 4, range->now_ms);
	return ab_storelite_visit(lite, statement, range->values, visit, data, err);
}

int
ab_storelite_next_namespace(struct storelite *lite, bool reverse, struct ab_span from, struct ab_span to, struct ab_buf *found, struct ab_error *err)
{
	struct ab_db_statement *statement = ab_db_use(lite->db, reverse ? NEXT_NAMESPACE_REVERSE : NEXT_NAMESPACE);

	bind_span(statement, 1, from);
	bind_span(statement, 2, to);
	int more = ab_db_step(statement, err);
	if (more <= 0)
		return more;
	bool any = !ab_db_is_null(statement, 0);
	struct ab_span name = column_span(statement, 0);
	ab_buf_truncate(found, 0);
	ab_buf_put(found, name.data, name.len);
	ab_db_end(statement);
	return any;
}

/* The namespaces below one, "a/b" below "a": in order, and each in turn. after: begin with this one. */
static int
range_nested(struct storelite *lite, const struct ab_range *range, struct ab_span after, ab_entry_visit *visit, void *data, struct ab_error *err)
{
	AB_CLEANUP(bounds_release) struct bounds bounds = { .from = AB_BUF_INIT(SIZE_MAX / 2), .to = AB_BUF_INIT(SIZE_MAX / 2) };
	AB_AUTO_BUF struct ab_buf name = AB_BUF_INIT(SIZE_MAX / 2);
	int more = 1, said = 0;

	set_buf(&bounds.from, range->ns);
	set_buf(&bounds.to, range->ns);
	if (range->ns.len > 0) { /* "" holds all */
		ab_buf_putc(&bounds.from, '/');
		ab_buf_putc(&bounds.to, '/' + 1);
	} else {
		set_buf(&bounds.to, ab_storelite_end);
	}
	/* A place may lie before or behind all of them. */
	bool before = after.data != NULL && ab_span_compare(after, (struct ab_span){ bounds.from.data, bounds.from.len }) < 0;
	bool behind = after.data != NULL && ab_span_compare(after, (struct ab_span){ bounds.to.data, bounds.to.len }) >= 0;
	bool first = after.data != NULL && !before && !behind;
	if (range->reverse ? before : behind)
		return 0;
	if (first)
		set_buf(&name, after);
	else
		more = ab_storelite_next_namespace(lite, range->reverse, (struct ab_span){ bounds.from.data, bounds.from.len },
		    (struct ab_span){ bounds.to.data, bounds.to.len }, &name, err);
	for (; more > 0 && said == 0; first = false) {
		said = range_within(lite, range, (struct ab_span){ name.data, name.len }, first, visit, data, err);
		set_buf(range->reverse ? &bounds.to : &bounds.from, (struct ab_span){ name.data, name.len });
		if (said == 0)
			more = ab_storelite_next_namespace(lite, range->reverse, (struct ab_span){ bounds.from.data, bounds.from.len },
			    (struct ab_span){ bounds.to.data, bounds.to.len }, &name, err);
	}
	return more < 0 ? -1 : said;
}

static int
lite_range(struct ab_store *store, const struct ab_range *range, ab_entry_visit *visit, void *data, struct ab_error *err)
{
	struct storelite *self = lite(store);
	bool after = range->after.data != NULL;
	/* Where it begins: in the namespace itself (0), before it, or behind it, where the nested ones are. */
	int place = after ? ab_span_compare(range->after_ns, range->ns) : range->reverse ? 1 : -1, said = 0;
	const struct ab_span nested_after = after && place > 0 ? range->after_ns : (struct ab_span){ .data = NULL };

	if (range->nested && range->reverse && place > 0)
		said = range_nested(self, range, nested_after, visit, data, err);
	if (said == 0 && (place == 0 || (range->reverse ? place > 0 : place < 0)))
		said = range_within(self, range, range->ns, after && place == 0, visit, data, err);
	if (said == 0 && range->nested && !range->reverse)
		said = range_nested(self, range, nested_after, visit, data, err);
	return said;
}

static int
lite_expired(struct ab_store *store, int64_t now_ms, unsigned most, ab_entry_visit *visit, void *data, struct ab_error *err)
{
	struct storelite *self = lite(store);
	struct ab_db_statement *statement = ab_db_use(self->db, EXPIRED);

	ab_db_bind_integer(statement, 1, now_ms);
	ab_db_bind_integer(statement, 2, most);
	return ab_storelite_visit(self, statement, false, visit, data, err);
}

/* ---- the whole ---- */

static int
lite_begin(struct ab_store *store, bool write, struct ab_error *err)
{
	return ab_db_begin(lite(store)->db, write, err);
}

static int
lite_commit(struct ab_store *store, struct ab_error *err)
{
	return ab_db_commit(lite(store)->db, err);
}

static void
lite_rollback(struct ab_store *store)
{
	ab_db_rollback(lite(store)->db);
}

static int
lite_check(struct ab_store *store, struct ab_error *err)
{
	struct storelite *self = lite(store);

	if (ab_db_check(self->db, err) < 0)
		return -1;
	for (unsigned number = TORN_ENTRY; number <= TORN_PAST; number++) {
		struct ab_db_statement *statement = ab_db_use(self->db, number);
		int found = ab_db_step(statement, err);
		if (found == 0)
			continue;
		ab_db_end(statement);
		return found < 0 ? -1 : fail_torn(self, "check", err);
	}
	return 0;
}

static int
lite_backup(struct ab_store *store, const char *path, struct ab_error *err)
{
	return ab_db_backup(lite(store)->db, path, err);
}

static void
lite_close(struct ab_store *store)
{
	struct storelite *self = lite(store);

	ab_db_close(self->db);
	ab_buf_release(&self->value);
	ab_buf_release(&self->name[0]);
	ab_buf_release(&self->name[1]);
	free(self);
}

static const struct ab_store_engine engine = {
	.name = "sqlite",
	.close = lite_close,
	.begin = lite_begin,
	.commit = lite_commit,
	.rollback = lite_rollback,
	.get = lite_get,
	.put = lite_put,
	.append = lite_append,
	.remove = lite_remove,
	.range = lite_range,
	.expired = lite_expired,
	.last_seq = ab_storelite_last_seq,
	.log = ab_storelite_log,
	.changes = ab_storelite_changes,
	.forget = ab_storelite_forget,
	.keep = ab_storelite_keep,
	.past = ab_storelite_past,
	.trim = ab_storelite_trim,
	.get_namespace = ab_storelite_get_namespace,
	.put_namespace = ab_storelite_put_namespace,
	.namespaces = ab_storelite_namespaces,
	.index = ab_storelite_index,
	.search = ab_storelite_search,
	.olds = ab_storelite_olds,
	.settings = ab_storelite_settings,
	.clear = ab_storelite_clear,
	.get_note = ab_storelite_get_note,
	.put_note = ab_storelite_put_note,
	.check = lite_check,
	.backup = lite_backup,
};

int
ab_storelite_open(struct ab_store **store, const char *path, unsigned flags, int64_t wait_ms, struct ab_error *err)
{
	unsigned how = ((flags & AB_STORE_READ) != 0 ? AB_DB_READ : 0) | ((flags & AB_STORE_DURABLE) != 0 ? AB_DB_DURABLE : 0);
	struct ab_db *db;

	if (ab_db_open(&db, path, how, wait_ms, &schema, err) < 0)
		return -1;
	struct storelite *self = ab_calloc(1, sizeof(*self));
	*self = (struct storelite){ .engine = &engine, .db = db, .value = AB_BUF_INIT(SIZE_MAX / 2), .name = { AB_BUF_INIT(SIZE_MAX / 2), AB_BUF_INIT(SIZE_MAX / 2) } };
	*store = (struct ab_store *)self;
	return 0;
}
