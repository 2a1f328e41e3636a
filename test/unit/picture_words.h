/* For the tests of pictures: a tree from a script, and what is seen in it as words. */
#ifndef AB_TEST_PICTURE_WORDS_H
#define AB_TEST_PICTURE_WORDS_H

#include <fcntl.h>
#include <sys/stat.h>

#include "core/time.h"
#include "sys/picture.h"
#include "tree_make.h"

static char words[65536];
static bool complete;

struct tree {
	char name[16], path[64];
	int fd;
};

static inline void
tree_begin(struct tree *tree, const char *script)
{
	static unsigned trees;

	snprintf(tree->name, sizeof(tree->name), "t%u", trees++);
	snprintf(tree->path, sizeof(tree->path), "%s/%s", base, tree->name);
	CHECK(mkdir(tree->path, 0755) == 0);
	shell(tree->name, script);
	tree->fd = open(tree->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static inline void
tree_end(struct tree *tree)
{
	ab_close_indirect(&tree->fd);
}

/* A picture's entries: `file:PATH`, `config:PATH`, `repo:PATH`; `deep-…` when found below the top, `config!:` when it has commands. */
static inline const char *
words_of(const struct ab_picture *picture)
{
	static const char *const kind[] = { [AB_PICTURE_FILE] = "file", [AB_PICTURE_CONFIG] = "config", [AB_PICTURE_REPOSITORY] = "repo" };
	size_t len = 0;

	words[0] = '\0';
	for (size_t i = 0; i < picture->count && len < sizeof(words); i++) {
		const struct ab_picture_entry *entry = &picture->entry[i];
		len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%s%s%s:%s", len > 0 ? " " : "", entry->deep ? "deep-" : "",
		    kind[entry->kind], entry->kind == AB_PICTURE_CONFIG && entry->commands != 0 ? "!" : "", entry->path);
	}
	complete = picture->complete;
	return words;
}

static inline void
take(const struct tree *tree, const struct ab_picture *before, struct ab_picture *picture)
{
	ab_picture_take(tree->fd, tree->path, NULL, before, AB_NEVER, picture);
}

/* The words for a fresh tree that a script makes; complete is set. */
static inline const char *
seen_in(const char *script, char *const *unprotect)
{
	struct tree tree;
	struct ab_picture picture;

	tree_begin(&tree, script);
	ab_picture_take(tree.fd, tree.path, unprotect, NULL, AB_NEVER, &picture);
	words_of(&picture);
	ab_picture_release(&picture);
	tree_end(&tree);
	return words;
}

#endif
