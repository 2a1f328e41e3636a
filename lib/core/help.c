/* --help and --version, from the operation table. */
#include "core/help.h"

#include <stdio.h>
#include <string.h>

#include "core/opt.h"
#include "core/param.h"

enum { COLUMN = 26, WIDTH = 110 };

/* Text wrapped at WIDTH, hanging at COLUMN; `at` is where the line stands now. */
static void
wrap(struct ab_buf *out, size_t at, const char *text)
{
	if (at + 2 > COLUMN) {
		ab_buf_putc(out, '\n');
		at = 0;
	}
	ab_buf_printf(out, "%*s", (int)(COLUMN - at), "");
	at = COLUMN;
	while (*text != '\0') {
		size_t len = strcspn(text, " ");
		if (at + len > WIDTH && at > COLUMN) {
			ab_buf_printf(out, "\n%*s", COLUMN, "");
			at = COLUMN;
		}
		ab_buf_put(out, text, len);
		at += len + 1;
		text += len;
		text += strspn(text, " ");
		if (*text != '\0' && at + strcspn(text, " ") <= WIDTH)
			ab_buf_putc(out, ' ');
	}
	ab_buf_putc(out, '\n');
}

/* "help text [default: 4096] [env: AB_ROOT]" */
static void
describe_param(const struct ab_param *param, struct ab_buf *text)
{
	bool off = param->type == AB_BOOLEAN && param->dflt != NULL && param->dflt[0] == 'f';

	ab_buf_puts(text, param->help);
	bool told = param->meta != NULL && param->choices != NULL &&
	    (strchr(param->meta, '|') != NULL || strcmp(param->meta, param->choices) == 0);
	if (param->choices != NULL && !told) {
		ab_buf_puts(text, " (");
		for (const char *at = param->choices; *at != '\0'; at++)
			ab_buf_printf(text, *at == '|' ? ", " : "%c", *at);
		ab_buf_puts(text, ")");
	}
	if ((param->type == AB_LIST || param->type == AB_MAP) && (param->flags & AB_POSITIONAL) == 0)
		ab_buf_puts(text, "; may be repeated");
	if ((param->flags & AB_REQUIRED) != 0 && (param->flags & AB_POSITIONAL) == 0)
		ab_buf_puts(text, " [required]");
	if (param->dflt != NULL && !off)
		ab_buf_printf(text, " [default: %s]", param->dflt);
	if (param->env != NULL)
		ab_buf_printf(text, " [env: %s]", param->env);
}

static void
print_param(const struct ab_param *param, struct ab_buf *out)
{
	struct ab_buf text = AB_BUF_INIT(4096);
	size_t start = out->len;
	bool operand = (param->flags & AB_POSITIONAL) != 0;

	describe_param(param, &text);
	if (operand) {
		ab_buf_printf(out, "  %s%s", ab_param_meta(param), (param->flags & AB_REST) != 0 ? "…" : "");
		/* The three bytes of the ellipsis are one column. */
		start += (param->flags & AB_REST) != 0 ? 2 : 0;
	} else {
		/* A switch that is on already is named by what turns it off, too. */
		bool on = param->type == AB_BOOLEAN && (param->dflt == NULL || param->dflt[0] == 't') &&
			  (param->flags & AB_CLI_OFF) == 0;
		if (param->letter != 0)
			ab_buf_printf(out, "  -%c, ", param->letter);
		else
			ab_buf_puts(out, "      ");
		ab_buf_printf(out, "--%s%s", on ? "[no-]" : "", param->name);
		if (param->type != AB_BOOLEAN)
			ab_buf_printf(out, " %s", ab_param_meta(param));
	}
	wrap(out, out->len - start, text.data);
	ab_buf_release(&text);
}

static const char *
group_of(const struct ab_param *param)
{
	return (param->flags & AB_POSITIONAL) != 0 ? "operands"
	       : param->group != NULL		   ? param->group
						   : "options";
}

/* The parameters by group, in the order in which groups first come. */
static void
print_params(const struct ab_param *params, unsigned refuse, struct ab_buf *out)
{
	for (const struct ab_param *param = params; param != NULL && param->name != NULL; param++) {
		bool seen = (param->flags & (refuse | AB_REQUEST_ONLY)) != 0;
		for (const struct ab_param *before = params; before != param && !seen; before++)
			seen = (before->flags & (refuse | AB_REQUEST_ONLY)) == 0 &&
			       strcmp(group_of(before), group_of(param)) == 0;
		if (seen)
			continue;
		ab_buf_printf(out, "\n%s:\n", group_of(param));
		for (const struct ab_param *one = param; one->name != NULL; one++)
			if ((one->flags & (refuse | AB_REQUEST_ONLY)) == 0 &&
			    strcmp(group_of(one), group_of(param)) == 0)
				print_param(one, out);
	}
}

static void
print_common(bool dry_run, struct ab_buf *out)
{
	ab_buf_puts(out, "\nof every operation:\n");
	for (const struct ab_param *param = ab_common_params; param->name != NULL; param++)
		if (dry_run || (param->flags & AB_IF_DRY_RUN) == 0)
			print_param(param, out);
}

