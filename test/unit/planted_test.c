/* sys/planted: what a run leaves behind that runs later. */
#include <fcntl.h>
#include <sys/stat.h>

#include "core/mem.h"
#include "sys/protect.h"
#include "tap.h"
#include "tree_make.h"

static char words[65536];
static unsigned trees;
static bool last_deep;

/* Prepare a fresh tree by one script, run another in it, and tell what was planted, as words. */
static const char *
planted_by(const char *prepare, const char *run, char *const *unprotect)
{
	AB_AUTO_FREE char *name = ab_asprintf("t%u", trees++);
	AB_AUTO_FREE char *tree = ab_asprintf("%s/%s", base, name);
	size_t len = 0;
	bool deep;

	CHECK(mkdir(tree, 0755) == 0);
	shell(name, prepare);
	AB_AUTO_CLOSE int fd = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct ab_protect *before = ab_protect_before_deep(fd, tree, unprotect, &deep);
	shell(name, run);
	AB_AUTO_STRV char **planted = ab_protect_planted(before, fd);
	last_deep = deep && ab_protect_deep(before);
	ab_protect_free(before);
	words[0] = '\0';
	for (char **at = planted; *at != NULL; at++)
		len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%s", len > 0 ? " " : "", *at);
	return words;
}

static void
test_nothing(void)
{
	CHECK_STRING(planted_by("true", "true", NULL), "");
	CHECK(last_deep);
	CHECK_STRING(planted_by(REPO, "echo x >f; git add f; git commit -q -m y; git stash list; mkdir -p a/b/c; touch a/b/c/Makefile", NULL), "");
	CHECK(last_deep);
}

static void
test_top_repository(void)
{
	CHECK_STRING(planted_by(REPO, "echo x >.git/hooks/pre-commit", NULL), ".git/hooks/pre-commit");
	CHECK_STRING(planted_by(REPO "; echo x >.git/hooks/pre-commit", "chmod +x .git/hooks/pre-commit", NULL), ".git/hooks/pre-commit");
	CHECK_STRING(planted_by(REPO, "git config branch.x.remote origin; git remote add o https://x.y/", NULL), "");
	CHECK_STRING(planted_by(REPO, "git config core.fsmonitor /tmp/x", NULL), ".git/config");
	CHECK_STRING(planted_by(REPO "; git config core.pager less", "git config branch.x.remote origin", NULL), "");
	CHECK_STRING(planted_by(REPO "; git config core.pager less", "git config core.pager more", NULL), ".git/config");
	CHECK_STRING(planted_by(REPO, "mkdir .g2; echo ../.g2 >.git/commondir", NULL), ".git/commondir");
	CHECK_STRING(planted_by(REPO, "mv .git .g2; cp -r .g2 .git; git config core.fsmonitor /x", NULL), ".g2 .git .git/config");
	CHECK_STRING(planted_by(REPO, "rm -r .git/hooks; mkdir h; touch h/pre-push; ln -s ../h .git/hooks", NULL), ".git/hooks .git/hooks/pre-push");
	CHECK_STRING(planted_by(REPO "; mkdir h; git config core.hooksPath h", "touch h/pre-push", NULL), "h/pre-push");
}

static void
test_becomes_repository(void)
{
	CHECK_STRING(planted_by("true", "git init -q .", NULL), ".git");
	CHECK_STRING(planted_by("mkdir -p a/b", "git init -q a/b", NULL), "a/b/.git");
	CHECK_STRING(planted_by("mkdir -p a/b", "git init -q --bare a/b; git -C a/b config core.fsmonitor x", NULL), "a/b a/b/config");
	CHECK_STRING(planted_by("git init -q a; mkdir b", "mv a b/c", NULL), "b/c/.git");
	CHECK_STRING(planted_by("mkdir a; git init -q b; echo 'gitdir: ../b/.git' >a/.git", "mv b c; echo 'gitdir: ../c/.git' >a/.git", NULL),
	    "a/.git c/.git");
	CHECK_STRING(planted_by("git init -q a; mv a/.git a/g; mkdir a/g/x; mv a/g/HEAD a/g/x", "mv a/g/x/HEAD a/g; mv a/g a/.git", NULL), "a/.git");
}

