/* One request object into an operation's parameters. */
#include "core/request.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"

#define MEMBER(args, row, ctype) AB_ARGS_MEMBER(args, row, ctype)

enum { BYTES_MAX = 16 * 1024 * 1024 };

/* The decoded bytes of a base64 string, in the arena; NULL when it is not base64. */
static char *
decoded(struct ab_args *args, const struct ab_value *value, size_t *len)
{
	AB_AUTO_BUF struct ab_buf buf = AB_BUF_INIT(BYTES_MAX);
	size_t text_len;
	const char *text = ab_value_string(value, &text_len);

	if (!ab_base64_decode(&buf, text, text_len))
		return NULL;
	*len = buf.len;
	return ab_arena_copy(args->arena, buf.data, buf.len);
}

/* The string of value, or of its member "base64"; NULL with a reason. NUL is refused: these become arguments
 * and names. */
static char *
element(struct ab_args *args, const struct ab_value *value, const char **why)
{
	size_t len = 0;
	char *text = NULL;

	if (ab_value_kind(value) == AB_VALUE_STRING) {
		const char *bytes = ab_value_string(value, &len);
		text = ab_arena_copy(args->arena, bytes, len);
	} else {
		const struct ab_value *base64 = ab_value_get(value, "base64");
		*why = "holds something that is neither a string nor {\"base64\":…}";
		if (base64 == NULL || ab_value_kind(base64) != AB_VALUE_STRING || ab_value_count(value) != 1)
			return NULL;
		*why = "holds base64 that does not decode";
		text = decoded(args, base64, &len);
	}
	if (text != NULL && memchr(text, '\0', len) != NULL) {
		*why = "holds a NUL byte";
		return NULL;
	}
	return text;
}

/* With AB_NUL_TEXT for each NUL. */
static const char *
without_nul(struct ab_args *args, const char *text, size_t len)
{
	char *copy = ab_arena_alloc(args->arena, len * strlen(AB_NUL_TEXT) + 1), *to = copy;

	for (size_t i = 0; i < len; i++)
		if (text[i] == '\0')
			to = stpcpy(to, AB_NUL_TEXT);
		else
			*to++ = text[i];
	*to = '\0';
	return copy;
}

static int
set_string(struct ab_args *args, size_t row, const struct ab_value *value, bool base64, struct ab_error *err)
{
	const struct ab_param *param = &args->params[row];
	size_t len = 0;

	if (ab_value_kind(value) != AB_VALUE_STRING)
		return ab_param_wrong(err, param, AB_FROM_REQUEST, "must be a string");
	const char *text = base64 ? decoded(args, value, &len) : ab_value_string(value, &len);
	if (text == NULL)
		return ab_param_wrong(err, param, AB_FROM_REQUEST, "the base64 does not decode");
	if (memchr(text, '\0', len) != NULL && (param->flags & AB_NUL) == 0)
		return ab_param_wrong(err, param, AB_FROM_REQUEST, "holds a NUL byte");
	if (memchr(text, '\0', len) != NULL)
		text = without_nul(args, text, len);
	if (ab_param_judge_choice(param, text, AB_FROM_REQUEST, err) < 0)
		return -1;
	*MEMBER(args, row, const char *) = text;
	return 0;
}

static int
set_number(struct ab_args *args, size_t row, const struct ab_value *value, struct ab_error *err)
{
	const struct ab_param *param = &args->params[row];

	if (ab_value_kind(value) != AB_VALUE_INTEGER)
		return ab_param_wrong(err, param, AB_FROM_REQUEST, "must be an integer");
	if (ab_param_judge_bounds(param, ab_value_integer(value), AB_FROM_REQUEST, err) < 0)
		return -1;
	*MEMBER(args, row, int64_t) = ab_value_integer(value);
	return 0;
}

static int
set_list(struct ab_args *args, size_t row, const struct ab_value *value, struct ab_error *err)
{
	const struct ab_param *param = &args->params[row];
	struct ab_list list = { .item = NULL, .count = 0 };
	const char *why = NULL;

	bool alone = ab_value_kind(value) != AB_VALUE_ARRAY && (param->flags & AB_ALONE) != 0;
	if (ab_value_kind(value) != AB_VALUE_ARRAY && !alone)
		return ab_param_wrong(err, param, AB_FROM_REQUEST, "must be an array");
	for (size_t i = 0; i < (alone ? 1 : ab_value_count(value)); i++) {
		char *text = element(args, alone ? value : ab_value_at(value, i), &why);
		if (text == NULL)
			return ab_param_wrong(err, param, AB_FROM_REQUEST, why);
		if (ab_param_judge_choice(param, text, AB_FROM_REQUEST, err) < 0)
			return -1;
		ab_list_add(args, &list, text);
	}
	*MEMBER(args, row, struct ab_list) = list;
	return 0;
}

