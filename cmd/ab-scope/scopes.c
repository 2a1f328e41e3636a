/* create, list, show, set, delete, path. */
#include <string.h>

#include "ab-scope.h"
#include "sys/path.h"
#include "sys/scope.h"

/* ---- from parameters to settings ---- */

static void
replace(char **text, const char *value)
{
	free(*text);
	*text = value == NULL ? NULL : ab_strdup(value);
}

/* A list replaces the one before; the word `none` alone is the empty one. */
static void
take_list(struct ab_list *to, bool *given, const struct ab_list *from)
{
	bool none = from->count == 1 && strcmp(from->item[0], "none") == 0;

	if (from->count == 0)
		return;
	ab_strv_free(to->item);
	*to = (struct ab_list){ 0 };
	*given = true;
	for (size_t i = 0; !none && i < from->count; i++)
		ab_strv_push(&to->item, &to->count, from->item[i]);
}

static void
remove_variable(struct ab_map *env, const char *name)
{
	for (size_t i = 0; i < env->count; i++) {
		if (strcmp(env->name[i], name) != 0)
			continue;
		free(env->name[i]);
		free(env->value[i]);
		/* the ends of both vectors move too */
		memmove(&env->name[i], &env->name[i + 1], (env->count - i) * sizeof(*env->name));
		memmove(&env->value[i], &env->value[i + 1], (env->count - i) * sizeof(*env->value));
		env->count--;
		return;
	}
}

static void
take_variables(struct ab_map *env, const struct ab_map *from)
{
	for (size_t i = 0; i < from->count; i++) {
		remove_variable(env, from->name[i]);
		size_t values = env->count;
		ab_strv_push(&env->value, &values, from->value[i]);
		ab_strv_push(&env->name, &env->count, from->name[i]);
	}
}

static void
apply(const struct settings_params *params, struct ab_scope_settings *settings)
{
	const struct {
		int64_t asked;
		int64_t *setting;
	} limit[] = {
		{ params->timeout_ms, &settings->limits.timeout_ms },
		{ params->idle_timeout_ms, &settings->limits.idle_timeout_ms },
		{ params->memory_bytes, &settings->limits.memory_bytes },
		{ params->cpu_time_ms, &settings->limits.cpu_time_ms },
		{ params->pids, &settings->limits.pids },
		{ params->file_size_bytes, &settings->limits.file_size_bytes },
	};
	const struct {
		const char *asked;
		char **setting;
	} text[] = {
		{ params->net, &settings->net },
		{ params->isolation, &settings->isolation },
		{ params->kind, &settings->kind },
		{ params->log_to, &settings->log },
		{ params->description, &settings->description },
	};

	for (size_t i = 0; i < AB_COUNT_OF(limit); i++)
		if (limit[i].asked != AB_UNSET)
			*limit[i].setting = limit[i].asked;
	for (size_t i = 0; i < AB_COUNT_OF(text); i++)
		if (text[i].asked != NULL)
			replace(text[i].setting, text[i].asked);
	take_variables(&settings->env, &params->env);
	take_list(&settings->read, &settings->read_given, &params->read);
	take_list(&settings->write, &settings->write_given, &params->write);
	if (params->protect != AB_MAYBE)
		settings->protect = params->protect == 1 ? 1 : AB_MAYBE;
	if (params->guard != AB_MAYBE)
		settings->guard = params->guard == 1 ? 1 : AB_MAYBE;
}

