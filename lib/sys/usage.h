/*
 * How much a directory holds: counted in steps, so that a loop can do other things meanwhile.
 *
 * Nothing outside is touched: links are counted, not followed; other file systems mounted below are not entered. A file with
 * several names (hard links) counts once.
 */
#ifndef AB_SYS_USAGE_H
#define AB_SYS_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

struct ab_usage_total {
	uint64_t files;		  /* everything that is not a directory, each once */
	uint64_t directories;	  /* without the top one */
	uint64_t bytes;		  /* apparent sizes of regular files */
	uint64_t allocated_bytes; /* what the file system gave, directories and the top included; see st_blocks in stat(3type) */
	uint64_t unreadable;	  /* directories that could not be read, or lie deeper than 1,000 below the top */
};

struct ab_usage; /* opaque: a count that is under way */

/* Begin with an open directory (any descriptor of it; not taken). */
struct ab_usage *ab_usage_open(int dirfd, struct ab_error *err) AB_MUST_USE;
/* Count about `entries` more: true while there is more to count. */
bool ab_usage_step(struct ab_usage *usage, unsigned entries);
const struct ab_usage_total *ab_usage_total(const struct ab_usage *usage);
void ab_usage_close(struct ab_usage *usage);

#endif
