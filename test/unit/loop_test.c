/* The event loop: descriptors, removal in the middle of a round, timers, tasks, signals. */
#include "core/loop.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/time.h"
#include "tap.h"

static struct ab_loop *loop;
static struct ab_error err;
static char trace[200];

static void
note(const char *what)
{
	strncat(trace, what, sizeof(trace) - strlen(trace) - 1);
}

static void
begin(void)
{
	trace[0] = '\0';
	err = (struct ab_error)AB_ERROR_INIT;
	loop = ab_loop_new(&err);
	CHECK(loop != NULL);
}

static void
end(const char *want, int line)
{
	ab_loop_free(loop);
	loop = NULL;
	tap_string(trace, want, __FILE__, line, "trace");
}
#define END(want) end((want), __LINE__)

static void
run(void)
{
	CHECK_INT(ab_loop_run(loop, &err), 0);
}

static void
stop_fired(struct ab_timer *timer)
{
	(void)timer;
	ab_loop_stop(loop);
}

/* Runs for a while: things that must not happen have the time to. */
static void
run_for(int64_t ms)
{
	struct ab_timer timer = { .fired = stop_fired };

	ab_loop_arm(loop, &timer, ab_deadline(ms));
	run();
	ab_loop_disarm(loop, &timer);
}

static void
name_events(struct ab_watch *watch, unsigned events)
{
	const char *name = watch->data;

	note(name);
	note((events & AB_READABLE) != 0 ? "r" : "");
	note((events & AB_WRITABLE) != 0 ? "w" : "");
	note((events & AB_HANGUP) != 0 ? "h" : "");
	note(" ");
	ab_loop_stop(loop);
}

static void
test_events(void)
{
	struct ab_watch left = { .events = AB_READABLE, .ready = name_events, .data = (void *)(uintptr_t)"l" };
	int fds[2];

	begin();
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	left.fd = fds[0];
	CHECK_INT(ab_loop_add(loop, &left, &err), 0);
	run_for(20);
	CHECK_STRING(trace, "");
	CHECK_INT(write(fds[1], "x", 1), 1);
	run();
	run();
	ab_loop_set(loop, &left, AB_READABLE | AB_WRITABLE);
	run();
	ab_loop_set(loop, &left, AB_WRITABLE);
	run();
	ab_loop_set(loop, &left, 0);
	run_for(20);
	ab_loop_set(loop, &left, AB_HANGUP);
	run_for(20);
	note("| ");
	close(fds[1]);
	run();
	ab_loop_set(loop, &left, 0);
	run_for(20);
	ab_loop_set(loop, &left, AB_READABLE);
	run();
	ab_loop_remove(loop, &left);
	ab_loop_remove(loop, &left);
	run_for(20);
	close(fds[0]);
	END("lr lr lrw lw | lh lrh ");
}

/* The end of a pipe, which epoll reports as a hang-up alone, is readable. */
static void
test_pipe_end(void)
{
	struct ab_watch watch = { .events = AB_READABLE, .ready = name_events, .data = (void *)(uintptr_t)"p" };
	int fds[2];

	begin();
	CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
	watch.fd = fds[0];
	CHECK_INT(ab_loop_add(loop, &watch, &err), 0);
	close(fds[1]);
	run();
	ab_loop_remove(loop, &watch);
	close(fds[0]);
	END("prh ");
}

/* An idle watch whose other end is gone does not keep the loop busy. */
static void
test_idle_hangup(void)
{
	struct ab_watch watch = { .ready = name_events, .data = (void *)(uintptr_t)"i" };
	int fds[2];

	begin();
	CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
	watch.fd = fds[0];
	close(fds[1]);
	CHECK_INT(ab_loop_add(loop, &watch, &err), 0);
	clock_t before = clock();
	run_for(200);
	CHECK((clock() - before) * 1000 / CLOCKS_PER_SEC < 100);
	ab_loop_remove(loop, &watch);
	close(fds[0]);
	END("");
}

static void
test_add_fails(void)
{
	struct ab_watch closed = { .fd = 987, .events = AB_READABLE, .ready = name_events };

	begin();
	CHECK_INT(ab_loop_add(loop, &closed, &err), -1);
	CHECK_STRING(err.msg, "watch descriptor 987: Bad file descriptor");
	ab_loop_remove(loop, &closed);
	END("");
}

static struct ab_watch pair[2];

static void
remove_other(struct ab_watch *watch, unsigned events)
{
	struct ab_watch *other = &pair[watch == &pair[0]];

	(void)events;
	note("removed ");
	ab_loop_remove(loop, other);
	close(other->fd);
	memset(other, 0x5a, sizeof(*other));
	ab_loop_remove(loop, watch);
	close(watch->fd);
}

