/* sync: a store and its copy in an object store. libexec/ab/ab-s3 speaks to that one: a plain `get` does not pay for it. */
#include "ab-kv.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io.h"
#include "core/mem.h"
#include "core/progress.h"
#include "core/text.h"
#include "core/time.h"
#include "data/hash.h"
#include "data/sync.h"
#include "sys/helper.h"
#include "sys/home.h"

#define PATIENCE_MS (120 * 1000)	 /* for one object, with all its tries */
#define PATIENCE_DELETE_MS (10 * 1000) /* it can be done the next time */
#define REQUEST_MAX ((size_t)64 << 10)

/* ---- the remote: requests to the helper ---- */

struct remote {
	const struct sync_params *params;
	char *url; /* without '/' at its end */
	struct ab_helper *helper;
	int64_t deadline_ms;
	struct ab_progress progress;
};

static int
start_helper(struct remote *remote, struct ab_error *err)
{
	char name[] = "ab-s3", batch[] = "batch", paths[] = "--host-paths";
	char *argv[] = { name, batch, paths, NULL };

	return remote->helper != NULL ? 0 : ab_helper_start(&remote->helper, argv, err);
}

static void
begin_request(struct ab_json *json, struct ab_buf *text, const struct remote *remote, const char *op, const char *name, int64_t patience_ms)
{
	AB_AUTO_FREE char *url = ab_asprintf("%s/%s", remote->url, name);
	const struct sync_params *params = remote->params;
	const int64_t left_ms = remote->deadline_ms == AB_NEVER ? patience_ms : remote->deadline_ms - ab_now_ms();

	ab_json_begin(json, text, AB_ENCODING_AUTO);
	ab_json_object(json, NULL);
	ab_json_string(json, "op", op);
	ab_json_string(json, "url", url);
	if (params->endpoint != NULL)
		ab_json_string(json, "endpoint", params->endpoint);
	if (params->region != NULL)
		ab_json_string(json, "region", params->region);
	ab_json_integer(json, "patience_ms", left_ms < 1 ? 1 : left_ms < patience_ms ? left_ms : patience_ms);
}

static int
ask(struct remote *remote, struct ab_json *json, struct ab_buf *text, struct ab_syncobject *object, struct ab_error *err)
{
	struct ab_value *found;

	ab_json_object_end(json);
	if (remote->deadline_ms != AB_NEVER && ab_now_ms() >= remote->deadline_ms) {
		ab_fail(err, AB_E_TIMEOUT, "%s: --timeout is over", remote->url);
		ab_error_hint(err, "do it again: what was moved stays moved");
		return -1;
	}
	if (start_helper(remote, err) < 0 || ab_helper_ask(remote->helper, text->data, text->len, &found, err) < 0)
		return -1;
	AB_AUTO_VALUE struct ab_value *answer = found;
	if (object == NULL)
		return 0;
	*object = (struct ab_syncobject){ .bytes = ab_value_get_integer(answer, "bytes", 0) };
	snprintf(object->etag, sizeof(object->etag), "%s", ab_value_get_string(answer, "etag", ""));
	snprintf(object->sha256, sizeof(object->sha256), "%s", ab_value_get_string(answer, "sha256", ""));
	return 0;
}

static int
remote_get(void *data, const char *name, const char *file, bool zstd, const char *sha256, int64_t most, struct ab_syncobject *object, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(REQUEST_MAX);
	struct ab_json json;

	begin_request(&json, &text, data, "get", name, PATIENCE_MS);
	ab_json_string(&json, "file", file);
	ab_json_boolean(&json, "zstd", zstd);
	ab_json_integer(&json, "max_bytes", most);
	if (sha256 != NULL)
		ab_json_string(&json, "sha256", sha256);
	return ask(data, &json, &text, object, err);
}

static int
remote_put(void *data, const char *name, const char *file, bool zstd, const char *if_match, struct ab_syncobject *object, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(REQUEST_MAX);
	struct ab_json json;

	begin_request(&json, &text, data, "put", name, PATIENCE_MS);
	ab_json_string(&json, "file", file);
	ab_json_boolean(&json, "zstd", zstd);
	if (if_match != NULL && if_match[0] == '\0')
		ab_json_boolean(&json, "if_absent", true);
	else if (if_match != NULL)
		ab_json_string(&json, "if_match", if_match);
	if (ask(data, &json, &text, object, err) < 0)
		return -1;
	if (object->etag[0] != '\0')
		return 0;
	/* Who answers everything with 200 has stored nothing. */
	ab_fail(err, AB_E_UNAVAILABLE, "PUT %s/%s: what answers is no object store: it gives no ETag", ((const struct remote *)data)->url, name);
	ab_error_hint(err, "check --endpoint, and what is between here and there");
	return -1;
}

