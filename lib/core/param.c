/* Parameters as rows of a table: how they are spelled, and how a value of theirs is judged. */
#include "core/param.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "core/time.h"

const char *
ab_quote(char quoted[static AB_QUOTE_SIZE], const char *text)
{
	size_t len = strnlen(text, 65);

	if (len <= 64) {
		memcpy(quoted, text, len + 1);
		return quoted;
	}
	len = 64;
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	snprintf(quoted, AB_QUOTE_SIZE, "%.*s…", (int)len, text);
	return quoted;
}

void
ab_problem(struct ab_error *err, const struct ab_error *one)
{
	if (err->code == AB_E_NONE) {
		*err = *one;
		return;
	}
	char was[sizeof(err->msg)];
	memcpy(was, err->msg, sizeof(was));
	snprintf(err->msg, sizeof(err->msg), "%s; %s", was, one->msg);
	/* What did not fit was cut anywhere: cut it at a character. */
	err->msg[ab_utf8_prefix(err->msg, strlen(err->msg))] = '\0';
	if (ab_errcode_status(one->code) > ab_errcode_status(err->code))
		err->code = one->code;
	if (err->hint[0] == '\0')
		memcpy(err->hint, one->hint, sizeof(err->hint));
	if (err->operation[0] == '\0')
		memcpy(err->operation, one->operation, sizeof(err->operation));
}

/* Levenshtein distance of short words, one row at a time. */
static int
distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int row[AB_FIELD_SIZE + 1];

	for (size_t j = 0; j <= b_len; j++)
		row[j] = (int)j;
	for (size_t i = 1; i <= a_len; i++) {
		int diagonal = row[0];
		row[0] = (int)i;
		for (size_t j = 1; j <= b_len; j++) {
			int best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_len];
}

/* Two neighbours in the wrong order are one slip, not two. */
static bool
is_swapped(const char *a, const char *b)
{
	size_t at = 0;

	while (a[at] != '\0' && a[at] == b[at])
		at++;
	if (a[at] == '\0' || b[at] == '\0')
		return false;
	return a[at + 1] != '\0' && a[at] == b[at + 1] && a[at + 1] == b[at] &&
	       strcmp(a + at + 2, b + at + 2) == 0;
}

int
ab_near(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len < 2 || a_len > AB_FIELD_SIZE || b_len > AB_FIELD_SIZE)
		return -1;
	int apart = is_swapped(a, b) ? 1 : distance(a, a_len, b, b_len);
	if (apart <= (a_len < 6 || b_len < 6 ? 1 : 2))
		return apart;
	if (a_len >= 3 && strncmp(a, b, a_len) == 0)
		return 3;
	return -1;
}

const char *
ab_param_field(char text[static AB_FIELD_SIZE], const struct ab_param *param)
{
	size_t len = strlen(param->name);

	assert(len + sizeof("_base64") < AB_FIELD_SIZE);
	for (size_t i = 0; i < len; i++)
		text[i] = param->name[i] == '-' ? '_' : param->name[i];
	const char *suffix = param->type == AB_DURATION ? "_ms" : param->type == AB_SIZE ? "_bytes" : "";
	size_t suffix_len = strlen(suffix);
	/* --max-bytes names its unit itself. */
	if (len >= suffix_len && memcmp(text + len - suffix_len, suffix, suffix_len) == 0)
		suffix_len = 0;
	memcpy(text + len, suffix, suffix_len);
	text[len + suffix_len] = '\0';
	return text;
}

const char *
ab_param_meta(const struct ab_param *param)
{
	static const char *const of_type[] = {
		[AB_STRING] = "TEXT",
		[AB_INTEGER] = "N",
		[AB_BOOLEAN] = "",
		[AB_DURATION] = "TIME",
		[AB_SIZE] = "SIZE",
		[AB_LIST] = "TEXT",
		[AB_MAP] = "NAME=VALUE",
		[AB_BYTES] = "FILE|-",
		[AB_JSON] = "JSON",
	};

	return param->meta != NULL ? param->meta : of_type[param->type];
}

int
ab_param_find(const struct ab_param *params, const char *name, size_t len)
{
	for (int row = 0; params != NULL && params[row].name != NULL; row++)
		if (strncmp(params[row].name, name, len) == 0 && params[row].name[len] == '\0')
			return row;
	return -1;
}

