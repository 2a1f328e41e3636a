/* Control operations of `batch`. */
#include "core/control.h"

#include <string.h>

#include "core/describe.h"
#include "core/mem.h"

enum { DESCRIPTION_MAX = 16 * 1024 * 1024 };

static bool
names(const struct ab_value *request, const char *operation)
{
	size_t len = 0;
	const char *name = ab_value_string(ab_value_get(request, "op"), &len);

	/* it may hold a NUL */
	return name != NULL && len == strlen(operation) && memcmp(name, operation, len) == 0;
}

bool
ab_control_is(const struct ab_value *request)
{
	return names(request, "cancel") || names(request, "ping") || names(request, "describe");
}

/* A queued one gets its own answer in its turn; where answers need not wait for each other, soon. */
static bool
cancel(struct ab_batch *batch, const char *target)
{
	struct ab_call *call = ab_control_find(batch, target);

	if (call == NULL)
		return false;
	if (!call->queued)
		return ab_call_cancel(call, AB_CANCEL_REQUEST);
	if (!call->failed) {
		call->failed = true;
		ab_fail(&call->error, AB_E_CANCELLED, "cancelled before it began");
	}
	return true;
}

static int
check_fields(const struct ab_value *request, bool target, struct ab_error *err)
{
	struct ab_error all = AB_ERROR_INIT, one = AB_ERROR_INIT;
	const struct ab_value *value;
	char quoted[AB_QUOTE_SIZE];
	const char *name;

	for (void *at = ab_value_next(request, NULL, &name, &value); at != NULL;
	     at = ab_value_next(request, at, &name, &value)) {
		if (strcmp(name, "id") == 0 || strcmp(name, "op") == 0 ||
		    (target && strcmp(name, "target") == 0))
			continue;
		ab_fail(&one, AB_E_INPUT_INVALID, "unknown field \"%s\"", ab_quote(quoted, name));
		ab_problem(&all, &one);
	}
	if (target && ab_value_kind(ab_value_get(request, "target")) == AB_VALUE_NULL) {
		ab_fail(&one, AB_E_INPUT_INVALID, "\"target\" is missing");
		ab_problem(&all, &one);
	}
	if (all.code == AB_E_NONE)
		return 0;
	*err = all;
	return -1;
}

static int
answer(struct ab_batch *batch, struct ab_call *call, struct ab_json *json, struct ab_error *err)
{
	char *target = NULL;

	if (check_fields(call->request, names(call->request, "cancel"), err) < 0)
		return -1;
	if (names(call->request, "ping")) {
		ab_json_boolean(json, "pong", true);
	} else if (names(call->request, "cancel")) {
		if (ab_control_read_id(
			ab_value_get(call->request, "target"), "target", &call->arena, &target, err) < 0)
			return -1;
		ab_json_boolean(json, "cancelled", cancel(batch, target));
	} else {
		ab_json_array(json, "items");
		for (const struct ab_op *op = batch->tool->ops; op->name != NULL; op++) {
			ab_json_object(json, NULL);
			ab_describe_op(op, json);
			ab_json_object_end(json);
		}
		ab_json_array_end(json);
		ab_json_null(json, "next");
	}
	return 0;
}

void
ab_control_do(struct ab_batch *batch, struct ab_call *call)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(DESCRIPTION_MAX);
	struct ab_error err = AB_ERROR_INIT;
	struct ab_json json;

	ab_json_begin(&json, &text, AB_ENCODING_AUTO);
	ab_json_object(&json, NULL);
	if (call->id != NULL)
		ab_json_raw(&json, "id", call->id, strlen(call->id));
	else
		ab_json_null(&json, "id");
	if (answer(batch, call, &json, &err) < 0)
		ab_json_error(&json, "error", &err);
	ab_json_object_end(&json);
	ab_out_line(&batch->out, text.data, text.len);
}
