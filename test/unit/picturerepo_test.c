/* sys/picturerepo: what of the repositories in a tree is seen. */
#include "picture_words.h"
#include "sys/picture.h"

/* An empty one, by hand: a name for each of its parts. */
#define GITDIR(dir) "mkdir -p " dir "/objects " dir "/refs; echo 'ref: refs/heads/x' >" dir "/HEAD; touch " dir "/config;"

static void
test_parts(void)
{
	CHECK_STRING(seen_in(GITDIR(".git") "cd .git; mkdir -p hooks/d info rebase-merge worktrees/w/rebase-merge; touch config.worktree commondir"
					    " description index info/attributes info/exclude hooks/pre-push hooks/a.sample"
					    " rebase-merge/git-rebase-todo rebase-merge/done; cd worktrees/w; touch commondir gitdir HEAD"
					    " config.worktree rebase-merge/git-rebase-todo",
			 NULL),
	    "repo:.git file:.git/commondir config:.git/config config:.git/config.worktree file:.git/hooks/pre-push file:.git/info/attributes"
	    " file:.git/rebase-merge/git-rebase-todo file:.git/worktrees/w/commondir config:.git/worktrees/w/config.worktree"
	    " file:.git/worktrees/w/gitdir file:.git/worktrees/w/rebase-merge/git-rebase-todo");
	CHECK(complete);
	/* Hooks behind a link, one that leads out. */
	CHECK_STRING(seen_in(GITDIR(".git") "mkdir h ../o$$; touch h/x ../o$$/x; ln -s ../h .git/hooks; ln -s ../../o$$ .git/worktrees", NULL),
	    "repo:.git config:.git/config file:.git/hooks file:.git/hooks/x");
	/* The whole of it behind a link: the link counts, and what git finds there. */
	CHECK_STRING(seen_in(GITDIR("g") "rm -r g/refs; ln -s g .git", NULL), "file:.git config:.git/config");
}

static void
test_references(void)
{
	CHECK_STRING(seen_in(GITDIR(".git") "mkdir h t; touch h/pre-push t/run t/other; printf '[core]\\nhooksPath = h\\npager = t/run -x\\n[include]\\n"
					    "path = ../more\\n' >.git/config; echo '[alias]x = !t/other' >more",
			 NULL),
	    "repo:.git config!:.git/config file:h/pre-push file:more file:t/other file:t/run");
	CHECK_STRING(seen_in(GITDIR(".git") "touch a b; echo '[core]pager = ./a' >.git/config.worktree; echo '[user]name = ./b' >.git/config", NULL),
	    "repo:.git config:.git/config config!:.git/config.worktree file:a");
}

static void
test_without_work_tree(void)
{
	/* The tree is one. */
	CHECK_STRING(seen_in(GITDIR(".") "mkdir hooks; touch hooks/update x; echo '[core]pager = ./x' >config", NULL), "config!:config file:hooks/update file:x");
	/* One below: its objects are not looked through. */
	CHECK_STRING(seen_in(GITDIR("a/b") "mkdir a/b/objects/d; touch a/b/objects/d/.envrc a/.vimrc", NULL),
	    "deep-file:a/.vimrc deep-repo:a/b deep-config:a/b/config");
	CHECK(complete);
	/* Not one. */
	CHECK_STRING(seen_in("mkdir -p a/objects/d; touch a/HEAD a/config a/objects/d/.envrc", NULL), "deep-file:a/objects/d/.envrc");
}

static void
test_modules(void)
{
	CHECK_STRING(seen_in(GITDIR(".git") GITDIR(".git/modules/a/b") GITDIR(".git/modules/a/b/modules/c") "touch .git/modules/x; mkdir .git/modules/e", NULL),
	    "repo:.git config:.git/config repo:.git/modules/a/b config:.git/modules/a/b/config repo:.git/modules/a/b/modules/c"
	    " config:.git/modules/a/b/modules/c/config");
	CHECK(complete);
	/* Eight deep. */
	seen_in(GITDIR(".git") GITDIR(".git/modules/1/2/3/4/5/6/7/8"), NULL);
	CHECK(strstr(words, "repo:.git/modules/1/2/3/4/5/6/7/8") != NULL && complete);
	seen_in(GITDIR(".git") GITDIR(".git/modules/1/2/3/4/5/6/7/8/9"), NULL);
	CHECK(strstr(words, "/9") == NULL && !complete);
}

