/*
 * One request object into an operation's parameters (contract section 2, "Parameters", column "request").
 *
 * `id` and `op` are the batch's. null means not given. A list replaces the default of the batch, a map is
 * merged into it: the request's variables win last.
 */
#ifndef AB_CORE_REQUEST_H
#define AB_CORE_REQUEST_H

#include "core/param.h"

/* What this batch lets a request say. */
struct ab_request_rules {
	char *const *fixed; /* names of parameters that are final; NULL-ended, or NULL */
	bool host_paths;    /* parameters that name host paths are allowed */
};

/*
 * Set every field of request in args (which hold the batch's defaults already) and judge that nothing required
 * is missing. Strings are borrowed from request. dry_run is set where the operation understands it and the
 * request says so. -1: input.invalid or denied.policy, all problems at once.
 */
int ab_request_read(const struct ab_op *op, const struct ab_value *request,
    const struct ab_request_rules *rules, struct ab_args *args, bool *dry_run,
    struct ab_error *err) AB_MUST_USE;

#endif
