/* --help and --version, from the operation table. */
#ifndef AB_CORE_HELP_H
#define AB_CORE_HELP_H

#include "core/op.h"

/* The batch command's own parameters (batch.c). */
/* The options of `batch` itself, for this tool. */
const struct ab_param *ab_batch_params(const struct ab_tool *tool);

/* What the tool is, its operations, the options of its main operation and those of every operation. */
void ab_help_tool(const struct ab_tool *tool, struct ab_buf *out);
/* One operation: usage, operands, options by group with their defaults. */
void ab_help_op(const struct ab_tool *tool, const struct ab_op *op, struct ab_buf *out);
void ab_help_batch(const struct ab_tool *tool, struct ab_buf *out);
/* "ab-exec 0.1.0", or a record with libraries and schemas. */
void ab_help_version(const struct ab_tool *tool, bool json, struct ab_buf *out);

#endif
