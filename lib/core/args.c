/* Arguments: parameter structs in the making, from text. */
#include "core/param.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/time.h"

#define MEMBER(args, row, ctype) AB_ARGS_MEMBER(args, row, ctype)

void
ab_args_init(
    struct ab_args *args, const struct ab_param *params, void *data, size_t size, struct ab_arena *arena)
{
	*args = (struct ab_args){ .params = params, .data = data, .arena = arena };
	memset(data, 0, size);
	for (size_t row = 0; params != NULL && params[row].name != NULL; row++) {
		assert(row < AB_PARAM_MAX);
		switch (params[row].type) {
		case AB_INTEGER:
		case AB_DURATION:
		case AB_SIZE:
			*MEMBER(args, row, int64_t) = AB_UNSET;
			break;
		case AB_BOOLEAN:
			*MEMBER(args, row, int) = (params[row].flags & AB_COUNT) != 0 ? 0 : AB_MAYBE;
			break;
		default:
			break;
		}
	}
}

bool
ab_args_given(const struct ab_args *args, size_t row)
{
	return (args->given[row / 64] >> (row % 64) & 1) != 0;
}

static void
mark_given(struct ab_args *args, size_t row, enum ab_source source)
{
	if (source != AB_FROM_DEFAULT)
		args->given[row / 64] |= UINT64_C(1) << (row % 64);
}

static int
parse_integer(const char *text, int64_t *value)
{
	char *end;

	if (text[0] == '\0' || strchr("+-0123456789", text[0]) == NULL)
		return -1;
	errno = 0;
	long long parsed = strtoll(text, &end, 10);
	if (errno != 0 || *end != '\0' || end == text)
		return -1;
	*value = parsed;
	return 0;
}

static int
set_number(struct ab_args *args, size_t row, const char *text, enum ab_source source, struct ab_error *err)
{
	const struct ab_param *param = &args->params[row];
	char name[AB_LABEL_SIZE], quoted[AB_QUOTE_SIZE];
	int64_t value = 0;

	if (param->type == AB_INTEGER) {
		if (parse_integer(text, &value) < 0)
			return ab_fail(err, ab_source_code(source), "%s: \"%s\" is not an integer",
			    ab_param_label(name, param, source), ab_quote(quoted, text));
	} else {
		int rc = param->type == AB_DURATION ? ab_duration_parse(text, &value, err)
						    : ab_size_parse(text, &value, err);
		if (rc < 0) {
			ab_error_context(err, "%s", ab_param_label(name, param, source));
			return -1;
		}
	}
	if (ab_param_judge_bounds(param, value, source, err) < 0)
		return -1;
	*MEMBER(args, row, int64_t) = value;
	return 0;
}

static int
set_boolean(struct ab_args *args, size_t row, const char *text, enum ab_source source, struct ab_error *err)
{
	static const char *const words[2][4] = { { "0", "false", "no", "off" }, { "1", "true", "yes", "on" } };

	for (int value = 0; value < 2; value++)
		for (size_t i = 0; i < AB_COUNT_OF(words[value]); i++)
			if (strcmp(text, words[value][i]) == 0) {
				*MEMBER(args, row, int) = value;
				return 0;
			}
	return ab_param_wrong(err, &args->params[row], source, "must be 1 or 0");
}

/* Grow by doubling: room is implied by count (the powers of two from 4). The last entry is NULL. */
static char **
grown(struct ab_arena *arena, char **old, size_t count)
{
	if (count != 0 && (count < 4 || (count & (count - 1)) != 0))
		return old;
	char **larger = ab_arena_alloc(arena, ((count < 4 ? 4 : count * 2) + 1) * sizeof(*larger));
	if (count > 0)
		memcpy(larger, old, count * sizeof(*larger));
	return larger;
}

void
ab_list_add(struct ab_args *args, struct ab_list *list, char *text)
{
	list->item = grown(args->arena, list->item, list->count);
	list->item[list->count++] = text;
	list->item[list->count] = NULL;
}

/* The last value of a name wins, in the place of the first. */
void
ab_map_add(struct ab_args *args, struct ab_map *map, char *name, char *value)
{
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->name[i], name) == 0) {
			map->value[i] = value;
			return;
		}
	map->name = grown(args->arena, map->name, map->count);
	map->value = grown(args->arena, map->value, map->count);
	map->name[map->count] = name;
	map->value[map->count++] = value;
	map->name[map->count] = map->value[map->count] = NULL;
}

static int
set_list(struct ab_args *args, size_t row, const char *text, enum ab_source source, struct ab_error *err)
{
	const struct ab_param *param = &args->params[row];
	struct ab_list *list = MEMBER(args, row, struct ab_list);
	bool comma = (param->flags & AB_COMMA) != 0;

	for (const char *at = text;; at++) {
		size_t len = comma ? strcspn(at, ",") : strlen(at);
		char *item = ab_arena_copy(args->arena, at, len);
		if (comma && len == 0 && at[len] == '\0' && at != text)
			return 0; /* a comma at the end */
		if (ab_param_judge_choice(param, item, source, err) < 0)
			return -1;
		ab_list_add(args, list, item);
		at += len;
		if (*at == '\0')
			return 0;
	}
}

