/* Ceilings: what a scope's settings allow, compared and merged (contract section 5). */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/time.h"
#include "sys/netgate.h"
#include "sys/path.h"
#include "sys/scope.h"

enum unit { UNIT_TIME, UNIT_BYTES, UNIT_COUNT };

/* The limits, as options name them. */
static const struct {
	const char *name;
	enum unit unit;
	size_t offset;
} limits[] = {
	{ "timeout", UNIT_TIME, offsetof(struct ab_limits, timeout_ms) },
	{ "idle-timeout", UNIT_TIME, offsetof(struct ab_limits, idle_timeout_ms) },
	{ "memory", UNIT_BYTES, offsetof(struct ab_limits, memory_bytes) },
	{ "cpu-time", UNIT_TIME, offsetof(struct ab_limits, cpu_time_ms) },
	{ "pids", UNIT_COUNT, offsetof(struct ab_limits, pids) },
	{ "file-size", UNIT_BYTES, offsetof(struct ab_limits, file_size_bytes) },
};

static int64_t *
limit_of(const struct ab_limits *all, size_t i)
{
	return (int64_t *)((char *)(uintptr_t)all + limits[i].offset);
}

static const char *
show(char text[static AB_UNIT_SIZE], enum unit unit, int64_t value)
{
	if (value <= 0)
		snprintf(text, AB_UNIT_SIZE, "unlimited");
	else if (unit == UNIT_TIME)
		ab_duration_format(text, value);
	else if (unit == UNIT_BYTES)
		ab_size_format(text, value);
	else
		snprintf(text, AB_UNIT_SIZE, "%lld", (long long)value);
	return text;
}

static int
denied(struct ab_error *err, const char *setting, const char *asked, const char *allowed)
{
	ab_fail(err, AB_E_DENIED_POLICY, "%s \"%.150s\" is more than the scope's setting %s \"%.200s\" allows", setting, asked, setting, allowed);
	if (strcmp(asked, "unlimited") == 0)
		ab_error_hint(err, "ask for no more than that; who owns the scope changes it by: ab-scope set NAME --unset %s", setting);
	else
		ab_error_hint(err, "ask for no more than that; who owns the scope changes it by: ab-scope set NAME --%s %.150s", setting, asked);
	ab_error_operation(err, "--%s %s", setting, asked);
	return -1;
}

/* ---- levels ---- */

/* Strong to weak; -1: no such word. */
static int
rank_of(const char *isolation)
{
	for (int level = 0; level < AB_LEVEL_COUNT; level++)
		if (strcmp(isolation, ab_level_name((enum ab_level)level)) == 0)
			return level;
	return -1;
}

/* ---- lists ---- */

static bool
listed(const struct ab_list *list, const char *path)
{
	for (size_t i = 0; i < list->count; i++)
		if (ab_path_below(path, list->item[i]))
			return true;
	return false;
}

static void
copy_list(struct ab_list *to, const struct ab_list *from)
{
	for (size_t i = 0; i < from->count; i++)
		ab_strv_push(&to->item, &to->count, from->item[i]);
}

/* What both lists allow: of each, what lies below something of the other. */
static void
inherit_list(struct ab_list *inner, bool *given, const struct ab_list *outer, bool outer_given)
{
	struct ab_list both = { 0 };

	if (!outer_given)
		return;
	for (size_t i = 0; *given && i < inner->count; i++)
		if (listed(outer, inner->item[i]))
			ab_strv_push(&both.item, &both.count, inner->item[i]);
	for (size_t i = 0; i < outer->count; i++)
		if (!*given || (listed(inner, outer->item[i]) && !listed(&both, outer->item[i])))
			ab_strv_push(&both.item, &both.count, outer->item[i]);
	ab_strv_free(inner->item);
	*inner = both;
	*given = true;
}

/* ---- network ---- */

/* 1: a allows nothing that b does not; 0: it does; -1: one of them cannot be parsed. */
static int
net_within(const char *a, const char *b, struct ab_error *err)
{
	struct ab_net_policy inner = { 0 }, outer = { 0 };
	int within = -1;

	if (ab_net_policy_parse(a, &inner, err) == 0 && ab_net_policy_parse(b, &outer, err) == 0)
		within = ab_net_policy_within(&inner, &outer);
	ab_net_policy_release(&inner);
	ab_net_policy_release(&outer);
	return within;
}

/* Append to text the rules of allow-list `of` that policy `by` allows too. */
static void
common_rules(struct ab_buf *text, const char *of, const char *by)
{
	struct ab_error ignored = AB_ERROR_INIT;
	AB_AUTO_FREE char *copy = ab_strdup(strchr(of, ':') + 1);
	char *rest = copy, *part;

	while ((part = strsep(&rest, ",")) != NULL) {
		AB_AUTO_FREE char *single = ab_asprintf("allow:%s", part);
		if (part[0] == '\0' || net_within(single, by, &ignored) != 1)
			continue;
		if (text->len > strlen("allow:") && net_within(single, text->data, &ignored) == 1)
			continue; /* the other list had it already */
		ab_buf_printf(text, "%s%s", text->len > strlen("allow:") ? "," : "", part);
	}
}

