/* watch; get --wait. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ab-kv.h"
#include "core/mem.h"
#include "core/time.h"
#include "data/kvwatch.h"

/* Somebody who waits for what others write. */
struct waiting {
	struct ab_call *call;
	struct ab_kv *kv; /* apart from the one that is written to: what is not committed is not seen */
	struct ab_kvwatch *watch;
	struct ab_timer timer; /* of the end */
	struct ab_span ns;
	const struct get_params *get;	  /* get --wait */
	const struct watch_params *params; /* watch */
	int64_t seq, left;
	bool last; /* look once more, and end */
};

static void
waiting_free(struct waiting *waiting)
{
	ab_kvwatch_free(waiting->watch);
	ab_loop_disarm(ab_call_loop(waiting->call), &waiting->timer);
	ab_kv_free(waiting->kv);
	free(waiting);
}

static void
fail(struct waiting *waiting, const struct ab_error *err)
{
	struct ab_call *call = waiting->call;

	waiting_free(waiting);
	ab_call_fail(call, err);
}

static void look_for_changes(void *data);
static void finish_watch(struct waiting *waiting);

/* At the end of input, what is there by now is still told. */
static void
cancelled(struct ab_call *call, void *data)
{
	const struct ab_error err = { .code = AB_E_CANCELLED, .msg = "cancelled" };
	struct waiting *waiting = data;

	if (waiting->params != NULL && ab_call_cancel_reason(call) == AB_CANCEL_INPUT_END) {
		waiting->last = true;
		look_for_changes(waiting);
		return;
	}
	fail(waiting, &err);
}

/* Begin to wait: look is called now and then. */
static struct waiting *
waiting_new(struct ab_call *call, const struct where_params *where, int64_t timeout_ms, void (*late)(struct ab_timer *timer), void (*look)(void *data),
    struct ab_error *err)
{
	AB_AUTO_FREE char *path = NULL;
	AB_AUTO_KV struct ab_kv *kv = NULL;
	struct ab_span ns;

	if (kv_open_apart(call, where, &kv, &path, &ns, err) < 0)
		return NULL;
	struct waiting *waiting = ab_calloc(1, sizeof(*waiting));
	struct ab_loop *loop = ab_call_loop(call);
	*waiting = (struct waiting){ .call = call, .kv = ab_steal(&kv), .ns = ns, .left = AB_UNSET };
	waiting->timer = (struct ab_timer){ .deadline_ms = AB_NEVER, .fired = late, .data = waiting };
	if (timeout_ms != AB_UNSET)
		ab_loop_arm(loop, &waiting->timer, ab_deadline(timeout_ms));
	waiting->watch = ab_kvwatch_new(loop, path, look, waiting);
	ab_call_on_cancel(call, cancelled, waiting);
	return waiting;
}

/* ---- get --wait ---- */

static void
look_for_key(void *data)
{
	struct waiting *waiting = data;
	const struct get_params *params = waiting->get;
	AB_AUTO_BUF struct ab_buf value = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_error err = AB_ERROR_INIT;
	struct ab_entry entry;
	int found = ab_kv_get(waiting->kv, waiting->ns, kv_span(params->key), &entry, &value, &err);

	if (found == 0 || (found > 0 && params->newer_than != AB_UNSET && entry.seq <= params->newer_than))
		return;
	if (found > 0 && kv_answer_value(waiting->call, &entry, &value, &err) < 0)
		found = -1;
	if (found < 0) {
		fail(waiting, &err);
		return;
	}
	struct ab_call *call = waiting->call;
	waiting_free(waiting);
	ab_call_finish(call);
}

static void
waited_enough(struct ab_timer *timer)
{
	struct waiting *waiting = timer->data;
	struct ab_error err = AB_ERROR_INIT;
	char text[AB_UNIT_SIZE];
	size_t len = strlen(waiting->get->key);

	(void)ab_fail(&err, AB_E_TIMEOUT, "key \"%.*s\" did not come within %s", (int)(len < 200 ? len : 200), waiting->get->key,
	    ab_duration_format(text, waiting->get->wait_for_ms));
	fail(waiting, &err);
}

