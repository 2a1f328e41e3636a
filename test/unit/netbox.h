/*
 * A sandbox's network for tests: a child in a user and network namespace of its own runs ab_netgate_inside()
 * and then a client; the parent runs the gate on a loop until the client is done. Names resolve by an
 * /etc/hosts of our own; servers are on our loopback.
 */
#ifndef AB_TEST_NETBOX_H
#define AB_TEST_NETBOX_H

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/time.h"
#include "sys/netaddr.h"
#include "sys/netgate.h"
#include "tap.h"

/* What a client found; shared with the parent. */
struct netbox_result {
	int number[16];
	char text[8][512];
};

struct netbox {
	const char *policy;
	void (*client)(struct netbox_result *result, uint16_t port); /* runs inside */
	uint16_t port;						     /* handed to the client */
	bool late; /* the loop does not run at all: everything is still queued when the client is done */
	unsigned stop_after_ms; /* 0: when the client is done */
	/* afterwards */
	struct netbox_result *result;
	struct ab_violation violation[8];
	size_t violation_count;
	unsigned fd_count;
};

static inline void
netbox_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
}

/* Bind a file with this text over path, which must be there, in our own mount namespace. */
static inline void
netbox_replace(const char *path, const char *text)
{
	char name[] = "/tmp/ab-netbox-XXXXXX";
	int fd = mkstemp(name);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(fd, 0644) != 0 ||
	    mount(name, path, NULL, MS_BIND, NULL) != 0)
		abort();
	close(fd);
	unlink(name);
}

/* Own namespaces for user and mounts, own /etc/hosts and resolv.conf. False: this machine does not let us. */
static inline bool
netbox_prepare(void)
{
	char map[64];
	unsigned uid = getuid(), gid = getgid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return false;
	int fd = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "deny", 4) != 4)
		return false;
	close(fd);
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	netbox_write("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	netbox_write("/proc/self/gid_map", map);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return false;
	netbox_replace("/etc/hosts",
	    "127.0.0.1 localhost\n127.0.0.1 listed.test evil.test\n10.255.255.1 private.test\n127.0.0.2 two.test\n127.0.0.1 two.test\n");
	netbox_replace("/etc/nsswitch.conf", "hosts: files\n");
	signal(SIGPIPE, SIG_IGN);
	return true;
}

static inline struct sockaddr_in
netbox_address(uint32_t address, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)
	};
}

/* A server on 127.0.0.1 that reads each connection to its end and then answers "got N bytes"; or, echo, sends
 * back what it gets. */
static inline pid_t
netbox_server(bool echo, uint16_t *port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = netbox_address(INADDR_LOOPBACK, 0);
	socklen_t len = sizeof(at);
	char chunk[16384], text[64];

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 || listen(fd, 300) != 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) != 0)
		abort();
	*port = ntohs(at.sin_port);
	pid_t pid = fork();
	if (pid != 0) {
		close(fd);
		return pid;
	}
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int client = accept(fd, NULL, NULL);
		if (fork() != 0) {
			close(client);
			continue;
		}
		size_t total = 0;
		ssize_t n;
		while ((n = read(client, chunk, sizeof(chunk))) > 0) {
			total += (size_t)n;
			if (echo && send(client, chunk, (size_t)n, MSG_NOSIGNAL) != n)
				_exit(1);
		}
		snprintf(text, sizeof(text), "got %zu bytes", total);
		if (!echo)
			send(client, text, strlen(text), MSG_NOSIGNAL);
		_exit(0);
	}
}

/* A port of 127.0.0.1 on which nobody listens. */
static inline uint16_t
netbox_closed_port(void)
{
	uint16_t port;
	pid_t pid = netbox_server(false, &port);

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return port;
}

/* Ask the stub; the rcode, and the address of an A record (0: none). -1: no answer within a second. */
static inline int
netbox_ask(const char *name, unsigned type, uint32_t *address)
{
	static const unsigned char HEADER[12] = { 0x12, 0x34, 0x01, 0x00, 0, 1 };
	struct sockaddr_in to = netbox_address(INADDR_LOOPBACK, 53);
	struct timeval second = { .tv_sec = 1 };
	unsigned char packet[600];
	size_t at = sizeof(HEADER);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(packet, HEADER, sizeof(HEADER));
	for (const char *label = name; *label != '\0';) {
		size_t len = strcspn(label, ".");
		packet[at++] = (unsigned char)len;
		memcpy(packet + at, label, len);
		at += len;
		label += len + (label[len] == '.');
	}
	memcpy(packet + at, "\0\0\0\0\1", 5);
	packet[at + 2] = (unsigned char)type;
	at += 5;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	if (sendto(fd, packet, at, 0, (struct sockaddr *)&to, sizeof(to)) < 0) {
		close(fd);
		return -1;
	}
	ssize_t n = recv(fd, packet, sizeof(packet), 0);
	close(fd);
	*address = 0;
	if (n > (ssize_t)at)
		*address = (uint32_t)packet[n - 4] << 24 | (uint32_t)packet[n - 3] << 16 |
		    (uint32_t)packet[n - 2] << 8 | packet[n - 1];
	return n < 12 ? -1 : packet[3] & 0x0f;
}