static void
test_pointer(void)
{
	CHECK_STRING(seen_in(GITDIR("g") "mkdir a; echo 'gitdir: ../g' >a/.git; touch g/commondir", NULL),
	    "deep-file:a/.git deep-repo:g deep-file:g/commondir deep-config:g/config");
	CHECK_STRING(seen_in(GITDIR("g/.hidden/er/and/deep/er") "echo \"gitdir: $PWD/g/.hidden/er/and/deep/er\" >.git", NULL),
	    "file:.git repo:g/.hidden/er/and/deep/er config:g/.hidden/er/and/deep/er/config");
	CHECK_STRING(seen_in("echo 'gitdir: .' >.git; touch config", NULL), "file:.git");
	/* One outside: what its configuration names in the tree, of the top alone. */
	CHECK_STRING(seen_in(GITDIR("../o$$") "echo \"gitdir: ../o$$\" >.git; touch x; echo '[core]pager = ./x' >../o$$/config", NULL), "file:.git file:x");
	CHECK_STRING(seen_in(GITDIR("../p$$") "mkdir a; echo \"gitdir: ../../p$$\" >a/.git; touch x; echo '[core]pager = ./x' >../p$$/config", NULL),
	    "deep-file:a/.git");
}

static void
test_submodules(void)
{
	/* Deeper than is looked, and not counted as found below; one that is met twice counts once, as at the top. */
	CHECK_STRING(seen_in("mkdir -p 1/2/3/4/5/6; git init -q 1/2/3/4/5/6; git init -q s; printf '[submodule \"x\"]\\npath = 1/2/3/4/5/6\\n"
			     "[submodule \"y\"]\\npath = s\\nurl = t\\n' >.gitmodules; git init -q t",
			 NULL),
	    "file:.gitmodules repo:1/2/3/4/5/6/.git config:1/2/3/4/5/6/.git/config repo:s/.git config:s/.git/config deep-repo:t/.git"
	    " deep-config:t/.git/config");
	CHECK_STRING(seen_in("git init -q ../q$$; printf \"[submodule \\\"x\\\"]\\npath = ../q$$\\n\" >.gitmodules", NULL), "file:.gitmodules");
}

/* 1,024 in all are looked at; that there are more is said. */
static void
test_many(void)
{
	seen_in("git init -q .; mkdir -p .git/worktrees; cd .git/worktrees; seq 1024 | xargs mkdir", NULL);
	CHECK(complete);
	seen_in("git init -q .; mkdir -p .git/worktrees; cd .git/worktrees; seq 1025 | xargs mkdir", NULL);
	CHECK(!complete);
	seen_in("seq 1024 | sed 's/.*/[submodule \"&\"]\\n\\tpath = m&/' >.gitmodules", NULL);
	CHECK(complete);
	seen_in("seq 1025 | sed 's/.*/[submodule \"&\"]\\n\\tpath = m&/' >.gitmodules", NULL);
	CHECK(!complete);
	seen_in(GITDIR(".git") "mkdir .git/modules; cd .git/modules; seq 1024 | xargs mkdir", NULL);
	CHECK(complete);
	seen_in(GITDIR(".git") "mkdir .git/modules; cd .git/modules; seq 1025 | xargs mkdir", NULL);
	CHECK(!complete);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "the parts of a repository", test_parts },
		{ "what its configuration names", test_references },
		{ "one without a work tree", test_without_work_tree },
		{ "modules, and their bounds", test_modules },
		{ "a .git that is a file", test_pointer },
		{ "submodules", test_submodules },
		{ "more than are looked at", test_many },
	};

	return tree_tests(tests, AB_COUNT_OF(tests));
}
