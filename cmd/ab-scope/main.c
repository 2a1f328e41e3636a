/* ab-scope: the table of operations. */
#include "ab-scope.h"

#define ROOT(S) \
	AB_PARAM_STRING(S, root, .name = "root", .env = "AB_ROOT", .flags = AB_HOST_PATH, .meta = "DIR", .group = "where", \
	    .help = "directory that holds scopes; alone: the scope itself; AB_HOME/root for a name alone")
#define NAME(S, ...) AB_PARAM_STRING(S, name, .name = "name", .meta = "NAME", .group = "where", __VA_ARGS__)

/* Each as the option of ab-exec of that name, but for log-to, which is the default of its --log. */
#define SETTINGS(S) \
	AB_PARAM_MAP(S, settings.env, .name = "env", .letter = 'e', .flags = AB_SECRET, .meta = "NAME=VALUE", \
	    .help = "variable that commands in the scope get", .group = "settings"), \
	    AB_PARAM_STRING(S, settings.net, .name = "net", .choices = "none|host|allow:", .meta = "none|host|allow:LIST", \
		.help = "network, and the most that may be asked for", .group = "settings"), \
	    AB_PARAM_STRING(S, settings.isolation, .name = "isolation", .choices = "namespace|bwrap|landlock|software|none", .meta = "LEVEL", \
		.help = "weakest level that commands may run at", .group = "settings"), \
	    AB_PARAM_LIST(S, settings.read, .name = "read", .flags = AB_HOST_PATH, .meta = "PATH|none", \
		.help = "host path that shows read-only; nothing beyond the given ones may be asked for", .group = "settings"), \
	    AB_PARAM_LIST(S, settings.write, .name = "write", .flags = AB_HOST_PATH, .meta = "PATH|none", \
		.help = "host path that shows writable; nothing beyond the given ones may be asked for", .group = "settings"), \
	    AB_PARAM_BOOLEAN(S, settings.protect, .name = "protect", .help = "what runs later on the owner's behalf is read-only, and stays so", \
		.group = "settings"), \
	    AB_PARAM_BOOLEAN(S, settings.guard, .name = "guard", .help = "every command must pass the guard, whatever it asks for", \
		.group = "settings"), \
	    AB_PARAM_DURATION(S, settings.timeout_ms, .name = "timeout", .meta = "DURATION", .help = "longest time of a command", \
		.group = "settings"), \
	    AB_PARAM_DURATION(S, settings.idle_timeout_ms, .name = "idle-timeout", .meta = "DURATION", \
		.help = "longest time of a command without output", .group = "settings"), \
	    AB_PARAM_SIZE(S, settings.memory_bytes, .name = "memory", .meta = "SIZE", .help = "most memory of a command's processes together", \
		.group = "settings"), \
	    AB_PARAM_DURATION(S, settings.cpu_time_ms, .name = "cpu-time", .meta = "DURATION", .help = "most processor time of a command", \
		.group = "settings"), \
	    AB_PARAM_INTEGER(S, settings.pids, .name = "pids", .min = 1, .max = 4194304, .meta = "N", \
		.help = "most processes and threads of a command at once", .group = "settings"), \
	    AB_PARAM_SIZE(S, settings.file_size_bytes, .name = "file-size", .meta = "SIZE", .help = "largest file that a command may write", \
		.group = "settings"), \
	    AB_PARAM_STRING(S, settings.log_to, .name = "log-to", .flags = AB_HOST_PATH, .meta = "FILE", \
		.help = "file that operations in the scope are logged to (absolute path)", .group = "settings"), \
	    AB_PARAM_STRING(S, settings.description, .name = "description", .meta = "TEXT", .help = "what the scope is for", .group = "settings")

static const struct ab_param create_params[] = {
	NAME(struct create_params, .flags = AB_POSITIONAL, .help = "name of the scope below the root"),
	ROOT(struct create_params),
	AB_PARAM_BOOLEAN(struct create_params, existing, .name = "existing", .dflt = "false", .group = "where",
	    .help = "the directory may be there already, with what is in it"),
	AB_PARAM_STRING(struct create_params, settings.kind, .name = "kind", .dflt = "managed", .choices = "managed|tree", .meta = "managed|tree",
	    .help = "an agent's own place, or a checkout of yours", .group = "settings"),
	SETTINGS(struct create_params),
	AB_PARAM_END
};

