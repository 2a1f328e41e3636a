/* What a tool's main says on stderr and how it ends; private to the operation table's files. */
#ifndef AB_CORE_TOOL_H
#define AB_CORE_TOOL_H

#include "core/op.h"

/* The error line and its hint, or with AB_ERRORS=json a record; an honest "no" (exit class 1) is not told when
 * quiet. */
void ab_tool_print_error(const struct ab_tool *tool, const struct ab_error *err, bool quiet);
/* End the process by that signal, as if it had never been blocked or ignored; without a core file. Does not
 * return. */
void ab_tool_die(int signo) __attribute__((noreturn));

#endif
