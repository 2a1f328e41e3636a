/*
 * The little of git-config(1) that a launcher needs: the variables of one file, without includes, without running git.
 *
 * Syntax: https://git-scm.com/docs/git-config#_syntax: sections, subsections, comments, quotes, backslash escapes,
 * continuation lines, valueless booleans. What is not understood is skipped to the end of its line.
 */
#ifndef AB_SYS_GITCONFIG_H
#define AB_SYS_GITCONFIG_H

#include <stddef.h>

/*
 * Call each(data, "section.name" or "section.subsection.name", value) for every variable in order; section and name are lower
 * case, the subsection is as written; value is "true" for a name without `=`. Keys and values longer than 1,023 bytes are cut.
 * A non-zero return of each ends the walk and is returned.
 */
int ab_gitconfig_each(const char *text, size_t len, int (*each)(void *data, const char *key, const char *value), void *data);

#endif
