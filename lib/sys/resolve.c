/* Host names to addresses: a child a lookup. */
#include "sys/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "core/io.h"
#include "core/mem.h"
#include "core/time.h"

void
ab_resolver_init(struct ab_resolver *resolver, struct ab_loop *loop)
{
	*resolver = (struct ab_resolver){ .loop = loop };
	resolver->last = &resolver->first;
}

/* The child's whole life. It keeps no descriptor of ours but the pipe, else it would hold liveness pipes and
 * locks open. */
static _Noreturn void
look_up(const char *host, int out, pid_t parent)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *list = NULL;
	struct ab_resolve_answer answer = { 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || dup2(out, 0) < 0 || close_range(1, ~0u, 0) != 0)
		_exit(1);
	if (open("/dev/null", O_RDWR) != 1 || dup(1) != 2)
		_exit(1);
	answer.status = getaddrinfo(host, NULL, &hints, &list);
	for (struct addrinfo *at = answer.status == 0 ? list : NULL;
	     at != NULL && answer.count < AB_RESOLVE_ADDRESSES_MAX; at = at->ai_next)
		answer.count += ab_address_from_sockaddr(&answer.address[answer.count], at->ai_addr);
	_exit(ab_write_all(0, &answer, sizeof(answer)) == 0 ? 0 : 1);
}

static int
start_child(struct ab_lookup *lookup)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return -1;
	AB_AUTO_CLOSE int in = ends[0];
	AB_AUTO_CLOSE int out = ends[1];
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid == 0)
		look_up(lookup->host, out, parent);
	if (pid < 0)
		return -1;
	lookup->pidfd = pidfd_open(pid, 0);
	if (lookup->pidfd < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return -1;
	}
	lookup->watch.fd = ab_steal_fd(&in);
	return 0;
}

/* Kill and reap: the child is done or not wanted, and a killed child is gone at once. */
static void
end_child(struct ab_lookup *lookup)
{
	siginfo_t info;

	if (!lookup->running)
		return;
	ab_loop_remove(lookup->resolver->loop, &lookup->watch);
	if (lookup->watch.fd >= 0)
		close(lookup->watch.fd);
	if (lookup->pidfd >= 0) {
		pidfd_send_signal(lookup->pidfd, SIGKILL, NULL, 0);
		while (waitid(P_PIDFD, (id_t)lookup->pidfd, &info, WEXITED) != 0 && errno == EINTR)
			continue;
		close(lookup->pidfd);
	}
	lookup->running = false;
	lookup->resolver->running--;
}

static void start_waiting(struct ab_resolver *resolver);

static void
finish(struct ab_lookup *lookup, const char *why)
{
	struct ab_resolver *resolver = lookup->resolver;
	struct ab_resolve_answer answer = lookup->answer;

	ab_loop_disarm(resolver->loop, &lookup->timer);
	end_child(lookup);
	lookup->resolver = NULL;
	start_waiting(resolver);
	if (why == NULL && answer.status != 0)
		why = gai_strerror(answer.status);
	if (why == NULL && (answer.count == 0 || answer.count > AB_RESOLVE_ADDRESSES_MAX))
		why = "it has no address";
	lookup->done(lookup, answer.address, why == NULL ? answer.count : 0, why);
}

static void
timed_out(struct ab_timer *timer)
{
	struct ab_lookup *lookup = timer->data;

	finish(lookup,
	    lookup->pidfd < 0 ? "no process could be started to look it up"
			      : "the name was not resolved within 10 s");
}

static void
readable(struct ab_watch *watch, unsigned events)
{
	struct ab_lookup *lookup = watch->data;

	(void)events;
	ssize_t n =
	    read(watch->fd, (char *)&lookup->answer + lookup->got, sizeof(lookup->answer) - lookup->got);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	lookup->got += n > 0 ? (size_t)n : 0;
	if (lookup->got == sizeof(lookup->answer))
		finish(lookup, NULL);
	else if (n <= 0)
		finish(lookup, "the process that looked it up died");
}

static void
start(struct ab_resolver *resolver, struct ab_lookup *lookup)
{
	struct ab_error err;
	int64_t timeout_ms = AB_RESOLVE_TIMEOUT_MS;

	resolver->running++;
	lookup->running = true;
	lookup->watch.events = AB_READABLE;
	lookup->watch.ready = readable;
	lookup->watch.data = lookup;
	/* A start that failed is told from the loop too, by a timer that is due. */
	if (start_child(lookup) != 0 || ab_loop_add(resolver->loop, &lookup->watch, &err) != 0)
		timeout_ms = 0;
	lookup->timer.fired = timed_out;
	lookup->timer.data = lookup;
	ab_loop_arm(resolver->loop, &lookup->timer, ab_deadline(timeout_ms));
}

static void
start_waiting(struct ab_resolver *resolver)
{
	while (resolver->first != NULL && resolver->running < AB_RESOLVE_PARALLEL) {
		struct ab_lookup *lookup = resolver->first;
		resolver->first = lookup->next;
		if (resolver->first == NULL)
			resolver->last = &resolver->first;
		start(resolver, lookup);
	}
}

void
ab_resolve(struct ab_resolver *resolver, struct ab_lookup *lookup)
{
	lookup->resolver = resolver;
	lookup->next = NULL;
	lookup->pidfd = -1;
	lookup->watch = (struct ab_watch){ .fd = -1 };
	lookup->timer = (struct ab_timer){ .deadline_ms = AB_NEVER };
	lookup->running = false;
	lookup->got = 0;
	memset(&lookup->answer, 0, sizeof(lookup->answer));
	*resolver->last = lookup;
	resolver->last = &lookup->next;
	start_waiting(resolver);
}

void
ab_resolve_cancel(struct ab_lookup *lookup)
{
	struct ab_resolver *resolver = lookup->resolver;

	if (resolver == NULL)
		return;
	if (lookup->running) {
		ab_loop_disarm(resolver->loop, &lookup->timer);
		end_child(lookup);
		lookup->resolver = NULL;
		start_waiting(resolver);
		return;
	}
	struct ab_lookup **link = &resolver->first;
	while (*link != lookup)
		link = &(*link)->next;
	*link = lookup->next;
	if (lookup->next == NULL)
		resolver->last = link;
	lookup->resolver = NULL;
}
