/* check and rules: the guard, asked by itself. */
#include "ab-exec.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/io.h"
#include "sys/guard.h"

#define STRING(member, ...) AB_PARAM_STRING(struct check_params, member, __VA_ARGS__)

const struct ab_param check_params[] = {
	AB_PARAM_LIST(struct check_params, argv, .name = "argv", .flags = AB_POSITIONAL | AB_REST, .meta = "ARGV", .help = "program and arguments", .group = "what"),
	STRING(command, .name = "command", .letter = 'c', .flags = AB_NUL, .meta = "SCRIPT", .help = "script for the shell", .group = "what"),
	STRING(file, .name = "file", .letter = 'f', .flags = AB_CLI_ONLY | AB_HOST_PATH, .meta = "FILE|-", .help = "script from a file or stdin", .group = "what"),
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

/* Where it would run; the caller frees *cwd, which place has too. Nothing does run, so a place that is not taken as a scope by default (a
 * home directory) will do: it is no scope then. */
static int
find_place(const struct check_params *params, struct ab_scope *scope, struct ab_guard_place *place, char **cwd, struct ab_error *err)
{
	struct ab_error refused = AB_ERROR_INIT;

	if (ab_scope_open(scope, params->root, params->scope, false, &refused) == 0) {
		place->scope = scope->path;
	} else if (refused.code != AB_E_DENIED_POLICY || params->root != NULL || params->scope != NULL) {
		*err = refused;
		return -1;
	}
	AB_AUTO_FREE char *base = place->scope != NULL ? ab_strdup(place->scope) : getcwd(NULL, 0);
	if (params->cwd == NULL)
		*cwd = ab_steal(&base);
	else if (params->cwd[0] == '/' || base == NULL)
		*cwd = ab_strdup(params->cwd);
	else
		*cwd = ab_asprintf("%s/%s", base, params->cwd);
	place->cwd = *cwd;
	return 0;
}

static int
judge_file(const struct check_params *params, const struct ab_guard_place *place, struct ab_guard_verdict *verdict, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf script = AB_BUF_INIT(SCRIPT_MAX);
	bool from_stdin = strcmp(params->file, "-") == 0;
	AB_AUTO_CLOSE int fd = from_stdin ? -1 : open(params->file, O_RDONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 && !from_stdin)
		return ab_fail_errno(err, errno, "open \"%s\"", params->file);
	if (ab_read_all(from_stdin ? STDIN_FILENO : fd, &script, from_stdin ? "script on stdin" : params->file, err) < 0)
		return -1;
	ab_guard_text(script.data != NULL ? script.data : "", script.len, place, verdict);
	return 0;
}

static void
judge_command(const char *command, const struct ab_guard_place *place, struct ab_guard_verdict *verdict)
{
	const char *nul = strstr(command, AB_NUL_TEXT);
	/* Up to and with the NUL: what is behind it no shell would see. */
	AB_AUTO_FREE char *text = ab_strndup(command, nul != NULL ? (size_t)(nul - command) : strlen(command));

	ab_guard_text(text, strlen(text) + (nul != NULL), place, verdict);
}

static void
judge_argv(const struct ab_list *words, const struct ab_guard_place *place, struct ab_guard_verdict *verdict)
{
	AB_AUTO_STRV char **argv = NULL;
	size_t count = 0;

	for (size_t i = 0; i < words->count; i++)
		ab_strv_push(&argv, &count, words->item[i]);
	ab_guard_argv(argv, place, verdict);
}

int
check_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct check_params *params = data;
	AB_CLEANUP(ab_scope_release) struct ab_scope scope = { .fd = -1 };
	struct ab_guard_place place = { .scope = NULL };
	struct ab_guard_verdict verdict = { .rule = NULL };
	AB_AUTO_FREE char *cwd = NULL;

	if ((params->command != NULL) + (params->file != NULL) + (params->argv.count > 0) != 1) {
		ab_fail(err, ab_call_is_batch(call) ? AB_E_INPUT_INVALID : AB_E_USAGE, "one of argv, --command and --file is what to check");
		ab_error_hint(err, "ab-exec check -c 'rm -rf /'");
		return -1;
	}
	if (find_place(params, &scope, &place, &cwd, err) < 0)
		return -1;
	if (params->file != NULL && judge_file(params, &place, &verdict, err) < 0)
		return -1;
	if (params->command != NULL)
		judge_command(params->command, &place, &verdict);
	if (params->argv.count > 0)
		judge_argv(&params->argv, &place, &verdict);
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
