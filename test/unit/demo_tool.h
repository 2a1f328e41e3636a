/*
 * A tool with an operation of every kind, to try the operation table through both faces for real: one.name is a
 * process of its own (fork), its stdin, stdout and stderr are pipes, and its table is this.
 */
#ifndef AB_TEST_DEMO_TOOL_H
#define AB_TEST_DEMO_TOOL_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/op.h"
#include "core/time.h"

struct greet_params {
	const char *name, *tone;
	int64_t times, timeout_ms, size_bytes;
	int loud;
	struct ab_list words;
	struct ab_map env;
	struct ab_bytes stdin_bytes;
	const char *root;
	const struct ab_value *extra;
};

static const struct ab_param greet_params[] = {
	AB_PARAM_STRING(struct greet_params, name, .name = "name", .meta = "NAME", .help = "whom to greet", .flags = AB_REQUIRED | AB_POSITIONAL | AB_RAW),
	AB_PARAM_LIST(struct greet_params, words, .name = "word", .letter = 'w', .help = "more words", .flags = AB_COMMA),
	AB_PARAM_STRING(struct greet_params, tone, .name = "tone", .dflt = "kind", .choices = "kind|rude|as:", .flags = AB_HOST_PATH, .inside = "kind|rude", .env = "DEMO_TONE", .help = "how"),
	AB_PARAM_INTEGER(struct greet_params, times, .name = "times", .letter = 'n', .dflt = "1", .min = 1, .max = 9, .help = "how often"),
	AB_PARAM_DURATION(struct greet_params, timeout_ms, .name = "time-out", .dflt = "10s", .help = "how long", .group = "limits"),
	AB_PARAM_SIZE(struct greet_params, size_bytes, .name = "size", .help = "how big", .group = "limits"),
	AB_PARAM_BOOLEAN(struct greet_params, loud, .name = "loud", .letter = 'l', .help = "with a mark"),
	AB_PARAM_MAP(struct greet_params, env, .name = "env", .letter = 'e', .flags = AB_SECRET, .help = "variables"),
	AB_PARAM_BYTES(struct greet_params, stdin_bytes, .name = "stdin", .help = "input"),
	AB_PARAM_STRING(struct greet_params, root, .name = "root", .flags = AB_HOST_PATH, .meta = "DIR", .help = "a place of the host"),
	AB_PARAM_JSON(struct greet_params, extra, .name = "extra", .help = "anything"),
	AB_PARAM_END
};

static int
greet(struct ab_call *call, void *data, struct ab_error *err)
{
	struct greet_params *params = data;
	AB_AUTO_BUF struct ab_buf input = AB_BUF_INIT(1000), extra = AB_BUF_INIT(1000);

	if (strcmp(params->name, "nobody") == 0) {
		ab_fail(err, AB_E_NOT_FOUND, "no such person \"nobody\"");
		ab_error_hint(err, "ab-demo greet somebody");
		return -1;
	}
	if (ab_bytes_read(&params->stdin_bytes, &input, err) < 0)
		return -1;
	ab_call_log(call, NULL, params->name, NULL);
	struct ab_json *json = ab_call_record(call);
	ab_json_bytes(json, "name", params->name, strlen(params->name));
	ab_json_string(json, "tone", params->tone);
	ab_json_integer(json, "times", params->times);
	ab_json_integer(json, "time_out_ms", params->timeout_ms);
	if (params->size_bytes != AB_UNSET)
		ab_json_integer(json, "size_bytes", params->size_bytes);
	if (params->loud != AB_MAYBE)
		ab_json_boolean(json, "loud", params->loud);
	ab_json_array(json, "words");
	for (size_t i = 0; i < params->words.count; i++)
		ab_json_element(json, NULL, params->words.item[i], strlen(params->words.item[i]));
	ab_json_array_end(json);
	ab_json_object(json, "env");
	for (size_t i = 0; i < params->env.count; i++)
		ab_json_element(json, params->env.name[i], params->env.value[i], strlen(params->env.value[i]));
	ab_json_object_end(json);
	if (params->stdin_bytes.kind != AB_BYTES_NONE)
		ab_json_bytes(json, "stdin", input.data, input.len);
	if (params->extra != NULL && ab_value_print(params->extra, &extra))
		ab_json_raw(json, "extra", extra.data, extra.len);
	ab_json_boolean(json, "dry", ab_call_dry_run(call));
	ab_json_boolean(json, "given", ab_call_given(call, "times"));
	ab_call_record_end(call);
	return AB_DONE;
}

