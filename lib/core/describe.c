/* --describe: the table as records, with JSON Schemas of request and answer. */
#include "core/describe.h"

#include <string.h>

#include "core/help.h"
#include "core/opt.h"
#include "core/param.h"
#include "core/time.h"

static const char *const type_names[] = {
	[AB_STRING] = "string",
	[AB_INTEGER] = "integer",
	[AB_BOOLEAN] = "boolean",
	[AB_DURATION] = "duration",
	[AB_SIZE] = "size",
	[AB_LIST] = "list",
	[AB_MAP] = "map",
	[AB_BYTES] = "bytes",
	[AB_JSON] = "json",
};

/* "type":"string", or ["string","null"] where null means not given. */
static void
type_member(struct ab_json *json, const char *type, bool nullable)
{
	if (!nullable) {
		ab_json_string(json, "type", type);
		return;
	}
	ab_json_array(json, "type");
	ab_json_string(json, NULL, type);
	ab_json_string(json, NULL, "null");
	ab_json_array_end(json);
}

/* The choices as an array; a choice that is a prefix has no place in an enum. */
static bool
has_prefix_choice(const char *choices)
{
	return strstr(choices, ":|") != NULL || strstr(choices, "=|") != NULL ||
	       strchr(":=", choices[strlen(choices) - 1]) != NULL;
}

static void
choices_member(struct ab_json *json, const char *name, const char *choices, bool nullable)
{
	ab_json_array(json, name);
	while (*choices != '\0') {
		size_t len = strcspn(choices, "|");
		ab_json_bytes(json, NULL, choices, len);
		choices += len + (choices[len] == '|');
	}
	if (nullable)
		ab_json_null(json, NULL);
	ab_json_array_end(json);
}

static void
base64_members(struct ab_json *json)
{
	ab_json_string(json, "type", "string");
	ab_json_string(json, "contentEncoding", "base64");
}

/* An element of a list or a map: any bytes but NUL. */
static void
element_schema(struct ab_json *json, const char *name, const struct ab_param *param)
{
	ab_json_object(json, name);
	if (param->choices != NULL && !has_prefix_choice(param->choices)) {
		ab_json_string(json, "type", "string");
		choices_member(json, "enum", param->choices, false);
	} else {
		ab_json_array(json, "anyOf");
		ab_json_object(json, NULL);
		ab_json_string(json, "type", "string");
		ab_json_object_end(json);
		ab_json_object(json, NULL);
		ab_json_string(json, "type", "object");
		ab_json_object(json, "properties");
		ab_json_object(json, "base64");
		base64_members(json);
		ab_json_object_end(json);
		ab_json_object_end(json);
		ab_json_array(json, "required");
		ab_json_string(json, NULL, "base64");
		ab_json_array_end(json);
		ab_json_boolean(json, "additionalProperties", false);
		ab_json_object_end(json);
		ab_json_array_end(json);
	}
	ab_json_object_end(json);
}

/* The default as the request would have it. */
static void
default_member(struct ab_json *json, const struct ab_param *param)
{
	struct ab_error err = AB_ERROR_INIT;
	int64_t value = 0;

	if (param->dflt == NULL || param->type == AB_BYTES || param->type == AB_MAP || param->type == AB_LIST ||
	    param->type == AB_JSON)
		return;
	if (param->type == AB_STRING)
		ab_json_string(json, "default", param->dflt);
	else if (param->type == AB_BOOLEAN)
		ab_json_boolean(
		    json, "default", strchr("1ty", param->dflt[0]) != NULL || strcmp(param->dflt, "on") == 0);
	else if (param->type == AB_INTEGER)
		ab_json_integer(json, "default", strtoll(param->dflt, NULL, 10));
	else if (param->type == AB_DURATION && ab_duration_parse(param->dflt, &value, &err) == 0)
		ab_json_integer(json, "default", value);
	else if (param->type == AB_SIZE && ab_size_parse(param->dflt, &value, &err) == 0)
		ab_json_integer(json, "default", value);
}

