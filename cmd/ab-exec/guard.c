/* check and rules: the guard, asked by itself. */
#include "ab-exec.h"

#include <string.h>

#include "sys/guard.h"

#define STRING(member, ...) AB_PARAM_STRING(struct check_params, member, __VA_ARGS__)

const struct ab_param check_params[] = {
	AB_PARAM_LIST(struct check_params, argv, .name = "argv", .flags = AB_POSITIONAL | AB_REST, .meta = "ARGV", .help = "program and arguments", .group = "what"),
	STRING(command, .name = "command", .letter = 'c', .flags = AB_NUL, .meta = "SCRIPT", .help = "script for the shell", .group = "what"),
	STRING(root, .name = "root", .env = "AB_ROOT", .flags = AB_HOST_PATH, .meta = "DIR", .help = "directory that holds scopes; alone: the scope itself", .group = "where"),
	STRING(scope, .name = "scope", .env = "AB_SCOPE", .meta = "NAME", .help = "scope below the root; without --root below AB_HOME/root", .group = "where"),
	STRING(cwd, .name = "cwd", .meta = "DIR", .help = "working directory, relative to the scope", .group = "where"),
	AB_PARAM_END
};

const struct ab_field check_fields[] = {
	{ .name = "dangerous", .type = "boolean", .help = "whether the guard would refuse it" },
	{ .name = "rule", .type = "string?", .help = "name of the rule; see rules" },
	{ .name = "part", .type = "bytes?", .help = "the offending part, as it is written" },
	{ .name = "why", .type = "string?", .help = "what it would do" },
	{ .name = "safer", .type = "string?", .help = "what to do instead" },
	{ .name = NULL }
};

static void
answer(struct ab_call *call, const struct ab_guard_verdict *verdict)
{
	const struct ab_guard_rule *rule = verdict->rule;
	struct ab_json *json = ab_call_record(call);

	ab_json_boolean(json, "dangerous", rule != NULL);
	ab_json_string(json, "rule", rule != NULL ? rule->name : NULL);
	if (rule != NULL)
		ab_json_bytes(json, "part", verdict->part, strlen(verdict->part));
	else
		ab_json_string(json, "part", NULL);
	ab_json_string(json, "why", rule != NULL ? rule->why : NULL);
	ab_json_string(json, "safer", rule != NULL ? rule->safer : NULL);
	ab_call_record_end(call);
	ab_call_exit_status(call, rule != NULL ? 4 : 0);
}

int
check_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct check_params *params = data;
	AB_CLEANUP(ab_scope_release) struct ab_scope scope = { .fd = -1 };
	struct ab_guard_verdict verdict;

	if ((params->command == NULL) == (params->argv.count == 0)) {
		ab_fail(err, ab_call_is_batch(call) ? AB_E_INPUT_INVALID : AB_E_USAGE, "one of argv and --command is what to check");
		ab_error_hint(err, "ab-exec check -c 'rm -rf /'");
		return -1;
	}
	if (ab_scope_open(&scope, params->root, params->scope, false, err) < 0)
		return -1;
	AB_AUTO_FREE char *cwd = params->cwd == NULL || params->cwd[0] == '/' ? ab_strdup(params->cwd != NULL ? params->cwd : scope.path) :
										ab_asprintf("%s/%s", scope.path, params->cwd);
	struct ab_guard_place place = { .scope = scope.path, .cwd = cwd };
	if (params->command != NULL) {
		const char *nul = strstr(params->command, AB_NUL_TEXT);
		/* Up to and with the NUL: what is behind it no shell would see. */
		AB_AUTO_FREE char *text = ab_strndup(params->command, nul != NULL ? (size_t)(nul - params->command) : strlen(params->command));
		ab_guard_text(text, strlen(text) + (nul != NULL), &place, &verdict);
	} else {
		char **argv = NULL;
		size_t count = 0;
		for (size_t i = 0; i < params->argv.count; i++)
			ab_strv_push(&argv, &count, params->argv.item[i]);
		ab_guard_argv(argv, &place, &verdict);
		ab_strv_free(argv);
	}
	answer(call, &verdict);
	return AB_DONE;
}

const struct ab_field rule_fields[] = {
	{ .name = "name", .type = "string", .help = "as a refusal names it" },
	{ .name = "what", .type = "string", .help = "what it refuses" },
	{ .name = "why", .type = "string", .help = "what such a command would do" },
	{ .name = "safer", .type = "string", .help = "what to do instead" },
	{ .name = "example", .type = "string", .help = "a command that it refuses" },
	{ .name = "counter", .type = "string", .help = "one that looks like it and passes" },
	{ .name = NULL }
};

int
rules_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	(void)data, (void)err;
	for (const struct ab_guard_rule *rule = ab_guard_rules(); rule->name != NULL; rule++) {
		struct ab_json *json = ab_call_item(call);
		ab_json_string(json, "name", rule->name);
		ab_json_string(json, "what", rule->what);
		ab_json_string(json, "why", rule->why);
		ab_json_string(json, "safer", rule->safer);
		ab_json_string(json, "example", rule->example);
		ab_json_string(json, "counter", rule->counter);
		ab_call_item_end(call);
	}
	return AB_DONE;
}
