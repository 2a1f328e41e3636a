/*
 * The command line: options and operands into parameters (contract section 2, column "command line").
 *
 * `--name VALUE`, `--name=VALUE`, `-nVALUE`, `-n VALUE`, switches combined (`-0r`), `--no-name` for booleans,
 * `--` ends options. No abbreviations. Options may follow operands unless the operation is a filter.
 */
#ifndef AB_CORE_OPT_H
#define AB_CORE_OPT_H

#include "core/param.h"

/* Options every tool has. */
struct ab_common {
	int help, version, describe, quiet, verbose, json, nul, raw, table, dry_run;
	const char *field, *jq, *encoding, *log;
};
/* Their rows; the members are those of struct ab_common. Rows with AB_IF_DRY_RUN are only for operations that
 * understand it. */
enum { AB_IF_DRY_RUN = 1 << 17 };
extern const struct ab_param ab_common_params[];
enum ab_encoding ab_common_encoding(const struct ab_common *common);

/*
 * One table that options are looked up in. Sets are asked in order; the first that knows a name has it,
 * together with all other sets of the same group (batch gives one default to every operation that has the
 * parameter).
 */
struct ab_opt_set {
	struct ab_args *args;
	int group;
	unsigned refuse; /* rows with any of these flags are no options here */
};

struct ab_opt {
	const struct ab_opt_set *sets;
	size_t set_count;
	bool filter;	 /* parsing stops at the first operand */
	char **operands; /* out: borrowed from argv, in the arena of the first set; NULL-ended */
	size_t operand_count;
};

/* Parse argv (without program and operation). -1: usage, all problems at once; options that were right are set
 * even then. */
int ab_opt_parse(struct ab_opt *opt, int argc, char **argv, struct ab_error *err) AB_MUST_USE;
/* Give the operands to the positional parameters that no option gave, in order. -1: usage. */
int ab_opt_operands(struct ab_args *args, const struct ab_opt *opt, struct ab_error *err) AB_MUST_USE;

#endif
