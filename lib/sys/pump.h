/*
 * One output stream of a command: from our end of its pipe to everything that wants it, on the loop.
 *
 * What is read is kept (sys/capture), spooled, told to a callback, and copied unchanged to a descriptor of
 * ours. Copying never makes the loop wait and never touches the caller's file description (others share it,
 * O_NONBLOCK would be theirs too): a pipe or a terminal is reopened through /proc/self/fd, which makes a
 * description of our own; where that is refused (another user's pipe) at most PIPE_BUF bytes are written once
 * poll(2) says that they fit (pipe(7)); a socket is written with MSG_DONTWAIT; a file does not block. What
 * does not fit waits, at most one read of it (64 KiB), and until it is gone the command's pipe is not read:
 * the command meets a slow reader as if it wrote to it itself. With nothing but a pipe to copy to, splice(2)
 * moves the pages.
 *
 * A reader of ours that is gone (EPIPE): our read end is closed, so that the command gets its SIGPIPE. Other
 * failures (ENOSPC, EIO) close it as well and are remembered. The process must ignore SIGPIPE.
 */
#ifndef AB_SYS_PUMP_H
#define AB_SYS_PUMP_H

#include "core/loop.h"
#include "sys/capture.h"

/* A bound that several spools share. A spool that fails or is full never changes anything else. */
struct ab_spool_room {
	int64_t left;
	bool truncated; /* bytes were left out: no room, or a write failed */
	bool full;	/* of these: no room */
};

/* Where it goes; any combination, all borrowed. */
struct ab_pump_to {
	struct ab_capture *keep; /* or NULL */
	int spool_fd;		 /* or -1 */
	struct ab_spool_room *room;
	int copy_fd; /* or -1 */
	void (*chunk)(void *data, int stream, const char *bytes, size_t len); /* or NULL */
	void *data;
	int stream; /* handed to chunk */
};

enum ab_pump_writing { AB_PUMP_UNOPENED, AB_PUMP_FILE, AB_PUMP_PRIVATE, AB_PUMP_SOCKET, AB_PUMP_CAUTIOUS };

struct ab_pump {
	int failed_errno;  /* why copying ended: EPIPE, ENOSPC, …; 0: it did not */
	int64_t active_ms; /* when bytes came last (ab_now_ms); 0: never */
	/* private */
	struct ab_loop *loop;
	struct ab_pump_to to;
	int from; /* our end of the command's pipe; -1: closed */
	int out;  /* what is written to: copy_fd, or a description of our own */
	enum ab_pump_writing writing;
	bool splices, blocked, ending, told;
	int64_t left; /* while ending: bytes still to be read */
	unsigned full_reads;
	struct ab_buf queue;
	struct ab_watch from_watch, out_watch;
	void (*done)(void *data);
	void *done_data;
};

/*
 * Begin. Takes `from` (also when it fails), which must be non-blocking. `done` is called once, from the loop
 * or from ab_pump_end, when everything has been read and handed on.
 */
int ab_pump_open(struct ab_pump *pump, struct ab_loop *loop, int from, const struct ab_pump_to *to,
    void (*done)(void *data), void *done_data, struct ab_error *err) AB_MUST_USE;
/*
 * Every writer that counts is dead: hand on what is in the pipe now, then stop, whoever else still holds its
 * other end (a descriptor that got out). A slow reader of ours is waited for, as long as it takes.
 */
void ab_pump_end(struct ab_pump *pump);
/* As ab_pump_end, but wait for nobody: what cannot be copied at once is dropped (kept and spooled it is). */
void ab_pump_abandon(struct ab_pump *pump);
bool ab_pump_is_done(const struct ab_pump *pump);
/* Whether the stream waits for a slow reader of ours: its silence is not the command's. */
bool ab_pump_is_blocked(const struct ab_pump *pump);
/* Close everything of ours at once. A zeroed or released pump is ignored. */
void ab_pump_close(struct ab_pump *pump);

#endif