static void
property(struct ab_json *json, const struct ab_param *param)
{
	static const char *const schema_types[] = {
		[AB_STRING] = "string",
		[AB_INTEGER] = "integer",
		[AB_BOOLEAN] = "boolean",
		[AB_DURATION] = "integer",
		[AB_SIZE] = "integer",
		[AB_LIST] = "array",
		[AB_MAP] = "object",
		[AB_BYTES] = "string",
		[AB_JSON] = NULL,
	};
	bool base64 = param->type == AB_BYTES || (param->flags & AB_RAW) != 0;
	bool nullable = (param->flags & AB_REQUIRED) == 0 || base64;
	char field[AB_FIELD_SIZE], base64_field[AB_FIELD_SIZE + 8];

	ab_json_object(json, ab_param_field(field, param));
	const char *type = param->type == AB_JSON ? param->choices : schema_types[param->type];
	if (type != NULL)
		type_member(json, type, nullable);
	ab_json_string(json, "description", param->help);
	if (param->type == AB_STRING && param->choices != NULL && !has_prefix_choice(param->choices))
		choices_member(json, "enum", param->choices, nullable);
	if (param->type == AB_INTEGER || param->type == AB_DURATION || param->type == AB_SIZE) {
		ab_json_integer(json, "minimum", param->min);
		if (param->max != 0 && param->max != INT64_MAX)
			ab_json_integer(json, "maximum", param->max);
	}
	if (param->type == AB_LIST)
		element_schema(json, "items", param);
	if (param->type == AB_MAP)
		element_schema(json, "additionalProperties", param);
	default_member(json, param);
	ab_json_object_end(json);
	if (!base64)
		return;
	memcpy(base64_field, field, sizeof(field));
	strncat(base64_field, "_base64", 8);
	ab_json_object(json, base64_field);
	type_member(json, "string", true);
	ab_json_string(json, "contentEncoding", "base64");
	ab_json_string(json, "description", param->help);
	ab_json_object_end(json);
}

static bool
is_required(const struct ab_param *param, bool base64)
{
	bool raw = param->type == AB_BYTES || (param->flags & AB_RAW) != 0;

	return (param->flags & AB_REQUIRED) != 0 && (param->flags & AB_CLI_ONLY) == 0 && param->dflt == NULL &&
	       raw == base64;
}

/* What is required; what may come as text or as base64 must come as one of them. */
static void
required_members(struct ab_json *json, const struct ab_op *op)
{
	char field[AB_FIELD_SIZE], base64_field[AB_FIELD_SIZE + 8];
	bool any = false;

	ab_json_array(json, "required");
	if ((op->flags & AB_OP_MAIN) == 0)
		ab_json_string(json, NULL, "op");
	for (const struct ab_param *param = op->params; param != NULL && param->name != NULL; param++) {
		if (is_required(param, false))
			ab_json_string(json, NULL, ab_param_field(field, param));
		any = any || is_required(param, true);
	}
	ab_json_array_end(json);
	if (!any)
		return;
	ab_json_array(json, "allOf");
	for (const struct ab_param *param = op->params; param->name != NULL; param++) {
		if (!is_required(param, true))
			continue;
		ab_param_field(field, param);
		memcpy(base64_field, field, sizeof(field));
		strncat(base64_field, "_base64", 8);
		ab_json_object(json, NULL);
		ab_json_array(json, "anyOf");
		for (int i = 0; i < 2; i++) {
			ab_json_object(json, NULL);
			ab_json_array(json, "required");
			ab_json_string(json, NULL, i == 0 ? field : base64_field);
			ab_json_array_end(json);
			ab_json_object_end(json);
		}
		ab_json_array_end(json);
		ab_json_object_end(json);
	}
	ab_json_array_end(json);
}

static void
request_schema(const struct ab_op *op, struct ab_json *json)
{
	ab_json_object(json, "request");
	ab_json_string(json, "$schema", "https://json-schema.org/draft/2020-12/schema");
	ab_json_string(json, "type", "object");
	ab_json_object(json, "properties");
	ab_json_object(json, "id");
	choices_member(json, "type", "string|integer|null", false);
	ab_json_object_end(json);
	ab_json_object(json, "op");
	ab_json_array(json, "enum");
	ab_json_string(json, NULL, op->name);
	if (op->alias != NULL)
		ab_json_string(json, NULL, op->alias);
	ab_json_array_end(json);
	ab_json_object_end(json);
	for (const struct ab_param *param = op->params; param != NULL && param->name != NULL; param++)
		if ((param->flags & AB_CLI_ONLY) == 0)
			property(json, param);
	if ((op->flags & AB_OP_DRY_RUN) != 0) {
		ab_json_object(json, "dry_run");
		type_member(json, "boolean", true);
		ab_json_string(json, "description", "only say what would be done");
		ab_json_object_end(json);
	}
	ab_json_object_end(json);
	required_members(json, op);
	ab_json_boolean(json, "additionalProperties", false);
	ab_json_object_end(json);
}

