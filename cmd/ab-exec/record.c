/* An outcome as a result record (ab.exec/1), and as at most five lines for a person. */
#include "ab-exec.h"

#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/time.h"
#include "sys/job.h"

#define NOTES_MAX 5

/* Fields are only added within /1. */
static void
write_texts(struct ab_json *json, const struct ab_captured *out, const struct ab_captured *err)
{
	ab_json_bytes(json, "stdout", out->text.data, out->text.len);
	ab_json_bytes(json, "stderr", err->text.data, err->text.len);
}

static void
write_counts(struct ab_json *json, const struct ab_captured *out, const struct ab_captured *err)
{
	ab_json_integer(json, "stdout_bytes", (int64_t)out->total);
	ab_json_integer(json, "stderr_bytes", (int64_t)err->total);
	ab_json_integer(json, "stdout_omitted_bytes", (int64_t)out->omitted);
	ab_json_integer(json, "stderr_omitted_bytes", (int64_t)err->omitted);
	ab_json_integer(json, "stdout_head_bytes", (int64_t)out->head_bytes);
	ab_json_integer(json, "stderr_head_bytes", (int64_t)err->head_bytes);
	ab_json_boolean(json, "truncated", out->omitted > 0 || err->omitted > 0);
}

static void
write_output(struct ab_json *json, const struct exec_result *result)
{
	const struct exec_output *output = result->output;
	struct ab_captured out = { .text = AB_BUF_INIT(0) }, err = { .text = AB_BUF_INIT(0) };

	if (output != NULL) {
		ab_capture_result(&output->out, &out);
		ab_capture_result(&output->err, &err);
	}
	if (result->texts)
		write_texts(json, &out, &err);
	write_counts(json, &out, &err);
	ab_buf_release(&out.text);
	ab_buf_release(&err.text);
	const char *spool = output == NULL ? NULL : output->job != NULL ? output->job->id : output->file_name;
	ab_json_string(json, "spool", spool);
	ab_json_boolean(json, "spool_truncated", result->outcome->spool_truncated || (output != NULL && output->spool_truncated));
}

static void
write_usage(struct ab_json *json, const struct ab_outcome *outcome)
{
	ab_json_time(json, "started_at", outcome->started_unix_ms);
	ab_json_integer(json, "wall_ms", outcome->wall_us / 1000);
	ab_json_integer(json, "setup_ms", outcome->setup_us / 1000);
	ab_json_integer(json, "user_ms", outcome->user_us / 1000);
	ab_json_integer(json, "sys_ms", outcome->sys_us / 1000);
	ab_json_integer(json, "max_rss_bytes", outcome->max_rss_bytes);
	ab_json_string(json, "usage_of", outcome->usage_of_cgroup ? "cgroup" : "processes");
}

static void
write_limits(struct ab_json *json, const struct ab_outcome *outcome)
{
	static const char *const names[] = { "memory", "cpu_time", "pids", "file_size", "spool" };

	ab_json_boolean(json, "oom", outcome->oom);
	ab_json_array(json, "limits_hit");
	for (size_t i = 0; i < AB_COUNT_OF(names); i++)
		if ((outcome->limits_hit & (1u << i)) != 0)
			ab_json_string(json, NULL, names[i]);
	ab_json_array_end(json);
	ab_json_integer(json, "survivors_killed", outcome->survivors_killed);
}

static void
write_findings(struct ab_json *json, const struct exec_result *result)
{
	const struct ab_violation *violation = NULL;
	size_t count = result->gate != NULL ? ab_netgate_violations(result->gate, &violation) : 0;

	ab_json_array(json, "planted");
	for (char *const *at = result->planted; at != NULL && *at != NULL; at++)
		ab_json_element(json, NULL, *at, strlen(*at));
	ab_json_array_end(json);
	ab_json_array(json, "violations");
	for (size_t i = 0; i < count; i++) {
		ab_json_object(json, NULL);
		ab_json_string(json, "kind", "net");
		ab_json_string(json, "target", violation[i].target);
		ab_json_integer(json, "count", (int64_t)violation[i].count);
		ab_json_string(json, "allow", violation[i].allow);
		ab_json_object_end(json);
	}
	ab_json_array_end(json);
}

static void
write_promises(struct ab_json *json, const struct exec_result *result)
{
	ab_json_string(json, "level", result->plan->level == AB_LEVEL_AUTO ? NULL : ab_level_name(result->plan->level));
	ab_json_array(json, "missing");
	for (int promise = 0; promise < AB_PROMISE_COUNT; promise++)
		if ((result->missing & AB_PROMISE_BIT(promise)) != 0)
			ab_json_string(json, NULL, ab_promise_name((enum ab_promise)promise));
	ab_json_array_end(json);
	ab_json_string(json, "net", result->plan->net.text != NULL ? result->plan->net.text : "none");
}

