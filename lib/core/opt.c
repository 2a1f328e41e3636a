/* The command line: options and operands into parameters. */
#include "core/opt.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"

/* Switches begin at 0 and count; that is what -vv is for, and does the others no harm. */
#define FLAGS (AB_CLI_ONLY | AB_CLI_OFF)
#define SWITCH(m, ...) { .type = AB_BOOLEAN, .offset = offsetof(struct ab_common, m), .flags = FLAGS | AB_COUNT, __VA_ARGS__ }
#define TEXT(m, ...) { .type = AB_STRING, .offset = offsetof(struct ab_common, m), .flags = FLAGS, __VA_ARGS__ }

const struct ab_param ab_common_params[] = {
	SWITCH(help, .name = "help", .letter = 'h', .help = "show this help"),
	SWITCH(version, .name = "version", .letter = 'V', .help = "show the version; with --json those of libraries and schemas too"),
	SWITCH(quiet, .name = "quiet", .letter = 'q', .help = "no result record, no notes, no honest \"no\""),
	SWITCH(verbose, .name = "verbose", .letter = 'v', .help = "say more on stderr; may be repeated"),
	SWITCH(json, .name = "json", .help = "records, also where plain output is the default"),
	TEXT(field, .name = "field", .meta = "NAME", .help = "print that field of each record, raw"),
	SWITCH(nul, .name = "null", .letter = '0', .help = "with --field: end each with NUL instead of a newline"),
	TEXT(jq, .name = "jq", .meta = "FILTER", .help = "run a jq program over each record (numbers are doubles there)"),
	SWITCH(raw, .name = "raw-output", .letter = 'r', .help = "with --jq: strings without quotes"),
	SWITCH(table, .name = "table", .help = "aligned columns for people; AB_FORMAT=table does so on a terminal"),
	TEXT(encoding, .name = "encoding", .choices = "auto|utf8|base64", .dflt = "auto", .help = "how bytes become JSON"),
	TEXT(log, .name = "log", .meta = "FILE", .env = "AB_LOG", .help = "append one record per operation to FILE"),
	SWITCH(describe, .name = "describe", .help = "one record per operation, with JSON Schemas of request and answer"),
	{ .type = AB_BOOLEAN, .offset = offsetof(struct ab_common, dry_run), .flags = FLAGS | AB_COUNT | AB_IF_DRY_RUN,
	    .name = "dry-run", .help = "only say what would be done" },
	AB_PARAM_END
};

enum ab_encoding
ab_common_encoding(const struct ab_common *common)
{
	if (common->encoding == NULL || common->encoding[0] == 'a')
		return AB_ENCODING_AUTO;
	return common->encoding[0] == 'u' ? AB_ENCODING_UTF8 : AB_ENCODING_BASE64;
}

/* One option that was found: its name, and the sets that have it. */
struct found {
	const struct ab_param *param;
	int group;
	bool negated;
};

static bool
is_option(const struct ab_opt_set *set, const struct ab_param *param)
{
	return (param->flags & (set->refuse | AB_REQUEST_ONLY)) == 0;
}

static bool
find_name(const struct ab_opt *opt, const char *name, size_t len, struct found *found)
{
	for (size_t i = 0; i < opt->set_count; i++) {
		const struct ab_opt_set *set = &opt->sets[i];
		int row = ab_param_find(set->args->params, name, len);
		if (row >= 0 && is_option(set, &set->args->params[row])) {
			*found = (struct found){ .param = &set->args->params[row], .group = set->group };
			return true;
		}
	}
	if (len > 3 && strncmp(name, "no-", 3) == 0 && find_name(opt, name + 3, len - 3, found) &&
	    found->param->type == AB_BOOLEAN) {
		found->negated = !found->negated;
		return true;
	}
	return false;
}

static bool
find_letter(const struct ab_opt *opt, char letter, struct found *found)
{
	for (size_t i = 0; i < opt->set_count; i++) {
		const struct ab_opt_set *set = &opt->sets[i];
		for (const struct ab_param *param = set->args->params; param != NULL && param->name != NULL;
		     param++)
			if (param->letter == letter && is_option(set, param)) {
				*found = (struct found){ .param = param, .group = set->group };
				return true;
			}
	}
	return false;
}

/* Set it in every set of the group. The problem of one set is the problem of all. */
static int
apply(const struct ab_opt *opt, const struct found *found, const char *text, struct ab_error *err)
{
	for (size_t i = 0; i < opt->set_count; i++) {
		const struct ab_opt_set *set = &opt->sets[i];
		if (set->group != found->group)
			continue;
		int row = ab_param_find(set->args->params, found->param->name, strlen(found->param->name));
		if (row < 0 || !is_option(set, &set->args->params[row]))
			continue;
		if (text == NULL)
			ab_args_set_switch(set->args, (size_t)row, !found->negated);
		else if (ab_args_set_text(set->args, (size_t)row, text, AB_FROM_OPTION, err) < 0)
			return -1;
	}
	return 0;
}

