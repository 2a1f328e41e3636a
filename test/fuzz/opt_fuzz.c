/* Command lines: words that are separated by NUL, through options, operands, environment and defaults. */
#include <assert.h>

#include "../unit/demo_tool.h"
#include "core/opt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS_MAX = 64 };

static void
parse(const struct ab_op *op, int argc, char **argv)
{
	AB_AUTO_ARENA struct ab_arena arena = AB_ARENA_INIT;
	struct ab_common common;
	struct ab_error err = AB_ERROR_INIT;
	struct ab_args args, common_args;

	ab_args_init(&args, op->params, ab_arena_alloc(&arena, op->params_size + 1), op->params_size, &arena);
	ab_args_init(&common_args, ab_common_params, &common, sizeof(common), &arena);
	const struct ab_opt_set sets[] = { { .args = &args, .group = 0 }, { .args = &common_args, .group = 1 } };
	struct ab_opt opt = { .sets = sets, .set_count = 2, .filter = (op->flags & AB_OP_FILTER) != 0 };
	if (ab_opt_parse(&opt, argc, argv, &err) < 0 || ab_opt_operands(&args, &opt, &err) < 0 || ab_args_complete(&args, &err) < 0 ||
	    ab_args_require(&args, false, &err) < 0) {
		assert(err.code == AB_E_USAGE && err.msg[0] != '\0');
		return;
	}
	assert(opt.operand_count <= (size_t)argc);
	if (op->run != greet)
		return;
	const struct greet_params *params = (const struct greet_params *)(const void *)args.data;
	assert(params->name != NULL && params->tone != NULL && params->times >= 1 && params->times <= 9);
	assert(params->timeout_ms >= 0 && common.verbose >= 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[4096], *argv[WORDS_MAX + 1];
	int argc = 0;

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t at = 0; at < size && argc < WORDS_MAX; at += strlen(text + at) + 1)
		argv[argc++] = text + at;
	argv[argc] = NULL;
	for (const struct ab_op *op = demo_ops; op->name != NULL; op++)
		parse(op, argc, argv);
	return 0;
}
