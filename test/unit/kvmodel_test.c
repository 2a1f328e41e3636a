/* data/kv: random lives of few keys, beside a model so simple that it can be believed. AB_SEED=N repeats one that failed. */
#include <errno.h>
#include <inttypes.h>

#include "kv_help.h"

#define OPERATIONS 4000
#define NAMESPACES 4
#define KEYS 6
#define ROOM 20000 /* of a value: many lie in chunks */

static const char *const names[NAMESPACES] = { "a", "a-b", "a/b", "a0" };
static const char *const keys[KEYS] = { "k", "kk", "l", "\xff", "\xff\xff", "m" };

struct row {
	bool there;
	int64_t version, created_ms, updated_ms, expires_ms, size;
	char *value;
};

static struct row model[NAMESPACES][KEYS];
static bool limited[NAMESPACES];
static int64_t max_bytes[NAMESPACES];
static int64_t last_version;
static uint64_t state, seed;
static int operation;

/* xorshift64*, Vigna 2016. */
static uint64_t
draw(uint64_t below_this)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 2685821657736338717u % below_this;
}

/* Ends the test at the first difference: what comes behind says nothing. */
static void
must(bool same, const char *what, int line)
{
	if (same)
		return;
	CHECK(same);
	printf("# line %d: %s differs at operation %d; AB_SEED=%llu repeats it\n", line, what, operation, (unsigned long long)seed);
	AB_AUTO_FREE char *command = ab_asprintf("rm -rf '%s'", base);
	(void)!system(command);
	exit(1);
}

#define MUST(condition) must((condition), #condition, __LINE__)

static bool
lives(const struct row *row)
{
	return row->there && row->expires_ms > clock_ms;
}

/* What the keys and values of a namespace weigh. */
static int64_t
weight(unsigned n)
{
	int64_t bytes = 0;

	for (unsigned k = 0; k < KEYS; k++)
		if (lives(&model[n][k]))
			bytes += model[n][k].size + (int64_t)strlen(keys[k]);
	return bytes;
}

static void
become(struct row *row, const struct ab_entry *entry, const char *value, size_t len, int64_t expires_ms)
{
	bool lived = lives(row);

	MUST(entry->seq > last_version);
	MUST(entry->size == (int64_t)len && entry->expires_ms == expires_ms);
	MUST(entry->created_ms == (lived ? row->created_ms : clock_ms));
	MUST(!lived || entry->updated_ms > row->updated_ms);
	MUST(entry->updated_ms >= clock_ms);
	last_version = entry->seq;
	char *copy = ab_malloc(len + 1);
	memcpy(copy, value, len);
	copy[len] = '\0';
	free(row->value);
	*row = (struct row){ .there = true, .version = entry->seq, .created_ms = entry->created_ms, .updated_ms = entry->updated_ms,
		.expires_ms = expires_ms, .size = (int64_t)len, .value = copy };
}

/* A condition, which is often the right one; *holds: whether it does. */
static struct ab_kv_condition
condition_for(const struct row *row, bool *holds)
{
	struct ab_kv_condition condition = AB_KV_ANYHOW;
	bool there = lives(row);

	*holds = true;
	switch (draw(8)) {
	case 0:
		condition.absent = true;
		*holds = !there;
		break;
	case 1:
		condition.version = 0;
		*holds = !there;
		break;
	case 2:
		condition.version = there && draw(3) > 0 ? row->version : (int64_t)draw((uint64_t)last_version + 2) + 1;
		*holds = there && row->version == condition.version;
		break;
	default:
		break;
	}
	return condition;
}

static int64_t
draw_ttl(void)
{
	return draw(3) == 0 ? (int64_t)draw(60) + 1 : AB_UNSET;
}

static size_t
draw_bytes(char *bytes)
{
	static const size_t lengths[] = { 0, 1, 3, 100, 4095, 4096, 4097, 9000 };
	size_t len = lengths[draw(AB_COUNT_OF(lengths))];

	memset(bytes, 'a' + (int)draw(26), len);
	return len;
}

static bool
number_of(const struct row *row, int64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoll(row->value, &end, 10);
	return errno == 0 && end != row->value && *end == '\0' && row->size < 60;
}

