/* For the tests of stores: a store in a directory of its own, and what its tables hold. */
#ifndef AB_TEST_STORE_HELP_H
#define AB_TEST_STORE_HELP_H

#include <stdlib.h>

#include "core/time.h"
#include "data/db.h"
#include "data/store.h"
#include "tap.h"

#define SPAN(text) ((struct ab_span){ (text), sizeof(text) - 1 })

static char base[] = "/tmp/ab-store-test-XXXXXX";

static inline struct ab_span
span_of(const char *text)
{
	return (struct ab_span){ text, strlen(text) };
}

static inline bool
span_is(struct ab_span span, const char *text)
{
	return ab_span_compare(span, span_of(text)) == 0;
}

/* The caller frees. */
static inline char *
below(const char *rel)
{
	return ab_asprintf("%s/%s", base, rel);
}

/* Ends the test when it cannot be opened. */
static inline struct ab_store *
open_store(const char *rel, unsigned flags)
{
	AB_AUTO_FREE char *path = below(rel);
	struct ab_error err = AB_ERROR_INIT;
	struct ab_store *store = NULL;

	if (!CHECK_INT(ab_storelite_open(&store, path, flags, 10000, &err), 0)) {
		printf("# %s\n", err.msg);
		exit(1);
	}
	return store;
}

static inline void
begin(struct ab_store *store)
{
	struct ab_error err = AB_ERROR_INIT;

	if (!CHECK_INT(store->engine->begin(store, true, &err), 0))
		exit(1);
}

static inline void
commit(struct ab_store *store)
{
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(store->engine->commit(store, &err), 0);
}

/* In a transaction: in the place of what is there, or as a new one. */
static inline void
put_over(struct ab_store *store, const struct ab_entry *entry, struct ab_span value)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_entry old;
	int found = store->engine->get(store, entry->ns, entry->key, &old, NULL, &err);

	CHECK(found >= 0);
	CHECK_INT(store->engine->put(store, entry, found > 0 ? &old : NULL, &value, &err), 0);
}

enum { CHUNK_COUNT, CHUNK_BYTES, PAST_COUNT, CHANGE_COUNT };

/* A number that another connection sees in the tables of a store. */
static inline int64_t
ask(const char *rel, unsigned what)
{
	static const char *const statements[] = {
		[CHUNK_COUNT] = "SELECT count(*) FROM chunk",
		[CHUNK_BYTES] = "SELECT coalesce(sum(length(data)), 0) FROM chunk",
		[PAST_COUNT] = "SELECT count(*) FROM past",
		[CHANGE_COUNT] = "SELECT count(*) FROM change",
	};
	static const struct ab_db_schema schema = { .name = "store", .application_id = 0x61626b76, .version = 1, .create = "", .statements = statements,
		.count = AB_COUNT_OF(statements) };
	AB_AUTO_FREE char *path = below(rel);
	struct ab_error err = AB_ERROR_INIT;
	struct ab_db *db = NULL;
	int64_t number = -1;

	if (CHECK_INT(ab_db_open(&db, path, AB_DB_READ, 10000, &schema, &err), 0)) {
		struct ab_db_statement *statement = ab_db_use(db, what);
		if (CHECK_INT(ab_db_step(statement, &err), 1))
			number = ab_db_integer(statement, 0);
		ab_db_end(statement);
	}
	ab_db_close(db);
	return number;
}

static inline int
run_tests(const struct tap_test *tests, size_t count)
{
	if (mkdtemp(base) == NULL)
		return 1;
	int status = tap_run(tests, count);
	AB_AUTO_FREE char *command = ab_asprintf("rm -rf '%s'", base);
	return system(command) != 0 ? 1 : status;
}

#endif
