/*
 * Control operations of `batch`, acted on when they are read, whatever is running. Private to batch.
 *
 *	{"id":9,"op":"cancel","target":7}	{"id":9,"cancelled":true}; false when 7 is not there, or cannot
 *be asked to end
 *	{"id":10,"op":"ping"}			{"id":10,"pong":true}
 *	{"id":11,"op":"describe"}		{"id":11,"items":[…],"next":null}: the records of --describe
 */
#ifndef AB_CORE_CONTROL_H
#define AB_CORE_CONTROL_H

#include "core/intake.h"

/* Whether the request's `op` is a control operation. */
bool ab_control_is(const struct ab_value *request);
/* Do it and answer. */
void ab_control_do(struct ab_batch *batch, struct ab_call *call);
/* The call that is queued or running under that id (JSON text), or NULL. */
struct ab_call *ab_control_find(const struct ab_batch *batch, const char *id);
/* An id as compact JSON text; NULL when value is absent or null. -1: input.invalid, input.too_long. */
int ab_control_read_id(const struct ab_value *value, const char *name, struct ab_arena *arena, char **id,
    struct ab_error *err) AB_MUST_USE;

#endif
