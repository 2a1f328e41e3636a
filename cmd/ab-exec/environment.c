/* The variables a command gets: an allow-list of the caller's, what makes programs non-interactive, what was asked for. */
#include "ab-exec.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "core/io.h"
#include "sys/gitconfig.h"
#include "sys/gitrepo.h"
#include "sys/path.h"
#include "sys/toolchain.h"

extern char **environ;

#define ENV_FILE_MAX ((size_t)1 << 20)

/* Of the caller's environment these get in; a trailing `*` is any ending. */
static const char *const passed[] = { "LANG", "LC_*", "TZ", "CI", "NO_COLOR", "USER", "LOGNAME" };

/* Nobody is there to answer a prompt, page a text, or look at colours. */
static const char *const non_interactive[] = {
	"TERM=dumb", "PAGER=cat", "GIT_PAGER=cat", "GIT_TERMINAL_PROMPT=0", "GIT_EDITOR=true", "EDITOR=true", "VISUAL=true",
	"DEBIAN_FRONTEND=noninteractive", "PIP_NO_INPUT=1", "PIP_DISABLE_PIP_VERSION_CHECK=1", "NPM_CONFIG_UPDATE_NOTIFIER=false", "NPM_CONFIG_FUND=false",
};

struct environment {
	char **vector;
	size_t count;
};

/* Set NAME=VALUE; a later one replaces an earlier one. */
static void
set(struct environment *env, const char *name, size_t name_len, const char *value)
{
	char *text = ab_asprintf("%.*s=%s", (int)name_len, name, value);

	for (size_t i = 0; i < env->count; i++)
		if (strncmp(env->vector[i], text, name_len + 1) == 0) {
			free(env->vector[i]);
			env->vector[i] = text;
			return;
		}
	env->vector = ab_reallocarray(env->vector, env->count + 2, sizeof(*env->vector));
	env->vector[env->count++] = text;
	env->vector[env->count] = NULL;
}

static void
set_text(struct environment *env, const char *assignment)
{
	const char *equals = strchr(assignment, '=');

	set(env, assignment, (size_t)(equals - assignment), equals + 1);
}

static void
set_name(struct environment *env, const char *name, const char *value)
{
	set(env, name, strlen(name), value);
}

static void
pass_matching(struct environment *env, const char *pattern)
{
	for (char **at = environ; *at != NULL; at++) {
		char name[256];
		const char *equals = strchr(*at, '=');
		if (equals == NULL || equals == *at || (size_t)(equals - *at) >= sizeof(name))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(equals - *at), *at);
		if (fnmatch(pattern, name, 0) == 0)
			set_text(env, *at);
	}
}

static int
check_name(const char *name, const char *where, struct ab_error *err)
{
	if (name[0] != '\0' && strchr(name, '=') == NULL)
		return 0;
	return ab_fail(err, AB_E_INPUT_INVALID, "%s: the name of a variable is empty or holds '='", where);
}

/* docker's --env-file: NAME=VALUE as it stands, NAME alone takes the caller's, # comments, no quotes. */
static int
read_env_file(struct environment *env, const char *path, const char *tree, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(ENV_FILE_MAX);
	unsigned line_number = 0;
	char *save = NULL;

	AB_AUTO_CLOSE int fd = ab_path_open_named(path, tree, O_RDONLY | O_NOCTTY, 0, err);
	if (fd < 0 || ab_read_all(fd, &text, path, err) < 0) {
		ab_error_context(err, "--env-file");
		return -1;
	}
	AB_AUTO_FREE char *real = ab_path_canonical(fd, err);
	bool trusted = real != NULL && !ab_path_below(real, tree);
	if (text.data != NULL && memchr(text.data, '\0', text.len) != NULL)
		return ab_fail(err, AB_E_INPUT_INVALID, "--env-file \"%s\": it holds a NUL byte", path);
	for (char *line = text.data; line != NULL && *line != '\0'; line = save) {
		line_number++;
		save = strchrnul(line, '\n');
		if (*save == '\n')
			*save++ = '\0';
		size_t len = strlen(line);
		if (len > 0 && line[len - 1] == '\r')
			line[--len] = '\0';
		line += strspn(line, " \t");
		if (*line == '\0' || *line == '#')
			continue;
		const char *equals = strchr(line, '=');
		size_t name_len = equals != NULL ? (size_t)(equals - line) : strlen(line);
		if (name_len == 0 || strcspn(line, " \t") < name_len)
			return ab_fail(err, AB_E_INPUT_INVALID, "--env-file \"%s\" line %u: not a NAME=VALUE", path, line_number);
		/* A command could write the names of the caller's secrets into a file of its tree. */
		if (equals == NULL && !trusted) {
			ab_fail(err, AB_E_DENIED_POLICY, "--env-file \"%s\" line %u: a file in the tree takes no variable of yours", path,
			    line_number);
			ab_error_hint(err, "--pass %.100s", line);
			return -1;
		}
		const char *value = equals != NULL ? equals + 1 : getenv(line);
		if (value != NULL)
			set(env, line, name_len, value);
	}
	return 0;
}

struct identity {
	char name[256], email[256];
	bool own; /* the repository has its own */
	bool repository;
};

