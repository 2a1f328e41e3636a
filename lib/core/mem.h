/*
 * Ownership: cleanup attributes, hand-over, and allocation that cannot fail.
 *
 * Every owner is declared with one of the AB_AUTO_* attributes and initialised; it is given away with ab_steal. Cleanup
 * does not run on _exit(), so only main() ends the process and children that never return use _exit(). Out of memory
 * aborts; every buffer that outside data can grow has a maximum, so that no input can cause it.
 */
#ifndef AB_CORE_MEM_H
#define AB_CORE_MEM_H

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/error.h"

#define AB_CLEANUP(function) __attribute__((cleanup(function)))
#define AB_AUTO_FREE AB_CLEANUP(ab_free_indirect)
#define AB_AUTO_CLOSE AB_CLEANUP(ab_close_indirect)
#define AB_AUTO_STRV AB_CLEANUP(ab_strv_free_indirect)

/* free(*p); *p = NULL. close(*fd) when >= 0; *fd = -1; errno is kept. */
void ab_free_indirect(void *p);
void ab_close_indirect(int *fd);
/* A NULL-ended vector of heap strings, freed with its strings. NULL is allowed. */
void ab_strv_free(char **vector);
void ab_strv_free_indirect(char ***vector);

/* Take the value of an owner and leave it empty: `return ab_steal(&name);`, `plan->fd = ab_steal_fd(&fd);`. */
#define ab_steal(p)                            \
	({                                     \
		__typeof__(*(p)) _taken = *(p); \
		*(p) = NULL;                   \
		_taken;                        \
	})
static inline int
ab_steal_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

/* As malloc, calloc, reallocarray, strdup, strndup, asprintf; abort when memory is out. The caller frees. */
void *ab_malloc(size_t size) __attribute__((malloc, returns_nonnull));
void *ab_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *ab_reallocarray(void *old, size_t count, size_t size) __attribute__((returns_nonnull));
char *ab_strdup(const char *text) __attribute__((malloc, returns_nonnull));
char *ab_strndup(const char *text, size_t len) __attribute__((malloc, returns_nonnull));
char *ab_asprintf(const char *fmt, ...) AB_PRINTF(1, 2) __attribute__((malloc, returns_nonnull));

/* Append a copy of text to a NULL-ended vector of *count strings, growing it. */
void ab_strv_push(char ***vector, size_t *count, const char *text);

#define AB_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