static void
change(struct ab_kv *kv, unsigned n, unsigned k)
{
	static char bytes[ROOM + 1];
	struct row *row = &model[n][k];
	const struct ab_span ns = span_of(names[n]), key = span_of(keys[k]);
	struct ab_error err = AB_ERROR_INIT;
	struct ab_entry entry;
	int64_t ttl_ms = draw_ttl(), number, held;
	bool there = lives(row), holds;
	const struct ab_kv_condition condition = condition_for(row, &holds);
	const uint64_t what = draw(10);
	const int64_t was = there ? row->size + (int64_t)key.len : 0, until = ttl_ms == AB_UNSET ? AB_NEVER : clock_ms + ttl_ms;
	const int64_t kept = ttl_ms == AB_UNSET && there ? row->expires_ms : until;
	size_t len = 0;
	int status;

	if (what < 4) {
		len = draw(4) == 0 ? (size_t)snprintf(bytes, sizeof(bytes), "%lld", (long long)draw(100)) : draw_bytes(bytes);
		status = ab_kv_put(kv, ns, key, (struct ab_span){ bytes, len }, ttl_ms, &condition, &entry, &err);
		held = until;
	} else if (what < 6) {
		len = draw_bytes(bytes);
		status = ab_kv_append(kv, ns, key, (struct ab_span){ bytes, len }, ttl_ms, &condition, &entry, &err);
		if (there) {
			memmove(bytes + row->size, bytes, (size_t)row->size + len <= ROOM ? len : 0);
			memcpy(bytes, row->value, (size_t)row->size);
			len += (size_t)row->size;
		}
		held = kept;
	} else if (what < 7) {
		bool good = true;
		int64_t before = 0, by = (int64_t)draw(100) - 50;
		if (there)
			good = number_of(row, &before);
		status = ab_kv_incr(kv, ns, key, by, ttl_ms, &condition, &number, &entry, &err);
		if (holds && !good) {
			MUST(status < 0 && err.code == AB_E_INPUT_INVALID);
			return;
		}
		MUST(status < 0 || number == before + by);
		len = (size_t)snprintf(bytes, sizeof(bytes), "%" PRId64, before + by);
		held = kept;
	} else if (what < 9) {
		status = ab_kv_delete(kv, ns, key, &condition, &entry, &err);
		MUST(holds ? status == there : status < 0 && err.code == AB_E_CONFLICT);
		if (status == 1) {
			MUST(entry.seq == row->version && entry.size == row->size);
			row->there = false;
		}
		return;
	} else {
		status = ab_kv_touch(kv, ns, key, ttl_ms, &(struct ab_kv_condition)AB_KV_ANYHOW, &entry, &err);
		MUST(status == there);
		if (there) {
			AB_AUTO_FREE char *same = ab_strndup(row->value, (size_t)row->size);
			become(row, &entry, same, (size_t)row->size, until);
		}
		return;
	}
	if (!holds) {
		MUST(status < 0 && err.code == AB_E_CONFLICT);
	} else if (len > ROOM) {
		MUST(status < 0 && err.code == AB_E_LIMIT_SIZE);
	} else if (limited[n] && (int64_t)(len + key.len) > was && weight(n) - was + (int64_t)(len + key.len) > max_bytes[n]) {
		MUST(status < 0 && err.code == AB_E_LIMIT_QUOTA);
	} else {
		MUST(status == 0);
		become(row, &entry, bytes, len, held);
	}
}

static void
compare_one(struct ab_kv *kv, unsigned n, unsigned k)
{
	AB_AUTO_BUF struct ab_buf value = AB_BUF_INIT(SIZE_MAX / 2);
	const struct row *row = &model[n][k];
	struct ab_error err = AB_ERROR_INIT;
	struct ab_entry entry;
	int found = ab_kv_get(kv, span_of(names[n]), span_of(keys[k]), &entry, &value, &err);

	MUST(found == lives(row));
	if (found == 0)
		return;
	MUST(entry.seq == row->version && entry.size == row->size && entry.expires_ms == row->expires_ms);
	MUST(entry.created_ms == row->created_ms && entry.updated_ms == row->updated_ms);
	MUST((int64_t)value.len == row->size && (value.len == 0 || memcmp(value.data, row->value, value.len) == 0));
}

/* Where a list should go on: the place of an entry of the model, n * KEYS + k in the order of the store. */
struct walk {
	unsigned place[NAMESPACES * KEYS];
	unsigned count, at, most;
};

static int
walk_one(void *data, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err)
{
	struct walk *walk = data;

	(void)err;
	MUST(walk->at < walk->count);
	const unsigned place = walk->place[walk->at++];
	const struct row *row = &model[place / KEYS][place % KEYS];
	MUST(span_is(entry->ns, names[place / KEYS]) && span_is(entry->key, keys[place % KEYS]));
	MUST(entry->seq == row->version && value != NULL && (int64_t)value->len == row->size);
	MUST(memcmp(value->data, row->value, value->len) == 0);
	return walk->at == walk->most;
}

static int
order(const void *a, const void *b)
{
	const unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
	int names_order = strcmp(names[x / KEYS], names[y / KEYS]);

	return names_order != 0 ? names_order : strcmp(keys[x % KEYS], keys[y % KEYS]);
}

