/*
 * Any text to the guard: it answers, the same each time, and its part is a part; NUL bytes are always refused.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sys/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ab_guard_place place = { .scope = "/ws/scope", .cwd = "/ws/scope/sub" };
	struct ab_guard_verdict first, second;
	char *text = malloc(size + 1);

	if (text == NULL)
		abort();
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	bool dangerous = ab_guard_text(text, size, &place, &first);
	if (dangerous != (first.rule != NULL) || dangerous != ab_guard_text(text, size, &place, &second) || first.rule != second.rule)
		abort();
	if (memchr(text, '\0', size) != NULL && !dangerous)
		abort();
	if (dangerous && (strlen(first.part) >= sizeof(first.part) || strcmp(first.part, second.part) != 0))
		abort();
	free(text);
	return 0;
}