static void
test_nested(void)
{
	CHECK_STRING(planted_by("mkdir v; git init -q v/s", "mv v w; mkdir -p v/s/.git/hooks; touch v/s/.git/hooks/post-merge", NULL),
	    "v/s/.git v/s/.git/hooks/post-merge w/s/.git");
	CHECK_STRING(planted_by("git init -q v", "git -C v config alias.x '!sh'", NULL), "v/.git/config");
	CHECK_STRING(planted_by(REPO "; git init -q ../src$$ && git -C ../src$$ -c user.name=x -c user.email=x@y commit -q --allow-empty -m x;"
				     "git -c protocol.file.allow=always submodule --quiet add ../src$$ deep/er/and/deep/er/sub",
			 "touch .git/modules/deep/er/and/deep/er/sub/hooks/pre-push; echo 'gitdir: /x' >deep/er/and/deep/er/sub/.git", NULL),
	    ".git/modules/deep/er/and/deep/er/sub/hooks/pre-push deep/er/and/deep/er/sub/.git");
	planted_by(REPO "; git worktree add -q ../wt$$", "for d in .git/worktrees/*; do echo /x >$d/commondir; done", NULL);
	CHECK(strncmp(words, ".git/worktrees/wt", 17) == 0 && strchr(words, ' ') == NULL);
	CHECK(strstr(words, "/commondir") != NULL);
}

static void
test_rc_files(void)
{
	static char vscode[] = ".vscode", config[] = ".git/config";

	CHECK_STRING(planted_by("true", "touch .envrc .bashrc; mkdir -p .vscode .claude .ssh; touch .vscode/tasks.json .claude/settings.json .ssh/rc", NULL),
	    ".bashrc .claude/settings.json .envrc .ssh/rc .vscode/tasks.json");
	CHECK_STRING(planted_by("mkdir a; touch a/.envrc", "echo x >a/.envrc; touch a/.vimrc a/.other", NULL), "a/.envrc a/.vimrc");
	CHECK_STRING(planted_by("touch .envrc", "rm .envrc", NULL), ""); /* what is gone does not run */
	CHECK_STRING(planted_by("touch .envrc", "cp .envrc x; mv x .envrc", NULL), ".envrc");
	CHECK_STRING(planted_by("true", "mkdir .vscode; touch .vscode/tasks.json .envrc", (char *[]){ vscode, NULL }), ".envrc");
	CHECK_STRING(planted_by(REPO, "git remote add o /x", (char *[]){ config, NULL }), "");
	CHECK_STRING(planted_by(REPO, "git config core.sshCommand x", (char *[]){ config, NULL }), ".git/config"); /* told all the same */
}

static void
test_bounds(void)
{
	CHECK_STRING(planted_by("mkdir -p a/b/c/d/e", "true", NULL), "");
	CHECK(!last_deep); /* deeper than is looked */
	CHECK_STRING(planted_by("mkdir -p a/b/c/d", "git init -q a/b/c/d", NULL), "a/b/c/d/.git");
	CHECK(last_deep);
	planted_by("for i in $(seq 210); do mkdir d$i; (cd d$i && touch $(seq 100)); done", "touch .envrc; git init -q d7", NULL);
	CHECK(!last_deep); /* more than 20,000 entries */
	CHECK(strncmp(words, ".envrc", 6) == 0); /* the top counts all the same */
}

static void
test_bound_in_time(void)
{
	AB_AUTO_FREE char *tree = ab_asprintf("%s/wide", base);
	bool deep;

	CHECK(mkdir(tree, 0755) == 0);
	/* What is as old as the first look, to the tick of the clock, counts as new: hence the rest. */
	shell("wide", "for i in $(seq 2000); do mkdir d$i d$i/e; done; git init -q d3; sleep 0.1");
	AB_AUTO_CLOSE int fd = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct ab_protect *before = ab_protect_before(fd, tree, NULL, &deep);
	CHECK(!deep);
	shell("wide", "sleep 2.5; git init -q d1999; git -C d1999 config core.fsmonitor x; touch .bashrc");
	AB_AUTO_STRV char **planted = ab_protect_planted(before, fd);
	/* It ran long enough for a whole second look; what was there before is told apart by its time. */
	words[0] = '\0';
	for (char **at = planted; *at != NULL; at++)
		snprintf(words + strlen(words), sizeof(words) - strlen(words), "%s ", *at);
	CHECK_STRING(words, ".bashrc d1999/.git d1999/.git/config ");
	CHECK(!ab_protect_deep(before));
	ab_protect_free(before);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "ordinary work plants nothing", test_nothing },
		{ "the top repository", test_top_repository },
		{ "a directory becomes a repository", test_becomes_repository },
		{ "nested repositories", test_nested },
		{ "rc files", test_rc_files },
		{ "bounds in depth and number", test_bounds },
		{ "the bound in time", test_bound_in_time },
	};

	return tree_tests(tests, AB_COUNT_OF(tests));
}
