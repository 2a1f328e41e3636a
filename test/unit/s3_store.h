/*
 * A store for tests: a child on our loopback that gives the answers of a table, one a request, and keeps what it was asked where the parent
 * sees it. It verifies nothing.
 */
#ifndef AB_TEST_S3_STORE_H
#define AB_TEST_S3_STORE_H

#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/mem.h"
#include "tap.h"

enum { STORE_REQUESTS = 32, STORE_HEAD = 4096, STORE_BODY = 24 << 20 };

/* What the store does with a request. The last of a table is for all that come after it. */
struct store_answer {
	const char *status; /* "200 OK"; NULL ends the table */
	const char *headers; /* lines with their ends, or NULL */
	const char *body;    /* or NULL */
	enum { STORE_KEEP, STORE_CLOSE, STORE_RESET, STORE_HANG_UP, STORE_SHORT, STORE_ECHO, STORE_STALL, STORE_ENDLESS } how;
	/* KEEP: and the connection is for the next request. CLOSE: it ends. RESET, HANG_UP: instead of an answer. SHORT: one byte is missing.
	   ECHO: the body is that of the last PUT. STALL: nothing is answered. ENDLESS: no length is told. */
	long date_shift_s; /* of its clock */
};

struct store_seen {
	char head[STORE_HEAD];
	size_t body_len;
	unsigned connection;
};

struct store_page {
	unsigned count, connections;
	struct store_seen seen[STORE_REQUESTS];
	size_t object_len;
	char object[STORE_BODY];
};

struct store {
	struct store_page *page;
	pid_t pid;
	char endpoint[64], host[64];
};

static inline void
store_send(int fd, const void *data, size_t len)
{
	for (const char *at = data; len > 0;) {
		ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
		if (sent <= 0)
			return;
		at += sent;
		len -= (size_t)sent;
	}
}

/* The head of a request, and its body into the page. False: there is none. */
static inline bool
store_read(int fd, struct store_page *page, struct store_seen *seen)
{
	size_t len = 0, length = 0;

	while (len < 4 || memcmp(seen->head + len - 4, "\r\n\r\n", 4) != 0) {
		if (len == STORE_HEAD - 1 || read(fd, seen->head + len, 1) != 1)
			return false;
		len++;
	}
	seen->head[len] = '\0';
	const char *told = strcasestr(seen->head, "\r\ncontent-length: ");
	if (told != NULL)
		length = strtoul(told + 18, NULL, 10);
	if (strncmp(seen->head, "PUT ", 4) == 0)
		page->object_len = length < STORE_BODY ? length : STORE_BODY;
	while (seen->body_len < length) {
		ssize_t got = read(fd, page->object + seen->body_len, length - seen->body_len);
		if (got <= 0)
			return false;
		seen->body_len += (size_t)got;
	}
	return true;
}

/* False: the connection ends. */
static inline bool
store_answer_one(int fd, const struct store_page *page, const struct store_answer *answer)
{
	char head[2048], date[64];
	const char *body = answer->how == STORE_ECHO ? page->object : answer->body != NULL ? answer->body : "";
	size_t len = answer->how == STORE_ECHO ? page->object_len : strlen(body);
	time_t now = time(NULL) + answer->date_shift_s;
	struct tm at;

	if (answer->how == STORE_RESET) {
		const struct linger at_once = { .l_onoff = 1 };
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	}
	if (answer->how == STORE_STALL)
		pause();
	if (answer->how == STORE_RESET || answer->how == STORE_HANG_UP)
		return false;
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &at));
	bool bodiless = strncmp(answer->status, "204", 3) == 0 || strncmp(answer->status, "304", 3) == 0;
	snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nDate: %s\r\n%s", answer->status, date, answer->headers != NULL ? answer->headers : "");
	store_send(fd, head, strlen(head));
	snprintf(head, sizeof(head), "Content-Length: %zu\r\n\r\n", len);
	bodiless = bodiless || answer->how == STORE_ENDLESS;
	store_send(fd, bodiless ? "\r\n" : head, bodiless ? 2 : strlen(head));
	store_send(fd, body, answer->how == STORE_SHORT ? len - 1 : len);
	return answer->how == STORE_KEEP || answer->how == STORE_ECHO;
}

static inline void
store_serve(int listener, struct store_page *page, const struct store_answer *table)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		if (fd < 0)
			_exit(1);
		page->connections++;
		while (page->count < STORE_REQUESTS) {
			struct store_seen *seen = &page->seen[page->count];
			seen->body_len = 0;
			if (!store_read(fd, page, seen))
				break;
			seen->connection = page->connections;
			page->count++;
			bool more = store_answer_one(fd, page, table);
			if (table[1].status != NULL)
				table++;
			if (!more)
				break;
		}
		close(fd);
	}
}

static inline void
store_start(struct store *store, const struct store_answer *table)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	store->page = mmap(NULL, sizeof(struct store_page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (store->page == MAP_FAILED || listener < 0 || bind(listener, (struct sockaddr *)&at, len) != 0 || listen(listener, 16) != 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &len) != 0)
		abort();
	snprintf(store->host, sizeof(store->host), "127.0.0.1:%u", ntohs(at.sin_port));
	snprintf(store->endpoint, sizeof(store->endpoint), "http://%s", store->host);
	fflush(stdout);
	store->pid = fork();
	if (store->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		store_serve(listener, store->page, table);
	}
	close(listener);
}

/* What it saw stays readable until store_forget(). */
static inline void
store_stop(struct store *store)
{
	kill(store->pid, SIGKILL);
	waitpid(store->pid, NULL, 0);
}
static inline void
store_forget(struct store *store)
{
	store_stop(store);
	munmap(store->page, sizeof(struct store_page));
}

/* A proxy of the environment is none of the tests' business. */
static inline void
store_no_proxy(void)
{
	static const char *const NAMES[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" };

	for (size_t i = 0; i < AB_COUNT_OF(NAMES); i++)
		unsetenv(NAMES[i]);
}

/* The value of a header of request number `index`, or "" without it. Static. */
static inline const char *
store_header(const struct store *store, unsigned index, const char *name)
{
	static char value[STORE_HEAD];
	char line[128];

	snprintf(line, sizeof(line), "\r\n%s: ", name);
	const char *from = strcasestr(store->page->seen[index].head, line);
	if (from == NULL)
		return "";
	from += strlen(line);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(from, "\r"), from);
	return value;
}

#endif
