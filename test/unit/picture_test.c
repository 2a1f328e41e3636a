/* sys/picture: what is seen at the top of a tree and below it, within which bounds; finding and comparing entries. */
#include "sys/picture.h"

#include "picture_words.h"

static void
test_top(void)
{
	CHECK_STRING(seen_in("true", NULL), "");
	CHECK(complete);
	CHECK_STRING(seen_in("touch .envrc .other x.c; mkdir -p .bashrc .ssh .vscode/d .claude; touch .vscode/tasks.json .vscode/a.sample .ssh/rc"
			     " .claude/settings.json .claude/other",
			 NULL),
	    "file:.claude/settings.json file:.envrc file:.ssh/rc file:.vscode/tasks.json");
	CHECK(complete);
	/* Names that do not fit into one buffer: each is asked for. */
	CHECK_STRING(seen_in("seq -f entry-with-a-long-name-%.0f 2000 | xargs touch; touch .zshrc; mkdir .ssh; touch .ssh/rc", NULL),
	    "file:.ssh/rc file:.zshrc");
	CHECK(complete);
}

static void
test_below(void)
{
	CHECK_STRING(seen_in("mkdir -p a/.vscode b/c; touch a/.envrc a/.other a/.vscode/tasks.json b/c/mise.toml b/c/.gdbinit", NULL),
	    "deep-file:a/.envrc deep-file:a/.vscode/tasks.json deep-file:b/c/.gdbinit");
	CHECK_STRING(seen_in("git init -q a/b", NULL), "deep-repo:a/b/.git deep-config:a/b/.git/config");
	CHECK(complete);
}

static void
test_depth(void)
{
	CHECK_STRING(seen_in("mkdir -p a/b/c/d; touch a/b/c/d/.envrc", NULL), "deep-file:a/b/c/d/.envrc");
	CHECK(complete);
	CHECK_STRING(seen_in("mkdir -p a/b/c/d/e; touch a/b/c/d/.envrc a/b/c/d/e/.envrc", NULL), "deep-file:a/b/c/d/.envrc");
	CHECK(!complete);
}

static void
test_entries(void)
{
	struct tree tree;
	struct ab_picture picture;

	/* With `.`, `..` and d at the top, and `.` and `..` in d: 20,000. */
	tree_begin(&tree, "mkdir d; cd d; seq 19995 | xargs touch");
	take(&tree, NULL, &picture);
	CHECK(picture.complete);
	ab_picture_release(&picture);
	shell(tree.name, "touch .envrc");
	take(&tree, NULL, &picture);
	CHECK(!picture.complete);
	CHECK_STRING(words_of(&picture), "file:.envrc"); /* the top counts all the same */
	ab_picture_release(&picture);
	tree_end(&tree);
}

static void
test_files_of_a_directory(void)
{
	struct tree tree;
	struct ab_picture picture;

	tree_begin(&tree, "mkdir .vscode; cd .vscode; seq 255 | xargs touch; touch x.sample");
	take(&tree, NULL, &picture);
	CHECK(picture.complete);
	CHECK_INT(picture.count, 255);
	ab_picture_release(&picture);
	shell(tree.name, "touch .vscode/a .vscode/b .vscode/c");
	take(&tree, NULL, &picture);
	CHECK(!picture.complete);
	CHECK_INT(picture.count, 256);
	ab_picture_release(&picture);
	tree_end(&tree);
}

/* How many .envrc are found below the top within no time at all. */
static size_t
found_at_once(const struct tree *tree, bool *whole)
{
	struct ab_picture picture;
	size_t found = 0;

	ab_picture_take(tree->fd, tree->path, NULL, NULL, 0, &picture);
	for (size_t i = 0; i < picture.count; i++)
		found += picture.entry[i].deep;
	*whole = picture.complete;
	CHECK(ab_picture_find(&picture, ".git/config") != NULL); /* the top, whatever it takes */
	CHECK(ab_picture_find(&picture, ".bashrc") != NULL);
	ab_picture_release(&picture);
	return found;
}

