/* Parameters and the scope's ceilings -> a plan. Everything that is decided about a run is decided here. */
#include "ab-exec.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "core/io.h"
#include "sys/guard.h"
#include "sys/ident.h"
#include "sys/path.h"
#include "sys/probe.h"
#include "sys/protect.h"
#include "sys/toolchain.h"

#define ARGUMENT_MAX ((size_t)120 << 10) /* the kernel's MAX_ARG_STRLEN is 128 KiB */
#define PIDS_DEFAULT 4096
#define PROTECTION (AB_PROMISE_BIT(AB_PROMISE_PROTECT) | AB_PROMISE_BIT(AB_PROMISE_PROTECT_DEEP))

static int
decide_limits(const struct run_params *params, const struct exec_place *place, struct ab_plan *plan, struct ab_error *err)
{
	plan->limits = (struct ab_limits){
		.timeout_ms = params->timeout_ms,
		.idle_timeout_ms = params->idle_timeout_ms,
		.grace_ms = params->grace_ms,
		.memory_bytes = params->memory_bytes,
		.cpu_time_ms = params->cpu_time_ms,
		.pids = params->pids,
		.file_size_bytes = params->file_size_bytes,
	};
	if (ab_scope_tighten_limits(&place->scope, &plan->limits, err) < 0)
		return -1;
	plan->limits.pids_told = plan->limits.pids != AB_UNSET;
	if (!plan->limits.pids_told)
		plan->limits.pids = PIDS_DEFAULT;
	return 0;
}

static int
decide_net(const struct run_params *params, const struct exec_place *place, struct ab_plan *plan, struct ab_error *err)
{
	const char *net = params->net;

	if (ab_scope_tighten_net(&place->scope, &net, err) < 0)
		return -1;
	return ab_net_policy_parse(net != NULL ? net : "none", &plan->net, err);
}

static int
decide_require(const struct run_params *params, struct exec_place *place, struct ab_error *err)
{
	for (size_t i = 0; i < params->require.count; i++) {
		enum ab_promise promise;
		if (ab_promise_parse(params->require.item[i], &promise, err) < 0)
			return -1;
		place->require |= AB_PROMISE_BIT(promise);
	}
	return 0;
}

/*
 * Levels software and none are no wall: what the scope's settings close would lie open.
 */
static int
judge_no_wall(enum ab_level level, const struct ab_scope_settings *settings, struct ab_error *err)
{
	const char *setting = NULL;

	if (settings->net != NULL && strcmp(settings->net, "host") != 0)
		setting = "net";
	else if (settings->read_given || settings->write_given)
		setting = settings->read_given ? "read" : "write";
	else if (settings->protect == 1)
		setting = "protect";
	if (setting == NULL)
		return 0;
	ab_fail(err, AB_E_DENIED_POLICY, "isolation %s cannot keep the scope's setting %s", ab_level_name(level), setting);
	ab_error_hint(err, "who owns the scope changes it by: ab-scope set NAME --unset %s", setting);
	return -1;
}

static int
decide_level(const struct run_params *params, struct exec_place *place, struct ab_plan *plan, struct ab_probe *probe, struct ab_error *err)
{
	enum ab_level want = AB_LEVEL_AUTO, weakest = AB_LEVEL_NONE;

	for (int level = 0; level < AB_LEVEL_COUNT; level++) {
		if (strcmp(params->isolation, ab_level_name((enum ab_level)level)) == 0)
			want = (enum ab_level)level;
		if (place->scope.settings.isolation != NULL && strcmp(place->scope.settings.isolation, ab_level_name((enum ab_level)level)) == 0)
			weakest = (enum ab_level)level;
	}
	if (want != AB_LEVEL_AUTO && want > weakest) {
		ab_fail(err, AB_E_DENIED_POLICY, "isolation %s is weaker than the scope's isolation=%s", params->isolation, place->scope.settings.isolation);
		ab_error_hint(err, "ab-scope set changes it");
		return -1;
	}
	if (want == AB_LEVEL_SOFTWARE && params->guard == 0) {
		ab_fail(err, AB_E_DENIED_POLICY, "isolation software is the guard alone: --no-guard would leave nothing");
		ab_error_hint(err, "--isolation none says so plainly");
		return -1;
	}
	if (!ab_level_has_wall(want) && judge_no_wall(want, &place->scope.settings, err) < 0)
		return -1;
	if (ab_probe_get(probe, err) < 0 || ab_probe_choose(probe, want, place->require, plan, err) < 0)
		return -1;
	if (plan->level > weakest) {
		ab_fail(err, AB_E_ISOLATION_UNAVAILABLE, "this host gives level %s and the scope demands isolation=%s", ab_level_name(plan->level),
		    place->scope.settings.isolation);
		ab_error_hint(err, "ab-exec doctor --table");
		return -1;
	}
	return 0;
}

