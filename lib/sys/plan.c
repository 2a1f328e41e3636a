/* The plan: made, filled, printed, freed. */
#include "sys/plan.h"

#include <string.h>

#include "core/op.h"

void
ab_plan_init(struct ab_plan *plan)
{
	*plan = (struct ab_plan){
		.level = AB_LEVEL_AUTO,
		.limits = { .timeout_ms = AB_UNSET, .idle_timeout_ms = AB_UNSET, .grace_ms = AB_UNSET, .memory_bytes = AB_UNSET,
		    .cpu_time_ms = AB_UNSET, .pids = AB_UNSET, .file_size_bytes = AB_UNSET },
	};
}

void
ab_plan_release(struct ab_plan *plan)
{
	for (size_t i = 0; i < plan->view_count; i++) {
		free(plan->view[i].source);
		free(plan->view[i].target);
		free(plan->view[i].text);
	}
	free(plan->view);
	for (size_t i = 0; i < plan->net.rule_count; i++)
		free(plan->net.rule[i].host);
	free(plan->net.rule);
	free(plan->net.text);
	ab_strv_free(plan->argv);
	ab_strv_free(plan->envp);
	free(plan->script);
	free(plan->cwd);
	free(plan->scope_name);
	free(plan->tree);
	free(plan->hostname);
	free(plan->cgroup);
	free(plan->bwrap);
	ab_plan_init(plan);
}

struct ab_view *
ab_plan_view(struct ab_plan *plan, enum ab_view_kind kind, const char *source, const char *target)
{
	plan->view = ab_reallocarray(plan->view, plan->view_count + 1, sizeof(*plan->view));
	struct ab_view *entry = &plan->view[plan->view_count++];

	*entry = (struct ab_view){
		.kind = kind,
		.source = source == NULL ? NULL : ab_strdup(source),
		.target = ab_strdup(target),
		.mode = 0755,
	};
	return entry;
}

static bool
below_one_of(const char *path, const char *const *dirs)
{
	for (; *dirs != NULL; dirs++) {
		size_t len = strlen(*dirs);
		if (strncmp(path, *dirs, len) == 0 && (path[len] == '/' || path[len] == '\0'))
			return true;
	}
	return false;
}

bool
ab_plan_is_system(const char *path)
{
	static const char *const system_dirs[] = { "/usr", "/etc", "/bin", "/sbin", "/lib", "/lib32",
		"/lib64", "/libx32", "/opt", "/var", "/nix", "/snap", "/dev", "/proc", "/sys", "/run",
		"/boot", NULL };
	static const char *const own_dirs[] = { "/var/lib", "/var/tmp", "/var/home", "/run/user", NULL };

	return below_one_of(path, system_dirs) && !below_one_of(path, own_dirs);
}

static void
print_limit(struct ab_json *json, const char *name, int64_t value)
{
	if (value != AB_UNSET)
		ab_json_integer(json, name, value);
}

static void
print_limits(const struct ab_plan *plan, struct ab_json *json)
{
	const struct ab_limits *limits = &plan->limits;

	ab_json_object(json, "limits");
	print_limit(json, "timeout_ms", limits->timeout_ms);
	print_limit(json, "idle_timeout_ms", limits->idle_timeout_ms);
	print_limit(json, "grace_ms", limits->grace_ms);
	print_limit(json, "memory_bytes", limits->memory_bytes);
	print_limit(json, "cpu_time_ms", limits->cpu_time_ms);
	print_limit(json, "pids", limits->pids);
	print_limit(json, "file_size_bytes", limits->file_size_bytes);
	ab_json_object_end(json);
}

static void
print_ident(const struct ab_ident *ident, struct ab_json *json)
{
	static const char *const modes[] = { [AB_IDENT_SELF] = "self",
		[AB_IDENT_SETID] = "setid",
		[AB_IDENT_IDMAP] = "idmap",
		[AB_IDENT_ROOT] = "root" };

	ab_json_object(json, "identity");
	ab_json_string(json, "mode", modes[ident->mode]);
	ab_json_string(json, "name", ident->name);
	ab_json_integer(json, "inside_uid", ident->inside_uid);
	ab_json_integer(json, "inside_gid", ident->inside_gid);
	ab_json_integer(json, "kernel_uid", ident->kernel_uid);
	ab_json_integer(json, "kernel_gid", ident->kernel_gid);
	ab_json_object_end(json);
}

