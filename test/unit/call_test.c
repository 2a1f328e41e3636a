#include "core/call.h"

#include "core/mem.h"
#include "demo_tool.h"
#include "tap.h"

/* A face that counts. */
static int puts_seen, ends;
static char last[4096];

static struct ab_loop *
no_loop(struct ab_call *call)
{
	(void)call;
	return NULL;
}

static void
put(struct ab_call *call, enum ab_put what)
{
	(void)what;
	puts_seen++;
	snprintf(last, sizeof(last), "%s", call->text.data);
}

static size_t queued_bytes;

static size_t
queued(struct ab_call *call)
{
	(void)call;
	return queued_bytes;
}

static void
ended(struct ab_call *call)
{
	(void)call;
	ends++;
}

static const struct ab_face counting = { .batch = true, .loop = no_loop, .put = put, .queued = queued, .ended = ended };
static const struct ab_common common;
static int cancels;

static void
cancelled(struct ab_call *call, void *data)
{
	struct ab_error err = AB_ERROR_INIT;

	(void)data;
	cancels++;
	ab_fail(&err, AB_E_CANCELLED, "stopped");
	ab_call_fail(call, &err);
}

static int
finish_at_once(struct ab_call *call, void *params, struct ab_error *err)
{
	(void)params;
	(void)err;
	ab_call_finish(call);
	return AB_PENDING;
}

static int
stay(struct ab_call *call, void *params, struct ab_error *err)
{
	(void)params;
	(void)err;
	ab_call_on_cancel(call, cancelled, NULL);
	return AB_PENDING;
}

static int
wrong_line(struct ab_call *call, void *params, struct ab_error *err)
{
	(void)call;
	(void)params;
	return ab_fail(err, AB_E_USAGE, "both");
}

static int
whole_record(struct ab_call *call, void *params, struct ab_error *err)
{
	(void)params;
	struct ab_json *json = ab_call_record(call);
	ab_json_string(json, "reason", "denied");
	ab_fail(err, AB_E_DENIED_POLICY, "no");
	ab_call_record_error(call, err);
	ab_call_record_end(call);
	return AB_DONE;
}

static void
begin(struct ab_call *call, int (*function)(struct ab_call *, void *, struct ab_error *))
{
	static struct ab_op op = { .name = "x" };

	puts_seen = ends = cancels = 0;
	op.run = function;
	ab_call_init(call, &demo_tool, &common, &counting, NULL);
	ab_call_params(call, &op);
	call->id = ab_arena_copy(&call->arena, "5", 1);
	ab_call_run(call);
}

static void
test_life(void)
{
	struct ab_call call;

	begin(&call, finish_at_once);
	CHECK_INT(ends, 1);
	CHECK_STRING(last, "{\"id\":5}\n");
	ab_call_release(&call);
	begin(&call, stay);
	CHECK_INT(ends, 0);
	CHECK(ab_call_cancel(&call, AB_CANCEL_REQUEST));
	CHECK_INT(ends, 1);
	CHECK_INT(cancels, 1);
	CHECK_INT(ab_call_cancel_reason(&call), AB_CANCEL_REQUEST);
	CHECK(!ab_call_cancel(&call, AB_CANCEL_REQUEST));
	CHECK_INT(cancels, 1);
	CHECK_INT(puts_seen, 1);
	ab_call_release(&call);
}

static void
test_errors(void)
{
	struct ab_call call;

	begin(&call, wrong_line); /* a wrong command line is a wrong request here */
	CHECK(strstr(last, "\"code\":\"input.invalid\"") != NULL);
	ab_call_release(&call);
	begin(&call, whole_record);
	CHECK_STRING(last, "{\"id\":5,\"reason\":\"denied\",\"error\":{\"code\":\"denied.policy\",\"message\":\"no\",\"hint\":null,\"retryable\":false}}\n");
	CHECK_INT(call.error.code, AB_E_DENIED_POLICY);
	CHECK_INT(puts_seen, 1);
	ab_call_release(&call);
}

static int
two_events(struct ab_call *call, void *params, struct ab_error *err)
{
	(void)params;
	(void)err;
	for (int i = 0; i < 3; i++) {
		queued_bytes = i < 2 ? 2 << 20 : 0;
		ab_json_integer(ab_call_event(call, "tick"), "n", i);
		ab_call_event_end(call);
		if (i == 2)
			CHECK_STRING(last, "{\"id\":5,\"type\":\"tick\",\"n\":2}\n");
	}
	queued_bytes = 2 << 20;
	ab_call_event(call, "tick");
	ab_call_event_end(call);
	return AB_DONE;
}

/* Two are dropped and told before the third; the fourth is told before the end. */
static void
test_gap(void)
{
	struct ab_call call;

	begin(&call, two_events);
	CHECK_INT(puts_seen, 4);
	CHECK_STRING(last, "{\"id\":5,\"type\":\"result\"}\n");
	ab_call_release(&call);
	queued_bytes = 0;
}

static void
test_reset(void)
{
	struct ab_call call;

	begin(&call, whole_record);
	ab_call_reset(&call);
	CHECK(call.id == NULL && call.op == NULL && call.error.code == AB_E_NONE && call.face == &counting && call.text.len == 0);
	ab_call_release(&call);
}

static void
test_log(void)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(10000);
	char path[] = "/tmp/ab-call-XXXXXX", line[256];
	struct ab_error err = AB_ERROR_INIT;
	struct ab_bytes file = { .kind = AB_BYTES_FILE, .path = path };
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	close(fd);
	snprintf(line, sizeof(line), "ab-demo greet bob --log %s", path);
	CHECK_INT(demo_run(line, ""), 0);
	snprintf(line, sizeof(line), "ab-demo batch --log %s", path);
	CHECK_INT(demo_run(line, "{\"op\":\"greet\",\"name\":\"nobody\"}\n{\"op\":\"greet\"}\n"), 0);
	CHECK_INT(ab_bytes_read(&file, &text, &err), 0);
	CHECK(strstr(text.data, "\"greet\"") != NULL && strstr(text.data, "\"bob\"") != NULL && strstr(text.data, "\"ok\"") != NULL);
	CHECK(strstr(text.data, "\"not_found\"") != NULL && strstr(text.data, "\"input.invalid\"") != NULL);
	unlink(path);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "an operation ends once", test_life },
		{ "failures, alone and in a record", test_errors },
		{ "dropped events are told", test_gap },
		{ "a call serves again", test_reset },
		{ "the log", test_log },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