static const struct ab_param set_params[] = {
	NAME(struct set_params, .flags = AB_POSITIONAL, .env = "AB_SCOPE", .help = "name of the scope; without it the root or the current directory"),
	ROOT(struct set_params),
	AB_PARAM_LIST(struct set_params, unset, .name = "unset", .meta = "SETTING",
	    .help = "take a setting away: timeout, net, env (all variables), env.NAME and so on", .group = "settings"),
	AB_PARAM_STRING(struct set_params, settings.kind, .name = "kind", .choices = "managed|tree", .meta = "managed|tree",
	    .help = "an agent's own place, or a checkout of yours", .group = "settings"),
	SETTINGS(struct set_params),
	AB_PARAM_END
};

static const struct ab_param named_params[] = {
	NAME(struct named_params, .flags = AB_POSITIONAL, .env = "AB_SCOPE", .help = "name of the scope; without it the root or the current directory"),
	ROOT(struct named_params),
	AB_PARAM_END
};

static const struct ab_param delete_params[] = {
	NAME(struct delete_params, .flags = AB_POSITIONAL | AB_REQUIRED, .help = "name of the scope below the root"),
	ROOT(struct delete_params),
	AB_PARAM_BOOLEAN(struct delete_params, recursive, .name = "recursive", .letter = 'r', .dflt = "false",
	    .help = "with all that it holds, nested scopes too"),
	AB_PARAM_END
};

static const struct ab_param list_params[] = {
	AB_PARAM_STRING(struct list_params, prefix, .name = "prefix", .flags = AB_POSITIONAL, .meta = "PREFIX", .help = "only names that begin so"),
	AB_PARAM_STRING(struct list_params, root, .name = "root", .env = "AB_ROOT", .flags = AB_HOST_PATH, .meta = "DIR", .group = "where",
	    .help = "directory whose scopes are listed; AB_HOME/root without it"),
	AB_PARAM_BOOLEAN(struct list_params, all, .name = "all", .letter = 'a', .dflt = "false", .group = "where",
	    .help = "all scopes wherever they lie, named by their paths"),
	AB_PARAM_INTEGER(struct list_params, limit, .name = "limit", .dflt = "1000", .min = 1, .max = 1000000, .meta = "N", .help = "most scopes to list"),
	AB_PARAM_STRING(struct list_params, cursor, .name = "cursor", .flags = AB_RAW, .meta = "NAME", .help = "go on after this name"),
	AB_PARAM_END
};

#define SETTINGS_FIELDS \
	{ .name = "description", .type = "string?", .help = "what the scope is for" }, \
	    { .name = "net", .type = "string?", .help = "network, and the most that may be asked for" }, \
	    { .name = "isolation", .type = "string?", .help = "weakest level allowed" }, \
	    { .name = "read", .type = "array?", .help = "host paths that show read-only; null: any may be asked for" }, \
	    { .name = "write", .type = "array?", .help = "host paths that show writable; null: any may be asked for" }, \
	    { .name = "protect", .type = "boolean?", .help = "true: what runs later is read-only, and stays so" }, \
	    { .name = "guard", .type = "boolean?", .help = "true: the guard cannot be switched off" }, \
	    { .name = "timeout_ms", .type = "integer?", .help = "longest time of a command" }, \
	    { .name = "idle_timeout_ms", .type = "integer?", .help = "longest time without output" }, \
	    { .name = "memory_bytes", .type = "integer?", .help = "most memory" }, \
	    { .name = "cpu_time_ms", .type = "integer?", .help = "most processor time" }, \
	    { .name = "pids", .type = "integer?", .help = "most processes and threads" }, \
	    { .name = "file_size_bytes", .type = "integer?", .help = "largest file" }, \
	    { .name = "log", .type = "string?", .help = "file that operations are logged to" }

static const struct ab_field changed_fields[] = {
	{ .name = "name", .type = "string", .help = "name below the root; empty: the root itself" },
	{ .name = "path", .type = "string", .help = "canonical path of its directory" },
	{ .name = "dry_run", .type = "boolean", .help = "nothing was changed" },
	{ .name = NULL }
};

static const struct ab_field show_fields[] = {
	{ .name = "name", .type = "string", .help = "name below the root; empty: the root itself" },
	{ .name = "root", .type = "string", .help = "canonical path of the root" },
	{ .name = "path", .type = "string", .help = "canonical path of its directory" },
	{ .name = "managed", .type = "boolean", .help = "an agent's own place; false: a tree" },
	{ .name = "kind", .type = "string?", .help = "managed or tree as its file says; null: it has no file" },
	SETTINGS_FIELDS,
	{ .name = "env", .type = "object", .help = "variables and their values" },
	{ .name = "effective", .type = "object", .help = "the same settings, with those of enclosing scopes" },
	{ .name = NULL }
};