/* Take one setting away by its name. */
static int
unset(struct ab_scope_settings *settings, const char *name, struct ab_error *err)
{
	const struct {
		const char *name;
		int64_t *limit;
		char **text;
		struct ab_list *list;
		bool *given;
		int *flag;
	} known[] = {
		{ .name = "timeout", .limit = &settings->limits.timeout_ms },
		{ .name = "idle-timeout", .limit = &settings->limits.idle_timeout_ms },
		{ .name = "memory", .limit = &settings->limits.memory_bytes },
		{ .name = "cpu-time", .limit = &settings->limits.cpu_time_ms },
		{ .name = "pids", .limit = &settings->limits.pids },
		{ .name = "file-size", .limit = &settings->limits.file_size_bytes },
		{ .name = "net", .text = &settings->net },
		{ .name = "isolation", .text = &settings->isolation },
		{ .name = "log-to", .text = &settings->log },
		{ .name = "description", .text = &settings->description },
		{ .name = "read", .list = &settings->read, .given = &settings->read_given },
		{ .name = "write", .list = &settings->write, .given = &settings->write_given },
		{ .name = "protect", .flag = &settings->protect },
		{ .name = "guard", .flag = &settings->guard },
	};

	if (strncmp(name, "env.", 4) == 0) {
		remove_variable(&settings->env, name + 4);
		return 0;
	}
	if (strcmp(name, "env") == 0) {
		while (settings->env.count > 0)
			remove_variable(&settings->env, settings->env.name[0]);
		return 0;
	}
	for (size_t i = 0; i < AB_COUNT_OF(known); i++) {
		if (strcmp(name, known[i].name) != 0)
			continue;
		if (known[i].limit != NULL)
			*known[i].limit = AB_UNSET;
		if (known[i].text != NULL)
			replace(known[i].text, NULL);
		if (known[i].flag != NULL)
			*known[i].flag = AB_MAYBE;
		if (known[i].list != NULL) {
			ab_strv_free(known[i].list->item);
			*known[i].list = (struct ab_list){ 0 };
			*known[i].given = false;
		}
		return 0;
	}
	ab_fail(err, AB_E_INPUT_INVALID, "--unset \"%s\": there is no such setting", name);
	ab_error_hint(err, "env env.NAME net isolation read write protect guard timeout idle-timeout memory cpu-time pids file-size log-to description");
	return -1;
}

/* ---- answers ---- */

static void
bytes_member(struct ab_json *json, const char *name, const char *bytes)
{
	ab_json_bytes(json, name, bytes, strlen(bytes));
}

static int
answer_changed(struct ab_call *call, const char *name, const char *path)
{
	struct ab_json *json = ab_call_record(call);

	bytes_member(json, "name", name == NULL ? "" : name);
	bytes_member(json, "path", path);
	ab_json_boolean(json, "dry_run", ab_call_dry_run(call));
	ab_call_record_end(call);
	return AB_DONE;
}

static void
answer_settings(struct ab_call *call, const struct ab_scope *scope, const struct ab_scope_settings *own)
{
	struct ab_json *json = ab_call_record(call);

	bytes_member(json, "name", scope->name);
	bytes_member(json, "root", scope->root);
	bytes_member(json, "path", scope->path);
	ab_json_boolean(json, "managed", scope->managed);
	ab_scope_settings_print(own, json, true);
	ab_json_object(json, "effective");
	ab_scope_settings_print(&scope->settings, json, true);
	ab_json_object_end(json);
	ab_call_record_end(call);
}

/* ---- operations ---- */

int
create_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct create_params *params = data;
	struct ab_scope_settings settings;
	AB_AUTO_FREE char *path = NULL;

	if (params->name == NULL && params->root == NULL)
		return ab_fail(err, ab_call_is_batch(call) ? AB_E_INPUT_INVALID : AB_E_USAGE, "create: a NAME, or --root DIR, is needed");
	ab_scope_settings_init(&settings);
	apply(&params->settings, &settings);
	ab_call_log(call, NULL, NULL, params->name != NULL ? params->name : params->root);
	int status = ab_scope_create(params->root, params->name, &settings, params->existing == 1, ab_call_dry_run(call), &path, err);
	ab_scope_settings_release(&settings);
	return status == 0 ? answer_changed(call, params->name, path) : -1;
}

int
delete_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct delete_params *params = data;
	AB_AUTO_FREE char *path = NULL;

	ab_call_log(call, NULL, NULL, params->name);
	if (ab_scope_delete(params->root, params->name, params->recursive == 1, ab_call_dry_run(call), &path, err) != 0)
		return -1;
	return answer_changed(call, params->name, path);
}

int
path_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct named_params *params = data;
	struct ab_scope scope;

	if (ab_scope_open(&scope, params->root, params->name, false, err) != 0)
		return -1;
	ab_call_log(call, NULL, NULL, scope.path);
	/* A line for eyes and for $(…); the bare bytes in a record. */
	AB_AUTO_FREE char *line = ab_asprintf("%s%s", scope.path, ab_call_json(call) ? "" : "\n");
	ab_call_bytes(call, line, strlen(line));
	ab_scope_release(&scope);
	return AB_DONE;
}

int
show_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct named_params *params = data;
	struct ab_scope_settings own;
	struct ab_scope scope;
	bool exists;

	if (ab_scope_open(&scope, params->root, params->name, false, err) != 0)
		return -1;
	ab_call_log(call, NULL, NULL, scope.path);
	int status = ab_scope_settings_load(scope.path, &own, &exists, err);
	if (status == 0)
		answer_settings(call, &scope, &own);
	ab_scope_settings_release(&own);
	ab_scope_release(&scope);
	return status;
}