/* The tightest of both; two lists that only overlap: what both allow. */
static char *
net_both(const char *a, const char *b)
{
	struct ab_error ignored = AB_ERROR_INIT;

	if (net_within(a, b, &ignored) == 1)
		return ab_strdup(a);
	if (net_within(b, a, &ignored) == 1)
		return ab_strdup(b);
	struct ab_buf text AB_AUTO_BUF = AB_BUF_INIT(2 * (strlen(a) + strlen(b)) + 64);
	ab_buf_puts(&text, "allow:");
	if (strncmp(a, "allow:", 6) == 0 && strncmp(b, "allow:", 6) == 0) {
		common_rules(&text, a, b);
		common_rules(&text, b, a);
	}
	return text.len > strlen("allow:") ? ab_buf_take(&text) : ab_strdup("none");
}

/* ---- merge ---- */

static void
inherit_env(struct ab_map *inner, const struct ab_map *outer)
{
	for (size_t i = 0; i < outer->count; i++) {
		bool own = false;
		for (size_t j = 0; j < inner->count && !own; j++)
			own = strcmp(inner->name[j], outer->name[i]) == 0;
		if (own)
			continue;
		size_t values = inner->count;
		ab_strv_push(&inner->value, &values, outer->value[i]);
		ab_strv_push(&inner->name, &inner->count, outer->name[i]);
	}
}

void
ab_scope_settings_inherit(struct ab_scope_settings *inner, const struct ab_scope_settings *outer)
{
	for (size_t i = 0; i < AB_COUNT_OF(limits); i++) {
		int64_t *own = limit_of(&inner->limits, i), above = *limit_of(&outer->limits, i);
		if (above != AB_UNSET && (*own == AB_UNSET || above < *own))
			*own = above;
	}
	inherit_env(&inner->env, &outer->env);
	inherit_list(&inner->read, &inner->read_given, &outer->read, outer->read_given);
	inherit_list(&inner->write, &inner->write_given, &outer->write, outer->write_given);
	if (outer->net != NULL) {
		char *net = inner->net == NULL ? ab_strdup(outer->net) : net_both(inner->net, outer->net);
		free(inner->net);
		inner->net = net;
	}
	if (outer->isolation != NULL && (inner->isolation == NULL || rank_of(outer->isolation) < rank_of(inner->isolation))) {
		free(inner->isolation);
		inner->isolation = ab_strdup(outer->isolation);
	}
	if (outer->protect == 1)
		inner->protect = 1;
	if (outer->guard == 1)
		inner->guard = 1;
	if (inner->log == NULL && outer->log != NULL)
		inner->log = ab_strdup(outer->log);
}

/* ---- judge ---- */

static int
check_paths(const char *setting, const struct ab_list *list, struct ab_error *err)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *path = list->item[i];
		struct ab_error name_err = AB_ERROR_INIT;
		if (path[0] != '/')
			return ab_fail(err, AB_E_INPUT_INVALID, "%s \"%s\" is not an absolute path", setting, path);
		if (path[1] != '\0' && ab_path_check_name(path + 1, &name_err) != 0)
			return ab_fail(err, AB_E_INPUT_INVALID, "%s \"%s\" is not a normalised path", setting, path);
	}
	return 0;
}

int
ab_scope_settings_check(const struct ab_scope_settings *settings, struct ab_error *err)
{
	struct ab_net_policy policy = { 0 };

	for (size_t i = 0; i < settings->env.count; i++) {
		const char *name = settings->env.name[i];
		if (name[0] == '\0' || strchr(name, '=') != NULL)
			return ab_fail(err, AB_E_INPUT_INVALID, "env: \"%s\" is no name of a variable", name);
	}
	for (size_t i = 0; i < AB_COUNT_OF(limits); i++) {
		int64_t value = *limit_of(&settings->limits, i);
		if (value != AB_UNSET && value <= 0)
			return ab_fail(err, AB_E_INPUT_INVALID, "%s must be more than 0; `--unset %s` takes the limit away", limits[i].name, limits[i].name);
	}
	if (settings->isolation != NULL && rank_of(settings->isolation) < 0)
		return ab_fail(err, AB_E_INPUT_INVALID, "isolation \"%s\" is not a level", settings->isolation);
	if (settings->kind != NULL && strcmp(settings->kind, "managed") != 0 && strcmp(settings->kind, "tree") != 0)
		return ab_fail(err, AB_E_INPUT_INVALID, "kind \"%s\" is neither managed nor tree", settings->kind);
	if (settings->log != NULL && settings->log[0] != '/')
		return ab_fail(err, AB_E_INPUT_INVALID, "log \"%s\" is not an absolute path", settings->log);
	if (check_paths("read", &settings->read, err) != 0 || check_paths("write", &settings->write, err) != 0)
		return -1;
	if (settings->net == NULL)
		return 0;
	int status = ab_net_policy_parse(settings->net, &policy, err);
	ab_net_policy_release(&policy);
	return status;
}