static const struct ab_field list_fields[] = {
	{ .name = "name", .type = "string", .help = "name below the root; with --all the path" },
	{ .name = "path", .type = "string", .help = "canonical path of its directory" },
	{ .name = "exists", .type = "boolean", .help = "the directory is there" },
	{ .name = "kind", .type = "string?", .help = "managed or tree" },
	SETTINGS_FIELDS,
	{ .name = "env_names", .type = "array", .help = "names of its variables" },
	{ .name = NULL }
};

static const struct ab_field usage_fields[] = {
	{ .name = "name", .type = "string", .help = "name below the root; empty: the root itself" },
	{ .name = "path", .type = "string", .help = "canonical path of its directory" },
	{ .name = "files", .type = "integer", .help = "everything that is not a directory; one with several names once" },
	{ .name = "directories", .type = "integer", .help = "directories below it" },
	{ .name = "bytes", .type = "integer", .help = "apparent sizes of its files" },
	{ .name = "allocated_bytes", .type = "integer", .help = "what the file system gave" },
	{ .name = "unreadable", .type = "integer", .help = "directories that could not be counted" },
	{ .name = NULL }
};

static const struct ab_op operations[] = {
	{ .name = "create",
	    .alias = "mk",
	    .summary = "make a scope: a directory, and its settings outside of it",
	    .params = create_params,
	    .params_size = sizeof(struct create_params),
	    .answer = AB_ANSWER_ONE,
	    .fields = changed_fields,
	    .flags = AB_OP_DRY_RUN,
	    .run = create_operation },
	{ .name = "list",
	    .alias = "ls",
	    .summary = "list scopes that have settings, sorted by path",
	    .params = list_params,
	    .params_size = sizeof(struct list_params),
	    .answer = AB_ANSWER_LIST,
	    .fields = list_fields,
	    .flags = AB_READ_ONLY | AB_IDEMPOTENT,
	    .run = list_operation },
	{ .name = "show",
	    .summary = "show a scope's settings, its own and those in effect",
	    .params = named_params,
	    .params_size = sizeof(struct named_params),
	    .answer = AB_ANSWER_ONE,
	    .fields = show_fields,
	    .flags = AB_READ_ONLY | AB_IDEMPOTENT,
	    .run = show_operation },
	{ .name = "set",
	    .summary = "change a scope's settings",
	    .params = set_params,
	    .params_size = sizeof(struct set_params),
	    .answer = AB_ANSWER_ONE,
	    .fields = show_fields,
	    .flags = AB_DESTRUCTIVE | AB_IDEMPOTENT | AB_OP_DRY_RUN,
	    .run = set_operation },
	{ .name = "delete",
	    .alias = "rm",
	    .summary = "delete a scope: its directory and its settings",
	    .params = delete_params,
	    .params_size = sizeof(struct delete_params),
	    .answer = AB_ANSWER_ONE,
	    .fields = changed_fields,
	    .flags = AB_DESTRUCTIVE | AB_OP_DRY_RUN,
	    .run = delete_operation },
	{ .name = "path",
	    .summary = "print the path of a scope's directory",
	    .params = named_params,
	    .params_size = sizeof(struct named_params),
	    .answer = AB_ANSWER_BYTES,
	    .answer_bytes = "path",
	    .flags = AB_READ_ONLY | AB_IDEMPOTENT,
	    .run = path_operation },
	{ .name = "usage",
	    .alias = "du",
	    .summary = "count what a scope holds",
	    .params = named_params,
	    .params_size = sizeof(struct named_params),
	    .answer = AB_ANSWER_ONE,
	    .fields = usage_fields,
	    .flags = AB_READ_ONLY | AB_IDEMPOTENT,
	    .run = usage_operation },
	{ .name = NULL }
};

static const char *const schemas[] = { "ab.scope/1", NULL };

static const struct ab_tool tool = {
	.name = "ab-scope",
	.summary = "Make, list, show, change, measure and delete scopes.",
	.ops = operations,
	.schemas = schemas,
	.epilog = "ab-scope create users/u1 --timeout 10m --net allow:@npm\n"
		  "ab-exec --scope users/u1 -- npm test\n"
		  "ab-scope delete users/u1 --recursive\n",
};

int
main(int argc, char **argv)
{
	return ab_tool_main(&tool, argc, argv);
}