static void
field_schema(struct ab_json *json, const struct ab_field *field)
{
	size_t len = strlen(field->type);
	bool nullable = len > 0 && field->type[len - 1] == '?';
	char type[128], base64_field[AB_FIELD_SIZE + 8];

	len = nullable ? len - 1 : len;
	len = len < sizeof(type) ? len : sizeof(type) - 1;
	memcpy(type, field->type, len);
	type[len] = '\0';
	bool bytes = strcmp(type, "bytes") == 0;
	ab_json_object(json, field->name);
	if (type[0] == '\'' && len >= 2) {
		type[len - 1] = '\0';
		choices_member(json, "enum", type + 1, nullable);
	} else {
		type_member(json, bytes || strcmp(type, "time") == 0 ? "string" : type, nullable);
		if (strcmp(type, "time") == 0)
			ab_json_string(json, "format", "date-time");
	}
	if (field->help != NULL)
		ab_json_string(json, "description", field->help);
	ab_json_object_end(json);
	if (!bytes || strlen(field->name) + sizeof("_base64") > sizeof(base64_field))
		return;
	memcpy(base64_field, field->name, strlen(field->name) + 1);
	strncat(base64_field, "_base64", 8);
	ab_json_object(json, base64_field);
	base64_members(json);
	if (field->help != NULL)
		ab_json_string(json, "description", field->help);
	ab_json_object_end(json);
}

static bool
of_event(const struct ab_field *field, const char *event)
{
	return event == NULL ? field->event == NULL : field->event != NULL && strcmp(field->event, event) == 0;
}

/* An object of the fields that belong to that event (NULL: the record itself). */
static void
fields_schema(struct ab_json *json, const char *name, const struct ab_field *fields, const char *event)
{
	ab_json_object(json, name);
	ab_json_string(json, "type", "object");
	ab_json_object(json, "properties");
	if (event != NULL) {
		ab_json_object(json, "type");
		ab_json_string(json, "const", event);
		ab_json_object_end(json);
	}
	for (const struct ab_field *field = fields; field != NULL && field->name != NULL; field++)
		if (of_event(field, event))
			field_schema(json, field);
	ab_json_object_end(json);
	ab_json_object_end(json);
}

static void
answer_schema(const struct ab_op *op, struct ab_json *json)
{
	if (op->answer != AB_ANSWER_LIST) {
		fields_schema(json, "answer", op->fields, NULL);
	} else {
		ab_json_object(json, "answer");
		ab_json_string(json, "type", "object");
		ab_json_object(json, "properties");
		ab_json_object(json, "items");
		ab_json_string(json, "type", "array");
		fields_schema(json, "items", op->fields, NULL);
		ab_json_object_end(json);
		ab_json_object(json, "next");
		type_member(json, "string", true);
		ab_json_object_end(json);
		ab_json_object_end(json);
		ab_json_object_end(json);
	}
	ab_json_object(json, "events");
	for (const struct ab_field *field = op->fields; field != NULL && field->name != NULL; field++) {
		bool seen = field->event == NULL;
		for (const struct ab_field *before = op->fields; before != field && !seen; before++)
			seen = before->event != NULL && strcmp(before->event, field->event) == 0;
		if (!seen)
			fields_schema(json, field->event, op->fields, field->event);
	}
	ab_json_object_end(json);
}

