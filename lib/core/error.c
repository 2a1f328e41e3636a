/* Errors: the closed table of codes, and the one value that carries them. */
#include "core/error.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"

struct row {
	const char *name;
	int status;
	bool retryable;
	const char *text;
};

/* ab-errors(7) is checked against this table; a meaning never changes, new rows may come. */
static const struct row rows[AB_E_COUNT] = {
	[AB_E_NONE] = { "none", 0, false, "No error." },
	[AB_E_NOT_FOUND] = { "not_found", 1, false, "The named thing does not exist." },
	[AB_E_EXISTS] = { "exists", 1, false, "The named thing exists already." },
	[AB_E_CONFLICT] = { "conflict", 1, false, "A condition (compare-and-set) did not hold; nothing was changed." },
	[AB_E_IN_USE] = { "in_use", 1, false, "Something that is running uses it." },
	[AB_E_NOT_EMPTY] = { "not_empty", 1, false, "It holds something; deleting it needs --recursive." },
	[AB_E_NO_MATCH] = { "no_match", 1, false, "Nothing matched." },
	[AB_E_GONE] = { "gone", 1, false, "It existed and is no longer kept." },
	[AB_E_USAGE] = { "usage", 2, false, "The command line is wrong." },
	[AB_E_INPUT_MALFORMED] = { "input.malformed", 3, false, "The input is not well-formed (JSON, UTF-8, nesting)." },
	[AB_E_INPUT_INVALID] = { "input.invalid", 3, false, "A field or value is unknown, missing, or out of range." },
	[AB_E_INPUT_TOO_LONG] = { "input.too_long", 3, false, "A line or a name is longer than its limit." },
	[AB_E_IS_DIRECTORY] = { "is_directory", 3, false, "A file was expected and a directory found." },
	[AB_E_NOT_DIRECTORY] = { "not_directory", 3, false, "A directory was expected and something else found." },
	[AB_E_SCOPE_ESCAPE] = { "scope.escape", 4, false, "The path or name leads out of the scope." },
	[AB_E_DENIED_DANGEROUS] = { "denied.dangerous", 4, false, "The command would destroy the machine or hand it over." },
	[AB_E_DENIED_POLICY] = { "denied.policy", 4, false, "A setting of the scope or of the batch forbids it; the message names the setting." },
	[AB_E_DENIED_PERMISSION] = { "denied.permission", 4, false, "The operating system refused access." },
	[AB_E_ISOLATION_UNAVAILABLE] = { "isolation.unavailable", 4, false, "This host does not give the isolation that was asked for; the hint is the remedy." },
	[AB_E_UNSUPPORTED] = { "unsupported", 4, false, "It cannot be done on this host, or not in this combination." },
	[AB_E_HOSTKEY_UNKNOWN] = { "hostkey.unknown", 4, false, "The remote host's key is not known." },
	[AB_E_HOSTKEY_CHANGED] = { "hostkey.changed", 4, false, "The remote host's key is not the one that is known." },
	[AB_E_AUTH_FAILED] = { "auth.failed", 4, false, "The credentials were refused." },
	[AB_E_LIMIT_SIZE] = { "limit.size", 4, false, "A size limit was reached." },
	[AB_E_LIMIT_QUOTA] = { "limit.quota", 4, false, "A quota was reached." },
	[AB_E_TIMEOUT] = { "timeout", 5, true, "The time given for it ran out." },
	[AB_E_BUSY] = { "busy", 5, true, "Something else holds it just now." },
	[AB_E_CANCELLED] = { "cancelled", 5, false, "It was cancelled before it was done." },
	[AB_E_UNAVAILABLE] = { "unavailable", 5, true, "A service or resource cannot be reached just now." },
	[AB_E_CONNECTION_LOST] = { "connection.lost", 5, true, "The connection broke; what was under way may or may not have happened." },
	[AB_E_SYSTEM] = { "system", 6, false, "The operating system failed a call that should not fail." },
	[AB_E_CORRUPT] = { "corrupt", 6, false, "Stored state is damaged; the message names the file." },
	[AB_E_VERSION_NEWER] = { "version.newer", 6, false, "Stored state was written by a newer version and was left untouched." },
	[AB_E_LIMIT_STORAGE] = { "limit.storage", 6, false, "The disk or its quota is full." },
	[AB_E_INTERNAL] = { "internal", 6, false, "A defect of ab." },
};

