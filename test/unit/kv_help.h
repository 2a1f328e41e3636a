/* For the tests of kv: a clock that stands still, and each operation in few words. */
#ifndef AB_TEST_KV_HELP_H
#define AB_TEST_KV_HELP_H

#include "data/kv.h"
#include "store_help.h"

#define VALUE_MAX 100000
#define N SPAN("n")

static const struct ab_kv_condition anyhow = AB_KV_ANYHOW;
static int64_t clock_ms;

static inline int64_t
now(void)
{
	return clock_ms;
}

static inline struct ab_kv *
open_kv(const char *rel)
{
	struct ab_kv *kv = ab_kv_new(open_store(rel, 0), VALUE_MAX);

	ab_kv_clock(kv, now);
	return kv;
}

/* The new version, or 0 with the code of what was said in last_code. */
static enum ab_errcode last_code;
static struct ab_error last;

static inline int64_t
put_if(struct ab_kv *kv, struct ab_span ns, const char *key, const char *value, int64_t ttl_ms, struct ab_kv_condition condition)
{
	struct ab_entry entry = { .seq = 0 };

	last = (struct ab_error)AB_ERROR_INIT;
	int status = ab_kv_put(kv, ns, span_of(key), span_of(value), ttl_ms, &condition, &entry, &last);
	last_code = last.code;
	CHECK((status == 0) == (last_code == AB_E_NONE));
	return status < 0 ? 0 : entry.seq;
}

static inline int64_t
put(struct ab_kv *kv, const char *key, const char *value)
{
	return put_if(kv, N, key, value, AB_UNSET, anyhow);
}

static inline int64_t
put_ttl(struct ab_kv *kv, const char *key, const char *value, int64_t ttl_ms)
{
	return put_if(kv, N, key, value, ttl_ms, anyhow);
}

static inline int64_t
append_if(struct ab_kv *kv, const char *key, const char *more, int64_t ttl_ms, struct ab_kv_condition condition)
{
	struct ab_entry entry = { .seq = 0 };

	last = (struct ab_error)AB_ERROR_INIT;
	int status = ab_kv_append(kv, N, span_of(key), span_of(more), ttl_ms, &condition, &entry, &last);
	last_code = last.code;
	return status < 0 ? 0 : entry.seq;
}

/* The number; INT64_MIN when it failed. */
static inline int64_t
incr_if(struct ab_kv *kv, const char *key, int64_t by, int64_t ttl_ms, struct ab_kv_condition condition)
{
	struct ab_entry entry;
	int64_t number = 0;

	last = (struct ab_error)AB_ERROR_INIT;
	int status = ab_kv_incr(kv, N, span_of(key), by, ttl_ms, &condition, &number, &entry, &last);
	last_code = last.code;
	return status < 0 ? INT64_MIN : number;
}

static inline int64_t
incr(struct ab_kv *kv, const char *key, int64_t by)
{
	return incr_if(kv, key, by, AB_UNSET, anyhow);
}

/* 1, 0, -1 as ab_kv_delete(). */
static inline int
delete_if(struct ab_kv *kv, struct ab_span ns, const char *key, struct ab_kv_condition condition)
{
	struct ab_entry entry;

	last = (struct ab_error)AB_ERROR_INIT;
	int status = ab_kv_delete(kv, ns, span_of(key), &condition, &entry, &last);
	last_code = last.code;
	return status;
}

static inline int
touch(struct ab_kv *kv, const char *key, int64_t ttl_ms)
{
	struct ab_entry entry;

	return ab_kv_touch(kv, N, span_of(key), ttl_ms, &anyhow, &entry, &last);
}

/* Its entry, all zero but version when there is none; its value is checked. */
static inline struct ab_entry
entry_of(struct ab_kv *kv, struct ab_span ns, const char *key, const char *want, int line)
{
	AB_AUTO_BUF struct ab_buf value = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_error err = AB_ERROR_INIT;
	struct ab_entry entry = { .seq = 0 };
	int found = ab_kv_get(kv, ns, span_of(key), &entry, &value, &err);

	if (!tap_int(found, want != NULL, __FILE__, line, key) || want == NULL)
		return (struct ab_entry){ .seq = 0 };
	tap_string(value.data != NULL ? value.data : "", want, __FILE__, line, key);
	tap_int(entry.size, (intmax_t)strlen(want), __FILE__, line, "size");
	return entry;
}

#define CHECK_KEY(kv, key, want) entry_of((kv), N, (key), (want), __LINE__)

static inline int64_t
swept_by(struct ab_kv *kv, bool dry_run)
{
	int64_t swept = -1;

	CHECK_INT(ab_kv_sweep(kv, dry_run, &swept, &last), 0);
	return swept;
}

static inline struct ab_namespace
config(struct ab_kv *kv, struct ab_span ns, struct ab_kv_settings set)
{
	struct ab_namespace told = { .history = -1 };
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(ab_kv_config(kv, ns, &set, &told, &err), 0);
	return told;
}

#define ASK { .history = AB_UNSET, .history_age_ms = AB_UNSET, .max_bytes = AB_UNSET, .search = AB_MAYBE }
#define SET(field, to)                          \
	({                                      \
		struct ab_kv_settings _set = ASK; \
		_set.field = (to);              \
		_set;                           \
	})

static inline int64_t
bytes_of(struct ab_kv *kv, struct ab_span ns)
{
	return config(kv, ns, (struct ab_kv_settings)ASK).bytes;
}

static inline struct ab_kv_condition
at_version(int64_t version)
{
	return (struct ab_kv_condition){ .version = version };
}

#endif