static void
print_entry(const struct ab_view *entry, struct ab_json *json)
{
	static const char *const kinds[] = { [AB_VIEW_BIND] = "bind",
		[AB_VIEW_TMPFS] = "tmpfs",
		[AB_VIEW_FILE] = "file",
		[AB_VIEW_SYMLINK] = "symlink",
		[AB_VIEW_MASK] = "mask",
		[AB_VIEW_PIN] = "pin",
		[AB_VIEW_LOCK] = "lock" };

	ab_json_object(json, NULL);
	ab_json_string(json, "kind", kinds[entry->kind]);
	ab_json_element(json, "target", entry->target, strlen(entry->target));
	if (entry->source != NULL)
		ab_json_element(json, "source", entry->source, strlen(entry->source));
	if (entry->kind == AB_VIEW_BIND)
		ab_json_boolean(json, "writable", entry->writable);
	if (entry->kind == AB_VIEW_TMPFS && entry->size > 0)
		ab_json_integer(json, "size_bytes", entry->size);
	if (entry->kind == AB_VIEW_FILE)
		ab_json_integer(json, "bytes", (int64_t)entry->text_len);
	if (entry->optional)
		ab_json_boolean(json, "optional", true);
	ab_json_object_end(json);
}

/* argv as it will be, names of variables, and where. */
static void
print_command(const struct ab_plan *plan, struct ab_json *json)
{
	ab_json_array(json, "argv");
	for (char **arg = plan->argv; arg != NULL && *arg != NULL; arg++) {
		const char *shown = strcmp(*arg, AB_PLAN_SCRIPT) == 0 ? "(script)" : *arg;
		ab_json_element(json, NULL, shown, strlen(shown));
	}
	ab_json_array_end(json);
	if (plan->script != NULL)
		ab_json_integer(json, "script_bytes", (int64_t)plan->script_len);
	ab_json_array(json, "env");
	for (char **variable = plan->envp; variable != NULL && *variable != NULL; variable++)
		ab_json_element(json, NULL, *variable, strcspn(*variable, "="));
	ab_json_array_end(json);
	if (plan->cwd != NULL)
		ab_json_element(json, "cwd", plan->cwd, strlen(plan->cwd));
	if (plan->tree != NULL)
		ab_json_element(json, "tree", plan->tree, strlen(plan->tree));
	ab_json_string(json, "scope", plan->scope_name);
	ab_json_boolean(json, "managed", plan->managed);
}

void
ab_plan_print(const struct ab_plan *plan, struct ab_json *json)
{
	print_command(plan, json);
	ab_json_string(json, "level", ab_level_name(plan->level));
	if (plan->bwrap != NULL)
		ab_json_element(json, "bwrap", plan->bwrap, strlen(plan->bwrap));
	if (ab_level_has_view(plan->level))
		ab_json_boolean(json, "fresh_proc", plan->fresh_proc);
	ab_json_array(json, "missing");
	for (unsigned promise = 0; promise < AB_PROMISE_COUNT; promise++)
		if ((plan->missing & AB_PROMISE_BIT(promise)) != 0)
			ab_json_string(json, NULL, ab_promise_name(promise));
	ab_json_array_end(json);
	print_ident(&plan->ident, json);
	ab_json_string(json, "net", plan->net.text);
	ab_json_string(json, "hostname", plan->hostname);
	print_limits(plan, json);
	ab_json_boolean(json, "merge", plan->merge);
	ab_json_string(json, "leftover", plan->leftover_wait ? "wait" : "kill");
	ab_json_array(json, "view");
	for (size_t i = 0; i < plan->view_count; i++)
		print_entry(&plan->view[i], json);
	ab_json_array_end(json);
}
