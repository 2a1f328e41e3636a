/* ULIDs: https://github.com/ulid/spec, with the monotonic rule of its section "Monotonicity". */
#include "core/id.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

#include "core/time.h"

static void
random_bytes(void *to, size_t len)
{
	/* never short at this size, and fails only before the pool is ready (it waits) or without the system call */
	while (getrandom(to, len, 0) != (ssize_t)len)
		if (errno != EINTR)
			abort();
}

/* 26 digits of 5 bits from 130 bits: 2 of nothing, 48 of time, 80 of chance. */
static void
print(char *text, int64_t time_ms, unsigned __int128 chance)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	unsigned __int128 bits = ((unsigned __int128)time_ms << 80) | chance;

	for (int at = 25; at >= 0; at--) {
		text[at] = digits[(unsigned)bits & 31];
		bits >>= 5;
	}
	text[26] = '\0';
}

const char *
ab_id_new(char text[static AB_ID_SIZE])
{
	static int64_t last_ms;
	static unsigned __int128 last_chance;
	const unsigned __int128 bound = (unsigned __int128)1 << 80;
	unsigned __int128 chance = 0;
	int64_t now_ms = ab_now_unix_ms();

	random_bytes(&chance, sizeof(chance));
	chance >>= 48;
	if (now_ms <= last_ms) {
		/* A step of chance, not 1: a process forked in this millisecond starts from the same value. */
		now_ms = last_ms;
		chance = last_chance + 1 + (chance & UINT64_C(0xffffffffff));
		if (chance >= bound) {
			chance -= bound;
			now_ms++;
		}
	}
	last_ms = now_ms;
	last_chance = chance;
	print(text, now_ms, chance);
	return text;
}
