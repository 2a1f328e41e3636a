#include "core/arena.h"

#include "core/mem.h"
#include "tap.h"

static int released;

static void
release(void *thing)
{
	released += *(int *)thing;
}

static void
test_alloc(void)
{
	AB_AUTO_ARENA struct ab_arena arena = AB_ARENA_INIT;
	int dirty = 0;

	/* many sizes, over several blocks; what was taken stays what it was */
	char *first = ab_arena_copy(&arena, "first", 5);
	for (size_t size = 0; size < 9000; size += 97) {
		char *at = ab_arena_alloc(&arena, size);
		for (size_t i = 0; i < size; i++)
			dirty += at[i] != 0;
		memset(at, 'x', size);
		CHECK_INT((uintptr_t)at % 16, 0);
	}
	CHECK_INT(dirty, 0);
	CHECK_STRING(first, "first");
}

static void
test_reset(void)
{
	AB_AUTO_ARENA struct ab_arena arena = AB_ARENA_INIT;
	int one = 1, ten = 10;

	released = 0;
	ab_arena_own(&arena, &one, release);
	ab_arena_own(&arena, &ten, release);
	ab_arena_alloc(&arena, 100000);
	void *before = ab_arena_alloc(&arena, 10);
	CHECK(before != NULL);
	ab_arena_reset(&arena);
	CHECK_INT(released, 11);
	char *at = ab_arena_alloc(&arena, 64);
	CHECK_INT(at[0] | at[63], 0);
	ab_arena_reset(&arena);
	CHECK_INT(released, 11);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "memory is zeroed, aligned and stays", test_alloc },
		{ "a reset calls owners once and starts anew", test_reset },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