static int
set_map(struct ab_args *args, size_t row, const char *text, enum ab_source source, struct ab_error *err)
{
	const char *equals = strchr(text, '=');

	if (equals == NULL || equals == text)
		return ab_param_wrong(err, &args->params[row], source, "expects NAME=VALUE");
	ab_map_add(args, MEMBER(args, row, struct ab_map),
	    ab_arena_copy(args->arena, text, (size_t)(equals - text)),
	    ab_arena_copy(args->arena, equals + 1, strlen(equals + 1)));
	return 0;
}

static int
set_bytes(struct ab_args *args, size_t row, const char *text, enum ab_source source, struct ab_error *err)
{
	struct ab_bytes *bytes = MEMBER(args, row, struct ab_bytes);

	if (source == AB_FROM_OPERAND) {
		size_t len = strlen(text);
		*bytes = (struct ab_bytes){
			.kind = AB_BYTES_INLINE, .data = ab_arena_copy(args->arena, text, len), .len = len
		};
		return 0;
	}
	if (text[0] == '\0')
		return ab_param_wrong(err, &args->params[row], source, "expects a file, or - for stdin");
	*bytes =
	    (struct ab_bytes){ .kind = strcmp(text, "-") == 0 ? AB_BYTES_STDIN : AB_BYTES_FILE, .path = text };
	return 0;
}

static void
value_free(void *document)
{
	ab_value_free(document);
}

static int
set_json(struct ab_args *args, size_t row, const char *text, enum ab_source source, struct ab_error *err)
{
	char name[AB_LABEL_SIZE];
	struct ab_value *document = ab_value_parse(text, strlen(text), err);

	if (document == NULL) {
		err->code = ab_source_code(source);
		ab_error_context(err, "%s", ab_param_label(name, &args->params[row], source));
		return -1;
	}
	ab_arena_own(args->arena, document, value_free);
	*MEMBER(args, row, const struct ab_value *) = document;
	return 0;
}

int
ab_args_set_text(
    struct ab_args *args, size_t row, const char *text, enum ab_source source, struct ab_error *err)
{
	const struct ab_param *param = &args->params[row];
	int rc = 0;

	switch (param->type) {
	case AB_STRING:
		rc = ab_param_judge_choice(param, text, source, err);
		if (rc == 0)
			*MEMBER(args, row, const char *) = text;
		break;
	case AB_INTEGER:
	case AB_DURATION:
	case AB_SIZE:
		rc = set_number(args, row, text, source, err);
		break;
	case AB_BOOLEAN:
		rc = set_boolean(args, row, text, source, err);
		break;
	case AB_LIST:
		rc = set_list(args, row, text, source, err);
		break;
	case AB_MAP:
		rc = set_map(args, row, text, source, err);
		break;
	case AB_BYTES:
		rc = set_bytes(args, row, text, source, err);
		break;
	case AB_JSON:
		rc = set_json(args, row, text, source, err);
		break;
	}
	if (rc == 0)
		mark_given(args, row, source);
	return rc;
}

void
ab_args_set_switch(struct ab_args *args, size_t row, bool on)
{
	int *member = MEMBER(args, row, int);

	*member = on && (args->params[row].flags & AB_COUNT) != 0 ? *member + 1 : on;
	mark_given(args, row, AB_FROM_OPTION);
}

int
ab_args_complete(struct ab_args *args, struct ab_error *err)
{
	struct ab_error all = AB_ERROR_INIT, one = AB_ERROR_INIT;

	for (size_t row = 0; args->params != NULL && args->params[row].name != NULL; row++) {
		const struct ab_param *param = &args->params[row];
		if (ab_args_given(args, row))
			continue;
		const char *text = param->env != NULL ? getenv(param->env) : NULL;
		enum ab_source source = AB_FROM_ENVIRONMENT;
		/* An empty variable is one that is not set. */
		if (text == NULL || text[0] == '\0') {
			text = param->dflt;
			source = AB_FROM_DEFAULT;
		}
		if (text != NULL && ab_args_set_text(args, row, text, source, &one) < 0)
			ab_problem(&all, &one);
	}
	if (all.code == AB_E_NONE)
		return 0;
	*err = all;
	return -1;
}

int
ab_args_require(const struct ab_args *args, bool request, struct ab_error *err)
{
	struct ab_error all = AB_ERROR_INIT, one = AB_ERROR_INIT;
	char field[AB_FIELD_SIZE];

	for (size_t row = 0; args->params != NULL && args->params[row].name != NULL; row++) {
		const struct ab_param *param = &args->params[row];
		if ((param->flags & AB_REQUIRED) == 0 || param->dflt != NULL || ab_args_given(args, row))
			continue;
		if (request)
			ab_fail(&one, AB_E_INPUT_INVALID, "\"%s\" is missing", ab_param_field(field, param));
		else if ((param->flags & AB_POSITIONAL) != 0)
			ab_fail(&one, AB_E_USAGE, "%s is missing", ab_param_meta(param));
		else
			ab_fail(&one, AB_E_USAGE, "--%s is missing", param->name);
		ab_problem(&all, &one);
	}
	if (all.code == AB_E_NONE)
		return 0;
	*err = all;
	return -1;
}
