/* The file of a database, before SQLite sees it; for db.c. */
#ifndef AB_DATA_DBFILE_H
#define AB_DATA_DBFILE_H

#include <stdbool.h>

#include "core/error.h"

/* The directory that path lies in; the caller frees. */
char *ab_dbfile_directory(const char *path) AB_MUST_USE;
/*
 * Whether a database may be there, name for messages: a regular file, or nothing yet, on a local file system. Errors: unsupported, what
 * stat(2) and statfs(2) say; input.invalid: who would write has no directory to make it in.
 */
int ab_dbfile_check(const char *name, const char *path, bool write, struct ab_error *err) AB_MUST_USE;
/* With denied.permission, what to do about it. -1. */
int ab_dbfile_hint(const char *path, struct ab_error *err);

#endif
