/* sys/protect: which parts of a tree are pinned, locked, and bound. */
#include "sys/protect.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "core/mem.h"
#include "tap.h"

static char base[] = "/tmp/ab-protect-test-XXXXXX";
static char words[65536];

static void
shell(const char *script)
{
	AB_AUTO_FREE char *command = ab_asprintf("cd '%s' && { %s\n} >/dev/null", base, script);

	if (!CHECK(system(command) == 0))
		printf("# %s\n", script);
}

/* The plan for a tree as words: "pin:.git lock:.git/hooks bind:/abs rw:/abs". */
static const char *
plan_of(const char *dir, char *const *unprotect)
{
	static const char *const kind[] = { [AB_VIEW_PIN] = "pin", [AB_VIEW_LOCK] = "lock" };
	struct ab_plan plan;
	struct ab_error err = AB_ERROR_INIT;
	size_t len = 0;

	ab_plan_init(&plan);
	plan.tree = ab_asprintf("%s/%s", base, dir);
	AB_AUTO_CLOSE int fd = open(plan.tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_INT(ab_protect_plan(&plan, fd, unprotect, NULL, &err), 0);
	words[0] = '\0';
	for (size_t i = 0; i < plan.view_count; i++) {
		const struct ab_view *view = &plan.view[i];
		bool bound = view->kind == AB_VIEW_BIND;
		const char *target = view->target + (bound ? strlen(base) + 1 : strlen(plan.tree) + 1);
		CHECK(bound || strncmp(view->target, plan.tree, strlen(plan.tree)) == 0);
		len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%s:%s", len > 0 ? " " : "",
		    bound ? (view->writable ? "rw" : "ro") : kind[view->kind], target);
	}
	ab_plan_release(&plan);
	return words;
}

static void
test_plain_tree(void)
{
	shell("mkdir plain");
	CHECK_STRING(plan_of("plain", NULL), "");
	shell("mkdir plain/.vscode; touch plain/.envrc plain/.mcp.json; ln -s /etc plain/.idea");
	CHECK_STRING(plan_of("plain", NULL), "lock:.envrc lock:.vscode lock:.mcp.json");
}

static void
test_repository(void)
{
	static char config[] = "./.git/config", hooks[] = ".git/hooks/", all[] = ".git";

	shell("git init -q repo");
	CHECK_STRING(plan_of("repo", NULL), "pin:.git lock:.git/hooks lock:.git/config");
	shell("touch repo/.git/config.worktree; mkdir -p repo/.git/info; touch repo/.git/info/attributes");
	CHECK_STRING(plan_of("repo", NULL),
	    "pin:.git lock:.git/hooks lock:.git/config lock:.git/config.worktree pin:.git/info lock:.git/info/attributes");
	CHECK_STRING(plan_of("repo", (char *[]){ config, hooks, NULL }), "pin:.git lock:.git/config.worktree pin:.git/info lock:.git/info/attributes");
	CHECK_STRING(plan_of("repo", (char *[]){ all, NULL }), "");
}

static void
test_exempts(void)
{
	static char plain[] = "a/b", dressed[] = "./c//", all[] = "/";
	char *const unprotect[] = { plain, dressed, all, NULL };

	CHECK(ab_protect_exempts(unprotect, "a/b") && ab_protect_exempts(unprotect, "a/b/x") && ab_protect_exempts(unprotect, "c/x"));
	CHECK(!ab_protect_exempts(unprotect, "a") && !ab_protect_exempts(unprotect, "a/bx") && !ab_protect_exempts(unprotect, "d"));
	CHECK(!ab_protect_exempts(NULL, "a"));
}

static void
test_unprotect_is_judged(void)
{
	static char absolute[] = "/etc", up[] = "../x";
	struct ab_plan plan;
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_CLOSE int fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);

	ab_plan_init(&plan);
	plan.tree = ab_strdup(base);
	CHECK_INT(ab_protect_plan(&plan, fd, (char *[]){ absolute, NULL }, NULL, &err), -1);
	CHECK_INT(err.code, AB_E_INPUT_INVALID);
	CHECK_INT(ab_protect_plan(&plan, fd, (char *[]){ up, NULL }, NULL, &err), -1);
	ab_plan_release(&plan);
}

static void
test_references(void)
{
	shell("git init -q refs; cd refs; mkdir -p .husky/_ tools; touch tools/run.sh gitinc; git config core.hooksPath .husky/_;"
	      "git config core.fsmonitor tools/run.sh; git config include.path ../gitinc");
	CHECK_STRING(plan_of("refs", NULL),
	    "pin:.git lock:.git/hooks lock:.git/config pin:.husky lock:.husky/_ pin:tools lock:tools/run.sh lock:gitinc");
}

