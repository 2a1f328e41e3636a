/* The front of `batch`: lines into calls, ids, control operations. */
#include "core/intake.h"

#include <stdio.h>
#include <string.h>

#include "core/control.h"
#include "core/mem.h"

enum {
	AHEAD_COUNT = 256, /* requests that are read and not started */
	AHEAD_BYTES = 16 * 1024 * 1024,
	LINE_MAX_BYTES = 16 * 1024 * 1024,
	ANSWERS_MAX = 16 * 1024 * 1024, /* queued for a slow reader */
	ID_MAX = 1024,
	CALL_COST = 1024, /* of a queued request beside its line */
};

/* ---- lists ---- */

void
ab_intake_link(struct ab_call_list *list, struct ab_call *call)
{
	call->next_call = NULL;
	call->previous_call = list->last;
	if (list->last != NULL)
		list->last->next_call = call;
	else
		list->first = call;
	list->last = call;
	list->count++;
}

void
ab_intake_unlink(struct ab_call_list *list, struct ab_call *call)
{
	if (call->previous_call != NULL)
		call->previous_call->next_call = call->next_call;
	else
		list->first = call->next_call;
	if (call->next_call != NULL)
		call->next_call->previous_call = call->previous_call;
	else
		list->last = call->previous_call;
	call->next_call = call->previous_call = NULL;
	list->count--;
}

void
ab_intake_take(struct ab_batch *batch, struct ab_call *call)
{
	ab_intake_unlink(&batch->queue, call);
	batch->queued_bytes -= call->cost;
	call->queued = false;
}

static struct ab_call *
new_call(struct ab_batch *batch)
{
	struct ab_call *call = batch->spare;

	if (call != NULL) {
		batch->spare = call->next_call;
		call->next_call = NULL;
		return call;
	}
	call = ab_malloc(sizeof(*call));
	ab_call_init(call, batch->tool, batch->common, &ab_batch_face, batch);
	return call;
}

void
ab_intake_recycle(struct ab_batch *batch, struct ab_call *call)
{
	ab_intake_forget_id(batch, call);
	ab_call_reset(call);
	call->next_call = batch->spare;
	batch->spare = call;
}

static void
free_list(struct ab_call *call)
{
	struct ab_call *next;

	for (; call != NULL; call = next) {
		next = call->next_call;
		ab_call_release(call);
		free(call);
	}
}

void
ab_intake_release(struct ab_batch *batch)
{
	free_list(batch->queue.first);
	free_list(batch->active.first);
	free_list(batch->spare);
	ab_lines_release(&batch->lines);
	ab_arena_release(&batch->arena);
}

/* ---- ids ---- */

/* FNV-1a. */
static unsigned
hash_of(const char *id)
{
	unsigned hash = 2166136261u;

	for (; *id != '\0'; id++)
		hash = (hash ^ (unsigned char)*id) * 16777619u;
	return hash;
}

struct ab_call *
ab_control_find(const struct ab_batch *batch, const char *id)
{
	unsigned hash = hash_of(id);

	for (struct ab_call *call = batch->ids[hash % AB_BATCH_IDS]; call != NULL; call = call->next_id)
		if (call->hash == hash && strcmp(call->id, id) == 0)
			return call;
	return NULL;
}

static void
remember_id(struct ab_batch *batch, struct ab_call *call)
{
	call->hash = hash_of(call->id);
	call->next_id = batch->ids[call->hash % AB_BATCH_IDS];
	batch->ids[call->hash % AB_BATCH_IDS] = call;
	call->has_id = true;
}

void
ab_intake_forget_id(struct ab_batch *batch, struct ab_call *call)
{
	if (!call->has_id)
		return;
	struct ab_call **at = &batch->ids[call->hash % AB_BATCH_IDS];
	while (*at != call)
		at = &(*at)->next_id;
	*at = call->next_id;
	call->has_id = false;
}

int
ab_control_read_id(
    const struct ab_value *value, const char *name, struct ab_arena *arena, char **id, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(ID_MAX);
	enum ab_value_kind kind = ab_value_kind(value);

	*id = NULL;
	if (kind == AB_VALUE_NULL)
		return 0;
	if (kind != AB_VALUE_STRING && kind != AB_VALUE_INTEGER)
		return ab_fail(err, AB_E_INPUT_INVALID, "\"%s\": must be a string or an integer", name);
	if (!ab_value_print(value, &text))
		return ab_fail(err, AB_E_INPUT_TOO_LONG, "\"%s\": longer than %d bytes", name, ID_MAX);
	*id = ab_arena_copy(arena, text.data, text.len);
	return 0;
}

/* ---- lines ---- */

static int
unknown_operation(const struct ab_tool *tool, const char *name, struct ab_error *err)
{
	char quoted[AB_QUOTE_SIZE];
	const struct ab_op *best = ab_op_guess(tool, name);

	ab_fail(err, AB_E_INPUT_INVALID, "\"op\": \"%s\" is no operation", ab_quote(quoted, name));
	if (best != NULL)
		ab_error_hint(err, "did you mean \"%s\"?", best->name);
	return -1;
}

