/* The store that a request means, and how its entries are shown. */
#include "ab-kv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/time.h"
#include "sys/home.h"

/* A process has one store, nearly always; a batch with --host-paths may name others. */
struct opened {
	char *path;
	bool write, at_home; /* at_home: the one that is meant where none is named */
	struct where_params how;
	struct ab_kv *kv;
	struct opened *next;
};

struct kv_state {
	struct opened *first;
	struct opened *last; /* the one that the last request used: no other has anything that is not committed */
};

static void
close_one(struct opened *opened)
{
	ab_kv_free(opened->kv);
	free(opened->path);
	free(opened);
}

struct kv_state *
kv_state_new(void)
{
	return ab_calloc(1, sizeof(struct kv_state));
}

void
kv_state_free(struct kv_state *state)
{
	for (struct opened *at = state->first, *next; at != NULL; at = next) {
		next = at->next;
		close_one(at);
	}
	free(state);
}

struct ab_span
kv_span(const char *text)
{
	return (struct ab_span){ text, text != NULL ? strlen(text) : 0 };
}

/* --db, or kv.db in AB_HOME, which is looked for once; in a sandbox, whose own home that would be, it must be said. */
static char *
find_path(const struct kv_state *state, const struct where_params *where, bool write, struct ab_error *err)
{
	const char *home = getenv("AB_HOME");

	/* An empty variable: not the store of everybody. */
	if (where->db != NULL && where->db[0] == '\0') {
		ab_fail(err, AB_E_INPUT_INVALID, "--db names no file");
		return NULL;
	}
	if (where->db != NULL)
		return ab_strdup(where->db);
	if (state->last != NULL && state->last->at_home)
		return ab_strdup(state->last->path);
	if (getenv("AB_SANDBOX") != NULL && (home == NULL || home[0] == '\0')) {
		ab_fail(err, AB_E_DENIED_POLICY, "in a sandbox of ab-exec there is no store of yours: this would begin a second one");
		ab_error_hint(err, "--db ./FILE for one of the scope's own, or run ab-kv outside");
		return NULL;
	}
	AB_AUTO_FREE char *dir = ab_home_path(write, err);
	return dir == NULL ? NULL : ab_asprintf("%s/kv.db", dir);
}

char *
kv_path(struct ab_call *call, const struct where_params *where, struct ab_error *err)
{
	return find_path(*(struct kv_state **)ab_call_state(call), where, false, err);
}

static int
open_new(struct kv_state *state, const char *path, const struct where_params *where, bool write, struct opened **out, struct ab_error *err)
{
	const unsigned flags = (write ? 0 : AB_STORE_READ) | (where->durable == 1 ? AB_STORE_DURABLE : 0);
	struct ab_store *store;

	if (ab_storelite_open(&store, path, flags, where->wait_ms, err) < 0)
		return -1;
	struct opened *opened = ab_calloc(1, sizeof(*opened));
	*opened = (struct opened){ .path = ab_strdup(path), .write = write, .at_home = where->db == NULL, .how = *where,
		.kv = ab_kv_new(store, where->max_value_bytes), .next = state->first };
	opened->how.db = opened->how.ns = NULL; /* the request's own */
	state->first = opened;
	*out = opened;
	return 0;
}

static bool
is_memory(const char *path)
{
	return strcmp(path, ":memory:") == 0;
}

/* One in memory stays as it was opened first: closed, it is gone. */
static bool
is_as_wanted(const struct opened *opened, const struct where_params *where, bool write)
{
	if (is_memory(opened->path))
		return true;
	return opened->write >= write && (!write || opened->how.durable == where->durable) && opened->how.wait_ms == where->wait_ms &&
	    opened->how.max_value_bytes == where->max_value_bytes;
}

/* Requests that happen together share one transaction, once there is one. */
static bool
breaks_up(const struct opened *last, const char *path, const struct where_params *where, bool write)
{
	return strcmp(last->path, path) != 0 || (last->write && !is_as_wanted(last, where, write));
}

/* The one of that path, when it is opened as it is wanted now; else it is closed. */
static struct opened *
find_opened(struct ab_call *call, struct kv_state *state, const char *path, const struct where_params *where, bool write)
{
	struct opened **at = &state->first, *opened;

	while (*at != NULL && strcmp((*at)->path, path) != 0)
		at = &(*at)->next;
	opened = *at;
	if (opened == NULL || is_as_wanted(opened, where, write))
		return opened;
	ab_call_settle(call);
	*at = opened->next;
	if (state->last == opened)
		state->last = NULL;
	close_one(opened);
	return NULL;
}

