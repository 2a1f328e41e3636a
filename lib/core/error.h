/*
 * One error value, one closed table of codes.
 *
 * A function that can fail takes a `struct ab_error *err` as its last parameter (never NULL), writes it only on failure
 * and returns -1 or NULL. The value lives on the caller's stack, owns nothing and is never freed, so it also works when
 * memory is short. Library code neither prints nor exits; a broken invariant is an assert, not an error code.
 */
#ifndef AB_CORE_ERROR_H
#define AB_CORE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

/* In the order of the table in error.c, which gives each its string, its exit status and its sentence in ab-errors(7). */
enum ab_errcode {
	AB_E_NONE,
	AB_E_NOT_FOUND, /* exit 1: an honest "no" */
	AB_E_EXISTS,
	AB_E_CONFLICT,
	AB_E_IN_USE,
	AB_E_NOT_EMPTY,
	AB_E_NO_MATCH,
	AB_E_GONE,
	AB_E_USAGE,	      /* exit 2: wrong command line */
	AB_E_INPUT_MALFORMED, /* exit 3: wrong input */
	AB_E_INPUT_INVALID,
	AB_E_INPUT_TOO_LONG,
	AB_E_IS_DIRECTORY,
	AB_E_NOT_DIRECTORY,
	AB_E_SCOPE_ESCAPE, /* exit 4: refused */
	AB_E_DENIED_DANGEROUS,
	AB_E_DENIED_POLICY,
	AB_E_DENIED_PERMISSION,
	AB_E_ISOLATION_UNAVAILABLE,
	AB_E_UNSUPPORTED,
	AB_E_HOSTKEY_UNKNOWN,
	AB_E_HOSTKEY_CHANGED,
	AB_E_AUTH_FAILED,
	AB_E_LIMIT_SIZE,
	AB_E_LIMIT_QUOTA,
	AB_E_TIMEOUT, /* exit 5: try again later */
	AB_E_BUSY,
	AB_E_CANCELLED,
	AB_E_UNAVAILABLE,
	AB_E_CONNECTION_LOST,
	AB_E_SYSTEM, /* exit 6: look at us or at the machine */
	AB_E_CORRUPT,
	AB_E_VERSION_NEWER,
	AB_E_LIMIT_STORAGE,
	AB_E_INTERNAL,
	AB_E_COUNT
};

struct ab_error {
	enum ab_errcode code;
	char msg[512];	     /* what was being done, to what (in quotes), why; reads outward-in */
	char hint[512];	     /* the next thing to type; "" for none */
	char operation[256]; /* what was refused, bounded; "" for none */
};

#define AB_ERROR_INIT { .code = AB_E_NONE }
#define AB_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define AB_MUST_USE __attribute__((warn_unused_result))

/*
 * Set code and message (hint and operation are cleared) and return -1. A message longer than the field is cut at a
 * character boundary; control characters become '?' when the error is printed, not here.
 */
int ab_fail(struct ab_error *err, enum ab_errcode code, const char *fmt, ...) AB_PRINTF(3, 4);

/* As ab_fail, and appends ": " and strerror(errno_value); the code comes from errno (ENOENT: not_found, EACCES and EPERM:
 * denied.permission, EEXIST: exists, ENOTDIR, EISDIR, ENOTEMPTY, ENOSPC/EDQUOT: limit.storage, else system). */
int ab_fail_errno(struct ab_error *err, int errno_value, const char *fmt, ...) AB_PRINTF(3, 4);

/* Prefix what the caller was doing: `scope "s1": open "a/b": No such file or directory`. */
void ab_error_context(struct ab_error *err, const char *fmt, ...) AB_PRINTF(2, 3);

void ab_error_hint(struct ab_error *err, const char *fmt, ...) AB_PRINTF(2, 3);
void ab_error_operation(struct ab_error *err, const char *fmt, ...) AB_PRINTF(2, 3);

/* The stable string ("not_found"), the exit status of its class, and the sentence that ab-errors(7) prints. */
const char *ab_errcode_name(enum ab_errcode code);
/* Back from the string; AB_E_INTERNAL for one that is none. */
enum ab_errcode ab_errcode_from_name(const char *name);
int ab_errcode_status(enum ab_errcode code);
const char *ab_errcode_text(enum ab_errcode code);
bool ab_errcode_retryable(enum ab_errcode code);

/* Replace every control character of text (also those of U+0080 to U+009F, which terminals obey) and what is no UTF-8 by `?`. */
void ab_error_sanitize(char *text);

#endif
