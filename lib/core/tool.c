/* main() of every tool: the command line's face. */
#include "core/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "core/batch.h"
#include "core/call.h"
#include "core/describe.h"
#include "core/help.h"
#include "core/io.h"
#include "core/mem.h"
#include "core/sink.h"

/* One command line. */
struct line {
	const struct ab_tool *tool;
	const struct ab_op *op; /* NULL: none was named and there is no main one */
	bool named;
	struct ab_common common;
	struct ab_args common_args;
	struct ab_call call;
	struct ab_sink sink;
	struct ab_loop *loop;
	bool signals; /* blocked and handled by the loop */
	int caught;   /* the signal that cancelled it */
	bool ended;
};

void
ab_tool_print_error(const struct ab_tool *tool, const struct ab_error *err, bool quiet)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(16384);
	const char *format = getenv("AB_ERRORS");
	struct ab_error clean = *err;

	if (quiet && ab_errcode_status(err->code) == 1)
		return;
	ab_error_sanitize(clean.msg);
	ab_error_sanitize(clean.hint);
	if (format != NULL && strcmp(format, "json") == 0) {
		struct ab_json json;
		ab_json_begin(&json, &text, AB_ENCODING_AUTO);
		ab_json_object(&json, NULL);
		ab_json_error(&json, "error", &clean);
		ab_json_object_end(&json);
		ab_buf_putc(&text, '\n');
	} else {
		ab_buf_printf(&text, "%s: %s [%s]\n", tool->name, clean.msg, ab_errcode_name(clean.code));
		if (clean.hint[0] != '\0')
			ab_buf_printf(&text, "  hint: %s\n", clean.hint);
	}
	if (ab_write_all(STDERR_FILENO, text.data, text.len) < 0)
		return; /* nobody to tell */
}

void
ab_tool_die(int signo)
{
	struct rlimit none = { 0, 0 };
	sigset_t only;

	setrlimit(RLIMIT_CORE, &none);
	signal(signo, SIG_DFL);
	sigemptyset(&only);
	sigaddset(&only, signo);
	raise(signo);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	_exit(128 + signo);
}

/* ---- the face ---- */

static void
signalled(int signo, void *data)
{
	struct line *line = data;
	struct ab_call *call = &line->call;

	if (call->caught != NULL) {
		call->caught(call, signo, call->caught_data);
		return;
	}
	/* The second time, or when the operation cannot be asked to end: as if nobody had caught it. */
	if (line->caught != 0 || !ab_call_cancel(call, AB_CANCEL_SIGNAL))
		ab_tool_die(signo);
	line->caught = line->caught != 0 ? line->caught : signo;
}

static struct ab_loop *
line_loop(struct ab_call *call)
{
	struct line *line = call->face_data;
	struct ab_error err = AB_ERROR_INIT;

	if (line->loop == NULL) {
		line->loop = ab_loop_new(&err);
		if (line->loop == NULL) {
			ab_tool_print_error(line->tool, &err, false);
			_exit((call->op->flags & AB_OP_TIMEOUT1) != 0 ? 125 : ab_errcode_status(err.code));
		}
		line->sink.loop = line->loop;
	}
	return line->loop;
}

static int
line_signals(struct ab_call *call, struct ab_error *err)
{
	static const int all[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT,
		SIGUSR1, SIGUSR2, SIGWINCH, 0 };
	static const int ending[] = { SIGINT, SIGTERM, SIGHUP, 0 };
	struct line *line = call->face_data;

	if (line->signals)
		return 0;
	line->signals = true;
	return ab_loop_signals(line_loop(call), call->caught != NULL ? all : ending, signalled, line, err);
}

/* Nobody reads: a pending operation is asked to end; one that is not pending has nothing that could be asked.
 */
static void
reader_gone(void *data)
{
	struct line *line = data;

	if (!ab_call_cancel(&line->call, AB_CANCEL_READER_GONE) && ab_sink_is_gone(&line->sink) &&
	    line->sink.filter < 0)
		ab_tool_die(SIGPIPE);
}

