/* The command line of `batch`: its own options, and defaults for the requests of every operation. */
#include <stdio.h>
#include <string.h>

#include "core/help.h"
#include "core/intake.h"
#include "core/mem.h"

enum { LINE_MAX_BYTES = 16 * 1024 * 1024 };

/* The first is for tools that can undo. */
static const struct ab_param batch_params[] = {
	AB_PARAM_BOOLEAN(struct ab_batch_options, atomic, .name = "atomic", .dflt = "false", .flags = AB_CLI_ONLY | AB_CLI_OFF,
	    .help = "read all requests first, and do all of them or none"),
	AB_PARAM_INTEGER(struct ab_batch_options, jobs, .name = "jobs", .letter = 'j', .dflt = "1", .min = 1, .max = 1024, .meta = "N",
	    .help = "requests served at once; with more than one, answers come as they are ready"),
	AB_PARAM_BOOLEAN(struct ab_batch_options, fail, .name = "fail", .dflt = "false", .flags = AB_CLI_ONLY | AB_CLI_OFF,
	    .help = "exit with the class of the first error instead of 0"),
	AB_PARAM_LIST(struct ab_batch_options, fixed, .name = "fixed", .flags = AB_COMMA, .meta = "LIST",
	    .help = "parameters that no request may set: this command line, or their default, is final"),
	AB_PARAM_BOOLEAN(struct ab_batch_options, host_paths, .name = "host-paths", .dflt = "false", .flags = AB_CLI_ONLY | AB_CLI_OFF,
	    .help = "let requests name paths of the host outside the scope"),
	AB_PARAM_END
};

const struct ab_param *
ab_batch_params(const struct ab_tool *tool)
{
	return &batch_params[tool->undo == NULL];
}

static size_t
count_ops(const struct ab_tool *tool)
{
	size_t count = 0;

	while (tool->ops[count].name != NULL)
		count++;
	return count;
}

/* A name in --fixed may be spelled as an option or as a field; it is kept as the option. */
static int
resolve_fixed(struct ab_batch *batch, char **name, struct ab_error *err)
{
	char quoted[AB_QUOTE_SIZE];
	bool base64;

	for (const struct ab_op *op = batch->tool->ops; op->name != NULL; op++) {
		int row = ab_param_find(op->params, *name, strlen(*name));
		if (row < 0)
			row = ab_param_find_field(op->params, *name, &base64);
		if (row < 0)
			continue;
		const char *found = op->params[row].name;
		*name = ab_arena_copy(&batch->arena, found, strlen(found));
		return 0;
	}
	return ab_fail(
	    err, AB_E_USAGE, "--fixed: no operation has a parameter \"%s\"", ab_quote(quoted, *name));
}

/* What is read from stdin would be taken from the requests. */
static int
refuse_stdin(const struct ab_args *args, struct ab_error *err)
{
	for (size_t row = 0; args->params != NULL && args->params[row].name != NULL; row++) {
		const struct ab_param *param = &args->params[row];
		if (param->type == AB_BYTES &&
		    AB_ARGS_MEMBER(args, row, struct ab_bytes)->kind == AB_BYTES_STDIN)
			return ab_fail(err, AB_E_USAGE, "--%s -: stdin carries the requests", param->name);
	}
	return 0;
}

static int
parse(struct ab_batch *batch, struct ab_args *own, struct ab_args *common, int argc, char **argv,
    struct ab_error *err)
{
	size_t count = count_ops(batch->tool), used = 0;
	struct ab_opt_set *sets = ab_arena_alloc(&batch->arena, (count + 2) * sizeof(*sets));
	char quoted[AB_QUOTE_SIZE];

	sets[used++] = (struct ab_opt_set){ .args = own, .group = 0 };
	for (size_t i = 0; i < count; i++)
		if ((batch->tool->ops[i].flags & AB_OP_CLI_ONLY) == 0)
			sets[used++] = (struct ab_opt_set){
				.args = &batch->defaults[i], .group = 1, .refuse = AB_POSITIONAL | AB_CLI_OFF
			};
	sets[used++] = (struct ab_opt_set){ .args = common, .group = 2, .refuse = AB_IF_DRY_RUN };
	struct ab_opt opt = { .sets = sets, .set_count = used };
	int rc = ab_opt_parse(&opt, argc, argv, err);
	if (batch->common->help > 0)
		return 0;
	if (rc < 0)
		return -1;
	if (opt.operand_count > 0)
		return ab_fail(err, AB_E_USAGE, "unexpected operand \"%s\": requests come on stdin",
		    ab_quote(quoted, opt.operands[0]));
	if (batch->common->field != NULL || batch->common->table)
		return ab_fail(err, AB_E_USAGE, "--field and --table are not for batch; --jq is");
	return 0;
}

static int
complete(struct ab_batch *batch, struct ab_args *own, struct ab_args *common, struct ab_error *err)
{
	if (ab_args_complete(own, err) < 0 || ab_args_complete(common, err) < 0)
		return -1;
	for (size_t i = 0; i < count_ops(batch->tool); i++)
		if (refuse_stdin(&batch->defaults[i], err) < 0 ||
		    ab_args_complete(&batch->defaults[i], err) < 0)
			return -1;
	for (size_t i = 0; i < batch->options.fixed.count; i++)
		if (resolve_fixed(batch, &batch->options.fixed.item[i], err) < 0)
			return -1;
	batch->rules = (struct ab_request_rules){
		.fixed = batch->options.fixed.item,
		.host_paths = batch->options.host_paths > 0,
	};
	return 0;
}

int
ab_intake_init(struct ab_batch *batch, int argc, char **argv, struct ab_common *values, struct ab_error *err)
{
	size_t count = count_ops(batch->tool);
	struct ab_args own, common;

	ab_lines_init(&batch->lines, LINE_MAX_BYTES);
	ab_args_init(&own, ab_batch_params(batch->tool), &batch->options, sizeof(batch->options), &batch->arena);
	ab_args_init(&common, ab_common_params, values, sizeof(*values), &batch->arena);
	batch->defaults = ab_arena_alloc(&batch->arena, (count + 1) * sizeof(*batch->defaults));
	for (size_t i = 0; i < count; i++) {
		const struct ab_op *op = &batch->tool->ops[i];
		ab_args_init(&batch->defaults[i], op->params,
		    ab_arena_alloc(&batch->arena, op->params_size + 1), op->params_size, &batch->arena);
	}
	if (parse(batch, &own, &common, argc, argv, err) < 0)
		return -1;
	return values->help > 0 ? 0 : complete(batch, &own, &common, err);
}