struct count_params {
	int64_t to, width;
};
static const struct ab_param count_params[] = {
	AB_PARAM_INTEGER(struct count_params, to, .name = "to", .meta = "N", .dflt = "3", .flags = AB_POSITIONAL, .help = "how many"),
	AB_PARAM_INTEGER(struct count_params, width, .name = "width", .dflt = "0", .help = "bytes of padding in each"),
	AB_PARAM_END
};

static int
count(struct ab_call *call, void *data, struct ab_error *err)
{
	struct count_params *params = data;
	AB_AUTO_FREE char *padding = ab_calloc(1, (size_t)params->width + 1);

	(void)err;
	memset(padding, 'x', (size_t)params->width);
	for (int64_t i = 1; i <= params->to; i++) {
		struct ab_json *json = ab_call_item(call);
		ab_json_integer(json, "n", i);
		ab_json_string(json, "word", i % 2 == 0 ? "even" : "odd");
		if (params->width > 0)
			ab_json_string(json, "padding", padding);
		ab_call_item_end(call);
	}
	ab_call_next(call, params->to > 100 ? "more" : NULL);
	return AB_DONE;
}

static int
echo(struct ab_call *call, void *data, struct ab_error *err)
{
	struct greet_params *params = data;

	(void)err;
	ab_call_bytes(call, params->name, strlen(params->name));
	return AB_DONE;
}
static const struct ab_param echo_params[] = {
	AB_PARAM_STRING(struct greet_params, name, .name = "name", .meta = "TEXT", .help = "what", .flags = AB_REQUIRED | AB_POSITIONAL | AB_RAW),
	AB_PARAM_END
};

/* A request that takes time. */
struct nap {
	struct ab_call *call;
	struct ab_timer timer;
	int64_t left, done;
};
struct nap_params {
	int64_t length_ms, ticks, width;
	int deaf;
};
static const struct ab_param nap_params[] = {
	AB_PARAM_DURATION(struct nap_params, length_ms, .name = "length", .dflt = "10ms", .flags = AB_POSITIONAL, .help = "how long"),
	AB_PARAM_INTEGER(struct nap_params, ticks, .name = "ticks", .dflt = "1", .help = "events, one each length; 0: for ever"),
	AB_PARAM_INTEGER(struct nap_params, width, .name = "width", .dflt = "0", .help = "bytes of padding in each"),
	AB_PARAM_BOOLEAN(struct nap_params, deaf, .name = "deaf", .dflt = "false", .help = "cannot be cancelled"),
	AB_PARAM_END
};

static void
nap_over(struct nap *nap, enum ab_errcode code)
{
	struct ab_call *call = nap->call;
	struct ab_error err = AB_ERROR_INIT;
	int64_t done = nap->done;

	ab_loop_disarm(ab_call_loop(call), &nap->timer);
	free(nap);
	if (code != AB_E_NONE) {
		ab_fail(&err, code, "woken");
		ab_call_fail(call, &err);
		return;
	}
	ab_json_integer(ab_call_record(call), "done", done);
	ab_call_record_end(call);
	ab_call_finish(call);
}

static void
nap_cancelled(struct ab_call *call, void *data)
{
	nap_over(data, ab_call_cancel_reason(call) == AB_CANCEL_INPUT_END ? AB_E_NONE : AB_E_CANCELLED);
}

static int64_t nap_length_ms, nap_width;

static void
nap_fired(struct ab_timer *timer)
{
	struct nap *nap = timer->data;
	AB_AUTO_FREE char *padding = ab_calloc(1, (size_t)nap_width + 1);

	nap->done++;
	memset(padding, 'x', (size_t)nap_width);
	if (nap->left != 1 || nap->done > 1) {
		struct ab_json *json = ab_call_event(nap->call, "tick");
		ab_json_integer(json, "n", nap->done);
		if (nap_width > 0)
			ab_json_string(json, "padding", padding);
		ab_call_event_end(nap->call);
	}
	if (nap->left > 0 && nap->done >= nap->left)
		nap_over(nap, AB_E_NONE);
	else
		ab_loop_arm(ab_call_loop(nap->call), timer, ab_now_ms() + nap_length_ms);
}