/* A list from somewhere, in one direction, in pieces: each goes on behind the last entry of the one before. */
static void
compare_list(struct ab_kv *kv)
{
	const unsigned n = (unsigned)draw(NAMESPACES);
	const char *const prefix = draw(2) == 0 ? "" : draw(2) == 0 ? "k" : "\xff";
	struct ab_range range = { .ns = span_of(names[n]), .nested = draw(2) == 0, .prefix = span_of(prefix), .reverse = draw(2) == 0, .values = true };
	struct walk walk = { .most = (unsigned)draw(3) + 1 };
	struct ab_error err = AB_ERROR_INIT;

	for (unsigned i = 0; i < NAMESPACES * KEYS; i++) {
		const bool below_it = strncmp(names[i / KEYS], names[n], strlen(names[n])) == 0 && names[i / KEYS][strlen(names[n])] == '/';
		if ((i / KEYS == n || (range.nested && below_it)) && lives(&model[i / KEYS][i % KEYS]) && strncmp(keys[i % KEYS], prefix, strlen(prefix)) == 0)
			walk.place[walk.count++] = i;
	}
	qsort(walk.place, walk.count, sizeof(walk.place[0]), order);
	for (unsigned i = 0; range.reverse && i < walk.count / 2; i++) {
		unsigned swapped = walk.place[i];
		walk.place[i] = walk.place[walk.count - 1 - i];
		walk.place[walk.count - 1 - i] = swapped;
	}
	for (unsigned step = walk.most;; walk.most += step) {
		unsigned before = walk.at;
		MUST(ab_kv_range(kv, &range, walk_one, &walk, &err) == 0);
		if (walk.at == before)
			break;
		range.after_ns = span_of(names[walk.place[walk.at - 1] / KEYS]);
		range.after = span_of(keys[walk.place[walk.at - 1] % KEYS]);
	}
	MUST(walk.at == walk.count);
}

static void
compare_quota(struct ab_kv *kv, unsigned n)
{
	int64_t swept;
	struct ab_error err = AB_ERROR_INIT;

	MUST(ab_kv_sweep(kv, false, &swept, &err) == 0);
	MUST(!limited[n] || bytes_of(kv, span_of(names[n])) == weight(n));
}

static int
count_change(void *data, const struct ab_change *change, struct ab_error *err)
{
	(void)err;
	++*(int64_t *)data;
	MUST(change->seq == *(int64_t *)data);
	return 0;
}

static void
live(bool grouped, const char *rel)
{
	struct ab_kv *kv = ab_kv_new(open_store(rel, 0), ROOM);
	struct ab_error err = AB_ERROR_INIT;

	ab_kv_clock(kv, now);
	clock_ms = 1000000;
	last_version = 0;
	for (operation = 0; operation < OPERATIONS; operation++) {
		const unsigned n = (unsigned)draw(NAMESPACES), k = (unsigned)draw(KEYS);
		if (grouped)
			ab_kv_group(kv);
		change(kv, n, k);
		compare_one(kv, n, k);
		compare_one(kv, (unsigned)draw(NAMESPACES), (unsigned)draw(KEYS));
		if (draw(4) == 0)
			clock_ms += (int64_t)draw(20);
		if (draw(8) == 0)
			compare_list(kv);
		if (draw(40) == 0)
			compare_quota(kv, n);
		if (draw(100) == 0) {
			limited[n] = draw(3) > 0;
			max_bytes[n] = limited[n] ? (int64_t)draw(30000) : INT64_MAX;
			config(kv, span_of(names[n]), SET(max_bytes, max_bytes[n]));
		}
		if (draw(100) == 0)
			config(kv, span_of(names[n]), SET(history, (int64_t)draw(3)));
		if (draw(30) == 0)
			MUST(ab_kv_settle(kv, &err) == 0);
		if (draw(60) == 0) {
			MUST(ab_kv_settle(kv, &err) == 0);
			ab_kv_free(kv);
			kv = ab_kv_new(open_store(rel, 0), ROOM);
			ab_kv_clock(kv, now);
		}
	}
	MUST(ab_kv_settle(kv, &err) == 0);
	MUST(ab_kv_store(kv)->engine->check(ab_kv_store(kv), &err) == 0);
	/* Every number is that of one change. */
	int64_t changes = 0, last_seq;
	MUST(ab_kv_changes(kv, 0, count_change, &changes, &err) == 0);
	MUST(ab_kv_last_seq(kv, &last_seq, &err) == 0 && changes == last_seq && changes >= last_version);
	for (unsigned n = 0; n < NAMESPACES; n++) {
		config(kv, span_of(names[n]), SET(history, 0));
		for (unsigned k = 0; k < KEYS; k++)
			compare_one(kv, n, k);
	}
	ab_kv_free(kv);
	for (unsigned i = 0; i < NAMESPACES * KEYS; i++)
		free(model[i / KEYS][i % KEYS].value);
	memset(model, 0, sizeof(model));
	memset(limited, 0, sizeof(limited));
}

static void
test_alone(void)
{
	live(false, "alone");
}

static void
test_grouped(void)
{
	live(true, "grouped");
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "a life, each change settled", test_alone },
		{ "a life in groups", test_grouped },
	};
	const char *given = getenv("AB_SEED");

	seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)ab_now_us() ^ (uint64_t)getpid() << 32;
	seed = seed != 0 ? seed : 1;
	state = seed;
	return run_tests(tests, AB_COUNT_OF(tests));
}
