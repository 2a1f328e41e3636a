/* Requests: any line through the parser, the rules, and every type of parameter; what was accepted must be complete. */
#include <assert.h>

#include "../unit/demo_tool.h"
#include "core/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_as(const struct ab_op *op, const struct ab_value *request, const struct ab_request_rules *rules)
{
	AB_AUTO_ARENA struct ab_arena arena = AB_ARENA_INIT;
	struct ab_error err = AB_ERROR_INIT;
	struct ab_args args;
	bool dry_run = false;

	ab_args_init(&args, op->params, ab_arena_alloc(&arena, op->params_size + 1), op->params_size, &arena);
	int rc = ab_request_read(op, request, rules, &args, &dry_run, &err);
	assert((rc == 0) == (err.code == AB_E_NONE));
	if (rc == 0 && op->run == greet) {
		const struct greet_params *params = (const struct greet_params *)(const void *)args.data;
		assert(params->name != NULL);
		assert(params->times == AB_UNSET || (params->times >= 1 && params->times <= 9));
		assert(params->root == NULL || rules->host_paths);
		assert(params->words.count == 0 || params->words.item[params->words.count] == NULL);
	}
	if (rc < 0)
		assert(strlen(err.msg) < sizeof(err.msg) && (err.code == AB_E_INPUT_INVALID || err.code == AB_E_DENIED_POLICY));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char times[] = "times";
	static char *fixed[] = { times, NULL };
	const struct ab_request_rules open_rules = { .host_paths = true }, closed_rules = { .fixed = fixed };
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_VALUE struct ab_value *request = ab_value_parse((const char *)data, size, &err);

	if (request == NULL || ab_value_kind(request) != AB_VALUE_OBJECT)
		return 0;
	for (const struct ab_op *op = demo_ops; op->name != NULL; op++) {
		read_as(op, request, &open_rules);
		read_as(op, request, &closed_rules);
	}
	return 0;
}