static void
line_put(struct ab_call *call, enum ab_put what)
{
	struct line *line = call->face_data;
	/* Items are what was asked for, but those of `wait`: the results of commands. */
	bool result = what == AB_PUT_RECORD || (what == AB_PUT_ITEM && (call->op->flags & AB_OP_TIMEOUT1) != 0);

	if (result && call->common->quiet)
		return;
	if (!ab_sink_put(&line->sink, call->text.data, call->text.len, what) && line->sink.loop == NULL)
		reader_gone(line);
}

static int
line_bytes(struct ab_call *call, const void *data, size_t len, struct ab_error *err)
{
	struct line *line = call->face_data;

	if (ab_sink_bytes(&line->sink, data, len, err) == 0)
		return 0;
	if (ab_sink_is_gone(&line->sink) && !call->pending)
		ab_tool_die(SIGPIPE);
	return -1;
}

static size_t
line_queued(struct ab_call *call)
{
	struct line *line = call->face_data;

	return ab_sink_queued(&line->sink);
}

static void
line_ended(struct ab_call *call)
{
	struct line *line = call->face_data;

	line->ended = true;
	if (line->loop != NULL)
		ab_loop_stop(line->loop);
}

static const struct ab_face face = {
	.loop = line_loop,
	.put = line_put,
	.bytes = line_bytes,
	.queued = line_queued,
	.signals = line_signals,
	.ended = line_ended,
};

/* ---- which operation ---- */

static int
unknown_operation(const struct line *line, const char *word, struct ab_error *err)
{
	const struct ab_op *main = ab_op_main(line->tool), *best = ab_op_guess(line->tool, word);
	const char *name = line->tool->name;
	char quoted[AB_QUOTE_SIZE];

	ab_quote(quoted, word);
	ab_fail(err, AB_E_USAGE, "\"%s\" is no operation", quoted);
	if (strcmp(word, "help") == 0 || strcmp(word, "version") == 0) {
		ab_error_hint(err, "%s --%s", name, word);
		return -1;
	}
	bool filter = main != NULL && (main->flags & AB_OP_FILTER) != 0;
	if (filter && best != NULL)
		ab_error_hint(err, "%s -- %s, or %s %s", name, quoted, name, best->name);
	else if (filter)
		ab_error_hint(err, "%s -- %s", name, quoted);
	else if (best != NULL)
		ab_error_hint(err, "%s %s", name, best->name);
	else
		ab_error_hint(err, "%s --help lists them", name);
	return -1;
}

/* An operation is recognised only as the first word; a first word that begins with '-' means the main one. */
static int
choose(struct line *line, int *argc, char ***argv, struct ab_error *err)
{
	const char *word = *argc > 1 ? (*argv)[1] : "-";

	(*argc)--;
	(*argv)++;
	if (word[0] == '-') {
		line->op = ab_op_main(line->tool);
		return 0;
	}
	line->op = ab_op_find(line->tool, word);
	if (line->op == NULL) {
		line->op = ab_op_main(line->tool);
		return unknown_operation(line, word, err);
	}
	line->named = true;
	(*argc)--;
	(*argv)++;
	return 0;
}