static int
set_map(struct ab_args *args, size_t row, const struct ab_value *value, struct ab_error *err)
{
	const struct ab_param *param = &args->params[row];
	struct ab_map *base = MEMBER(args, row, struct ab_map), map = { .count = 0 };
	const struct ab_value *member;
	const char *name, *why = NULL;

	if (ab_value_kind(value) != AB_VALUE_OBJECT)
		return ab_param_wrong(err, param, AB_FROM_REQUEST, "must be an object");
	/* The base is the batch's and is shared by all its requests: the merged map is a new one. */
	for (size_t i = 0; i < base->count; i++)
		ab_map_add(args, &map, base->name[i], base->value[i]);
	for (void *at = ab_value_next(value, NULL, &name, &member); at != NULL;
	     at = ab_value_next(value, at, &name, &member)) {
		if (ab_value_kind(member) == AB_VALUE_NULL)
			continue;
		if (name[0] == '\0' || strchr(name, '=') != NULL)
			return ab_param_wrong(
			    err, param, AB_FROM_REQUEST, "holds a name that is empty or contains \"=\"");
		char *text = element(args, member, &why);
		if (text == NULL)
			return ab_param_wrong(err, param, AB_FROM_REQUEST, why);
		ab_map_add(args, &map, ab_arena_copy(args->arena, name, strlen(name)), text);
	}
	*base = map;
	return 0;
}

static int
set_bytes(struct ab_args *args, size_t row, const struct ab_value *value, bool base64, struct ab_error *err)
{
	const struct ab_param *param = &args->params[row];
	struct ab_bytes bytes = { .kind = AB_BYTES_INLINE };

	if (ab_value_kind(value) != AB_VALUE_STRING)
		return ab_param_wrong(err, param, AB_FROM_REQUEST, "must be a string");
	if (base64) {
		bytes.data = decoded(args, value, &bytes.len);
		if (bytes.data == NULL)
			return ab_param_wrong(err, param, AB_FROM_REQUEST, "the base64 does not decode");
	} else {
		const char *text = ab_value_string(value, &bytes.len);
		bytes.data = ab_arena_copy(args->arena, text, bytes.len);
	}
	*MEMBER(args, row, struct ab_bytes) = bytes;
	return 0;
}

int
ab_args_set_value(
    struct ab_args *args, size_t row, const struct ab_value *value, bool base64, struct ab_error *err)
{
	int rc = 0;

	switch (args->params[row].type) {
	case AB_STRING:
		rc = set_string(args, row, value, base64, err);
		break;
	case AB_INTEGER:
	case AB_DURATION:
	case AB_SIZE:
		rc = set_number(args, row, value, err);
		break;
	case AB_BOOLEAN:
		if (ab_value_kind(value) != AB_VALUE_BOOLEAN)
			return ab_param_wrong(
			    err, &args->params[row], AB_FROM_REQUEST, "must be true or false");
		*MEMBER(args, row, int) = ab_value_boolean(value);
		break;
	case AB_LIST:
		rc = set_list(args, row, value, err);
		break;
	case AB_MAP:
		rc = set_map(args, row, value, err);
		break;
	case AB_BYTES:
		rc = set_bytes(args, row, value, base64, err);
		break;
	case AB_JSON:
		*MEMBER(args, row, const struct ab_value *) = value;
		break;
	}
	if (rc == 0)
		args->given[row / 64] |= UINT64_C(1) << (row % 64);
	return rc;
}

static int
unknown_field(const struct ab_op *op, const char *field, struct ab_error *err)
{
	char spelled[AB_FIELD_SIZE], best[AB_FIELD_SIZE] = "", quoted[AB_QUOTE_SIZE];
	int nearest = 99;

	ab_fail(err, AB_E_INPUT_INVALID, "unknown field \"%s\"", ab_quote(quoted, field));
	for (size_t row = 0; op->params != NULL && op->params[row].name != NULL; row++) {
		if ((op->params[row].flags & AB_CLI_ONLY) != 0)
			continue;
		int near = ab_near(field, ab_param_field(spelled, &op->params[row]));
		/* The bare name for one that carries its unit is the likeliest slip. */
		if (strcmp(field, op->params[row].name) == 0)
			near = 0;
		if (near >= 0 && near < nearest) {
			nearest = near;
			memcpy(best, spelled, sizeof(best));
		}
	}
	if (nearest < 99)
		ab_error_hint(err, "did you mean \"%s\"?", best);
	return -1;
}

