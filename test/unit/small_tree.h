/* What tests that make a few files have in common: a directory of their own. */
#ifndef AB_TEST_SMALL_TREE_H
#define AB_TEST_SMALL_TREE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[64];

/* A path in it; one at a time. */
static inline char *
at(const char *rel)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", base, rel);
	return path;
}

/* Make it, with a directory `tree` in it. */
static inline bool
make_base(const char *name)
{
	snprintf(base, sizeof(base), "/tmp/ab-%s-XXXXXX", name);
	return mkdtemp(base) != NULL && mkdir(at("tree"), 0755) == 0;
}

static inline void
put_file(const char *rel, const char *text)
{
	FILE *file = fopen(at(rel), "we");

	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		printf("# cannot write %s\n", rel);
}

static inline int
open_tree_at(const char *rel)
{
	return open(at(rel), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

#endif
