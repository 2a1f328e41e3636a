/* Parameters and the scope's ceilings -> a plan. Everything that is decided about a run is decided here. */
#include "ab-exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "core/io.h"
#include "core/time.h"
#include "sys/home.h"
#include "sys/ident.h"
#include "sys/path.h"
#include "sys/probe.h"
#include "sys/protect.h"
#include "sys/toolchain.h"

#define SCRIPT_MAX ((size_t)16 << 20)
#define ARGUMENT_MAX ((size_t)120 << 10) /* the kernel's MAX_ARG_STRLEN is 128 KiB */
#define TMP_UNUSED_MS (INT64_C(24) * 3600 * 1000)

void
place_init(struct exec_place *place)
{
	memset(place, 0, sizeof(*place));
	place->scope.fd = -1;
	place->tmp_lock = -1;
}

void
place_release(struct exec_place *place)
{
	ab_scope_release(&place->scope);
	free(place->home_path);
	free(place->tmp_path);
	ab_protect_free(place->before);
	ab_close_indirect(&place->tmp_lock);
	place_init(place);
}

/* A directory of AB_HOME for this tree: its path with `/` as `%`, in parts of at most 200 bytes. */
static char *
key_of(const char *path)
{
	AB_AUTO_BUF struct ab_buf key = AB_BUF_INIT(8 * 4096);
	size_t part = 0;

	for (const char *at = path; *at != '\0'; at++) {
		if (part >= 200) {
			ab_buf_puts(&key, "%+/");
			part = 0;
		}
		if (*at == '/')
			ab_buf_putc(&key, '%');
		else if (*at == '%')
			ab_buf_puts(&key, "%25");
		else
			ab_buf_putc(&key, *at);
		part++;
	}
	return ab_buf_take(&key);
}