int
kv_open(struct ab_call *call, const struct where_params *where, bool write, struct ab_kv **kv, struct ab_span *ns, struct ab_error *err)
{
	struct kv_state *state = *(struct kv_state **)ab_call_state(call);

	*kv = NULL;
	*ns = kv_span(where->ns);
	if (ab_kv_check_namespace(*ns, err) < 0)
		return -1;
	AB_AUTO_FREE char *path = find_path(state, where, write, err);
	if (path == NULL)
		return -1;
	const bool memory = is_memory(path);
	if (ab_call_is_part(call) && state->last != NULL && breaks_up(state->last, path, where, write))
		return ab_fail(err, AB_E_INPUT_INVALID, "requests that happen together are of one store, opened in one way");
	struct opened *opened = find_opened(call, state, path, where, write);
	/* Nothing was ever stored: that is an answer, and no reason to make a file. */
	if (opened == NULL && !write && !memory && access(path, F_OK) != 0 && errno == ENOENT)
		return 0;
	/* Two transactions at once would wait for each other, when two paths lead to one file. */
	if (opened != state->last)
		ab_call_settle(call);
	state->last = NULL;
	if (opened == NULL && open_new(state, path, where, write || memory, &opened, err) < 0)
		return !write && err->code == AB_E_NOT_FOUND ? 0 : -1;
	state->last = opened;
	if (ab_call_is_batch(call))
		ab_kv_group(opened->kv);
	*kv = opened->kv;
	return 0;
}

int
kv_open_apart(struct ab_call *call, const struct where_params *where, struct ab_kv **kv, char **path, struct ab_span *ns, struct ab_error *err)
{
	struct ab_store *store;
	struct ab_kv *made;

	*path = NULL;
	if (kv_open(call, where, true, &made, ns, err) < 0)
		return -1;
	AB_AUTO_FREE char *found = find_path(*(struct kv_state **)ab_call_state(call), where, true, err);
	if (found == NULL)
		return -1;
	if (is_memory(found))
		return ab_fail(err, AB_E_UNSUPPORTED, "nobody else writes to a store in memory");
	if (ab_storelite_open(&store, found, AB_STORE_READ, where->wait_ms, err) < 0)
		return -1;
	*kv = ab_kv_new(store, where->max_value_bytes);
	*path = ab_steal(&found);
	return 0;
}

void
kv_undo(void *data)
{
	struct kv_state *state = *(struct kv_state **)data;

	for (struct opened *at = state->first; at != NULL; at = at->next)
		ab_kv_abandon(at->kv);
}

int
kv_settle(void *data, struct ab_error *err)
{
	struct kv_state *state = *(struct kv_state **)data;
	int status = 0;

	for (struct opened *at = state->first; at != NULL; at = at->next)
		if (ab_kv_settle(at->kv, err) < 0)
			status = -1;
	return status;
}

/* ---- records ---- */

const struct ab_field kv_entry_fields[] = {
	{ .name = "key", .type = "bytes", .help = "the key" },
	{ .name = "namespace", .type = "bytes", .help = "its namespace" },
	{ .name = "version", .type = "integer", .help = "grows with each change, and is never given twice" },
	{ .name = "size_bytes", .type = "integer", .help = "of its value" },
	{ .name = "created_at", .type = "time", .help = "when it was first put" },
	{ .name = "updated_at", .type = "time", .help = "its last change" },
	{ .name = "expires_at", .type = "time?", .help = "when it is no longer there; null: never" },
	{ .name = "value", .type = "bytes?", .help = "its value" },
	{ .name = "value_omitted", .type = "boolean?", .help = "true: the value is too long for a list" },
	{ .name = NULL }
};

void
kv_write_value(struct ab_json *json, const struct ab_span *value)
{
	if (value->len <= KV_VALUE_SHOWN_MAX)
		ab_json_bytes(json, "value", value->data, value->len);
	else
		ab_json_boolean(json, "value_omitted", true);
}

void
kv_write_entry(struct ab_json *json, const struct ab_entry *entry, const struct ab_span *value)
{
	ab_json_bytes(json, "key", entry->key.data, entry->key.len);
	ab_json_bytes(json, "namespace", entry->ns.data, entry->ns.len);
	ab_json_integer(json, "version", entry->seq);
	ab_json_integer(json, "size_bytes", entry->size);
	ab_json_time(json, "created_at", entry->created_ms);
	ab_json_time(json, "updated_at", entry->updated_ms);
	if (entry->expires_ms == AB_NEVER)
		ab_json_null(json, "expires_at");
	else
		ab_json_time(json, "expires_at", entry->expires_ms);
	if (value != NULL)
		kv_write_value(json, value);
}