static int
parse(struct line *line, int argc, char **argv, struct ab_error *err)
{
	static const struct ab_op none = { .params = NULL };
	const struct ab_op *op = line->op != NULL ? line->op : &none;
	unsigned refuse = (op->flags & AB_OP_DRY_RUN) != 0 ? 0 : AB_IF_DRY_RUN;

	ab_call_params(&line->call, op);
	ab_args_init(
	    &line->common_args, ab_common_params, &line->common, sizeof(line->common), &line->call.arena);
	struct ab_opt_set sets[] = { { .args = &line->call.args, .group = 0 },
		{ .args = &line->common_args, .group = 1, .refuse = refuse } };
	struct ab_opt opt = {
		.sets = sets, .set_count = AB_COUNT_OF(sets), .filter = (op->flags & AB_OP_FILTER) != 0
	};
	int rc = ab_opt_parse(&opt, argc, argv, err);
	/* Who asks for help gets it, whatever else is wrong. */
	if (line->common.help > 0 || line->common.version > 0 || line->common.describe > 0)
		return 0;
	if (rc < 0 && err->hint[0] == '\0' && line->op == NULL)
		ab_error_hint(err, "the operation comes first; %s --help lists them", line->tool->name);
	if (rc < 0 && err->hint[0] == '\0')
		ab_error_hint(err, "%s%s%s --help", line->tool->name, line->named ? " " : "",
		    line->named ? op->name : "");
	if (rc < 0)
		return -1;
	if (line->op == NULL) {
		ab_fail(err, AB_E_USAGE, argc > 0 ? "the operation comes first" : "no operation given");
		ab_error_hint(err, "%s --help", line->tool->name);
		return -1;
	}
	if (ab_opt_operands(&line->call.args, &opt, err) < 0 ||
	    ab_args_require(&line->call.args, false, err) < 0) {
		ab_error_hint(err, "%s %s --help", line->tool->name, op->name);
		return -1;
	}
	if (ab_args_complete(&line->call.args, err) < 0 || ab_args_complete(&line->common_args, err) < 0)
		return -1;
	line->call.dry_run = line->common.dry_run > 0;
	return 0;
}

/* ---- the parts that only print ---- */

static int
print_all(const struct ab_buf *text, struct ab_error *err)
{
	if (text->len == 0 || ab_write_all(STDOUT_FILENO, text->data, text->len) == 0)
		return 0;
	if (errno == EPIPE)
		ab_tool_die(SIGPIPE);
	return ab_fail_errno(err, errno, "write to stdout");
}

static int
print_about(const struct line *line, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(16 * 1024 * 1024);

	if (line->common.help > 0 && line->named)
		ab_help_op(line->tool, line->op, &text);
	else if (line->common.help > 0)
		ab_help_tool(line->tool, &text);
	else if (line->common.version > 0)
		ab_help_version(line->tool, line->common.json > 0, &text);
	else if (ab_tool_check(line->tool, err) < 0) /* the tests ask every command to describe itself */
		return -1;
	else
		ab_describe_tool(line->tool, line->named ? line->op : NULL, &text);
	return print_all(&text, err);
}

/* ---- doing it ---- */

static int
perform(struct line *line, struct ab_error *err)
{
	ab_call_run(&line->call);
	if (line->ended)
		return 0;
	line_loop(&line->call);
	if (line_signals(&line->call, err) < 0)
		return -1;
	/* Events are of no use without a reader: his end is told also while there is nothing to write. A filter
	   is as patient as the plain command. */
	if (line->op->answer == AB_ANSWER_EVENTS && (line->op->flags & AB_OP_FILTER) == 0)
		ab_sink_watch(&line->sink);
	return line->ended ? 0 : ab_loop_run(line->loop, err);
}

