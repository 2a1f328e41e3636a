/* ab-exec: run a command in an isolated scope. The operation table; see ab-exec.h for the rooms behind it. */
#include "ab-exec.h"

static const struct ab_param no_params[] = { AB_PARAM_END };

static const struct ab_op operations[] = {
	{ .name = "run",
	    .summary = "run a command in a scope; with --json or --stream answer with a record",
	    .params = run_params,
	    .params_size = sizeof(struct run_params),
	    .answer = AB_ANSWER_EVENTS,
	    .fields = result_fields,
	    .flags = AB_OP_MAIN | AB_OP_FILTER | AB_OP_TIMEOUT1 | AB_OP_DRY_RUN | AB_DESTRUCTIVE | AB_OPEN_WORLD,
	    .run = run_operation },
	{ .name = "start",
	    .summary = "start a command in the background",
	    .params = run_params,
	    .params_size = sizeof(struct run_params),
	    .answer = AB_ANSWER_ONE,
	    .fields = start_fields,
	    .flags = AB_OP_FILTER | AB_OP_TIMEOUT1 | AB_OP_DRY_RUN | AB_DESTRUCTIVE | AB_OPEN_WORLD,
	    .run = start_operation },
	{ .name = "list",
	    .alias = "ps",
	    .summary = "list background jobs and kept spools",
	    .params = list_params,
	    .params_size = sizeof(struct list_params),
	    .answer = AB_ANSWER_LIST,
	    .fields = job_fields,
	    .flags = AB_READ_ONLY | AB_IDEMPOTENT,
	    .run = list_operation },
	{ .name = "output",
	    .alias = "logs",
	    .summary = "print what a job wrote, or follow it",
	    .params = output_params,
	    .params_size = sizeof(struct output_params),
	    .answer = AB_ANSWER_BYTES,
	    .answer_bytes = "content",
	    .flags = AB_READ_ONLY | AB_IDEMPOTENT,
	    .run = output_operation },
	{ .name = "wait",
	    .summary = "wait until jobs are over and answer with their results",
	    .params = wait_params,
	    .params_size = sizeof(struct wait_params),
	    .answer = AB_ANSWER_LIST,
	    .fields = result_fields,
	    .flags = AB_READ_ONLY | AB_IDEMPOTENT | AB_OP_TIMEOUT1,
	    .run = wait_operation },
	{ .name = "kill",
	    .summary = "end jobs: TERM, grace, KILL; or send one signal",
	    .params = kill_params,
	    .params_size = sizeof(struct kill_params),
	    .answer = AB_ANSWER_LIST,
	    .fields = kill_fields,
	    .flags = AB_DESTRUCTIVE | AB_IDEMPOTENT | AB_OP_DRY_RUN,
	    .run = kill_operation },
	{ .name = "gc",
	    .summary = "delete the output of finished jobs, and leftovers of scopes",
	    .params = gc_params,
	    .params_size = sizeof(struct gc_params),
	    .answer = AB_ANSWER_ONE,
	    .fields = gc_fields,
	    .flags = AB_DESTRUCTIVE | AB_IDEMPOTENT | AB_OP_DRY_RUN,
	    .run = gc_operation },
	{ .name = "doctor",
	    .summary = "say which level this host gives, what is missing, and the remedy",
	    .params = doctor_params,
	    .params_size = sizeof(struct doctor_params),
	    .answer = AB_ANSWER_LIST,
	    .fields = finding_fields,
	    .flags = AB_READ_ONLY | AB_IDEMPOTENT,
	    .run = doctor_operation },
	{ .name = "promises",
	    .summary = "list what each level keeps, by who starts ab-exec",
	    .params = no_params,
	    .params_size = 1,
	    .answer = AB_ANSWER_LIST,
	    .fields = promise_fields,
	    .flags = AB_READ_ONLY | AB_IDEMPOTENT,
	    .run = promises_operation },
	{ .name = "groups",
	    .summary = "list the groups of hosts that --net allow: knows",
	    .params = no_params,
	    .params_size = 1,
	    .answer = AB_ANSWER_LIST,
	    .fields = group_fields,
	    .flags = AB_READ_ONLY | AB_IDEMPOTENT,
	    .run = groups_operation },
	{ .name = NULL }
};

static const char *const schemas[] = { "ab.exec/1", NULL };

static const struct ab_tool tool = {
	.name = "ab-exec",
	.summary = "run commands in isolated scopes; bounded output; one result record",
	.ops = operations,
	.schemas = schemas,
	.epilog = "Examples:\n"
		  "  ab-exec -- make test                    this tree, and nothing else of the machine\n"
		  "  ab-exec --json -c 'ls | wc -l'          one result record\n"
		  "  ab-exec --net allow:@npm -- npm ci      one package registry\n"
		  "  ab-exec batch -j 4 <requests.ndjson     {\"id\":1,\"command\":\"…\"} a line\n"
		  "  ab-exec doctor --table                  what this host gives\n",
};

int
main(int argc, char **argv)
{
	return ab_tool_main(&tool, argc, argv);
}