/* vsnprintf, cut at a UTF-8 character boundary. */
static void
format(char *to, size_t size, const char *fmt, va_list args)
{
	int len = vsnprintf(to, size, fmt, args);

	if (len < 0) {
		to[0] = '\0';
		return;
	}
	if ((size_t)len < size)
		return;
	size_t end = size - 1;
	while (end > 0 && ((unsigned char)to[end - 1] & 0xc0) == 0x80)
		end--;
	if (end > 0 && ((unsigned char)to[end - 1] & 0x80) != 0)
		end--;
	to[end] = '\0';
}

int
ab_fail(struct ab_error *err, enum ab_errcode code, const char *fmt, ...)
{
	va_list args;

	assert(err != NULL && code > AB_E_NONE && code < AB_E_COUNT);
	err->code = code;
	err->hint[0] = '\0';
	err->operation[0] = '\0';
	va_start(args, fmt);
	format(err->msg, sizeof(err->msg), fmt, args);
	va_end(args);
	return -1;
}

static enum ab_errcode
code_of_errno(int errno_value)
{
	switch (errno_value) {
	case ENOENT:
		return AB_E_NOT_FOUND;
	case EACCES:
	case EPERM:
	case EROFS:
		return AB_E_DENIED_PERMISSION;
	case EEXIST:
		return AB_E_EXISTS;
	case ENOTDIR:
		return AB_E_NOT_DIRECTORY;
	case EISDIR:
		return AB_E_IS_DIRECTORY;
	case ENOTEMPTY:
		return AB_E_NOT_EMPTY;
	case EBUSY:
		return AB_E_IN_USE;
	case ENOSPC:
	case EDQUOT:
		return AB_E_LIMIT_STORAGE;
	case E2BIG:
	case ENAMETOOLONG:
		return AB_E_INPUT_TOO_LONG;
	default:
		return AB_E_SYSTEM;
	}
}

int
ab_fail_errno(struct ab_error *err, int errno_value, const char *fmt, ...)
{
	char what[sizeof(err->msg)];
	va_list args;

	va_start(args, fmt);
	format(what, sizeof(what), fmt, args);
	va_end(args);
	return ab_fail(err, code_of_errno(errno_value), "%s: %s", what, strerror(errno_value));
}

static void joined(char *to, size_t size, const char *fmt, ...) AB_PRINTF(3, 4);

static void
joined(char *to, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	format(to, size, fmt, args);
	va_end(args);
}

void
ab_error_context(struct ab_error *err, const char *fmt, ...)
{
	char before[sizeof(err->msg)], was[sizeof(err->msg)];
	va_list args;

	va_start(args, fmt);
	format(before, sizeof(before), fmt, args);
	va_end(args);
	memcpy(was, err->msg, sizeof(was));
	joined(err->msg, sizeof(err->msg), "%s: %s", before, was);
}

void
ab_error_hint(struct ab_error *err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	format(err->hint, sizeof(err->hint), fmt, args);
	va_end(args);
}

void
ab_error_operation(struct ab_error *err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	format(err->operation, sizeof(err->operation), fmt, args);
	va_end(args);
}

const char *
ab_errcode_name(enum ab_errcode code)
{
	assert(code >= AB_E_NONE && code < AB_E_COUNT);
	return rows[code].name;
}

enum ab_errcode
ab_errcode_from_name(const char *name)
{
	for (enum ab_errcode code = AB_E_NONE + 1; code < AB_E_COUNT; code++)
		if (strcmp(rows[code].name, name) == 0)
			return code;
	return AB_E_INTERNAL;
}

int
ab_errcode_status(enum ab_errcode code)
{
	assert(code >= AB_E_NONE && code < AB_E_COUNT);
	return rows[code].status;
}

const char *
ab_errcode_text(enum ab_errcode code)
{
	assert(code >= AB_E_NONE && code < AB_E_COUNT);
	return rows[code].text;
}

bool
ab_errcode_retryable(enum ab_errcode code)
{
	assert(code >= AB_E_NONE && code < AB_E_COUNT);
	return rows[code].retryable;
}

void
ab_error_sanitize(char *text)
{
	size_t len = strlen(text);

	for (size_t at = 0; at < len;) {
		unsigned char *byte = (unsigned char *)text + at;
		size_t size = 1;
		if (*byte >= 0x80)
			while (size < 4 && at + size < len && (byte[size] & 0xc0) == 0x80)
				size++;
		bool control = *byte < 0x20 || *byte == 0x7f || (*byte == 0xc2 && byte[1] < 0xa0);
		if (control || !ab_utf8_valid(byte, size))
			memset(byte, '?', size);
		at += size;
	}
}