/* A directory without a file gets one: an agent's place where those lie, else a tree of somebody's. */
static void
default_kind(const struct ab_scope *scope, struct ab_scope_settings *own)
{
	struct ab_error ignored = AB_ERROR_INIT;
	AB_AUTO_FREE char *roots = ab_scope_root_path(NULL, &ignored);

	if (own->kind == NULL)
		own->kind = ab_strdup(roots != NULL && ab_path_below(scope->path, roots) ? "managed" : "tree");
}

static int
change(struct ab_scope *scope, const struct set_params *params, bool dry_run, struct ab_scope_settings *own, struct ab_error *err)
{
	struct ab_scope_settings outer;
	bool exists;

	if (ab_scope_settings_load(scope->path, own, &exists, err) != 0)
		return -1;
	for (size_t i = 0; i < params->unset.count; i++)
		if (unset(own, params->unset.item[i], err) != 0)
			return -1;
	apply(&params->settings, own);
	default_kind(scope, own);
	if (ab_scope_settings_check(own, err) != 0)
		return -1;
	int status = ab_scope_settings_enclosing(scope->path, &outer, err);
	if (status == 0)
		status = ab_scope_settings_within(own, &outer, err);
	ab_scope_settings_release(&outer);
	if (status == 0 && !dry_run)
		status = ab_scope_settings_save(scope->path, own, err);
	return status;
}

/* What is in effect with the settings that would be saved. */
static int
merge(struct ab_scope *scope, const struct ab_scope_settings *own, struct ab_error *err)
{
	struct ab_scope_settings outer;
	int status = ab_scope_settings_enclosing(scope->path, &outer, err);

	ab_scope_settings_release(&scope->settings);
	if (status == 0) {
		ab_scope_settings_inherit(&scope->settings, own);
		replace(&scope->settings.kind, own->kind);
		replace(&scope->settings.description, own->description);
		ab_scope_settings_inherit(&scope->settings, &outer);
		scope->managed = strcmp(own->kind, "tree") != 0;
	}
	ab_scope_settings_release(&outer);
	return status;
}

int
set_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct set_params *params = data;
	struct ab_scope_settings own;
	struct ab_scope scope;
	bool dry_run = ab_call_dry_run(call);

	if (ab_scope_open(&scope, params->root, params->name, false, err) != 0)
		return -1;
	ab_call_log(call, NULL, NULL, scope.path);
	AB_AUTO_CLOSE int lock = dry_run ? -1 : ab_scope_settings_lock(err);
	ab_scope_settings_init(&own);
	int status = !dry_run && lock < 0 ? -1 : change(&scope, params, dry_run, &own, err);
	if (status == 0)
		status = merge(&scope, &own, err);
	if (status == 0)
		answer_settings(call, &scope, &own);
	ab_scope_settings_release(&own);
	ab_scope_release(&scope);
	return status;
}

/* ---- list ---- */

static int
answer_item(struct ab_call *call, const char *name, const char *path, struct ab_error *err)
{
	struct ab_scope_settings settings;
	bool exists;
	int status = ab_scope_settings_load(path, &settings, &exists, err);

	/* Deleted since it was listed: no item. */
	if (status == 0 && exists) {
		struct ab_json *json = ab_call_item(call);
		bytes_member(json, "name", name);
		bytes_member(json, "path", path);
		ab_json_boolean(json, "exists", access(path, F_OK) == 0);
		ab_scope_settings_print(&settings, json, false);
		ab_call_item_end(call);
	}
	ab_scope_settings_release(&settings);
	return status;
}

int
list_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct list_params *params = data;
	AB_AUTO_FREE char *root = params->all == 1 ? ab_strdup("") : ab_scope_root_path(params->root, err);
	AB_AUTO_STRV char **paths = root == NULL ? NULL : ab_scope_settings_list(root[0] == '\0' ? "/" : root, err);
	const char *last = NULL;
	int64_t left = params->limit;

	if (paths == NULL)
		return -1;
	for (char **at = paths; *at != NULL; at++) {
		const char *name = *at + strlen(root);
		name += name[0] == '/' && params->all != 1;
		if (params->prefix != NULL && strncmp(name, params->prefix, strlen(params->prefix)) != 0)
			continue;
		if (params->cursor != NULL && strcmp(name, params->cursor) <= 0)
			continue;
		if (left-- == 0) {
			ab_call_next(call, last);
			return AB_DONE;
		}
		if (answer_item(call, name, *at, err) != 0)
			return -1;
		last = name;
	}
	return AB_DONE;
}