int
wait_operation(struct ab_call *call, const struct get_params *params, struct ab_error *err)
{
	if (ab_call_is_part(call))
		return ab_fail(err, AB_E_UNSUPPORTED, "get with wait cannot be part of atomic: nobody else could write meanwhile");
	struct waiting *waiting = waiting_new(call, &params->where, params->wait_for_ms, waited_enough, look_for_key, err);

	if (waiting == NULL)
		return -1;
	waiting->get = params;
	return AB_PENDING;
}

/* ---- watch ---- */

static bool
is_wanted(const struct waiting *waiting, const struct ab_change *change)
{
	const struct watch_params *params = waiting->params;
	const struct ab_span ns = waiting->ns, prefix = kv_span(params->prefix);
	bool same = ab_span_compare(change->ns, ns) == 0;
	bool below = params->recursive == 1 && change->ns.len > ns.len && memcmp(change->ns.data, ns.data, ns.len) == 0 && change->ns.data[ns.len] == '/';

	return (same || below) && (params->key == NULL || ab_span_compare(change->key, kv_span(params->key)) == 0) &&
	    change->key.len >= prefix.len && (prefix.len == 0 || memcmp(change->key.data, prefix.data, prefix.len) == 0);
}

static int
write_value(struct waiting *waiting, const struct ab_change *change, struct ab_json *json, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf value = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_entry entry;
	int found = ab_kv_get(waiting->kv, change->ns, change->key, &entry, &value, err);

	if (found > 0 && entry.seq == change->seq)
		kv_write_value(json, &(struct ab_span){ value.data != NULL ? value.data : "", value.len });
	return found < 0 ? -1 : 0;
}

static int
tell_change(void *data, const struct ab_change *change, struct ab_error *err)
{
	static const char *const kinds[] = { [AB_CHANGE_PUT] = "put", [AB_CHANGE_DELETE] = "delete", [AB_CHANGE_EXPIRE] = "expire" };
	struct waiting *waiting = data;
	int status = 0;

	if (!is_wanted(waiting, change)) {
		waiting->seq = change->seq;
		return 0;
	}
	struct ab_json *json = ab_call_event(waiting->call, kinds[change->kind]);
	ab_json_integer(json, "seq", change->seq);
	ab_json_bytes(json, "key", change->key.data, change->key.len);
	ab_json_bytes(json, "namespace", change->ns.data, change->ns.len);
	ab_json_time(json, "at", change->at_ms);
	if (waiting->params->values == 1 && change->kind == AB_CHANGE_PUT)
		status = write_value(waiting, change, json, err);
	ab_call_event_end(waiting->call);
	waiting->seq = change->seq;
	if (waiting->left != AB_UNSET && --waiting->left == 0)
		return 1;
	return status;
}

static void
finish_watch(struct waiting *waiting)
{
	struct ab_call *call = waiting->call;
	struct ab_json *json = ab_call_record(call);

	ab_json_integer(json, "seq", waiting->seq);
	ab_call_record_end(call);
	waiting_free(waiting);
	ab_call_finish(call);
}

static void
look_for_changes(void *data)
{
	struct waiting *waiting = data;
	struct ab_error err = AB_ERROR_INIT;

	if (ab_kv_changes(waiting->kv, waiting->seq, tell_change, waiting, &err) < 0)
		fail(waiting, &err);
	else if (waiting->left == 0 || waiting->last)
		finish_watch(waiting);
}

static void
watched_enough(struct ab_timer *timer)
{
	finish_watch(timer->data);
}

int
watch_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct watch_params *params = data;
	struct waiting *waiting = waiting_new(call, &params->where, params->timeout_ms, watched_enough, look_for_changes, err);

	if (waiting == NULL)
		return -1;
	waiting->params = params;
	waiting->left = params->limit;
	if (ab_kv_last_seq(waiting->kv, &waiting->seq, err) < 0) {
		waiting_free(waiting);
		return -1;
	}
	if (params->from_seq != AB_UNSET && params->from_seq > waiting->seq) {
		ab_fail(err, AB_E_GONE, "the store is at change %" PRId64 ", and was never at %" PRId64, waiting->seq, params->from_seq);
		ab_error_hint(err, "it is not the one that was watched, or an older state of it: list what is there, and watch from now on");
		waiting_free(waiting);
		return -1;
	}
	if (params->from_seq != AB_UNSET)
		waiting->seq = params->from_seq;
	struct ab_json *json = ab_call_event(call, "ready");
	ab_json_integer(json, "seq", waiting->seq);
	ab_call_event_end(call);
	return AB_PENDING;
}