static void
test_modules(void)
{
	shell("git init -q mods; mkdir -p mods/.git/modules/a/b mods/.git/modules/empty;"
	      "git init -q --bare mods/.git/modules/a/b; git init -q --bare mods/.git/modules/c; ln -s c mods/.git/modules/link");
	const char *got = plan_of("mods", NULL);
	CHECK(strstr(got, "pin:.git/modules/a/b") != NULL);
	CHECK(strstr(got, "lock:.git/modules/a/b/hooks") != NULL);
	CHECK(strstr(got, "lock:.git/modules/c/config") != NULL);
	CHECK(strstr(got, "pin:.git/modules pin:.git/modules/") != NULL || strstr(got, "pin:.git/modules ") != NULL);
	CHECK(strstr(got, "empty") == NULL && strstr(got, "link") == NULL);
	/* Above first: a pin laid over a lock would undo it. */
	CHECK(strstr(got, "pin:.git/modules/a/b") < strstr(got, "lock:.git/modules/a/b/hooks"));
}

static void
test_bare(void)
{
	shell("git init -q --bare bare.git");
	CHECK_STRING(plan_of("bare.git", NULL), "lock:hooks lock:config");
}

static void
test_git_is_a_link(void)
{
	shell("mkdir linked; git init -q linked/real; ln -s real/.git linked/.git");
	CHECK_STRING(plan_of("linked", NULL), ""); /* cannot be locked; it is watched */
}

static void
test_worktree(void)
{
	shell("git init -q main; cd main; git -c user.name=x -c user.email=x@y commit -q --allow-empty -m x; git worktree add -q ../wt 2>&1");
	CHECK_STRING(plan_of("wt", NULL),
	    "lock:.git rw:main/.git ro:main/.git/hooks ro:main/.git/config ro:main/.git/worktrees rw:main/.git/worktrees/wt"
	    " ro:main/.git/worktrees/wt/commondir ro:main/.git/worktrees/wt/gitdir");
	/* Rewritten to lead elsewhere: not followed. */
	shell("mkdir evil; printf 'gitdir: %s/main/.git/worktrees/wt\\n' \"$PWD\" >evil/.git");
	CHECK_STRING(plan_of("evil", NULL), "lock:.git");
	shell("printf 'gitdir: %s/repo/.git\\n' \"$PWD\" >evil/.git");
	CHECK_STRING(plan_of("evil", NULL), "lock:.git");
	/* A gitdir that points back, but is nobody's worktree. */
	shell("mkdir forged; printf '%s/evil/.git\\n' \"$PWD\" >forged/gitdir; echo / >forged/commondir;"
	      "printf 'gitdir: %s/forged\\n' \"$PWD\" >evil/.git");
	CHECK_STRING(plan_of("evil", NULL), "lock:.git");
	/* One that is, but says that its repository is another. */
	shell("mkdir -p forged/worktrees/x; cp forged/gitdir forged/worktrees/x/; echo ../../../main/.git >forged/worktrees/x/commondir;"
	      "printf 'gitdir: %s/forged/worktrees/x\\n' \"$PWD\" >evil/.git");
	CHECK_STRING(plan_of("evil", NULL), "lock:.git");
	/* Inside the tree: locked where it is. */
	shell("mkdir own; git init -q --bare own/.bare; echo 'gitdir: ./.bare' >own/.git");
	CHECK_STRING(plan_of("own", NULL), "lock:.git pin:.bare lock:.bare/hooks lock:.bare/config");
}

static void
test_home(void)
{
	AB_AUTO_FREE char *home = ab_asprintf("%s/home", base);

	shell("mkdir -p home/.config/git home/.ssh; touch home/.bashrc home/.config/git/config home/.other");
	CHECK_STRING(plan_of("home", NULL), "");
	setenv("HOME", home, 1);
	CHECK_STRING(plan_of("home", NULL), "lock:.bashrc pin:.config pin:.config/git lock:.config/git/config lock:.ssh");
	setenv("HOME", base, 1);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "a plain tree", test_plain_tree },
		{ "a repository", test_repository },
		{ "what is exempt", test_exempts },
		{ "--unprotect is judged", test_unprotect_is_judged },
		{ "what the configuration refers to", test_references },
		{ "submodules' repositories", test_modules },
		{ "a bare repository", test_bare },
		{ ".git is a link", test_git_is_a_link },
		{ "a worktree", test_worktree },
		{ "a home directory", test_home },
	};

	if (mkdtemp(base) == NULL)
		return 1;
	setenv("HOME", base, 1);
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
	unsetenv("AB_HOME");
	unsetenv("XDG_STATE_HOME");
	int status = tap_run(tests, AB_COUNT_OF(tests));
	AB_AUTO_FREE char *clean = ab_asprintf("rm -rf '%s'", base);
	return system(clean) != 0 ? 1 : status;
}
