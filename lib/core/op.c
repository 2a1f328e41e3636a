/* The operation table: finding rows, and the law that a table keeps. */
#include "core/op.h"

#include <string.h>

#include "core/opt.h"
#include "core/param.h"

const struct ab_op *
ab_op_find(const struct ab_tool *tool, const char *name)
{
	for (const struct ab_op *op = tool->ops; op->name != NULL; op++)
		if (strcmp(op->name, name) == 0 || (op->alias != NULL && strcmp(op->alias, name) == 0))
			return op;
	return NULL;
}

/* Whether a word stands in a list of words with spaces between them. */
static bool
is_listed(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = words; at != NULL && len > 0; at = strchr(at, ' ')) {
		at += at[0] == ' ';
		if (strncmp(at, word, len) == 0 && (at[len] == ' ' || at[len] == '\0'))
			return true;
	}
	return false;
}

const struct ab_op *
ab_op_guess(const struct ab_tool *tool, const char *word)
{
	const struct ab_op *best = NULL;
	int nearest = 99;

	for (const struct ab_op *op = tool->ops; op->name != NULL; op++)
		if (is_listed(op->others, word))
			return op;
	for (const struct ab_op *op = tool->ops; op->name != NULL; op++) {
		int near = ab_near(word, op->name);
		if (near >= 0 && near < nearest) {
			nearest = near;
			best = op;
		}
	}
	return best;
}

const struct ab_op *
ab_op_main(const struct ab_tool *tool)
{
	for (const struct ab_op *op = tool->ops; op->name != NULL; op++)
		if ((op->flags & AB_OP_MAIN) != 0)
			return op;
	return NULL;
}

static bool
is_word(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len > 0 && name[len] == '\0' && name[0] != '-' && name[len - 1] != '-' &&
	       len < AB_FIELD_SIZE - 16;
}

static int
check_param(const struct ab_op *op, const struct ab_param *param, struct ab_error *err)
{
	static const char *const reserved[] = { "id", "op", "type", "error", "schema", "line", "help",
		"version", "describe" };
	bool numeric = param->type == AB_INTEGER || param->type == AB_DURATION || param->type == AB_SIZE;

	if (!is_word(param->name) || strncmp(param->name, "no-", 3) == 0)
		return ab_fail(err, AB_E_INTERNAL, "%s --%s: not a name", op->name, param->name);
	for (size_t i = 0; i < AB_COUNT_OF(reserved); i++)
		if (strcmp(param->name, reserved[i]) == 0)
			return ab_fail(err, AB_E_INTERNAL, "%s --%s: a reserved name", op->name, param->name);
	if (param->help == NULL || param->help[0] == '\0' || param->help[strlen(param->help) - 1] == '.')
		return ab_fail(
		    err, AB_E_INTERNAL, "%s --%s: help is one line without full stop", op->name, param->name);
	if ((param->min != 0 || param->max != 0) && (!numeric || (param->max != 0 && param->min > param->max)))
		return ab_fail(err, AB_E_INTERNAL, "%s --%s: bounds", op->name, param->name);
	if ((param->flags & AB_REST) != 0 && (param->type != AB_LIST || (param->flags & AB_POSITIONAL) == 0))
		return ab_fail(err, AB_E_INTERNAL, "%s --%s: only a positional list takes the rest", op->name,
		    param->name);
	if ((param->flags & AB_COUNT) != 0 || (param->flags & AB_IF_DRY_RUN) != 0)
		return ab_fail(err, AB_E_INTERNAL, "%s --%s: a private flag", op->name, param->name);
	return 0;
}

static int
check_op(const struct ab_op *op, struct ab_error *err)
{
	AB_AUTO_ARENA struct ab_arena arena = AB_ARENA_INIT;
	struct ab_args args;
	bool rest = false;

	if (!is_word(op->name) || (op->alias != NULL && !is_word(op->alias)) || op->run == NULL ||
	    op->summary == NULL)
		return ab_fail(
		    err, AB_E_INTERNAL, "operation \"%s\": name, alias, summary or function", op->name);
	if (op->answer == AB_ANSWER_BYTES && op->answer_bytes == NULL)
		return ab_fail(err, AB_E_INTERNAL,
		    "operation \"%s\": answers with bytes and does not name their field", op->name);
	ab_args_init(&args, op->params, ab_arena_alloc(&arena, op->params_size + 1), op->params_size, &arena);
	for (size_t row = 0; op->params != NULL && op->params[row].name != NULL; row++) {
		const struct ab_param *param = &op->params[row];
		if (check_param(op, param, err) < 0)
			return -1;
		for (size_t other = 0; other < row; other++)
			if (strcmp(param->name, op->params[other].name) == 0 ||
			    (param->letter != 0 && param->letter == op->params[other].letter))
				return ab_fail(
				    err, AB_E_INTERNAL, "%s --%s: name or letter twice", op->name, param->name);
		if ((param->flags & AB_POSITIONAL) != 0 && rest)
			return ab_fail(
			    err, AB_E_INTERNAL, "%s %s: nothing is left for it", op->name, param->name);
		rest = rest || (param->flags & AB_REST) != 0;
		if (param->dflt != NULL &&
		    ab_args_set_text(&args, row, param->dflt, AB_FROM_DEFAULT, err) < 0) {
			ab_error_context(err, "%s: the default", op->name);
			err->code = AB_E_INTERNAL;
			return -1;
		}
	}
	return 0;
}

/* batch gives one default to every operation that has the parameter: it must look the same in all. */
static int
check_same(const struct ab_op *op, const struct ab_op *other, struct ab_error *err)
{
	for (const struct ab_param *param = op->params; param != NULL && param->name != NULL; param++) {
		int row = ab_param_find(other->params, param->name, strlen(param->name));
		if (row < 0 || ((param->flags | other->params[row].flags) & AB_POSITIONAL) != 0)
			continue;
		if (other->params[row].type != param->type)
			return ab_fail(err, AB_E_INTERNAL, "--%s: not of one type in %s and %s", param->name,
			    op->name, other->name);
	}
	return 0;
}

int
ab_tool_check(const struct ab_tool *tool, struct ab_error *err)
{
	static const char *const reserved[] = { "batch", "cancel", "ping", "describe" };
	unsigned mains = 0;

	for (const struct ab_op *op = tool->ops; op->name != NULL; op++) {
		if (check_op(op, err) < 0)
			return -1;
		for (size_t i = 0; i < AB_COUNT_OF(reserved); i++)
			if (ab_op_find(tool, reserved[i]) != NULL)
				return ab_fail(
				    err, AB_E_INTERNAL, "operation \"%s\": a reserved name", reserved[i]);
		for (const struct ab_op *other = tool->ops; other != op; other++) {
			if (strcmp(op->name, other->name) == 0 || ab_op_find(tool, op->name) != op ||
			    (op->alias != NULL && ab_op_find(tool, op->alias) != op))
				return ab_fail(
				    err, AB_E_INTERNAL, "operation \"%s\": name or alias twice", op->name);
			if (check_same(op, other, err) < 0)
				return -1;
		}
		mains += (op->flags & AB_OP_MAIN) != 0;
	}
	if (mains > 1)
		return ab_fail(err, AB_E_INTERNAL, "%s: more than one main operation", tool->name);
	return 0;
}