/* Both ends are ready in one round; whoever comes first removes the other, which must not be called. */
static void
test_removed_in_round(void)
{
	int fds[2];

	begin();
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	for (int i = 0; i < 2; i++) {
		pair[i] = (struct ab_watch){ .fd = fds[i], .events = AB_WRITABLE, .ready = remove_other };
		CHECK_INT(ab_loop_add(loop, &pair[i], &err), 0);
	}
	run_for(20);
	for (int i = 0; i < 2; i++) {
		pair[i] = (struct ab_watch){ .fd = open("/dev/null", O_RDWR | O_CLOEXEC), .events = AB_WRITABLE, .ready = remove_other };
		CHECK_INT(ab_loop_add(loop, &pair[i], &err), 0);
		CHECK(pair[i].always);
	}
	run_for(20);
	END("removed removed ");
}

static void
silence_other(struct ab_watch *watch, unsigned events)
{
	(void)events;
	note("silenced ");
	ab_loop_set(loop, &pair[watch == &pair[0]], 0);
	ab_loop_stop(loop);
}

/* What is no longer wanted is not delivered, also when it was found before. */
static void
test_silenced_in_round(void)
{
	int fds[2];

	begin();
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	for (int i = 0; i < 2; i++) {
		pair[i] = (struct ab_watch){ .fd = fds[i], .events = AB_WRITABLE, .ready = silence_other };
		CHECK_INT(ab_loop_add(loop, &pair[i], &err), 0);
	}
	run();
	for (int i = 0; i < 2; i++) {
		ab_loop_remove(loop, &pair[i]);
		close(fds[i]);
	}
	END("silenced ");
}

static int reads;

static void
read_file(struct ab_watch *watch, unsigned events)
{
	char piece[4];

	CHECK_INT(events, AB_READABLE);
	if (read(watch->fd, piece, sizeof(piece)) > 0 && ++reads < 5)
		return;
	ab_loop_set(loop, watch, 0);
	note("file ");
}

static void
test_regular_file(void)
{
	struct ab_watch watch = { .fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), .events = 0, .ready = read_file };

	begin();
	reads = 0;
	CHECK_INT(ab_loop_add(loop, &watch, &err), 0);
	run_for(20);
	CHECK_INT(reads, 0);
	ab_loop_set(loop, &watch, AB_READABLE);
	run_for(20);
	CHECK_INT(reads, 5);
	ab_loop_set(loop, &watch, AB_HANGUP);
	run_for(20);
	ab_loop_remove(loop, &watch);
	close(watch.fd);
	END("file ");
}

static void
name_timer(struct ab_timer *timer)
{
	CHECK_INT(timer->slot, 0);
	CHECK_INT(timer->deadline_ms, AB_NEVER);
	note(timer->data);
}

static void
test_timer_order(void)
{
	static const char *const names[] = { "c", "a", "d", "x", "b" };
	static const int after[] = { 6, 2, 8, 3, 4 };
	struct ab_timer timers[5];

	begin();
	int64_t now = ab_now_ms();
	for (int i = 0; i < 5; i++) {
		timers[i] = (struct ab_timer){ .fired = name_timer, .data = (void *)(uintptr_t)names[i] };
		ab_loop_arm(loop, &timers[i], now + after[i] + 500);
	}
	for (int i = 0; i < 5; i++)
		ab_loop_arm(loop, &timers[i], now + after[i]);
	ab_loop_arm(loop, &timers[3], AB_NEVER);
	ab_loop_disarm(loop, &timers[3]);
	run_for(30);
	CHECK(ab_now_ms() - now >= 30);
	CHECK(ab_now_ms() - now < 400);
	END("abcd");
}

static int64_t last_deadline;
static int fired, misordered;

static void
check_order(struct ab_timer *timer)
{
	int64_t deadline = (int64_t)(intptr_t)timer->data;

	misordered += deadline < last_deadline;
	last_deadline = deadline;
	fired++;
}

/* The heap against many timers armed, moved and disarmed. */
static void
test_timer_heap(void)
{
	enum { COUNT = 1000 };
	AB_AUTO_FREE struct ab_timer *timers = ab_calloc(COUNT, sizeof(*timers));
	uint32_t chance = 1;

	begin();
	last_deadline = fired = misordered = 0;
	for (int i = 0; i < 5 * COUNT; i++) {
		chance = chance * 1103515245 + 12345;
		struct ab_timer *timer = &timers[chance / 65536 % COUNT];
		int64_t deadline = 1 + (chance >> 8) % 5000;
		*timer = (struct ab_timer){ .fired = check_order, .data = (void *)(intptr_t)deadline, .slot = timer->slot,
			.deadline_ms = timer->deadline_ms };
		if (chance % 7 == 0)
			ab_loop_disarm(loop, timer);
		else
			ab_loop_arm(loop, timer, deadline);
	}
	int armed = 0;
	for (int i = 0; i < COUNT; i++)
		armed += timers[i].slot != 0;
	run_for(1);
	CHECK(armed > COUNT / 2);
	CHECK_INT(fired, armed);
	CHECK_INT(misordered, 0);
	END("");
}

