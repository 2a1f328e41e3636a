/*
 * A helper of libexec/ab that is asked: a child that speaks batch (ab-json(7)), one request and its answer after the other.
 *
 * It lives as long as the handle, and ends when its input does. A request waits for its answer as long as the helper takes: its operations
 * bound their own time.
 */
#ifndef AB_SYS_HELPER_H
#define AB_SYS_HELPER_H

#include "core/json.h"

struct ab_helper;

/* argv[0]: its name, then what follows ("batch", options). Errors: unsupported (it is not installed), system. */
int ab_helper_start(struct ab_helper **helper, char *const *argv, struct ab_error *err) AB_MUST_USE;
/* request: one line without its newline. *answer: the record, which the caller frees. -1: the error that it answered with,
 * connection.lost when it has ended, or internal when its answer is no record, or longer than 1 MiB. */
int ab_helper_ask(struct ab_helper *helper, const char *request, size_t len, struct ab_value **answer, struct ab_error *err) AB_MUST_USE;
/* Its input ends; waits for it. */
void ab_helper_stop(struct ab_helper *helper);
void ab_helper_stop_indirect(struct ab_helper **helper);
#define AB_AUTO_HELPER AB_CLEANUP(ab_helper_stop_indirect)

#endif