/* AB_HOME/KIND/KEY, made when it is not there; the descriptor is the caller's. */
static int
private_dir(const char *kind, const char *tree, char **path, struct ab_error *err)
{
	AB_AUTO_FREE char *home = ab_home_path(true, err);
	AB_AUTO_FREE char *key = key_of(tree);

	if (home == NULL)
		return -1;
	*path = ab_asprintf("%s/%s/%s", home, kind, key);
	int fd = open(*path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		return fd;
	AB_AUTO_CLOSE int base = ab_home_dir(kind, err);
	if (base < 0 || ab_path_make_dirs(base, key, 0700, err) < 0)
		return -1;
	fd = open(*path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return ab_fail_errno(err, errno, "open \"%s\"", *path);
	return fd;
}

/* HOME of a tree: private, and owned by whom the kernel will see (an idmapped mount sees to that itself). */
static int
prepare_home(const char *want, struct ab_plan *plan, struct exec_place *place, struct ab_error *err)
{
	if (want == NULL)
		want = plan->managed ? "scope" : "private";
	if (strcmp(want, "scope") == 0)
		return 0;
	if (strcmp(want, "private") != 0) {
		AB_AUTO_CLOSE int fd = open(want, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return ab_fail_errno(err, errno, "--home \"%s\"", want);
		place->home_path = ab_path_canonical(fd, err);
		return place->home_path == NULL ? -1 : 0;
	}
	AB_AUTO_CLOSE int fd = private_dir("homes", plan->tree, &place->home_path, err);
	struct stat st;
	if (fd < 0)
		return -1;
	if (plan->ident.mode == AB_IDENT_SETID && fstat(fd, &st) == 0 && st.st_uid != plan->ident.kernel_uid &&
	    fchown(fd, plan->ident.kernel_uid, plan->ident.kernel_gid) < 0)
		return ab_fail_errno(err, errno, "give \"%s\" to uid %u", place->home_path, (unsigned)plan->ident.kernel_uid);
	return 0;
}

/*
 * /tmp of the scope. The directory above it carries the time of last use and a lock: shared while a run uses it, exclusive to
 * empty it after a day without use.
 */
static int
prepare_tmp(const char *want, struct ab_plan *plan, struct exec_place *place, struct ab_error *err)
{
	AB_AUTO_FREE char *above = NULL;
	struct stat st;

	if (strcmp(want, "fresh") == 0 && plan->level == AB_LEVEL_NAMESPACE)
		return 0;
	place->tmp_lock = private_dir("tmp", plan->tree, &above, err);
	if (place->tmp_lock < 0)
		return -1;
	if (fstat(place->tmp_lock, &st) < 0)
		return ab_fail_errno(err, errno, "stat \"%s\"", above);
	bool stale = ab_now_unix_ms() - (int64_t)st.st_mtim.tv_sec * 1000 > TMP_UNUSED_MS;
	if ((stale || strcmp(want, "fresh") == 0) && flock(place->tmp_lock, LOCK_EX | LOCK_NB) == 0) {
		struct ab_error ignored = AB_ERROR_INIT;
		if (ab_path_remove_tree(place->tmp_lock, "tmp", &ignored) < 0 && ignored.code != AB_E_NOT_FOUND) {
			*err = ignored;
			return -1;
		}
	}
	if (flock(place->tmp_lock, LOCK_SH) < 0)
		return ab_fail_errno(err, errno, "lock \"%s\"", above);
	if (mkdirat(place->tmp_lock, "tmp", 0700) == 0) {
		if (fchmodat(place->tmp_lock, "tmp", 01777, 0) < 0)
			return ab_fail_errno(err, errno, "chmod \"%s/tmp\"", above);
	} else if (errno != EEXIST) {
		return ab_fail_errno(err, errno, "make \"%s/tmp\"", above);
	}
	(void)futimens(place->tmp_lock, NULL);
	place->tmp_path = ab_asprintf("%s/tmp", above);
	return 0;
}

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
	return ab_scope_tighten_limits(&place->scope, &plan->limits, err);
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
		shell = faccessat(AT_FDCWD, "/bin/bash", X_OK, 0) == 0 || faccessat(AT_FDCWD, "/usr/bin/bash", X_OK, 0) == 0 ? "bash" : "sh";
	ab_strv_push(&plan->argv, &count, shell);
	if (len <= ARGUMENT_MAX) {
		ab_strv_push(&plan->argv, &count, "-c");
		ab_strv_push(&plan->argv, &count, script);
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
	int got = strcmp(params->file, "-") == 0 ? ab_read_all(STDIN_FILENO, &script, "script on stdin", err) :
						   ab_read_file(AT_FDCWD, params->file, &script, err);

	if (got < 0)
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
		return file_argv(params, plan, err);
	for (size_t i = 0; i < params->argv.count; i++)
		ab_strv_push(&plan->argv, &count, params->argv.item[i]);
	if (plan->argv[0][0] == '\0')
		return ab_fail(err, AB_E_INPUT_INVALID, "the program's name is empty");
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
	return private && plan->level == AB_LEVEL_NAMESPACE ? "/run/ab/home" : place->home_path;
}

int
policy_make(const struct run_params *params, struct ab_plan *plan, struct exec_place *place, struct ab_error *err)
{
	struct ab_probe probe;

	if (decide_argv(params, plan, err) < 0 || decide_require(params, place, err) < 0)
		return -1;
	if (ab_scope_open(&place->scope, params->root, params->scope, params->create == 1, err) < 0)
		return -1;
	if (decide_place(params, plan, place, err) < 0 || decide_limits(params, place, plan, err) < 0 || decide_net(params, place, plan, err) < 0 ||
	    decide_protect(params, place, plan, err) < 0)
		return -1;
	if (decide_level(params, place, plan, &probe, err) < 0)
		return -1;
	if (!place->protect)
		plan->missing &= ~(AB_PROMISE_BIT(AB_PROMISE_PROTECT) | AB_PROMISE_BIT(AB_PROMISE_PROTECT_DEEP));
	if (ab_ident_choose(plan, place->scope.fd, &probe, params->user != NULL, err) < 0)
		return -1;
	if (prepare_home(params->home, plan, place, err) < 0 || prepare_tmp(params->tmp, plan, place, err) < 0)
		return -1;
	const char *home = home_inside(plan, place, params->home);
	if (view_make(params, plan, place, home, err) < 0 || view_identity(plan, err) < 0)
		return -1;
	const char *tmp = plan->level == AB_LEVEL_NAMESPACE ? "/tmp" : place->tmp_path;
	if (environment_make(params, plan, place, home, tmp, err) < 0)
		return -1;
	ab_promises lost = plan->missing & place->require;
	for (int promise = 0; lost != 0 && promise < AB_PROMISE_COUNT; promise++)
		if ((lost & AB_PROMISE_BIT(promise)) != 0) {
			ab_fail(err, AB_E_ISOLATION_UNAVAILABLE, "--require %s: this run cannot keep it", ab_promise_name((enum ab_promise)promise));
			ab_error_hint(err, "ab-exec doctor --table");
			return -1;
		}
	return 0;
}