static void
test_time(void)
{
	struct tree tree;
	struct ab_picture picture;
	bool whole;

	/* The top and 31 directories: as many as are listed whatever the time. */
	tree_begin(&tree, "git init -q .; touch .bashrc; for i in $(seq 31); do mkdir d$i; touch d$i/.envrc; done");
	CHECK_INT(found_at_once(&tree, &whole), 31);
	CHECK(whole);
	shell(tree.name, "for i in $(seq 32 40); do mkdir d$i; touch d$i/.envrc; done");
	CHECK_INT(found_at_once(&tree, &whole), 31);
	CHECK(!whole);
	take(&tree, NULL, &picture);
	CHECK(picture.complete);
	CHECK(ab_picture_find(&picture, "d40/.envrc") != NULL);
	ab_picture_release(&picture);
	tree_end(&tree);
}

static void
test_unreadable(void)
{
	if (geteuid() == 0)
		TAP_SKIP("root may read everything");
	/* A gap, and no more than that. */
	CHECK_STRING(seen_in("mkdir a m z; touch a/.envrc z/.envrc; chmod 0 m", NULL), "deep-file:a/.envrc deep-file:z/.envrc");
	CHECK(!complete);
}

static void
test_unprotect(void)
{
	static char vscode[] = "./.vscode//", git[] = ".git", below[] = "a/.envrc";
	static const char script[] = "git init -q .; git config core.pager x; touch .git/hooks/pre-push .envrc .vscoded; mkdir .vscode a;"
				     " touch .vscode/tasks.json a/.envrc a/.vimrc";

	CHECK_STRING(seen_in(script, (char *[]){ vscode, NULL }), "file:.envrc repo:.git config!:.git/config file:.git/hooks/pre-push"
								  " deep-file:a/.envrc deep-file:a/.vimrc");
	/* The commands in a configuration are told all the same. */
	CHECK_STRING(seen_in(script, (char *[]){ git, below, NULL }), "file:.envrc config!:.git/config file:.vscode/tasks.json deep-file:a/.vimrc");
}

static void
test_links(void)
{
	CHECK_STRING(seen_in("mkdir real; touch real/x; ln -s real .vscode", NULL), "file:.vscode file:.vscode/x");
	CHECK_STRING(seen_in("mkdir ../out$$; touch ../out$$/x; ln -s ../out$$ .vscode; ln -s /nowhere .envrc", NULL), "file:.envrc file:.vscode");
	CHECK_STRING(seen_in("mkdir real; touch real/x; ln -s \"$PWD/real\" .vscode", NULL), "file:.vscode file:.vscode/x"); /* out and back */
	CHECK_STRING(seen_in("mkdir real; touch real/x; ln -s \"$PWD/real\" ../via$$; ln -s ../via$$ .vscode", NULL), "file:.vscode file:.vscode/x");
	/* Not to look for more below. */
	CHECK_STRING(seen_in("mkdir a; touch a/.envrc; ln -s a b; ln -s . c", NULL), "deep-file:a/.envrc");
	CHECK(complete);
}

/* What a script makes of one entry: 's' same or 'd' different, and the same for what it leads to. */
static const char *
changed_by(const char *prepare, const char *path, const char *script)
{
	static char told[3];
	struct tree tree;
	struct ab_picture before, after;

	tree_begin(&tree, prepare);
	take(&tree, NULL, &before);
	shell(tree.name, script);
	take(&tree, &before, &after);
	const struct ab_picture_entry *was = ab_picture_find(&before, path), *now = ab_picture_find(&after, path);
	told[0] = '\0';
	if (CHECK(was != NULL) && CHECK(now != NULL)) {
		told[0] = ab_picture_same(was, now) ? 's' : 'd';
		told[1] = was->commands == now->commands ? 's' : 'd';
	}
	ab_picture_release(&before);
	ab_picture_release(&after);
	tree_end(&tree);
	return told;
}