static int
decide_protect(const struct run_params *params, struct exec_place *place, const struct ab_plan *plan, struct ab_error *err)
{
	bool demanded = place->scope.settings.protect == 1;

	place->protect = params->protect == AB_MAYBE ? !plan->managed || demanded : params->protect == 1;
	if (demanded && (!place->protect || params->unprotect.count > 0))
		return ab_fail(err, AB_E_DENIED_POLICY, "the scope's setting protect=true forbids --no-protect and --unprotect");
	return 0;
}

/* A script too long for an argument goes to a file that the launcher puts into the view. */
static int
script_argv(const struct run_params *params, const char *script, size_t len, struct ab_plan *plan, struct ab_error *err)
{
	const char *shell = params->shell;
	size_t count = 0;

	if (memchr(script, '\0', len) != NULL)
		return ab_fail(err, AB_E_INPUT_INVALID, "the script holds a NUL byte");
	if (shell == NULL)
		shell = faccessat(AT_FDCWD, "/bin/bash", X_OK, 0) == 0 ? "/bin/bash" : "/bin/sh"; /* whatever PATH is inside */
	ab_strv_push(&plan->argv, &count, shell);
	if (len <= ARGUMENT_MAX) {
		/* A shell takes what begins so for options of its own; to all of them a blank before it means nothing. */
		bool option = script[0] == '-' || script[0] == '+';
		AB_AUTO_FREE char *text = ab_asprintf("%s%s", option ? " " : "", script);
		ab_strv_push(&plan->argv, &count, "-c");
		ab_strv_push(&plan->argv, &count, text);
		return 0;
	}
	ab_strv_push(&plan->argv, &count, AB_PLAN_SCRIPT);
	plan->script = ab_strndup(script, len);
	plan->script_len = len;
	return 0;
}

static int
file_argv(const struct run_params *params, struct ab_plan *plan, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf script = AB_BUF_INIT(SCRIPT_MAX);
	bool from_stdin = strcmp(params->file, "-") == 0;
	AB_AUTO_CLOSE int fd = from_stdin ? -1 : ab_path_open_named(params->file, plan->tree, O_RDONLY | O_NOCTTY, 0, err);

	if ((fd < 0 && !from_stdin) ||
	    ab_read_all(from_stdin ? STDIN_FILENO : fd, &script, from_stdin ? "script on stdin" : params->file, err) < 0)
		return -1;
	return script_argv(params, script.data != NULL ? script.data : "", script.len, plan, err);
}

static int
decide_argv(const struct run_params *params, struct ab_plan *plan, struct ab_error *err)
{
	int ways = (params->command != NULL) + (params->file != NULL) + (params->argv.count > 0);
	size_t count = 0;

	if (ways == 0) {
		ab_fail(err, AB_E_USAGE, "nothing to run");
		ab_error_hint(err, "ab-exec -- make, or ab-exec -c 'make && make test'");
		return -1;
	}
	if (ways > 1)
		return ab_fail(err, AB_E_USAGE, "argv, --command and --file exclude each other");
	if (params->command != NULL)
		return script_argv(params, params->command, strlen(params->command), plan, err);
	if (params->file != NULL)
		return 0; /* read when the tree is known */
	for (size_t i = 0; i < params->argv.count; i++)
		ab_strv_push(&plan->argv, &count, params->argv.item[i]);
	if (plan->argv[0][0] == '\0')
		return ab_fail(err, AB_E_INPUT_INVALID, "the program's name is empty");
	return 0;
}

/* The seat belt: what the text says, before anything starts. The isolation is the wall. */
static int
decide_guard(const struct run_params *params, const struct exec_place *scope, const struct ab_plan *plan, struct ab_error *err)
{
	struct ab_guard_place place = { .scope = plan->tree, .cwd = plan->cwd };
	struct ab_guard_verdict verdict;
	int guard = params->guard;
	const char *text = plan->script != NULL ? plan->script : plan->argv[params->argv.count > 0 ? 0 : 2];

	if (ab_scope_tighten_guard(&scope->scope, &guard, err) < 0)
		return -1;
	if (guard == 0)
		return 0;
	if (params->argv.count > 0 ? ab_guard_argv(plan->argv, &place, &verdict) : ab_guard_text(text, strlen(text), &place, &verdict))
		return ab_guard_refuse(&verdict, err);
	return 0;
}