static int
take_identity(void *data, const char *key, const char *value)
{
	struct identity *identity = data;

	if (strcmp(key, "user.name") == 0 || strcmp(key, "user.email") == 0) {
		char *to = key[5] == 'n' ? identity->name : identity->email;
		identity->own |= identity->repository;
		snprintf(to, sizeof(identity->name), "%s", value);
	}
	return 0;
}

static void
read_identity(struct identity *identity, const char *base, const char *rel)
{
	AB_AUTO_FREE char *path = ab_asprintf("%s/%s", base, rel);
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(ENV_FILE_MAX);
	struct ab_error ignored = AB_ERROR_INIT;

	if (ab_read_file(AT_FDCWD, path, &text, &ignored) == 0 && text.data != NULL)
		ab_gitconfig_each(text.data, text.len, take_identity, identity);
}

/* The tree's: what lies there may be anything. */
static void
read_own_identity(struct identity *identity, int tree_fd)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(ENV_FILE_MAX);
	bool big;

	if (ab_gitrepo_read(tree_fd, ".git/config", &text, &big))
		ab_gitconfig_each(text.data, text.len, take_identity, identity);
}

/*
 * git knows who the caller is, trusts the tree whoever owns it, and does not try to write the locked config when it switches to a
 * branch. A repository's own user.name and user.email are left to it: these settings would override them.
 */
static void
add_git(struct environment *env, const struct exec_place *place, const char *caller_home)
{
	struct identity identity = { .name = "" };
	unsigned count = 0;
	char name[32];

	if (caller_home != NULL) {
		const char *xdg = getenv("XDG_CONFIG_HOME");
		if (xdg != NULL && xdg[0] == '/')
			read_identity(&identity, xdg, "git/config");
		else
			read_identity(&identity, caller_home, ".config/git/config");
		read_identity(&identity, caller_home, ".gitconfig");
	}
	identity.repository = true;
	read_own_identity(&identity, place->scope.fd);
	const struct {
		const char *key, *value;
	} settings[] = {
		{ "safe.directory", "*" },
		{ "branch.autoSetupMerge", place->protect ? "false" : NULL },
		{ "user.name", !identity.own && identity.name[0] != '\0' ? identity.name : NULL },
		{ "user.email", !identity.own && identity.email[0] != '\0' ? identity.email : NULL },
	};
	for (size_t i = 0; i < AB_COUNT_OF(settings); i++) {
		if (settings[i].value == NULL)
			continue;
		snprintf(name, sizeof(name), "GIT_CONFIG_KEY_%u", count);
		set_name(env, name, settings[i].key);
		snprintf(name, sizeof(name), "GIT_CONFIG_VALUE_%u", count++);
		set_name(env, name, settings[i].value);
	}
	snprintf(name, sizeof(name), "%u", count);
	set_name(env, "GIT_CONFIG_COUNT", name);
}

static int
add_asked(struct environment *env, const struct run_params *params, const struct exec_place *place, struct ab_error *err)
{
	const struct ab_map *inherited = &place->scope.settings.env;

	for (size_t i = 0; i < inherited->count; i++)
		set_name(env, inherited->name[i], inherited->value[i]);
	for (size_t i = 0; i < params->env_file.count; i++)
		if (read_env_file(env, params->env_file.item[i], place->scope.path, err) < 0)
			return -1;
	for (size_t i = 0; i < params->pass.count; i++)
		pass_matching(env, params->pass.item[i]);
	for (size_t i = 0; i < params->env.count; i++) {
		if (check_name(params->env.name[i], "--env", err) < 0)
			return -1;
		set_name(env, params->env.name[i], params->env.value[i]);
	}
	return 0;
}

int
environment_make(const struct run_params *params, struct ab_plan *plan, const struct exec_place *place, const char *home, const char *tmp,
    struct ab_error *err)
{
	struct environment env = { 0 };
	AB_AUTO_STRV char **tools = NULL;
	size_t tool_count = 0;
	const char *caller_home = getenv("HOME"), *path = getenv("PATH");

	if (caller_home != NULL && caller_home[0] != '/')
		caller_home = NULL;
	for (size_t i = 0; i < AB_COUNT_OF(passed); i++)
		pass_matching(&env, passed[i]);
	for (size_t i = 0; i < AB_COUNT_OF(non_interactive); i++)
		set_text(&env, non_interactive[i]);
	AB_AUTO_FREE char *inside_path =
	    ab_toolchain_plan(plan, caller_home, path != NULL ? path : "/usr/local/bin:/usr/bin:/bin", &tools, &tool_count);
	for (size_t i = 0; i < tool_count; i++)
		set_text(&env, tools[i]);
	set_name(&env, "PATH", inside_path);
	set_name(&env, "HOME", home);
	set_name(&env, "TMPDIR", tmp);
	set_name(&env, "AB_SANDBOX", ab_level_name(plan->level));
	set_name(&env, "PWD", plan->cwd);
	if (plan->ident.mode != AB_IDENT_SELF) {
		set_name(&env, "USER", plan->ident.name);
		set_name(&env, "LOGNAME", plan->ident.name);
	}
	if (plan->net.mode == AB_NET_ALLOW)
		for (const char *const *at = ab_netgate_environment(); *at != NULL; at++)
			set_text(&env, *at);
	add_git(&env, place, caller_home);
	int added = add_asked(&env, params, place, err);
	plan->envp = env.vector;
	return added;
}
