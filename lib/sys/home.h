/* AB_HOME: where all state lives (contract section 5). */
#ifndef AB_SYS_HOME_H
#define AB_SYS_HOME_H

#include "core/error.h"

/*
 * The canonical path of AB_HOME (default ${XDG_STATE_HOME:-~/.local/state}/ab), made (0700) when `make` says so. Refused when
 * another user owns it (denied.permission) or others may write to it. Returns a string that the caller frees, or NULL.
 */
char *ab_home_path(bool make, struct ab_error *err) AB_MUST_USE;
/* A descriptor (O_PATH|O_DIRECTORY|O_CLOEXEC) of a directory below AB_HOME ("jobs", "tmp"), made 0700; the caller closes. */
int ab_home_dir(const char *name, struct ab_error *err) AB_MUST_USE;

#endif
