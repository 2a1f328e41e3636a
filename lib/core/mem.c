/* Ownership and allocation that cannot fail. */
#include "core/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
ab_free_indirect(void *p)
{
	void **owner = p;

	free(*owner);
	*owner = NULL;
}

void
ab_close_indirect(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

void
ab_strv_free(char **vector)
{
	if (vector == NULL)
		return;
	for (char **at = vector; *at != NULL; at++)
		free(*at);
	free(vector);
}

void
ab_strv_free_indirect(char ***vector)
{
	ab_strv_free(*vector);
	*vector = NULL;
}

static void *
checked(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

void *
ab_malloc(size_t size)
{
	return checked(malloc(size > 0 ? size : 1));
}

void *
ab_calloc(size_t count, size_t size)
{
	return checked(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *
ab_reallocarray(void *old, size_t count, size_t size)
{
	return checked(reallocarray(old, count > 0 ? count : 1, size > 0 ? size : 1));
}

char *
ab_strdup(const char *text)
{
	return checked(strdup(text));
}

char *
ab_strndup(const char *text, size_t len)
{
	return checked(strndup(text, len));
}

char *
ab_asprintf(const char *fmt, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	return checked(text);
}

void
ab_strv_push(char ***vector, size_t *count, const char *text)
{
	*vector = ab_reallocarray(*vector, *count + 2, sizeof(**vector));
	(*vector)[(*count)++] = ab_strdup(text);
	(*vector)[*count] = NULL;
}
