/* usage: counted in steps between other work, with progress for a person who waits. */
#include <stdio.h>
#include <string.h>

#include "ab-scope.h"
#include "core/mem.h"
#include "core/time.h"
#include "sys/scope.h"
#include "sys/usage.h"

#define STEP_ENTRIES 2000
#define PROGRESS_MS 1000

struct counting {
	struct ab_call *call;
	struct ab_scope scope;
	struct ab_usage *usage;
	struct ab_loop *loop;
	struct ab_timer next; /* a timer that is due lets other work come first */
	int64_t progress_ms;
	bool cancelled, shown;
};

static void
counting_free(struct counting *counting)
{
	ab_loop_disarm(counting->loop, &counting->next);
	ab_usage_close(counting->usage);
	ab_scope_release(&counting->scope);
	free(counting);
}

/* One line that is written over, on a terminal only. */
static void
progress(struct counting *counting, bool last)
{
	const struct ab_usage_total *total = ab_usage_total(counting->usage);
	char line[128];

	if (ab_call_is_batch(counting->call) || ab_call_quiet(counting->call) || !isatty(STDERR_FILENO))
		return;
	if (last && !counting->shown)
		return;
	counting->shown = true;
	int len = snprintf(line, sizeof(line), "\r\033[K");
	if (!last)
		len = snprintf(line, sizeof(line), "\r\033[K%llu files, %llu bytes", (unsigned long long)total->files,
		    (unsigned long long)total->bytes);
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		counting->progress_ms = AB_NEVER;
}

static void
answer(struct counting *counting)
{
	const struct ab_usage_total *total = ab_usage_total(counting->usage);
	struct ab_json *json = ab_call_record(counting->call);

	ab_json_bytes(json, "name", counting->scope.name, strlen(counting->scope.name));
	ab_json_bytes(json, "path", counting->scope.path, strlen(counting->scope.path));
	ab_json_integer(json, "files", (int64_t)total->files);
	ab_json_integer(json, "directories", (int64_t)total->directories);
	ab_json_integer(json, "bytes", (int64_t)total->bytes);
	ab_json_integer(json, "allocated_bytes", (int64_t)total->allocated_bytes);
	ab_json_integer(json, "unreadable", (int64_t)total->unreadable);
	ab_call_record_end(counting->call);
}

static void
step(struct ab_timer *timer)
{
	struct counting *counting = timer->data;
	struct ab_call *call = counting->call;
	struct ab_error err = AB_ERROR_INIT;

	if (!counting->cancelled && ab_usage_step(counting->usage, STEP_ENTRIES)) {
		if (ab_now_ms() >= counting->progress_ms) {
			counting->progress_ms = ab_now_ms() + PROGRESS_MS;
			progress(counting, false);
		}
		ab_loop_arm(counting->loop, &counting->next, ab_now_ms());
		return;
	}
	progress(counting, true);
	bool cancelled = counting->cancelled;
	if (!cancelled)
		answer(counting);
	counting_free(counting);
	if (!cancelled) {
		ab_call_finish(call);
		return;
	}
	ab_fail(&err, AB_E_CANCELLED, "usage: cancelled");
	ab_call_fail(call, &err);
}

static void
cancel(struct ab_call *call, void *data)
{
	struct counting *counting = data;

	(void)call;
	counting->cancelled = true;
}

int
usage_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct named_params *params = data;
	struct counting *counting = ab_calloc(1, sizeof(*counting));

	counting->call = call;
	counting->loop = ab_call_loop(call);
	counting->next = (struct ab_timer){ .deadline_ms = AB_NEVER, .fired = step, .data = counting };
	counting->progress_ms = ab_now_ms() + PROGRESS_MS;
	if (ab_scope_open(&counting->scope, params->root, params->name, false, err) != 0) {
		free(counting);
		return -1;
	}
	ab_call_log(call, NULL, NULL, counting->scope.path);
	counting->usage = ab_usage_open(counting->scope.fd, err);
	if (counting->usage == NULL) {
		counting_free(counting);
		return -1;
	}
	ab_call_on_cancel(call, cancel, counting);
	ab_loop_arm(counting->loop, &counting->next, ab_now_ms());
	return AB_PENDING;
}