static int
within_limits(const struct ab_limits *inner, const struct ab_limits *outer, struct ab_error *err)
{
	char asked[AB_UNIT_SIZE], allowed[AB_UNIT_SIZE];

	for (size_t i = 0; i < AB_COUNT_OF(limits); i++) {
		int64_t own = *limit_of(inner, i), above = *limit_of(outer, i);
		if (own == AB_UNSET || above == AB_UNSET || (own > 0 && own <= above))
			continue;
		return denied(err, limits[i].name, show(asked, limits[i].unit, own), show(allowed, limits[i].unit, above));
	}
	return 0;
}

static int
within_paths(const char *setting, const struct ab_list *inner, const struct ab_list *outer, bool outer_given, struct ab_error *err)
{
	for (size_t i = 0; outer_given && i < inner->count; i++)
		if (!listed(outer, inner->item[i]))
			return denied(err, setting, inner->item[i], outer->count == 0 ? "none" : outer->item[0]);
	return 0;
}

static int
within_net(const char *inner, const char *outer, struct ab_error *err)
{
	if (inner == NULL || outer == NULL)
		return 0;
	int within = net_within(inner, outer, err);
	if (within < 0)
		return -1;
	return within == 1 ? 0 : denied(err, "net", inner, outer);
}

static int
within_level(const char *inner, const char *outer, struct ab_error *err)
{
	if (inner == NULL || outer == NULL || rank_of(inner) <= rank_of(outer))
		return 0;
	ab_fail(err, AB_E_DENIED_POLICY, "isolation \"%s\" is weaker than the scope's setting isolation \"%s\"", inner, outer);
	ab_error_hint(err, "--isolation %s", outer);
	ab_error_operation(err, "--isolation %s", inner);
	return -1;
}

int
ab_scope_settings_within(const struct ab_scope_settings *inner, const struct ab_scope_settings *outer, struct ab_error *err)
{
	if (within_limits(&inner->limits, &outer->limits, err) != 0 || within_net(inner->net, outer->net, err) != 0 ||
	    within_level(inner->isolation, outer->isolation, err) != 0)
		return -1;
	if (within_paths("read", &inner->read, &outer->read, outer->read_given, err) != 0)
		return -1;
	return within_paths("write", &inner->write, &outer->write, outer->write_given, err);
}

/* ---- requests ---- */

int
ab_scope_tighten_limits(const struct ab_scope *scope, struct ab_limits *asked, struct ab_error *err)
{
	if (within_limits(asked, &scope->settings.limits, err) != 0)
		return -1;
	for (size_t i = 0; i < AB_COUNT_OF(limits); i++) {
		int64_t *limit = limit_of(asked, i);
		if (*limit == AB_UNSET)
			*limit = *limit_of(&scope->settings.limits, i);
		else if (*limit == 0)
			*limit = AB_UNSET; /* as with timeout(1): no limit */
	}
	return 0;
}

int
ab_scope_tighten_net(const struct ab_scope *scope, const char **net, struct ab_error *err)
{
	if (*net == NULL) {
		*net = scope->settings.net;
		return 0;
	}
	return within_net(*net, scope->settings.net, err);
}

int
ab_scope_tighten_level(const struct ab_scope *scope, enum ab_level *level, struct ab_error *err)
{
	const char *weakest = scope->settings.isolation;

	if (weakest == NULL)
		return 0;
	if (*level != AB_LEVEL_AUTO)
		return within_level(ab_level_name(*level), weakest, err);
	if (rank_of(weakest) == AB_LEVEL_NAMESPACE)
		*level = AB_LEVEL_NAMESPACE;
	return 0;
}

int
ab_scope_tighten_paths(const struct ab_scope *scope, bool write, const struct ab_list *asked, char ***paths, struct ab_error *err)
{
	const struct ab_list *allowed = write ? &scope->settings.write : &scope->settings.read;
	struct ab_list taken = { .item = ab_calloc(1, sizeof(char *)) };

	*paths = NULL;
	if (within_paths(write ? "write" : "read", asked, allowed, write ? scope->settings.write_given : scope->settings.read_given, err) != 0) {
		ab_strv_free(taken.item);
		return -1;
	}
	copy_list(&taken, asked->count > 0 ? asked : allowed);
	*paths = taken.item;
	return 0;
}

int
ab_scope_tighten_protect(const struct ab_scope *scope, int *protect, struct ab_error *err)
{
	if (scope->settings.protect != 1)
		return 0;
	if (*protect == 0) {
		ab_fail(err, AB_E_DENIED_POLICY, "--no-protect: the scope's setting protect is on");
		ab_error_hint(err, "who owns the scope changes it by: ab-scope set NAME --unset protect");
		return -1;
	}
	*protect = 1;
	return 0;
}

int
ab_scope_tighten_guard(const struct ab_scope *scope, int *guard, struct ab_error *err)
{
	if (scope->settings.guard != 1)
		return 0;
	if (*guard == 0) {
		ab_fail(err, AB_E_DENIED_POLICY, "--no-guard: the scope's setting guard is on");
		ab_error_hint(err, "who owns the scope changes it by: ab-scope set NAME --unset guard");
		return -1;
	}
	*guard = 1;
	return 0;
}