static void
test_same(void)
{
	CHECK_STRING(changed_by("echo x >.envrc", ".envrc", "cat .envrc; touch other"), "ss");
	CHECK_STRING(changed_by("echo x >.envrc", ".envrc", "chmod +x .envrc"), "ds");
	CHECK_STRING(changed_by("echo x >.envrc", ".envrc", "echo xy >.envrc"), "ds");
	CHECK_STRING(changed_by("echo x >.envrc; sleep 0.05", ".envrc", "echo y >.envrc; touch -d @1 .envrc"), "ds"); /* no longer, no newer: ctime */
	CHECK_STRING(changed_by("echo x >.envrc", ".envrc", "cp -p .envrc n; mv n .envrc"), "ds");
	CHECK_STRING(changed_by("echo x >s; ln -s s .envrc", ".envrc", "echo xy >s"), "sd"); /* the link is the same, the script is not */
	CHECK_STRING(changed_by("ln -s s .envrc", ".envrc", "echo x >s"), "sd");
	CHECK_STRING(changed_by("ln -s s .envrc", ".envrc", "mkdir s"), "ss"); /* no file */
}

static void
test_find(void)
{
	struct tree tree;
	struct ab_picture picture = { 0 };

	CHECK(ab_picture_find(&picture, ".envrc") == NULL);
	tree_begin(&tree, "touch .envrc .zshrc .bashrc; for i in $(seq 100); do mkdir d$i; touch d$i/.vimrc; done");
	take(&tree, NULL, &picture);
	CHECK_INT(picture.count, 103);
	for (size_t i = 0; i < picture.count; i++)
		CHECK(ab_picture_find(&picture, picture.entry[i].path) == &picture.entry[i]);
	CHECK(ab_picture_find(&picture, "d7/.vim") == NULL);
	CHECK(ab_picture_find(&picture, "") == NULL);
	ab_picture_release(&picture);
	CHECK(picture.entry == NULL && picture.count == 0);
	ab_picture_release(&picture);
	tree_end(&tree);
}

/* The number of .git/config's commands when the picture from before says 42. */
static uint64_t
read_again(const char *prepare, const char *script)
{
	struct tree tree;
	struct ab_picture before, after;
	uint64_t commands = 0;

	tree_begin(&tree, prepare);
	take(&tree, NULL, &before);
	for (size_t i = 0; i < before.count; i++)
		if (strcmp(before.entry[i].path, ".git/config") == 0)
			before.entry[i].commands = 42;
	shell(tree.name, script);
	take(&tree, &before, &after);
	const struct ab_picture_entry *now = ab_picture_find(&after, ".git/config");
	if (CHECK(now != NULL))
		commands = now->commands;
	ab_picture_release(&before);
	ab_picture_release(&after);
	tree_end(&tree);
	return commands;
}

static void
test_configuration(void)
{
	CHECK_INT(read_again("git init -q .", "touch x"), 42); /* not read: it has not changed */
	CHECK_INT(read_again("git init -q .", "git config user.name y"), 0);
	CHECK(read_again("git init -q .", "git config core.pager y") > 42);
	CHECK_INT(read_again("git init -q .; mv .git/config c; ln -s ../c .git/config", "touch x"), 0); /* a link tells nothing of its file */
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "the top", test_top },
		{ "below the top", test_below },
		{ "the bound in depth", test_depth },
		{ "the bound in entries", test_entries },
		{ "the bound in files of a directory", test_files_of_a_directory },
		{ "the bound in time", test_time },
		{ "what cannot be read is a gap", test_unreadable },
		{ "what is unprotected", test_unprotect },
		{ "links", test_links },
		{ "the same or not", test_same },
		{ "find and release", test_find },
		{ "a configuration is read again when it changed", test_configuration },
	};

	return tree_tests(tests, AB_COUNT_OF(tests));
}
