/* For bwrap.c and bwrapview.c alone: the arguments while they are built, and what the two need of each other. */
#ifndef AB_SYS_BWRAPBUILD_H
#define AB_SYS_BWRAPBUILD_H

#include "core/buf.h"
#include "sys/bwrap.h"

struct builder {
	const struct ab_plan *plan;
	struct ab_bwrap_start *start;
	struct ab_error *err;
	struct ab_buf args; /* words, each ended by NUL */
	bool *present;	    /* for each entry of the view: a BIND or TMPFS that is there */
};

/* A descriptor as a word. */
#define AB_BWRAPBUILD_NUMBER_SIZE 24

/* ---- words and descriptors, bwrap.c ---- */

/* Append words up to NULL. */
void ab_bwrapbuild_put(struct builder *builder, ...) __attribute__((sentinel));
/* Hand fd (taken) to bwrap: its number as text. NULL with errno set when fd is -1. */
const char *ab_bwrapbuild_give(struct builder *builder, int fd, char text[static AB_BWRAPBUILD_NUMBER_SIZE]);
/* A read-only file at target that holds the bytes. */
int ab_bwrapbuild_put_data(struct builder *builder, const char *target, const char *text, size_t len) AB_MUST_USE;

/* ---- the view, bwrapview.c ---- */

/* Its entries in their order. Sets `present`, which has room for all of them, and what is missing. */
int ab_bwrapbuild_view(struct builder *builder) AB_MUST_USE;
/* The host's path of what the whole view shows at path; the caller frees. NULL: nothing of the host. */
char *ab_bwrapbuild_outside(const struct builder *builder, const char *path);

#endif