static int
remote_remove(void *data, const char *name, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(REQUEST_MAX);
	struct ab_json json;

	begin_request(&json, &text, data, "delete", name, PATIENCE_DELETE_MS);
	return ask(data, &json, &text, NULL, err);
}

/* ---- where, and who ---- */

/* The caller frees. */
static char *
find_url(const char *url, struct ab_error *err)
{
	AB_AUTO_FREE char *copy = ab_strdup(url);

	if (!ab_utf8_valid(url, strlen(url)))
		return ab_fail(err, AB_E_INPUT_INVALID, "\"%.200s\": names of objects are UTF-8, and this is not", url), NULL;
	for (size_t len = strlen(copy); len > 0 && copy[len - 1] == '/'; len--)
		copy[len - 1] = '\0';
	if (strncmp(copy, "s3://", 5) == 0 && copy[5] != '\0' && copy[5] != '/')
		return ab_steal(&copy);
	ab_fail(err, AB_E_INPUT_INVALID, "\"%.200s\": not s3://BUCKET or s3://BUCKET/PREFIX", url);
	ab_error_hint(err, "another object store than Amazon's: --endpoint https://HOST, or AWS_ENDPOINT_URL_S3");
	return NULL;
}

/* For others to read: me@host. The caller frees. */
static char *
find_writer(void)
{
	const struct passwd *user = getpwuid(geteuid());
	char host[256] = "?";

	(void)gethostname(host, sizeof(host) - 1);
	return user != NULL ? ab_asprintf("%.64s@%.64s", user->pw_name, host) : ab_asprintf("%u@%.64s", (unsigned)geteuid(), host);
}

/*
 * Where parts lie on their way: AB_HOME/sync/ID, one directory for a store and its copy, of one process at a time. *fd holds its lock. The
 * caller frees.
 */
static char *
open_dir(const char *store, const char *url, int *fd, struct ab_error *err)
{
	AB_AUTO_FREE char *home = ab_home_path(true, err);
	AB_AUTO_FREE char *place = realpath(store, NULL);
	AB_AUTO_FREE char *text = ab_asprintf("%s\n%s", place != NULL ? place : store, url);
	AB_AUTO_CLOSE int above = home == NULL ? -1 : ab_home_dir("sync", err);
	unsigned char hash[AB_SHA256_SIZE];
	char id[33];

	if (above < 0)
		return NULL;
	ab_sha256(text, strlen(text), hash);
	for (size_t i = 0; i < 16; i++)
		snprintf(id + 2 * i, 3, "%02x", hash[i]);
	if (mkdirat(above, id, 0700) < 0 && errno != EEXIST) {
		ab_fail_errno(err, errno, "make \"%s/sync/%s\"", home, id);
		return NULL;
	}
	AB_AUTO_CLOSE int dir = openat(above, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0) {
		ab_fail_errno(err, errno, "open \"%s/sync/%s\"", home, id);
		return NULL;
	}
	if (flock(dir, LOCK_EX | LOCK_NB) < 0) {
		ab_fail(err, AB_E_BUSY, "another sync of this store with %s is under way", url);
		ab_error_hint(err, "wait for it to end");
		return NULL;
	}
	*fd = ab_steal_fd(&dir);
	return ab_asprintf("%s/sync/%s", home, id);
}

/* ---- the operation ---- */

static void
show(void *data, size_t done, size_t parts, int64_t bytes)
{
	struct remote *remote = data;
	char size[AB_UNIT_SIZE];

	ab_size_format(size, bytes);
	if (parts > 0)
		ab_progress_show(&remote->progress, "%s %s: %zu of %zu parts, %s", remote->params->direction, remote->url, done, parts, size);
	else
		ab_progress_show(&remote->progress, "%s %s: %zu parts, %s", remote->params->direction, remote->url, done, size);
}

static int
run(const struct ab_sync *sync, const char *direction, struct ab_syncresult *result, struct ab_error *err)
{
	return strcmp(direction, "push") == 0 ? ab_sync_push(sync, result, err) : ab_sync_pull(sync, strcmp(direction, "restore") == 0, result, err);
}