static int
nap(struct ab_call *call, void *data, struct ab_error *err)
{
	struct nap_params *params = data;
	struct nap *one = ab_calloc(1, sizeof(*one));

	(void)err;
	nap_length_ms = params->length_ms;
	nap_width = params->width;
	*one = (struct nap){ .call = call, .left = params->ticks };
	one->timer = (struct ab_timer){ .deadline_ms = AB_NEVER, .fired = nap_fired, .data = one };
	ab_loop_arm(ab_call_loop(call), &one->timer, ab_now_ms() + params->length_ms);
	if (!params->deaf)
		ab_call_on_cancel(call, nap_cancelled, one);
	return AB_PENDING;
}

static int
check(struct ab_call *call, void *data, struct ab_error *err)
{
	struct greet_params *params = data;
	bool yes = strcmp(params->name, "yes") == 0;

	(void)err;
	if (strcmp(params->name, "alone") == 0)
		ab_call_settle(call);
	if (!yes)
		ab_call_answer_no(call);
	ab_json_boolean(ab_call_record(call), "yes", yes);
	ab_call_record_end(call);
	return AB_DONE;
}

struct run_params {
	struct ab_list argv;
	int64_t status, signal;
	const char *fail;
};
static const struct ab_param run_params[] = {
	AB_PARAM_LIST(struct run_params, argv, .name = "argv", .meta = "ARGV", .flags = AB_POSITIONAL | AB_REST, .help = "what"),
	AB_PARAM_INTEGER(struct run_params, status, .name = "status", .help = "exit so", .flags = AB_CLI_ONLY | AB_CLI_OFF),
	AB_PARAM_INTEGER(struct run_params, signal, .name = "signal", .help = "die so", .flags = AB_CLI_ONLY | AB_CLI_OFF),
	AB_PARAM_STRING(struct run_params, fail, .name = "fail-with", .help = "fail so", .flags = AB_CLI_ONLY | AB_CLI_OFF),
	AB_PARAM_END
};

static int
run(struct ab_call *call, void *data, struct ab_error *err)
{
	struct run_params *params = data;

	if (params->status != AB_UNSET)
		ab_call_exit_status(call, (int)params->status);
	if (params->signal != AB_UNSET)
		ab_call_exit_signal(call, (int)params->signal);
	if (params->fail != NULL)
		return ab_fail(err, AB_E_DENIED_POLICY, "%s", params->fail);
	struct ab_json *json = ab_call_record(call);
	ab_json_array(json, "argv");
	for (size_t i = 0; i < params->argv.count; i++)
		ab_json_element(json, NULL, params->argv.item[i], strlen(params->argv.item[i]));
	ab_json_array_end(json);
	ab_call_record_end(call);
	return AB_DONE;
}

/* Requests within a request. */
static int
both(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct greet_params *params = data;
	AB_AUTO_BUF struct ab_buf answers = AB_BUF_INIT(1000000);

	for (size_t i = 0; i < ab_value_count(params->extra); i++) {
		ab_buf_puts(&answers, i > 0 ? "," : "");
		if (ab_call_nested(call, ab_value_at(params->extra, i), &answers, err) < 0)
			return -1;
	}
	struct ab_json *json = ab_call_record(call);
	ab_json_array(json, "answers");
	if (answers.len > 0)
		ab_json_raw(json, NULL, answers.data, answers.len);
	ab_json_array_end(json);
	ab_json_boolean(json, "nested", ab_call_is_part(call));
	ab_call_record_end(call);
	return AB_DONE;
}
static const struct ab_param both_params[] = {
	AB_PARAM_JSON(struct greet_params, extra, .name = "requests", .flags = AB_REQUIRED | AB_POSITIONAL, .help = "an array of requests"),
	AB_PARAM_END
};

static const struct ab_field greet_fields[] = {
	{ .name = "name", .type = "bytes", .help = "who" },
	{ .name = "tone", .type = "'kind|rude'", .help = "how" },
	{ .name = "at", .type = "time?", .help = "when" },
	{ .name = NULL },
};
static const struct ab_field nap_fields[] = {
	{ .name = "n", .type = "integer", .help = "number", .event = "tick" },
	{ .name = "done", .type = "integer", .help = "how many" },
	{ .name = NULL },
};

