/*
 * AB_HOME: where all state lives (contract section 5).
 *
 * Its place is $AB_HOME, else $XDG_STATE_HOME/ab (XDG Base Directory Specification 0.8: a relative value is ignored), else
 * ~/.local/state/ab, where ~ is $HOME or, without it, the home directory of the passwd entry. What was found is remembered for
 * the life of the process, by the text of those variables. Not for threads.
 */
#ifndef AB_SYS_HOME_H
#define AB_SYS_HOME_H

#include <stdbool.h>

#include "core/error.h"

/*
 * The canonical path of AB_HOME, made (0700, its parents too) when `make` says so. When it does not exist and is not to be made,
 * the path that it would have: nothing is ever created by a read. Refused when another user owns it or others may write to it
 * (denied.permission), and when it is not a directory. Returns a string that the caller frees, or NULL.
 */
char *ab_home_path(bool make, struct ab_error *err) AB_MUST_USE;
/* Whether the way to AB_HOME, as the environment names it, goes by a link in dir (canonical) or below: who may write there could lead
 * the next run to an AB_HOME of his own. */
bool ab_home_hangs_below(const char *dir);
/* A descriptor (O_PATH|O_DIRECTORY|O_CLOEXEC) of a directory below AB_HOME ("jobs", "tmp"), made 0700; the caller closes. */
int ab_home_dir(const char *name, struct ab_error *err) AB_MUST_USE;
/* The user's home directory as an absolute path ($HOME, else passwd), or NULL when there is none; the caller frees. Not canonical,
 * and it need not exist. */
char *ab_home_user(void) AB_MUST_USE;

#endif
