/* For picture.c and picturerepo.c alone: one look at a tree, and what they need of each other. */
#ifndef AB_SYS_PICTURELOOK_H
#define AB_SYS_PICTURELOOK_H

#include <dirent.h>

#include "sys/picture.h"

#define AB_PICTURELOOK_MODULES 1024

struct look {
	int tree_fd;
	const char *tree;
	char *const *unprotect;
	const struct ab_picture *before; /* to save reading what has not changed; NULL: the first look */
	struct ab_picture *picture;
	int64_t deadline_us, deadline_cpu_us;
	size_t entries_left, modules_left, listed;
	bool deep;
};

/* ---- picture.c ---- */

/* Add what is at a path. Its type (S_IFMT), 0 when it is not there. A thing of another type than what runs (a directory named
 * .bashrc) is not taken. */
uint32_t ab_picturelook_add(struct look *look, const char *path, enum ab_picture_kind kind);
uint32_t ab_picturelook_add_joined(struct look *look, const char *dir, const char *name, enum ab_picture_kind kind);
/* A file, or a directory and the files in it; the name of a link counts too. */
void ab_picturelook_add_either(struct look *look, const char *dir, const char *name);
/* Open a directory in the tree to list it; links that stay inside are followed, as who runs what is in it would. NULL: none; the
 * caller closes. */
DIR *ab_picturelook_list(const struct look *look, const char *path);

/* ---- picturerepo.c; dir: relative to the tree, "" is the tree ---- */

/* What the directory's `.git`, if it has one, makes of it. */
void ab_picturelook_git(struct look *look, const char *dir);
/* The parts that run of the repository whose gitdir it is. deep: in how many directories of modules it lies. */
void ab_picturelook_repository(struct look *look, const char *dir, unsigned deep);
/* The tree's own repository, and what its configuration runs or reads in the tree. */
void ab_picturelook_top(struct look *look);
/* The submodules that the tree's .gitmodules names. */
void ab_picturelook_submodules(struct look *look);

#endif