static const struct ab_op demo_ops[] = {
	{ .name = "run", .summary = "take words", .params = run_params, .params_size = sizeof(struct run_params),
	    .flags = AB_OP_MAIN | AB_OP_FILTER | AB_OP_TIMEOUT1, .run = run },
	{ .name = "greet", .alias = "hi", .others = "salute run-to", .summary = "greet somebody", .params = greet_params, .params_size = sizeof(struct greet_params),
	    .fields = greet_fields, .flags = AB_OP_DRY_RUN | AB_IDEMPOTENT | AB_OP_NESTS, .run = greet },
	{ .name = "count", .summary = "count", .params = count_params, .params_size = sizeof(struct count_params), .answer = AB_ANSWER_LIST,
	    .flags = AB_READ_ONLY | AB_OP_NESTS, .run = count },
	{ .name = "echo", .summary = "say it again", .params = echo_params, .params_size = sizeof(struct greet_params),
	    .answer = AB_ANSWER_BYTES, .answer_bytes = "value", .flags = AB_READ_ONLY | AB_OP_NESTS, .run = echo },
	{ .name = "nap", .summary = "sleep a while", .params = nap_params, .params_size = sizeof(struct nap_params),
	    .answer = AB_ANSWER_EVENTS, .fields = nap_fields, .run = nap },
	{ .name = "watch", .summary = "sleep for ever", .params = nap_params, .params_size = sizeof(struct nap_params),
	    .answer = AB_ANSWER_EVENTS, .flags = AB_OP_ENDLESS, .run = nap },
	{ .name = "check", .summary = "yes or no", .params = echo_params, .params_size = sizeof(struct greet_params),
	    .flags = AB_OP_PREDICATE, .run = check },
	{ .name = "both", .summary = "do several", .params = both_params, .params_size = sizeof(struct greet_params), .flags = AB_OP_NESTS, .run = both },
	{ .name = NULL },
};

static const char *const demo_schemas[] = { "ab.demo/1", NULL };
static struct ab_tool demo_tool = {
	.name = "ab-demo", .summary = "show what a tool is", .ops = demo_ops, .schemas = demo_schemas,
};

/* ---- a process of it ---- */

struct demo {
	pid_t pid;
	int in, out, err;
};

/* Start it with the words of line, split at spaces ("~" stands for a space inside a word). */
static inline struct demo
demo_start(const char *line)
{
	struct demo demo;
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
		abort();
	demo.pid = fork();
	if (demo.pid == 0) {
		char *copy = ab_strdup(line), *argv[64] = { copy };
		int argc = 0;
		for (char *word = strtok_r(copy, " ", &copy); word != NULL; word = strtok_r(NULL, " ", &copy)) {
			for (char *at = word; *at != '\0'; at++)
				*at = *at == '~' ? ' ' : *at;
			argv[argc++] = word;
		}
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		close_range(3, ~0u, 0);
		_exit(ab_tool_main(&demo_tool, argc, argv));
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	demo.in = in[1];
	demo.out = out[0];
	demo.err = err[0];
	return demo;
}

/* Whatever comes on fd until it ends, or until there is a newline (line) or 10 s are over. The text is kept per descriptor kind. */
static inline const char *
demo_read(int fd, char *text, size_t size, bool line)
{
	size_t len = 0;
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	while (len + 1 < size && poll(&ready, 1, 10000) > 0) {
		ssize_t n = read(fd, text + len, line ? 1 : size - len - 1);
		if (n <= 0)
			break;
		len += (size_t)n;
		if (line && text[len - 1] == '\n')
			break;
	}
	text[len] = '\0';
	return text;
}

static char demo_out[1 << 20], demo_err[1 << 16];

static inline void
demo_say(const struct demo *demo, const char *text)
{
	size_t len = strlen(text);

	if (write(demo->in, text, len) != (ssize_t)len)
		abort();
}

static inline const char *
demo_line(const struct demo *demo)
{
	return demo_read(demo->out, demo_out, sizeof(demo_out), true);
}

static inline bool
demo_begins(const char *text, const char *with)
{
	bool begins = strncmp(text, with, strlen(with)) == 0;

	if (!begins)
		printf("# said: %s\n", text);
	return begins;
}

/* No more input; everything it still says is in demo_out and demo_err. Its status, 128+n when it died of a signal. */
static inline int
demo_end(struct demo *demo)
{
	int status;

	ab_close_indirect(&demo->in);
	if (demo->out >= 0)
		demo_read(demo->out, demo_out, sizeof(demo_out), false);
	demo_read(demo->err, demo_err, sizeof(demo_err), false);
	ab_close_indirect(&demo->out);
	ab_close_indirect(&demo->err);
	waitpid(demo->pid, &status, 0);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* All at once: run with that input. */
static inline int
demo_run(const char *line, const char *input)
{
	struct demo demo = demo_start(line);

	demo_say(&demo, input);
	return demo_end(&demo);
}

#endif
