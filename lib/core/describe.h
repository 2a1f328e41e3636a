/*
 * --describe: the table as records, with JSON Schemas (2020-12) of request and answer.
 *
 * One record an operation ("kind":"operation"), then one for batch and one for the options of every operation
 * ("kind":"batch", "kind":"common"), which have options only. Completions and the check of the manual pages are
 * made from them.
 */
#ifndef AB_CORE_DESCRIBE_H
#define AB_CORE_DESCRIBE_H

#include "core/op.h"

/* Write the members of one operation's record into an open object. */
void ab_describe_op(const struct ab_op *op, struct ab_json *json);
/* All records as lines; only that operation's when op is not NULL. */
void ab_describe_tool(const struct ab_tool *tool, const struct ab_op *op, struct ab_buf *out);

#endif