/* --cwd: at or below the scope's own path it is taken as it is; any other leading `/` means the scope. */
static int
decide_cwd(const struct run_params *params, const struct exec_place *place, struct ab_plan *plan, struct ab_error *err)
{
	const char *rel = params->cwd;

	if (rel == NULL) {
		plan->cwd = ab_strdup(plan->tree);
		return 0;
	}
	if (rel[0] == '/' && ab_path_below(rel, plan->tree))
		rel += strlen(plan->tree);
	while (*rel == '/')
		rel++;
	AB_AUTO_CLOSE int fd = ab_path_open(place->scope.fd, *rel != '\0' ? rel : ".", O_PATH | O_DIRECTORY, 0, err);
	if (fd < 0) {
		ab_error_context(err, "--cwd \"%s\"", params->cwd);
		if (params->cwd[0] == '/' && err->code == AB_E_NOT_FOUND && err->hint[0] == '\0')
			ab_error_hint(err, "--cwd is a path in the scope, \"/\" its top: ab-exec --root '%s'", params->cwd);
		return -1;
	}
	plan->cwd = ab_path_canonical(fd, err);
	return plan->cwd == NULL ? -1 : 0;
}

static int
decide_place(const struct run_params *params, struct ab_plan *plan, struct exec_place *place, struct ab_error *err)
{
	const struct ab_scope *scope = &place->scope;

	plan->tree = ab_strdup(scope->path);
	plan->tree_dev = scope->dev;
	plan->tree_ino = scope->ino;
	plan->managed = scope->managed;
	plan->scope_name = ab_strdup(scope->name != NULL && scope->name[0] != '\0' ? scope->name : scope->path);
	plan->hostname = ab_strdup("ab");
	plan->merge = params->merge == 1;
	plan->leftover_wait = strcmp(params->leftover, "wait") == 0;
	return decide_cwd(params, place, plan, err);
}

/* Where HOME and /tmp appear inside. */
static const char *
home_inside(const struct ab_plan *plan, const struct exec_place *place, const char *want)
{
	if (place->home_path == NULL)
		return plan->tree;
	bool private = want == NULL || strcmp(want, "private") == 0;
	return private && ab_level_has_view(plan->level) ? "/run/ab/home" : place->home_path;
}

int
policy_make(const struct run_params *params, struct ab_plan *plan, struct exec_place *place, struct ab_error *err)
{
	struct ab_probe probe;

	if (decide_argv(params, plan, err) < 0 || decide_require(params, place, err) < 0)
		return -1;
	if (ab_scope_open(&place->scope, params->root, params->scope, params->create == 1, err) < 0)
		return -1;
	if (decide_place(params, plan, place, err) < 0 || (params->file != NULL && file_argv(params, plan, err) < 0) ||
	    decide_guard(params, place, plan, err) < 0 || decide_limits(params, place, plan, err) < 0 || decide_net(params, place, plan, err) < 0 ||
	    decide_protect(params, place, plan, err) < 0)
		return -1;
	if (decide_level(params, place, plan, &probe, err) < 0)
		return -1;
	if (ab_ident_choose(plan, place->scope.fd, &probe, params->user != NULL, err) < 0)
		return -1;
	if (place_home(place, plan, params->home, err) < 0 || place_tmp(place, plan, params->tmp, err) < 0)
		return -1;
	const char *home = home_inside(plan, place, params->home);
	if (view_make(params, plan, place, home, err) < 0 || view_identity(plan, err) < 0)
		return -1;
	const char *tmp = ab_level_has_view(plan->level) ? "/tmp" : place->tmp_path;
	if (environment_make(params, plan, place, home, tmp, err) < 0)
		return -1;
	view_settle(plan);
	if (!place->protect) /* not asked for; and whoever requires it all the same has it refused */
		plan->missing = (plan->missing & ~PROTECTION) | (place->require & PROTECTION);
	plan->require = place->require;
	ab_promises lost = plan->missing & place->require;
	for (int promise = 0; lost != 0 && promise < AB_PROMISE_COUNT; promise++)
		if ((lost & AB_PROMISE_BIT(promise)) != 0) {
			ab_fail(err, AB_E_ISOLATION_UNAVAILABLE, "--require %s: this run cannot keep it", ab_promise_name((enum ab_promise)promise));
			ab_error_hint(err, "ab-exec doctor --table");
			return -1;
		}
	return 0;
}
