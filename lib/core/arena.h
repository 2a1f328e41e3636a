/*
 * Memory of one life: everything a call owns is taken from one arena and goes when the call ends.
 *
 * Parameters are dozens of small strings and vectors; one block holds them all, so a request costs no
 * allocation storm and nothing of it can leak. ab_arena_reset() keeps the first block for the next request.
 */
#ifndef AB_CORE_ARENA_H
#define AB_CORE_ARENA_H

#include <stddef.h>

struct ab_arena_block;
struct ab_arena_owner;

struct ab_arena {
	struct ab_arena_block *blocks; /* the one in use first */
	struct ab_arena_owner *owners;
};

#define AB_ARENA_INIT                                                                                          \
	{                                                                                                      \
		.blocks = NULL, .owners = NULL                                                                 \
	}
#define AB_AUTO_ARENA AB_CLEANUP(ab_arena_release)

/* Zeroed, aligned for any type, never NULL; lives until reset or release. */
void *ab_arena_alloc(struct ab_arena *arena, size_t size) __attribute__((returns_nonnull));
/* A copy of len bytes, with a NUL after them. */
char *ab_arena_copy(struct ab_arena *arena, const void *data, size_t len) __attribute__((returns_nonnull));
/* Call release(thing) when the arena is reset or released. */
void ab_arena_own(struct ab_arena *arena, void *thing, void (*release)(void *thing));
/* Everything that was taken is gone; one block is kept. */
void ab_arena_reset(struct ab_arena *arena);
void ab_arena_release(struct ab_arena *arena);

#endif