static int
unknown_option(const struct ab_opt *opt, const char *name, size_t len, struct ab_error *err)
{
	char typed[AB_FIELD_SIZE], quoted[AB_QUOTE_SIZE];
	const char *best = NULL;
	int nearest = 99;

	snprintf(typed, sizeof(typed), "%.*s", (int)(len < sizeof(typed) ? len : sizeof(typed) - 1), name);
	ab_fail(err, AB_E_USAGE, "unknown option \"--%s\"", ab_quote(quoted, typed));
	for (size_t i = 0; i < opt->set_count; i++)
		for (const struct ab_param *param = opt->sets[i].args->params;
		     param != NULL && param->name != NULL; param++) {
			int near = is_option(&opt->sets[i], param) ? ab_near(typed, param->name) : -1;
			if (near >= 0 && near < nearest) {
				nearest = near;
				best = param->name;
			}
		}
	if (best != NULL)
		ab_error_hint(err, "did you mean --%s?", best);
	return -1;
}

/* `--name[=VALUE]`; *at is advanced over a value that is a word of its own. */
static int
parse_long(const struct ab_opt *opt, int argc, char **argv, int *at, struct ab_error *err)
{
	const char *name = argv[*at] + 2, *equals = strchr(name, '=');
	size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
	struct found found;

	if (!find_name(opt, name, len, &found))
		return unknown_option(opt, name, len, err);
	if (found.param->type == AB_BOOLEAN) {
		if (equals != NULL)
			return ab_fail(err, AB_E_USAGE, "--%s takes no value", found.param->name);
		return apply(opt, &found, NULL, err);
	}
	if (equals != NULL)
		return apply(opt, &found, equals + 1, err);
	if (*at + 1 >= argc)
		return ab_fail(
		    err, AB_E_USAGE, "--%s needs a value (%s)", found.param->name, ab_param_meta(found.param));
	return apply(opt, &found, argv[++*at], err);
}

/* `-abn VALUE`, `-abnVALUE`. */
static int
parse_short(const struct ab_opt *opt, int argc, char **argv, int *at, struct ab_error *err)
{
	for (const char *letter = argv[*at] + 1; *letter != '\0'; letter++) {
		struct found found;
		if (!find_letter(opt, *letter, &found)) {
			bool plain = *letter > ' ' && *letter < 0x7f;
			return ab_fail(err, AB_E_USAGE, "unknown option \"-%c\"", plain ? *letter : '?');
		}
		if (found.param->type == AB_BOOLEAN) {
			if (apply(opt, &found, NULL, err) < 0)
				return -1;
			continue;
		}
		if (letter[1] != '\0')
			return apply(opt, &found, letter + 1, err);
		if (*at + 1 >= argc)
			return ab_fail(
			    err, AB_E_USAGE, "-%c needs a value (%s)", *letter, ab_param_meta(found.param));
		return apply(opt, &found, argv[++*at], err);
	}
	return 0;
}

int
ab_opt_parse(struct ab_opt *opt, int argc, char **argv, struct ab_error *err)
{
	struct ab_error all = AB_ERROR_INIT, one = AB_ERROR_INIT;
	bool ended = false;

	opt->operands = ab_arena_alloc(opt->sets[0].args->arena, ((size_t)argc + 1) * sizeof(char *));
	opt->operand_count = 0;
	for (int at = 0; at < argc; at++) {
		char *word = argv[at];
		int rc = 0;
		if (ended || word[0] != '-' || word[1] == '\0') {
			opt->operands[opt->operand_count++] = word;
			ended = ended || opt->filter;
		} else if (word[1] != '-') {
			rc = parse_short(opt, argc, argv, &at, &one);
		} else if (word[2] == '\0') {
			ended = true;
		} else {
			rc = parse_long(opt, argc, argv, &at, &one);
		}
		if (rc < 0)
			ab_problem(&all, &one);
	}
	if (all.code == AB_E_NONE)
		return 0;
	*err = all;
	return -1;
}

int
ab_opt_operands(struct ab_args *args, const struct ab_opt *opt, struct ab_error *err)
{
	char quoted[AB_QUOTE_SIZE];
	size_t next = 0;
	bool by_option[AB_PARAM_MAX] = { false };

	for (size_t row = 0; args->params != NULL && args->params[row].name != NULL; row++)
		by_option[row] = ab_args_given(args, row);
	for (size_t row = 0;
	     args->params != NULL && args->params[row].name != NULL && next < opt->operand_count; row++) {
		const struct ab_param *param = &args->params[row];
		if ((param->flags & AB_POSITIONAL) == 0 || by_option[row])
			continue;
		do {
			if (ab_args_set_text(args, row, opt->operands[next++], AB_FROM_OPERAND, err) < 0)
				return -1;
		} while ((param->flags & AB_REST) != 0 && next < opt->operand_count);
	}
	if (next < opt->operand_count)
		return ab_fail(
		    err, AB_E_USAGE, "unexpected operand \"%s\"", ab_quote(quoted, opt->operands[next]));
	return 0;
}