/* A connection with 5 s of patience; -1 with errno. */
static inline int
netbox_connect(uint32_t address, uint16_t port)
{
	struct sockaddr_in to = netbox_address(address, port);
	struct timeval patience = { .tv_sec = 5 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static inline int
netbox_connect_name(const char *name, uint16_t port)
{
	uint32_t address;

	if (netbox_ask(name, 1, &address) != 0 || address == 0)
		return -1;
	return netbox_connect(address, port);
}

/* Send, say that no more comes, and read to the end: bytes read, or -errno. text is cut at its size. */
static inline int
netbox_talk(int fd, const char *send_text, bool half_close, char *text, size_t size)
{
	size_t used = 0;
	ssize_t n = 0;

	if (fd < 0)
		return -EBADF;
	if (send(fd, send_text, strlen(send_text), MSG_NOSIGNAL) < 0) {
		int failed = -errno;
		close(fd);
		return failed;
	}
	if (half_close)
		shutdown(fd, SHUT_WR);
	while (used < size - 1 && (n = recv(fd, text + used, size - 1 - used, 0)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	int answer = n < 0 ? -errno : (int)used;
	close(fd);
	return answer;
}

static inline unsigned
netbox_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

static inline void
netbox_send_fds(int channel, const int *fds, int count)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * AB_NETGATE_FDS_MAX)];
		struct cmsghdr align;
	} control;
	struct iovec iov = { .iov_base = &count, .iov_len = sizeof(count) };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	memset(&control, 0, sizeof(control));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
	memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * (size_t)count);
	if (sendmsg(channel, &msg, 0) < 0)
		_exit(3);
}

static inline unsigned
netbox_receive_fds(int channel, int fds[AB_NETGATE_FDS_MAX])
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * AB_NETGATE_FDS_MAX)];
		struct cmsghdr align;
	} control;
	int count = 0;
	struct iovec iov = { .iov_base = &count, .iov_len = sizeof(count) };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control) };

	if (recvmsg(channel, &msg, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(count) || CMSG_FIRSTHDR(&msg) == NULL)
		return 0;
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int) * (size_t)count);
	return (unsigned)count;
}

static inline _Noreturn void
netbox_inside(const struct netbox *box, const struct ab_net_policy *policy, int channel)
{
	int fds[AB_NETGATE_FDS_MAX];
	const char *step = "unshare";
	int count = unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 ? -1 : ab_netgate_inside(policy, fds, &step);

	if (count < 0) {
		printf("# inside: %s: %s\n", step, strerror(errno));
		fflush(stdout);
		_exit(2);
	}
	netbox_send_fds(channel, fds, count);
	for (int i = 0; i < count; i++)
		close(fds[i]);
	box->client(box->result, box->port);
	_exit(0);
}

static inline void
netbox_over(struct ab_watch *watch, unsigned events)
{
	(void)events;
	ab_loop_stop(watch->data);
}

static inline void
netbox_late(struct ab_timer *timer)
{
	ab_loop_stop(timer->data);
}

/* Run it. False, with the reason printed, when it did not come to an end as it should. The results are valid
 * until the next run. */
static inline bool
netbox_run(struct netbox *box)
{
	static struct netbox_result *result;
	struct ab_error err = AB_ERROR_INIT;
	struct ab_net_policy policy;
	const struct ab_violation *violations;
	siginfo_t info;
	int channel[2], fds[AB_NETGATE_FDS_MAX], status = -1;

	if (result == NULL)
		result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(result, 0, sizeof(*result));
	box->result = result;
	if (!CHECK_INT(ab_net_policy_parse(box->policy, &policy, &err), 0) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) != 0)
		return false;
	pid_t pid = fork();
	if (pid == 0)
		netbox_inside(box, &policy, channel[1]);
	close(channel[1]);
	box->fd_count = netbox_receive_fds(channel[0], fds);
	close(channel[0]);
	struct ab_loop *loop = ab_loop_new(&err);
	struct ab_netgate *gate = ab_netgate_open(loop, &policy, fds, box->fd_count, &err);
	struct ab_watch over = {
		.fd = pidfd_open(pid, 0), .events = AB_READABLE, .ready = netbox_over, .data = loop
	};
	struct ab_timer late = { .fired = netbox_late, .data = loop };
	CHECK(gate != NULL);
	CHECK_INT(ab_loop_add(loop, &over, &err), 0);
	ab_loop_arm(loop, &late, ab_deadline(box->stop_after_ms > 0 ? (int)box->stop_after_ms : 60000));
	if (box->late)
		waitid(P_PIDFD, (id_t)over.fd, &info, WEXITED | WNOWAIT);
	else
		CHECK_INT(ab_loop_run(loop, &err), 0);
	ab_netgate_settle(gate);
	box->violation_count = gate == NULL ? 0 : ab_netgate_violations(gate, &violations);
	for (size_t i = 0; i < box->violation_count && i < AB_COUNT_OF(box->violation); i++)
		box->violation[i] = violations[i];
	ab_netgate_close(gate);
	ab_loop_remove(loop, &over);
	ab_loop_disarm(loop, &late);
	close(over.fd);
	if (box->stop_after_ms > 0)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	ab_loop_free(loop);
	ab_net_policy_release(&policy);
	return CHECK(box->stop_after_ms > 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

/* The tests, or, where namespaces are not to be had, one line that says so. */
static inline int
netbox_tests(const struct tap_test *tests, size_t count)
{
	if (netbox_prepare())
		return tap_run(tests, count);
	printf("1..0 # SKIP no user namespaces here\n");
	return 0;
}

#endif