static void
rearm(struct ab_timer *timer)
{
	fired++;
	ab_loop_arm(loop, timer, 0);
}

/* A timer that is always due does not starve descriptors, and comes before them. */
static void
test_timer_greedy(void)
{
	struct ab_timer timer = { .fired = rearm };
	struct ab_watch watch = { .fd = open("/dev/null", O_RDWR | O_CLOEXEC), .events = AB_WRITABLE, .ready = name_events, .data = (void *)(uintptr_t)"n" };

	begin();
	fired = 0;
	CHECK_INT(ab_loop_add(loop, &watch, &err), 0);
	ab_loop_arm(loop, &timer, 0);
	run();
	CHECK_INT(fired, 1);
	ab_loop_remove(loop, &watch);
	close(watch.fd);
	END("nw ");
}

static struct ab_task tasks[3];

static void
run_task(struct ab_task *task)
{
	note(task->data);
	if (task == &tasks[0]) {
		ab_loop_undefer(loop, &tasks[1]);
		ab_loop_defer(loop, &tasks[0]);
	}
	if (strlen(trace) >= 6)
		ab_loop_stop(loop);
}

static void
test_tasks(void)
{
	static const char *const names[] = { "a", "b", "c" };

	begin();
	for (int i = 0; i < 3; i++) {
		tasks[i] = (struct ab_task){ .run = run_task, .data = (void *)(uintptr_t)names[i] };
		ab_loop_defer(loop, &tasks[i]);
		ab_loop_defer(loop, &tasks[i]);
	}
	run();
	ab_loop_undefer(loop, &tasks[0]);
	ab_loop_undefer(loop, &tasks[0]);
	ab_loop_defer(loop, &tasks[1]);
	run();
	END("acaaaab");
}

static void
test_stop_before(void)
{
	begin();
	ab_loop_stop(loop);
	run();
	END("");
}

static void
caught(int signo, void *data)
{
	note(data);
	note(signo == SIGUSR1 ? "1" : signo == SIGUSR2 ? "2" : "?");
	ab_loop_stop(loop);
}

static void
test_signals(void)
{
	sigset_t before, during, after;
	char name[] = "s";

	sigprocmask(SIG_BLOCK, NULL, &before);
	signal(SIGHUP, SIG_IGN);
	begin();
	CHECK_INT(ab_loop_signals(loop, (const int[]){ SIGUSR1, SIGUSR2, SIGHUP, 0 }, caught, name, &err), 0);
	sigprocmask(SIG_BLOCK, NULL, &during);
	CHECK(sigismember(&during, SIGUSR1) && sigismember(&during, SIGUSR2));
	CHECK(!sigismember(&during, SIGHUP));
	CHECK(!sigismember(ab_loop_original_mask(loop), SIGUSR1));
	raise(SIGUSR2);
	run();
	raise(SIGHUP);
	run_for(20);
	kill(getpid(), SIGUSR1);
	run();
	END("s2s1");
	signal(SIGHUP, SIG_DFL);
	sigprocmask(SIG_BLOCK, NULL, &after);
	CHECK(sigismember(&before, SIGUSR1) == sigismember(&after, SIGUSR1));
}

/* A child that closes its copies leaves the parent's loop as it was. */
static void
test_child(void)
{
	struct ab_watch watch = { .events = AB_READABLE, .ready = name_events, .data = (void *)(uintptr_t)"p" };
	char name[] = "s";
	int fds[2];

	begin();
	CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
	watch.fd = fds[0];
	CHECK_INT(ab_loop_add(loop, &watch, &err), 0);
	CHECK_INT(ab_loop_signals(loop, (const int[]){ SIGUSR1, 0 }, caught, name, &err), 0);
	pid_t pid = fork();
	if (pid == 0) {
		ab_loop_close_in_child(loop);
		/* the lowest free descriptor is now one of the loop's */
		_exit(dup(fds[0]) < fds[0] && write(fds[1], "x", 1) == 1 ? 0 : 1);
	}
	int status = -1;
	run();
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
	ab_loop_remove(loop, &watch);
	close(fds[0]);
	close(fds[1]);
	END("pr ");
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "events of a socket", test_events },
		{ "the end of a pipe", test_pipe_end },
		{ "hang-up of an idle watch", test_idle_hangup },
		{ "a descriptor that is not open", test_add_fails },
		{ "a watch removed in the round in which it is ready", test_removed_in_round },
		{ "a watch silenced in the round in which it is ready", test_silenced_in_round },
		{ "a regular file is always ready", test_regular_file },
		{ "timers in order", test_timer_order },
		{ "many timers", test_timer_heap },
		{ "a timer that is always due", test_timer_greedy },
		{ "tasks", test_tasks },
		{ "stop before the run", test_stop_before },
		{ "signals", test_signals },
		{ "a child closes the loop's descriptors", test_child },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