static bool
is_fixed(const struct ab_request_rules *rules, const char *name)
{
	for (char *const *at = rules->fixed; at != NULL && *at != NULL; at++)
		if (strcmp(*at, name) == 0)
			return true;
	return false;
}

static bool
leads_out(const struct ab_param *param, const struct ab_value *value)
{
	size_t len;

	if ((param->flags & AB_HOST_PATH) == 0 || param->inside == NULL)
		return (param->flags & AB_HOST_PATH) != 0;
	if (param->type == AB_BOOLEAN)
		return ab_value_kind(value) == AB_VALUE_BOOLEAN && strcmp(ab_value_boolean(value) ? "true" : "false", param->inside) != 0;
	if (ab_value_kind(value) != AB_VALUE_STRING)
		return false; /* an error of another kind, as is what is no choice at all */
	const char *text = ab_value_string(value, &len);
	return !ab_param_is_choice(param->inside, text) && (param->choices == NULL || ab_param_is_choice(param->choices, text));
}

static int
read_field(const struct ab_op *op, const char *name, const struct ab_value *value,
    const struct ab_request_rules *rules, struct ab_args *args, uint64_t *seen, struct ab_error *err)
{
	bool base64 = false;
	int row = ab_param_find_field(op->params, name, &base64);

	if (row < 0)
		return unknown_field(op, name, err);
	if (ab_value_kind(value) == AB_VALUE_NULL)
		return 0;
	const struct ab_param *param = &op->params[row];
	if (is_fixed(rules, param->name)) {
		ab_fail(err, AB_E_DENIED_POLICY, "\"%s\" is fixed for this batch (--fixed)", name);
		ab_error_hint(err, "leave it out: batch's own options say it");
		return -1;
	}
	if (!rules->host_paths && leads_out(param, value)) {
		if (param->inside != NULL)
			ab_fail(err, AB_E_DENIED_POLICY, "\"%s\" in a request is %s%s", name,
			    strchr(param->inside, '|') != NULL ? "one of " : "", param->inside);
		else
			ab_fail(err, AB_E_DENIED_POLICY, "\"%s\" in a request names a path of the host", name);
		ab_error_hint(err, "batch --host-paths allows %s", param->inside != NULL ? "others" : "it");
		return -1;
	}
	if ((seen[row / 64] >> (row % 64) & 1) != 0)
		return ab_param_wrong(err, param, AB_FROM_REQUEST, "given twice, as text and as base64");
	seen[row / 64] |= UINT64_C(1) << (row % 64);
	return ab_args_set_value(args, (size_t)row, value, base64, err);
}

int
ab_request_read(const struct ab_op *op, const struct ab_value *request, const struct ab_request_rules *rules,
    struct ab_args *args, bool *dry_run, struct ab_error *err)
{
	struct ab_error all = AB_ERROR_INIT, one = AB_ERROR_INIT;
	uint64_t seen[AB_PARAM_MAX / 64] = { 0 };
	const struct ab_value *value;
	const char *name;

	for (void *at = ab_value_next(request, NULL, &name, &value); at != NULL;
	     at = ab_value_next(request, at, &name, &value)) {
		if (strcmp(name, "id") == 0 || strcmp(name, "op") == 0)
			continue;
		if (strcmp(name, "dry_run") == 0 && (op->flags & AB_OP_DRY_RUN) != 0) {
			if (ab_value_kind(value) == AB_VALUE_BOOLEAN)
				*dry_run = ab_value_boolean(value);
			else if (ab_value_kind(value) != AB_VALUE_NULL) {
				ab_fail(&one, AB_E_INPUT_INVALID, "\"dry_run\": must be true or false");
				ab_problem(&all, &one);
			}
			continue;
		}
		if (read_field(op, name, value, rules, args, seen, &one) < 0)
			ab_problem(&all, &one);
	}
	if (ab_args_require(args, true, &one) < 0)
		ab_problem(&all, &one);
	if (all.code == AB_E_NONE)
		return 0;
	*err = all;
	return -1;
}
