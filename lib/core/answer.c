/* The lines of an answer: records, items, events, bytes, errors. */
#include "core/call.h"

#include <assert.h>
#include <string.h>

#include "core/mem.h"

enum { EVENTS_MAX = 1024 * 1024 }; /* queued for a slow reader before events are dropped */

static struct ab_json *
begin(struct ab_call *call)
{
	assert(!call->open);
	ab_buf_truncate(&call->text, 0);
	ab_json_begin(&call->json, &call->text, ab_call_encoding(call));
	ab_json_object(&call->json, NULL);
	if (call->face->batch && call->id != NULL)
		ab_json_raw(&call->json, "id", call->id, strlen(call->id));
	else if (call->face->batch)
		ab_json_null(&call->json, "id");
	call->open = true;
	return &call->json;
}

static void
end(struct ab_call *call, enum ab_put what)
{
	assert(call->open);
	ab_json_object_end(&call->json);
	ab_buf_putc(&call->text, '\n');
	call->open = false;
	call->face->put(call, what);
}

/* What was dropped is told before anything else is. */
static void
tell_gap(struct ab_call *call)
{
	if (call->dropped == 0)
		return;
	struct ab_json *json = begin(call);
	ab_json_string(json, "type", "gap");
	ab_json_integer(json, "dropped", (int64_t)call->dropped);
	call->dropped = 0;
	end(call, AB_PUT_EVENT);
}

struct ab_json *
ab_call_record(struct ab_call *call)
{
	assert(!call->answered);
	tell_gap(call);
	struct ab_json *json = begin(call);
	if (call->events > 0)
		ab_json_string(json, "type", "result");
	return json;
}

void
ab_call_record_end(struct ab_call *call)
{
	call->answered = true;
	end(call, AB_PUT_RECORD);
}

void
ab_call_record_error(struct ab_call *call, const struct ab_error *err)
{
	assert(call->open);
	ab_json_error(&call->json, "error", err);
	if (err->code != AB_E_NONE)
		call->error = *err;
}

struct ab_json *
ab_call_item(struct ab_call *call)
{
	if (!call->face->batch)
		return begin(call);
	if (!call->listing) {
		begin(call);
		ab_json_array(&call->json, "items");
		call->listing = true;
	}
	ab_json_object(&call->json, NULL);
	return &call->json;
}

void
ab_call_item_end(struct ab_call *call)
{
	if (call->face->batch)
		ab_json_object_end(&call->json);
	else
		end(call, AB_PUT_ITEM);
}

void
ab_call_next(struct ab_call *call, const char *cursor)
{
	call->next = cursor != NULL ? ab_arena_copy(&call->arena, cursor, strlen(cursor)) : NULL;
}

struct ab_json *
ab_call_event(struct ab_call *call, const char *type)
{
	call->dropping = call->face->queued(call) > EVENTS_MAX;
	if (!call->dropping)
		tell_gap(call);
	call->events++;
	struct ab_json *json = begin(call);
	ab_json_string(json, "type", type);
	return json;
}

void
ab_call_event_end(struct ab_call *call)
{
	if (!call->dropping) {
		end(call, AB_PUT_EVENT);
		return;
	}
	call->dropped++;
	call->open = false;
	ab_buf_truncate(&call->text, 0);
}

void
ab_call_bytes(struct ab_call *call, const void *data, size_t len)
{
	struct ab_error err = AB_ERROR_INIT;

	assert(call->op->answer == AB_ANSWER_BYTES);
	if (ab_call_json(call)) {
		struct ab_json *json = ab_call_record(call);
		ab_json_bytes(json, call->op->answer_bytes, data, len);
		ab_call_record_end(call);
		return;
	}
	call->answered = true;
	/* What went wrong with stdout is told when the tool ends. */
	if (call->face->bytes(call, data, len, &err) < 0)
		call->failed = false;
}

int
ab_call_bytes_part(struct ab_call *call, const void *data, size_t len, struct ab_error *err)
{
	if (!ab_call_json(call)) {
		call->answered = true;
		return call->face->bytes(call, data, len, err);
	}
	call->has_bytes = true;
	if (ab_buf_add(&call->bytes, data, len))
		return 0;
	ab_fail(err, AB_E_LIMIT_SIZE, "\"%s\" is longer than 16 MiB", call->op->answer_bytes);
	ab_error_hint(err, "ask for a part, or without --json for the bytes themselves");
	return -1;
}

void
ab_call_close_answer(struct ab_call *call)
{
	bool batch = call->face->batch, list = call->op->answer == AB_ANSWER_LIST;

	if (call->answered)
		return;
	if (call->has_bytes || (batch && call->op->answer == AB_ANSWER_BYTES)) {
		ab_json_bytes(ab_call_record(call), call->op->answer_bytes, call->bytes.data, call->bytes.len);
		ab_call_record_end(call);
	} else if (batch && list) {
		if (!call->listing)
			ab_json_array(begin(call), "items");
		ab_json_array_end(&call->json);
		ab_json_string(&call->json, "next", call->next);
		ab_call_record_end(call);
	} else if (batch) {
		ab_call_record(call);
		ab_call_record_end(call);
	} else {
		tell_gap(call);
	}
}

void
ab_call_write_error(struct ab_call *call, const struct ab_error *err)
{
	call->open = false; /* what was begun is given up */
	tell_gap(call);
	struct ab_json *json = begin(call);

	if (call->id == NULL && call->line > 0)
		ab_json_integer(json, "line", (int64_t)call->line);
	if (call->events > 0)
		ab_json_string(json, "type", "result");
	ab_json_error(json, "error", err);
	ab_json_object_end(json);
	ab_buf_putc(&call->text, '\n');
	call->open = false;
}