static void
option(struct ab_json *json, const struct ab_param *param)
{
	char letter[2] = { param->letter, '\0' };

	ab_json_object(json, NULL);
	ab_json_string(json, "name", param->name);
	ab_json_string(json, "letter", param->letter != 0 ? letter : NULL);
	ab_json_string(json, "type", type_names[param->type]);
	ab_json_string(json, "default", param->dflt);
	if (param->choices != NULL)
		choices_member(json, "choices", param->choices, false);
	else
		ab_json_null(json, "choices");
	ab_json_string(json, "meta", ab_param_meta(param));
	ab_json_string(json, "help", param->help);
	ab_json_string(json, "group", param->group);
	ab_json_string(json, "env", param->env);
	ab_json_boolean(json, "positional", (param->flags & AB_POSITIONAL) != 0);
	ab_json_boolean(json, "rest", (param->flags & AB_REST) != 0);
	ab_json_boolean(json, "required", (param->flags & AB_REQUIRED) != 0);
	ab_json_boolean(json, "negatable", param->type == AB_BOOLEAN && (param->flags & AB_CLI_OFF) == 0);
	ab_json_boolean(json, "host_path", (param->flags & AB_HOST_PATH) != 0);
	ab_json_boolean(json, "request", (param->flags & AB_CLI_ONLY) == 0);
	ab_json_boolean(json, "batch_default", (param->flags & (AB_POSITIONAL | AB_CLI_OFF)) == 0);
	ab_json_object_end(json);
}

static void
options_member(struct ab_json *json, const struct ab_param *params, unsigned refuse)
{
	ab_json_array(json, "options");
	for (const struct ab_param *param = params; param != NULL && param->name != NULL; param++)
		if ((param->flags & (AB_REQUEST_ONLY | refuse)) == 0)
			option(json, param);
	ab_json_array_end(json);
}

void
ab_describe_op(const struct ab_op *op, struct ab_json *json)
{
	static const char *const answers[] = {
		[AB_ANSWER_ONE] = "one",
		[AB_ANSWER_BYTES] = "bytes",
		[AB_ANSWER_LIST] = "list",
		[AB_ANSWER_EVENTS] = "events",
	};

	ab_json_string(json, "kind", "operation");
	ab_json_string(json, "name", op->name);
	ab_json_string(json, "alias", op->alias);
	ab_json_string(json, "summary", op->summary);
	ab_json_boolean(json, "main", (op->flags & AB_OP_MAIN) != 0);
	ab_json_boolean(json, "filter", (op->flags & AB_OP_FILTER) != 0);
	ab_json_boolean(json, "batch", (op->flags & AB_OP_CLI_ONLY) == 0);
	ab_json_boolean(json, "dry_run", (op->flags & AB_OP_DRY_RUN) != 0);
	request_schema(op, json);
	ab_json_string(json, "answer_kind", answers[op->answer]);
	ab_json_string(json, "answer_bytes", op->answer_bytes);
	answer_schema(op, json);
	ab_json_object(json, "effects");
	ab_json_boolean(json, "read_only", (op->flags & AB_READ_ONLY) != 0);
	ab_json_boolean(json, "destructive", (op->flags & AB_DESTRUCTIVE) != 0);
	ab_json_boolean(json, "idempotent", (op->flags & AB_IDEMPOTENT) != 0);
	ab_json_boolean(json, "open_world", (op->flags & AB_OPEN_WORLD) != 0);
	ab_json_object_end(json);
	options_member(json, op->params, 0);
}

static void
options_record(struct ab_buf *out, const char *kind, const char *name, const struct ab_param *params)
{
	struct ab_json json;

	ab_json_begin(&json, out, AB_ENCODING_AUTO);
	ab_json_object(&json, NULL);
	ab_json_string(&json, "kind", kind);
	ab_json_string(&json, "name", name);
	options_member(&json, params, 0);
	ab_json_object_end(&json);
	ab_buf_putc(out, '\n');
}

void
ab_describe_tool(const struct ab_tool *tool, const struct ab_op *only, struct ab_buf *out)
{
	for (const struct ab_op *op = tool->ops; op->name != NULL; op++) {
		struct ab_json json;
		if (only != NULL && only != op)
			continue;
		ab_json_begin(&json, out, AB_ENCODING_AUTO);
		ab_json_object(&json, NULL);
		ab_describe_op(op, &json);
		ab_json_object_end(&json);
		ab_buf_putc(out, '\n');
	}
	if (only != NULL)
		return;
	options_record(out, "batch", "batch", ab_batch_params(tool));
	options_record(out, "common", "common", ab_common_params);
}
