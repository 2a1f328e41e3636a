/* output: what a job wrote, as far as it is there, or as it comes. */
#include "ab-exec.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/time.h"
#include "sys/job.h"

#define FOLLOW_MS 50
#define PART_BYTES ((size_t)64 << 10)

const struct ab_param output_params[] = {
	AB_PARAM_STRING(struct output_params, job, .name = "job", .flags = AB_REQUIRED | AB_POSITIONAL, .meta = "JOB", .help = "job, or the beginning of its name"),
	AB_PARAM_BOOLEAN(struct output_params, stderr_stream, .name = "stderr", .dflt = "false", .help = "its stderr instead of its stdout"),
	AB_PARAM_INTEGER(struct output_params, offset, .name = "offset", .dflt = "0", .min = 0, .max = INT64_MAX, .meta = "N", .help = "begin at this byte"),
	AB_PARAM_INTEGER(struct output_params, length, .name = "length", .min = 0, .max = INT64_MAX, .meta = "N", .help = "at most so many bytes"),
	AB_PARAM_BOOLEAN(struct output_params, follow, .name = "follow", .letter = 'F', .flags = AB_MAKES_ENDLESS, .dflt = "false", .help = "go on until the job is over"),
	AB_PARAM_END
};

struct follower {
	struct ab_call *call;
	struct ab_timer timer;
	struct ab_watch over; /* the job's end */
	int fd, over_fd;
	int64_t left; /* bytes still wanted; -1: all */
	bool last;    /* the job is over: what is there now is all */
};

static void
follower_free(struct follower *follower)
{
	ab_loop_disarm(ab_call_loop(follower->call), &follower->timer);
	ab_loop_remove(ab_call_loop(follower->call), &follower->over);
	ab_close_indirect(&follower->fd);
	ab_close_indirect(&follower->over_fd);
	free(follower);
}

/* Hand on what is there. 0: end of file for now; 1: all that was wanted; -1. */
static int
copy_part(struct ab_call *call, int fd, int64_t *left, struct ab_error *err)
{
	AB_AUTO_FREE char *bytes = ab_malloc(PART_BYTES);

	while (*left != 0) {
		size_t want = *left >= 0 && *left < (int64_t)PART_BYTES ? (size_t)*left : PART_BYTES;
		ssize_t got = read(fd, bytes, want);
		if (got < 0)
			return ab_fail_errno(err, errno, "read the spool");
		if (got == 0)
			return 0;
		if (ab_call_bytes_part(call, bytes, (size_t)got, err) < 0)
			return -1;
		if (*left > 0)
			*left -= got;
	}
	return 1;
}

static void
follow_look(struct follower *follower)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_call *call = follower->call;
	bool last = follower->last;
	int got = copy_part(call, follower->fd, &follower->left, &err);

	if (got == 0 && !last) {
		ab_loop_arm(ab_call_loop(call), &follower->timer, ab_now_ms() + FOLLOW_MS);
		return;
	}
	follower_free(follower);
	if (got < 0)
		ab_call_fail(call, &err);
	else
		ab_call_finish(call);
}

static void
follow_fired(struct ab_timer *timer)
{
	follow_look(timer->data);
}

static void
follow_over(struct ab_watch *watch, unsigned events)
{
	struct follower *follower = watch->data;

	(void)events;
	follower->last = true;
	follow_look(follower);
}

/* At the end of input what is there by now is still handed on. */
static void
follow_cancelled(struct ab_call *call, void *data)
{
	struct follower *follower = data;
	struct ab_error err = AB_ERROR_INIT;
	bool copies = ab_call_cancel_reason(call) == AB_CANCEL_INPUT_END;
	int got = copies ? copy_part(call, follower->fd, &follower->left, &err) : 0;

	follower_free(follower);
	if (got < 0)
		ab_call_fail(call, &err);
	else
		ab_call_finish(call);
}

static int
follow(struct ab_call *call, int fd, const char *job, int64_t left, struct ab_error *err)
{
	struct follower *follower = ab_calloc(1, sizeof(*follower));
	struct ab_loop *loop = ab_call_loop(call);

	follower->call = call;
	follower->fd = fd;
	follower->left = left;
	follower->timer = (struct ab_timer){ .deadline_ms = AB_NEVER, .fired = follow_fired, .data = follower };
	follower->over_fd = ab_job_open_wait(job, err);
	if (follower->over_fd < 0 && err->code != AB_E_GONE) {
		follower_free(follower);
		return -1;
	}
	follower->last = follower->over_fd < 0;
	follower->over = (struct ab_watch){ .fd = follower->over_fd, .events = AB_READABLE, .ready = follow_over, .data = follower };
	if (follower->over_fd >= 0 && ab_loop_add(loop, &follower->over, err) < 0) {
		follower_free(follower);
		return -1;
	}
	ab_call_on_cancel(call, follow_cancelled, follower);
	ab_loop_arm(loop, &follower->timer, ab_now_ms());
	return AB_PENDING;
}

int
output_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct output_params *params = data;
	AB_AUTO_CLOSE int fd = ab_job_open_output(params->job, params->stderr_stream == 1, err);
	int64_t left = params->length == AB_UNSET ? -1 : params->length;

	if (fd < 0)
		return -1;
	if (lseek(fd, params->offset, SEEK_SET) < 0)
		return ab_fail(err, AB_E_INPUT_INVALID, "--offset %lld: no file is that long", (long long)params->offset);
	if (params->follow == 1)
		return follow(call, ab_steal_fd(&fd), params->job, left, err);
	return copy_part(call, fd, &left, err) < 0 ? -1 : AB_DONE;
}