static void
print_usage(const struct ab_tool *tool, const struct ab_op *op, struct ab_buf *out)
{
	bool main = (op->flags & AB_OP_MAIN) != 0;

	ab_buf_printf(out, "%s %s%s%s", tool->name, main ? "[" : "", op->name, main ? "]" : "");
	ab_buf_puts(out, " [options]");
	if ((op->flags & AB_OP_FILTER) != 0)
		ab_buf_puts(out, " [--]");
	for (const struct ab_param *param = op->params; param != NULL && param->name != NULL; param++) {
		if ((param->flags & AB_POSITIONAL) == 0)
			continue;
		bool required = (param->flags & AB_REQUIRED) != 0, rest = (param->flags & AB_REST) != 0;
		ab_buf_printf(out, required ? " %s%s" : " [%s%s]", ab_param_meta(param), rest ? "…" : "");
	}
	ab_buf_putc(out, '\n');
}

static void
print_operation(const char *name, const char *alias, const char *summary, struct ab_buf *out)
{
	size_t start = out->len;

	ab_buf_printf(out, "  %s%s%s", name, alias != NULL ? ", " : "", alias != NULL ? alias : "");
	wrap(out, out->len - start, summary);
}

static const char batch_summary[] = "read requests on stdin, one JSON object a line, and answer each on stdout";

void
ab_help_tool(const struct ab_tool *tool, struct ab_buf *out)
{
	const struct ab_op *main = ab_op_main(tool);

	ab_buf_printf(out, "%s: %s\n\nusage: ", tool->name, tool->summary);
	if (main != NULL)
		print_usage(tool, main, out);
	ab_buf_printf(out, "%s%s OPERATION [options] [operands]\n", main != NULL ? "       " : "", tool->name);
	ab_buf_printf(out, "       %s batch [options]\n\noperations (%s OPERATION --help tells all of one):\n",
	    tool->name, tool->name);
	for (const struct ab_op *op = tool->ops; op->name != NULL; op++)
		print_operation(op->name, op->alias, op->summary, out);
	print_operation("batch", NULL, batch_summary, out);
	if (main != NULL) {
		ab_buf_printf(out, "\nof %s, the operation that needs no name:\n", main->name);
		print_params(main->params, 0, out);
	}
	print_common(main != NULL && (main->flags & AB_OP_DRY_RUN) != 0, out);
	if (tool->epilog != NULL)
		ab_buf_printf(out, "\n%s\n", tool->epilog);
}

void
ab_help_op(const struct ab_tool *tool, const struct ab_op *op, struct ab_buf *out)
{
	ab_buf_printf(out, "%s %s: %s\n", tool->name, op->name, op->summary);
	if (op->alias != NULL)
		ab_buf_printf(out, "(%s is the same)\n", op->alias);
	ab_buf_puts(out, "\nusage: ");
	print_usage(tool, op, out);
	print_params(op->params, 0, out);
	print_common((op->flags & AB_OP_DRY_RUN) != 0, out);
}

void
ab_help_batch(const struct ab_tool *tool, struct ab_buf *out)
{
	ab_buf_printf(out, "%s batch: %s\n\nusage: %s batch [options] [defaults]\n", tool->name, batch_summary,
	    tool->name);
	print_params(ab_batch_params(tool), 0, out);
	ab_buf_puts(out, "\ndefaults (for the requests of the operations that have them):\n");
	for (const struct ab_op *op = tool->ops; op->name != NULL; op++)
		for (const struct ab_param *param = op->params; param != NULL && param->name != NULL; param++) {
			bool seen = (op->flags & AB_OP_CLI_ONLY) != 0 ||
				    (param->flags & (AB_POSITIONAL | AB_REQUEST_ONLY | AB_CLI_OFF)) != 0;
			for (const struct ab_op *before = tool->ops; before != op && !seen; before++)
				seen = (before->flags & AB_OP_CLI_ONLY) == 0 &&
				       ab_param_find(before->params, param->name, strlen(param->name)) >= 0;
			if (!seen)
				print_param(param, out);
		}
	print_common(false, out);
}

void
ab_help_version(const struct ab_tool *tool, bool as_json, struct ab_buf *out)
{
	struct ab_json json;

	if (!as_json) {
		ab_buf_printf(out, "%s %s\n", tool->name, AB_VERSION);
		return;
	}
	ab_json_begin(&json, out, AB_ENCODING_AUTO);
	ab_json_object(&json, NULL);
	ab_json_string(&json, "name", tool->name);
	ab_json_string(&json, "version", AB_VERSION);
	ab_json_object(&json, "libraries");
	ab_json_string(&json, "jansson", ab_json_library_version());
	for (const struct ab_library *library = tool->libraries; library != NULL && library->name != NULL;
	     library++)
		ab_json_string(&json, library->name, library->version());
	ab_json_object_end(&json);
	ab_json_array(&json, "schemas");
	for (const char *const *schema = tool->schemas; schema != NULL && *schema != NULL; schema++)
		ab_json_string(&json, NULL, *schema);
	ab_json_array_end(&json);
	ab_json_object_end(&json);
	ab_buf_putc(out, '\n');
}