int
ab_param_find_field(const struct ab_param *params, const char *field, bool *base64)
{
	char spelled[AB_FIELD_SIZE];

	for (int row = 0; params != NULL && params[row].name != NULL; row++) {
		const struct ab_param *param = &params[row];
		/* Most rows are told apart by their first letter. */
		if (param->name[0] != field[0] || (param->flags & AB_CLI_ONLY) != 0)
			continue;
		ab_param_field(spelled, param);
		size_t len = strlen(spelled);
		if (strncmp(spelled, field, len) != 0)
			continue;
		*base64 = strcmp(field + len, "_base64") == 0 &&
			  (param->type == AB_BYTES || (param->flags & AB_RAW) != 0);
		if (field[len] == '\0' || *base64)
			return row;
	}
	return -1;
}

const char *
ab_param_label(char text[static AB_LABEL_SIZE], const struct ab_param *param, enum ab_source source)
{
	char field[AB_FIELD_SIZE];

	switch (source) {
	case AB_FROM_OPERAND:
		snprintf(text, AB_LABEL_SIZE, "%s", ab_param_meta(param));
		break;
	case AB_FROM_ENVIRONMENT:
		snprintf(text, AB_LABEL_SIZE, "%s", param->env);
		break;
	case AB_FROM_REQUEST:
		snprintf(text, AB_LABEL_SIZE, "\"%s\"", ab_param_field(field, param));
		break;
	default:
		snprintf(text, AB_LABEL_SIZE, "--%s", param->name);
	}
	return text;
}

enum ab_errcode
ab_source_code(enum ab_source source)
{
	return source == AB_FROM_REQUEST ? AB_E_INPUT_INVALID : AB_E_USAGE;
}

int
ab_param_wrong(struct ab_error *err, const struct ab_param *param, enum ab_source source, const char *why)
{
	char name[AB_LABEL_SIZE];

	return ab_fail(err, ab_source_code(source), "%s: %s", ab_param_label(name, param, source), why);
}

bool
ab_param_is_choice(const char *choices, const char *text)
{
	size_t text_len = strlen(text);

	for (const char *at = choices; at != NULL; at = *at == '|' ? at + 1 : NULL) {
		size_t len = strcspn(at, "|");
		bool prefix = len > 0 && (at[len - 1] == ':' || at[len - 1] == '=');
		if (strncmp(at, text, len) == 0 && (prefix ? text_len > len : text_len == len))
			return true;
		at += len;
	}
	return false;
}

int
ab_param_judge_choice(
    const struct ab_param *param, const char *text, enum ab_source source, struct ab_error *err)
{
	char name[AB_LABEL_SIZE], quoted[AB_QUOTE_SIZE], list[200];

	if (param->choices == NULL || ab_param_is_choice(param->choices, text))
		return 0;
	size_t used = 0;
	for (const char *at = param->choices; *at != '\0' && used + 4 < sizeof(list); at++) {
		list[used++] = *at == '|' ? ',' : *at;
		if (*at == '|')
			list[used++] = ' ';
	}
	list[used] = '\0';
	if ((param->flags & AB_SECRET) != 0)
		return ab_param_wrong(err, param, source, "not one of the values it may have");
	return ab_fail(err, ab_source_code(source), "%s: \"%s\" is not one of %s",
	    ab_param_label(name, param, source), ab_quote(quoted, text), list);
}

/* Our own numbers stay below 2^53 (contract section 3), and what is added to a time never overflows. */
static int64_t
highest(const struct ab_param *param)
{
	const int64_t exact = (INT64_C(1) << 53) - 1;

	if (param->type != AB_INTEGER && (param->max == 0 || param->max > exact))
		return exact;
	return param->max != 0 ? param->max : INT64_MAX;
}

int
ab_param_judge_bounds(const struct ab_param *param, int64_t value, enum ab_source source, struct ab_error *err)
{
	char name[AB_LABEL_SIZE], low[AB_UNIT_SIZE], high[AB_UNIT_SIZE];

	if (value >= param->min && value <= highest(param) && value != AB_UNSET)
		return 0;
	if (source == AB_FROM_REQUEST || param->type == AB_INTEGER) {
		snprintf(low, sizeof(low), "%lld", (long long)param->min);
		snprintf(high, sizeof(high), "%lld", (long long)highest(param));
	} else if (param->type == AB_DURATION) {
		ab_duration_format(low, param->min);
		ab_duration_format(high, highest(param));
	} else {
		ab_size_format(low, param->min);
		ab_size_format(high, highest(param));
	}
	ab_param_label(name, param, source);
	if (value < param->min)
		return ab_fail(err, ab_source_code(source), "%s: must be at least %s", name, low);
	return ab_fail(err, ab_source_code(source), "%s: must be at most %s", name, high);
}