/* Everything is written: what the process ends with. */
static int
conclude(struct line *line)
{
	struct ab_call *call = &line->call;
	struct ab_error err = AB_ERROR_INIT;
	/* Where every failure is 125 none is an honest "no", that it could be kept quiet. */
	bool ours = (call->op->flags & AB_OP_TIMEOUT1) != 0, quiet = call->common->quiet > 0 && !ours;
	int status = 0, signo = call->signo;

	/* A reader that is slow now must not keep us from being interrupted. */
	if (line->signals)
		sigprocmask(SIG_SETMASK, ab_loop_original_mask(line->loop), NULL);
	int rc = ab_sink_close(&line->sink, &err);
	int filter = line->sink.filter_status;
	if (line->caught != 0)
		ab_tool_die(line->caught);
	if (ab_sink_is_gone(&line->sink) || filter == 128 + SIGPIPE)
		ab_tool_die(SIGPIPE);
	/* That it ended because a filter left is not its failure: the filter's status says what happened. */
	if (call->error.code != AB_E_NONE && call->cancelled != AB_CANCEL_READER_GONE) {
		ab_tool_print_error(line->tool, &call->error, quiet);
		status = ours ? 125 : ab_errcode_status(call->error.code);
	}
	if (rc < 0)
		ab_tool_print_error(line->tool, &err, quiet);
	/* It was ended because its output went nowhere: that is what happened, not how it took it. */
	if (rc < 0 && call->cancelled == AB_CANCEL_READER_GONE)
		return ours ? 125 : ab_errcode_status(err.code);
	if (signo != 0)
		ab_tool_die(signo);
	if (call->no)
		status = 1;
	if (call->has_status)
		status = call->status;
	if (rc < 0 && status == 0)
		status = ours ? 125 : ab_errcode_status(err.code);
	if (filter != 0 && status == 0)
		status = ours ? 125 : filter;
	return status;
}

static bool
wants_columns(void)
{
	const char *format = getenv("AB_FORMAT");

	return format != NULL && strcmp(format, "table") == 0 && isatty(STDOUT_FILENO);
}

static int
fail_line(const struct line *line, const struct ab_error *err)
{
	bool ours = line->op != NULL && (line->op->flags & AB_OP_TIMEOUT1) != 0;

	ab_tool_print_error(line->tool, err, line->common.quiet > 0);
	return ours ? 125 : ab_errcode_status(err->code);
}

static int
do_line(struct line *line, int argc, char **argv)
{
	struct ab_error err = AB_ERROR_INIT;

	if (choose(line, &argc, &argv, &err) < 0 || parse(line, argc, argv, &err) < 0)
		return fail_line(line, &err);
	if (line->common.help > 0 || line->common.version > 0 || line->common.describe > 0)
		return print_about(line, &err) < 0 ? fail_line(line, &err) : 0;
	ab_sink_init(&line->sink, &line->common, line->op, wants_columns());
	line->sink.gone = reader_gone;
	line->sink.data = line;
	if (perform(line, &err) < 0)
		return fail_line(line, &err);
	return conclude(line);
}

static int
do_batch(const struct ab_tool *tool, int argc, char **argv)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(1024 * 1024);
	struct ab_common common = { .help = 0 };
	struct ab_error err = AB_ERROR_INIT;
	int signo = 0, status = ab_batch_main(tool, argc, argv, &common, &signo, &err);

	if (status == 0 && common.help > 0) {
		ab_help_batch(tool, &text);
		status = print_all(&text, &err);
	}
	if (status < 0) {
		ab_tool_print_error(tool, &err, false);
		status = ab_errcode_status(err.code);
	}
	if (signo != 0)
		ab_tool_die(signo);
	return status;
}

/* A descriptor that is closed would be given to the first file we open. What replaces stdin and stdout fails as a
 * closed one does; what goes to a closed stderr nobody wants to know. */
static void
keep_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 1 ? O_RDONLY : O_WRONLY) < 0)
			_exit(125);
}

int
ab_tool_main(const struct ab_tool *tool, int argc, char **argv)
{
	struct line line = { .tool = tool };

	keep_standard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	/* Ignored by whoever started us, children would vanish and nobody be told. */
	signal(SIGCHLD, SIG_DFL);
	if (argc > 1 && strcmp(argv[1], "batch") == 0)
		return do_batch(tool, argc - 2, argv + 2);
	ab_call_init(&line.call, tool, &line.common, &face, &line);
	ab_sink_init(&line.sink, &line.common, NULL, false);
	int status = do_line(&line, argc, argv);
	ab_sink_release(&line.sink);
	ab_call_release(&line.call);
	ab_loop_free(line.loop);
	return status;
}
