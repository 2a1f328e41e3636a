/* Memory of one life: blocks that are filled from the front and freed together. */
#include "core/arena.h"

#include <string.h>

#include "core/mem.h"

struct ab_arena_block {
	struct ab_arena_block *next;
	size_t size, used;
	_Alignas(max_align_t) char bytes[];
};

struct ab_arena_owner {
	struct ab_arena_owner *next;
	void *thing;
	void (*release)(void *thing);
};

enum { BLOCK_SIZE = 4096 };

void *
ab_arena_alloc(struct ab_arena *arena, size_t size)
{
	struct ab_arena_block *block = arena->blocks;
	size_t need = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);

	if (block == NULL || need > block->size - block->used) {
		size_t room = need > BLOCK_SIZE ? need : BLOCK_SIZE;
		block = ab_malloc(sizeof(*block) + room);
		*block = (struct ab_arena_block){ .next = arena->blocks, .size = room, .used = 0 };
		arena->blocks = block;
	}
	void *taken = block->bytes + block->used;
	block->used += need;
	return memset(taken, 0, size);
}

char *
ab_arena_copy(struct ab_arena *arena, const void *data, size_t len)
{
	char *copy = ab_arena_alloc(arena, len + 1);

	if (len > 0)
		memcpy(copy, data, len);
	return copy;
}

void
ab_arena_own(struct ab_arena *arena, void *thing, void (*release)(void *thing))
{
	struct ab_arena_owner *owner = ab_arena_alloc(arena, sizeof(*owner));

	*owner = (struct ab_arena_owner){ .next = arena->owners, .thing = thing, .release = release };
	arena->owners = owner;
}

void
ab_arena_reset(struct ab_arena *arena)
{
	struct ab_arena_block *kept = NULL, *next;

	for (struct ab_arena_owner *owner = arena->owners; owner != NULL; owner = owner->next)
		owner->release(owner->thing);
	arena->owners = NULL;
	for (struct ab_arena_block *block = arena->blocks; block != NULL; block = next) {
		next = block->next;
		if (kept == NULL && block->size == BLOCK_SIZE) {
			kept = block;
			continue;
		}
		free(block);
	}
	if (kept != NULL) {
		kept->next = NULL;
		kept->used = 0;
	}
	arena->blocks = kept;
}

void
ab_arena_release(struct ab_arena *arena)
{
	ab_arena_reset(arena);
	free(arena->blocks);
	arena->blocks = NULL;
}