void
record_write(struct ab_json *json, const struct exec_result *result)
{
	const struct ab_outcome *outcome = result->outcome;
	char signal_name[16];

	ab_json_string(json, "schema", "ab.exec/1");
	ab_json_string(json, "job", result->job != NULL ? result->job : result->output != NULL && result->output->job != NULL ? result->output->job->id : NULL);
	const char *scope = result->plan->scope_name;
	if (scope != NULL)
		ab_json_element(json, "scope", scope, strlen(scope));
	else
		ab_json_null(json, "scope");
	ab_json_string(json, "reason", ab_reason_name(outcome->reason));
	if (outcome->exit_code >= 0 && outcome->reason == AB_REASON_EXIT)
		ab_json_integer(json, "exit_code", outcome->exit_code);
	else
		ab_json_null(json, "exit_code");
	const char *abbreviation = outcome->signal > 0 ? sigabbrev_np(outcome->signal) : NULL;
	if (outcome->signal > 0 && abbreviation == NULL)
		snprintf(signal_name, sizeof(signal_name), "SIG%d", outcome->signal);
	else
		snprintf(signal_name, sizeof(signal_name), "SIG%s", abbreviation != NULL ? abbreviation : "");
	ab_json_string(json, "signal", outcome->signal > 0 ? signal_name : NULL);
	ab_json_integer(json, "status", outcome->status);
	write_output(json, result);
	write_usage(json, outcome);
	write_limits(json, outcome);
	write_findings(json, result);
	write_promises(json, result);
}

static void
note_ending(const struct ab_call *call, const struct exec_result *result, int *room)
{
	const struct ab_outcome *outcome = result->outcome;
	char text[AB_UNIT_SIZE];

	if (*room <= 0)
		return;
	if (outcome->reason == AB_REASON_TIMEOUT)
		ab_call_note(call, "ended after its timeout of %s", ab_duration_format(text, result->plan->limits.timeout_ms));
	else if (outcome->reason == AB_REASON_IDLE_TIMEOUT)
		ab_call_note(call, "ended after %s without output", ab_duration_format(text, result->plan->limits.idle_timeout_ms));
	else if (outcome->oom)
		ab_call_note(call, "out of memory%s", result->plan->limits.memory_bytes > 0 ? " (--memory)" : "");
	else if (outcome->reason == AB_REASON_LIMIT)
		ab_call_note(call, "ended at a limit (%s)", (outcome->limits_hit & AB_LIMIT_CPU) != 0 ? "--cpu-time" : "--file-size");
	else
		return;
	--*room;
}

static void
note_level(const struct ab_call *call, const struct exec_result *result, int *room)
{
	AB_AUTO_BUF struct ab_buf words = AB_BUF_INIT(1024);

	/* a large tree is nothing that a person must be told at every command; the record says it, and -v */
	for (int promise = 0; promise < AB_PROMISE_COUNT; promise++)
		if ((result->missing & AB_PROMISE_BIT(promise)) != 0 && (promise != AB_PROMISE_PROTECT_DEEP || ab_call_verbose(call) > 0))
			ab_buf_printf(&words, "%s%s", words.len > 0 ? " " : "", ab_promise_name((enum ab_promise)promise));
	if (*room <= 0 || (words.len == 0 && result->plan->level == AB_LEVEL_NAMESPACE))
		return;
	ab_call_note(call, "isolation %s%s%s; ab-exec doctor says why", ab_level_name(result->plan->level), words.len > 0 ? ", without: " : "",
	    words.len > 0 ? words.data : "");
	--*room;
}

/* -v: how it ran. */
static void
note_run(const struct ab_call *call, const struct exec_result *result)
{
	const struct ab_outcome *outcome = result->outcome;

	ab_call_note(call, "%s, status %d, after %" PRId64 " ms (set up in %" PRId64 " ms); scope \"%s\", level %s, net %s", ab_reason_name(outcome->reason),
	    outcome->status, outcome->wall_us / 1000, outcome->setup_us / 1000, result->plan->scope_name, ab_level_name(result->plan->level),
	    result->plan->net.text != NULL ? result->plan->net.text : "none");
}

void
record_notes(const struct ab_call *call, const struct exec_result *result)
{
	const struct ab_violation *violation = NULL;
	size_t violations = result->gate != NULL ? ab_netgate_violations(result->gate, &violation) : 0;
	bool verbose = ab_call_verbose(call) > 0;
	int room = verbose ? INT_MAX : NOTES_MAX;

	if (verbose && result->outcome->started)
		note_run(call, result);
	note_ending(call, result, &room);
	if (result->planted != NULL && result->planted[0] != NULL) {
		size_t more = 0;
		while (result->planted[more + 1] != NULL)
			more++;
		if (more > 0)
			ab_call_note(call, "new or changed, and runs later on your behalf: \"%s\" and %zu more (--json lists them)", result->planted[0], more);
		else
			ab_call_note(call, "new or changed, and runs later on your behalf: \"%s\"", result->planted[0]);
		room--;
	}
	for (size_t i = 0; i < violations && room > 1; i++, room--)
		ab_call_note(call, "refused %s (%" PRIu64 "×); to allow it: %s", violation[i].target, violation[i].count, violation[i].allow);
	if (ab_level_has_wall(result->plan->level))
		note_level(call, result, &room);
}