/* An empty store stands for one that is not there. */
static int
open_empty(struct ab_kv **kv, struct ab_error *err)
{
	struct ab_store *store;

	if (ab_storelite_open(&store, ":memory:", 0, 0, err) < 0)
		return -1;
	*kv = ab_kv_new(store, AB_VALUE_MAX_DEFAULT);
	return 0;
}

/* Nothing is made here before it is known that there is something to put into it. */
static int
run_without_store(struct ab_call *call, struct ab_sync *sync, const struct sync_params *params, struct ab_syncresult *result, struct ab_error *err)
{
	AB_AUTO_KV struct ab_kv *empty = NULL;
	struct ab_span ns;

	if (strcmp(params->direction, "push") == 0)
		return ab_fail(err, AB_E_NOT_FOUND, "nothing was ever stored there: there is nothing to push");
	if (open_empty(&empty, err) < 0)
		return -1;
	sync->kv = empty;
	if (sync->dry_run)
		return run(sync, params->direction, result, err);
	if (ab_sync_look(sync, err) < 0 || kv_open(call, &params->where, true, &sync->kv, &ns, err) < 0)
		return -1;
	return run(sync, params->direction, result, err);
}

static int
run_sync(struct ab_call *call, struct remote *remote, const char *store, struct ab_syncresult *result, struct ab_error *err)
{
	const struct sync_params *params = remote->params;
	const struct ab_syncremote doors = { .data = remote, .get = remote_get, .put = remote_put, .remove = remote_remove };
	AB_AUTO_FREE char *writer = find_writer();
	AB_AUTO_CLOSE int lock = -1;
	AB_AUTO_FREE char *dir = open_dir(store, remote->url, &lock, err);
	struct ab_sync sync = { .url = remote->url, .dir = dir, .writer = writer, .remote = &doors, .dry_run = ab_call_dry_run(call),
		.progress = show, .progress_data = remote };
	struct ab_span ns;

	if (dir == NULL || kv_open(call, &params->where, false, &sync.kv, &ns, err) < 0)
		return -1;
	if (sync.kv != NULL && !sync.dry_run && kv_open(call, &params->where, true, &sync.kv, &ns, err) < 0)
		return -1;
	int status = sync.kv != NULL ? run(&sync, params->direction, result, err) : run_without_store(call, &sync, params, result, err);
	if (status == 0 && !sync.dry_run)
		ab_sync_empty(&sync);
	return status;
}

static void
answer(struct ab_call *call, const struct remote *remote, const struct ab_syncresult *result)
{
	struct ab_json *json = ab_call_record(call);

	ab_json_string(json, "direction", remote->params->direction);
	ab_json_string(json, "url", remote->url);
	ab_json_boolean(json, "moved", result->moved);
	ab_json_integer(json, "from_seq", result->from_seq);
	ab_json_integer(json, "seq", result->seq);
	ab_json_boolean(json, "whole", result->whole);
	ab_json_integer(json, "parts", result->parts);
	ab_json_integer(json, "bytes", result->bytes);
	ab_json_string(json, "writer", result->writer[0] != '\0' ? result->writer : NULL);
	ab_json_time(json, "pushed_at", result->at_ms);
	ab_json_boolean(json, "dry_run", ab_call_dry_run(call));
	ab_call_record_end(call);
}

int
sync_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct sync_params *params = data;
	AB_AUTO_FREE char *url = find_url(params->url, err);
	struct remote remote = { .params = params, .url = url, .deadline_ms = params->timeout_ms == AB_UNSET ? AB_NEVER : ab_deadline(params->timeout_ms) };
	struct ab_syncresult result = { .seq = 0 };

	ab_call_log(call, NULL, params->url, NULL);
	if (url == NULL)
		return -1;
	AB_AUTO_FREE char *store = kv_path(call, &params->where, err);
	if (store == NULL)
		return -1;
	if (strcmp(store, ":memory:") == 0)
		return ab_fail(err, AB_E_UNSUPPORTED, "a store in memory is gone when this ends: there is nothing to keep in step");
	ab_progress_begin(&remote.progress, ab_call_quiet(call));
	ab_progress_show(&remote.progress, "%s %s", params->direction, url);
	int status = run_sync(call, &remote, store, &result, err);
	ab_helper_stop(remote.helper);
	ab_progress_end(&remote.progress);
	if (status < 0)
		return -1;
	answer(call, &remote, &result);
	return AB_DONE;
}