static int
choose(const struct ab_tool *tool, const struct ab_value *op, const struct ab_op **chosen, struct ab_error *err)
{
	size_t len = 0;
	const char *name;

	*chosen = ab_op_main(tool);
	if (ab_value_kind(op) == AB_VALUE_NULL)
		return *chosen != NULL ? 0 : ab_fail(err, AB_E_INPUT_INVALID, "\"op\" is missing");
	if (ab_value_kind(op) != AB_VALUE_STRING)
		return ab_fail(err, AB_E_INPUT_INVALID, "\"op\": must be a string");
	name = ab_value_string(op, &len);
	if (strlen(name) != len)
		return ab_fail(err, AB_E_INPUT_INVALID, "\"op\": holds a NUL byte");
	*chosen = ab_op_find(tool, name);
	if (*chosen == NULL)
		return unknown_operation(tool, name, err);
	if (((*chosen)->flags & AB_OP_CLI_ONLY) != 0)
		return ab_fail(err, AB_E_UNSUPPORTED,
		    "\"%s\" is an operation of the command line, not of batch", (*chosen)->name);
	return 0;
}

/* The operation's parameters: those of the batch, then what the request says. */
static int
read_params(struct ab_batch *batch, struct ab_call *call, const struct ab_op *op, const struct ab_value *request, struct ab_error *err)
{
	const struct ab_args *defaults = &batch->defaults[op - batch->tool->ops];

	call->op = op;
	call->args = *defaults;
	call->args.arena = &call->arena;
	call->args.data = ab_arena_alloc(&call->arena, op->params_size + 1);
	if (op->params_size > 0)
		memcpy(call->args.data, defaults->data, op->params_size);
	if (ab_request_read(op, request, &batch->rules, &call->args, &call->dry_run, err) < 0)
		return -1;
	call->endless = (op->flags & AB_OP_ENDLESS) != 0;
	for (size_t row = 0; op->params != NULL && op->params[row].name != NULL; row++)
		if ((op->params[row].flags & AB_MAKES_ENDLESS) != 0 && *AB_ARGS_MEMBER(&call->args, row, int) == 1)
			call->endless = true;
	return 0;
}

int
ab_intake_nested(struct ab_batch *batch, struct ab_call *call, const struct ab_value *request, struct ab_error *err)
{
	const struct ab_op *op;

	if (choose(batch->tool, ab_value_get(request, "op"), &op, err) < 0)
		return -1;
	return read_params(batch, call, op, request, err);
}

/* 0: a call for the queue; 1: a control operation, which is done. */
static int
read_request(struct ab_batch *batch, struct ab_call *call, const char *text, size_t len, struct ab_error *err)
{
	const struct ab_op *op;

	call->request = ab_value_parse(text, len, err);
	if (call->request == NULL) {
		/* Every request is one line: where it stands in the input is said by `line`. */
		static const char first[] = "line 1, ";
		if (strncmp(err->msg, first, strlen(first)) == 0)
			memmove(err->msg, err->msg + strlen(first), strlen(err->msg + strlen(first)) + 1);
		return -1;
	}
	if (ab_value_kind(call->request) != AB_VALUE_OBJECT)
		return ab_fail(err, AB_E_INPUT_INVALID, "a request is an object");
	if (ab_control_read_id(ab_value_get(call->request, "id"), "id", &call->arena, &call->id, err) < 0)
		return -1;
	if (call->id != NULL && ab_control_find(batch, call->id) != NULL)
		return ab_fail(err, AB_E_INPUT_INVALID, "\"id\": in use by a request that is not answered yet");
	if (ab_control_is(call->request)) {
		ab_control_do(batch, call);
		return 1;
	}
	if (call->id != NULL)
		remember_id(batch, call);
	if (choose(batch->tool, ab_value_get(call->request, "op"), &op, err) < 0)
		return -1;
	return read_params(batch, call, op, call->request, err);
}

static void
take_line(struct ab_batch *batch, const char *text, size_t len)
{
	struct ab_call *call = new_call(batch);
	int rc;

	call->line = batch->lines.line;
	if (text == NULL)
		rc = ab_fail(
		    &call->error, AB_E_INPUT_TOO_LONG, "a line is longer than %d MiB", LINE_MAX_BYTES >> 20);
	else
		rc = read_request(batch, call, text, len, &call->error);
	if (rc > 0) {
		ab_intake_recycle(batch, call);
		return;
	}
	call->failed = rc < 0;
	call->cost = len + CALL_COST;
	call->queued = true;
	batch->queued_bytes += call->cost;
	ab_intake_link(&batch->queue, call);
}

bool
ab_intake_is_choked(const struct ab_batch *batch)
{
	return ab_out_pending(&batch->out) > ANSWERS_MAX;
}

bool
ab_intake_has_room(const struct ab_batch *batch)
{
	if (batch->options.atomic == 1)
		return batch->queued_bytes < AB_BATCH_ATOMIC_BYTES;
	return !ab_intake_is_choked(batch) && batch->queue.count < AHEAD_COUNT && batch->queued_bytes < AHEAD_BYTES;
}

bool
ab_intake_lines(struct ab_batch *batch)
{
	const char *text = NULL;
	size_t len = 0;
	bool any = false;

	/* After a signal, or without a reader, nothing more is begun. */
	while (ab_intake_has_room(batch) && batch->signo == 0 && !batch->gone) {
		enum ab_line kind = ab_lines_next(&batch->lines, &text, &len);
		if (kind == AB_LINE_NONE)
			break;
		take_line(batch, kind == AB_LINE_TEXT ? text : NULL, kind == AB_LINE_TEXT ? len : 0);
		any = true;
	}
	return any;
}
