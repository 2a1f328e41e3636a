/*
 * Parameters: from text or JSON into the operation's parameter struct (contract section 2, "Parameters").
 *
 * A struct ab_args is one parameter struct in the making. Scalars are stored in place; strings are borrowed
 * from where they came (argv, the environment, the table, a request that lives as long) or taken from the
 * arena. A value is judged where it is set; what is wrong with it is one sentence that names the parameter as
 * its writer spelled it. Values of secrets and of maps never appear in a sentence, others bounded.
 */
#ifndef AB_CORE_PARAM_H
#define AB_CORE_PARAM_H

#include "core/arena.h"
#include "core/op.h"

enum { AB_PARAM_MAX = 128 }; /* rows a table may have */

enum ab_source { AB_FROM_DEFAULT, AB_FROM_ENVIRONMENT, AB_FROM_OPTION, AB_FROM_OPERAND, AB_FROM_REQUEST };

struct ab_args {
	const struct ab_param *params;
	char *data; /* the parameter struct */
	struct ab_arena *arena;
	uint64_t given[AB_PARAM_MAX / 64]; /* by anything but a default */
};

/* Everything not given; data has room for the table's struct. Rows may be NULL: no parameters. */
void ab_args_init(
    struct ab_args *args, const struct ab_param *params, void *data, size_t size, struct ab_arena *arena);
bool ab_args_given(const struct ab_args *args, size_t row);

/* A value as text. Lists and maps grow by it, scalars are replaced. -1: usage. */
int ab_args_set_text(struct ab_args *args, size_t row, const char *text, enum ab_source source,
    struct ab_error *err) AB_MUST_USE;
/* A boolean option, or its --no- form. AB_COUNT rows (private to the common options) count. */
void ab_args_set_switch(struct ab_args *args, size_t row, bool on);
/* A value as JSON (not null), which must live as long as the arena; base64: it came as NAME_base64. -1:
 * input.invalid. */
int ab_args_set_value(struct ab_args *args, size_t row, const struct ab_value *value, bool base64,
    struct ab_error *err) AB_MUST_USE;
/* What was not given comes from the environment, else from the defaults. -1: usage, all problems at once. */
int ab_args_complete(struct ab_args *args, struct ab_error *err) AB_MUST_USE;
/* Name what is required and not given; `request` chooses the spelling and the code. -1: all of them at once. */
int ab_args_require(const struct ab_args *args, bool request, struct ab_error *err) AB_MUST_USE;

/* The row of that option name ("idle-timeout"), or -1. */
int ab_param_find(const struct ab_param *params, const char *name, size_t len);
/* The row of that request field ("idle_timeout_ms", or "stdin_base64", which sets *base64), or -1. */
int ab_param_find_field(const struct ab_param *params, const char *field, bool *base64);
#define AB_FIELD_SIZE 64
/* How a request spells the parameter. Returns text. */
const char *ab_param_field(char text[static AB_FIELD_SIZE], const struct ab_param *param);
/* The placeholder of its value: meta, or a word for its type. */
const char *ab_param_meta(const struct ab_param *param);
/* "--timeout", "AB_TIMEOUT", "NAME", `"timeout_ms"`: the parameter as its writer spelled it. Returns text. */
#define AB_LABEL_SIZE (AB_FIELD_SIZE + 8)
const char *ab_param_label(
    char text[static AB_LABEL_SIZE], const struct ab_param *param, enum ab_source source);
/* usage, or input.invalid for a request. */
enum ab_errcode ab_source_code(enum ab_source source);
/* Fail with `LABEL: why`. Always -1. */
int ab_param_wrong(struct ab_error *err, const struct ab_param *param, enum ab_source source, const char *why);
/* Whether text is one of "a|b|allow:", where a choice that ends in ':' or '=' stands for all that begin so. */
bool ab_param_is_choice(const char *choices, const char *text);
int ab_param_judge_choice(
    const struct ab_param *param, const char *text, enum ab_source source, struct ab_error *err) AB_MUST_USE;
int ab_param_judge_bounds(
    const struct ab_param *param, int64_t value, enum ab_source source, struct ab_error *err) AB_MUST_USE;
/* Append; the strings live as long as the arena. A map's later value of a name replaces the earlier. */
void ab_list_add(struct ab_args *args, struct ab_list *list, char *text);
void ab_map_add(struct ab_args *args, struct ab_map *map, char *name, char *value);
#define AB_ARGS_MEMBER(args, row, ctype) ((ctype *)(void *)((args)->data + (args)->params[row].offset))
/* Private to the common options: the switch counts how often it is given (-vv). */
enum { AB_COUNT = 1 << 16 };

/* Add one more problem to err: messages are joined by "; ", the code of the more serious class wins, the first
 * hint stays. */
void ab_problem(struct ab_error *err, const struct ab_error *one);
/* At most 64 bytes of text for a message, cut at a character with "…" behind. Returns quoted. */
#define AB_QUOTE_SIZE 72
const char *ab_quote(char quoted[static AB_QUOTE_SIZE], const char *text);

/* Whether a is so near to b that it may be a slip of the pen (one or two letters, or a beginning). Smaller is
 * nearer, -1: not near. */
int ab_near(const char *a, const char *b);

#endif
