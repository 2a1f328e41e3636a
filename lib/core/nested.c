/* Requests within a request. */
#include <assert.h>
#include <string.h>

#include "core/batch.h"
#include "core/call.h"
#include "core/intake.h"
#include "core/mem.h"
#include "core/request.h"

struct nested {
	struct ab_call *outer;
	struct ab_buf *answer;
	bool ended;
};

static struct ab_loop *
nested_loop(struct ab_call *call)
{
	const struct nested *nested = call->face_data;

	return ab_call_loop(nested->outer);
}

/* The record, without the `id` that every line of batch begins with: {"id":null,…} or {"id":null}. */
static void
nested_put(struct ab_call *call, enum ab_put what)
{
	static const char id[] = "{\"id\":null";
	const struct nested *nested = call->face_data;
	const char *text = call->text.data + sizeof(id) - 1;
	size_t len = call->text.len - (sizeof(id) - 1);

	if (what != AB_PUT_RECORD || call->failed)
		return;
	assert(memcmp(call->text.data, id, sizeof(id) - 1) == 0 && text[len - 1] == '\n');
	if (len + 1 > nested->answer->max - nested->answer->len) { /* with what stands between two */
		ab_fail(&call->error, AB_E_LIMIT_SIZE, "the answers together are longer than %zu MiB", nested->answer->max >> 20);
		return;
	}
	ab_buf_putc(nested->answer, '{');
	ab_buf_put(nested->answer, text + (*text == ','), len - 1 - (*text == ','));
}

static size_t
nested_queued(struct ab_call *call)
{
	(void)call;
	return 0;
}

static void
nested_ended(struct ab_call *call)
{
	struct nested *nested = call->face_data;

	nested->ended = true;
}

static const struct ab_face face = {
	.batch = true,
	.loop = nested_loop,
	.put = nested_put,
	.queued = nested_queued,
	.ended = nested_ended,
};

/* Outside of batch: the table's own defaults. */
static int
read_alone(struct ab_call *call, const struct ab_value *request, struct ab_error *err)
{
	const struct ab_request_rules rules = { .host_paths = true };
	const char *name = ab_value_get_string(request, "op", NULL);
	const struct ab_op *op = name == NULL ? ab_op_main(call->tool) : ab_op_find(call->tool, name);

	if (op == NULL)
		return name == NULL ? ab_fail(err, AB_E_INPUT_INVALID, "\"op\" is missing") : ab_fail(err, AB_E_INPUT_INVALID, "\"op\": no such operation");
	ab_call_params(call, op);
	if (ab_args_complete(&call->args, err) < 0)
		return -1;
	return ab_request_read(op, request, &rules, &call->args, &call->dry_run, err);
}

bool
ab_call_is_part(const struct ab_call *call)
{
	const struct ab_batch *batch = call->face_data;

	return call->face == &face || (call->face == &ab_batch_face && batch->options.atomic == 1);
}

int
ab_call_nested(struct ab_call *outer, const struct ab_value *request, struct ab_buf *answer, struct ab_error *err)
{
	struct nested nested = { .outer = outer, .answer = answer };
	struct ab_call call;
	int status;

	if (ab_value_kind(request) != AB_VALUE_OBJECT)
		return ab_fail(err, AB_E_INPUT_INVALID, "a request is an object");
	ab_call_init(&call, outer->tool, outer->common, &face, &nested);
	if (outer->face->batch)
		status = ab_intake_nested(outer->face_data, &call, request, err);
	else
		status = read_alone(&call, request, err);
	if (status == 0 && (call.endless || (call.op->flags & AB_OP_NESTS) == 0))
		status = ab_fail(err, AB_E_UNSUPPORTED, "\"%s\" cannot be within another request", call.op->name);
	if (status == 0) {
		ab_call_run(&call);
		assert(nested.ended);
		status = call.failed || call.error.code != AB_E_NONE ? -1 : 0;
		if (status < 0)
			*err = call.error;
	}
	ab_call_release(&call);
	return status;
}
