/*
 * Whole lines to stdout (or another descriptor), without ever making the loop wait.
 *
 * Lines are queued and written with one write(2) each batch of whole lines (a slow reader may take a part of one; then the
 * rest follows first). The caller's file description is never set non-blocking (others share it): a pipe, FIFO or terminal
 * is reopened through /proc/self/fd (its own description, proc(5)), a socket is written with MSG_DONTWAIT, a file does not
 * block. Where reopening fails (a pipe of another user), poll(2) says when PIPE_BUF bytes fit and no more are written at
 * once (pipe(7)). Without a loop every line is written at once, blocking.
 *
 * SIGPIPE must be ignored in the process: a reader that is gone is told by `gone`.
 */
#ifndef AB_CORE_OUT_H
#define AB_CORE_OUT_H

#include "core/buf.h"
#include "core/loop.h"

/* Queued bytes beyond which ab_out_line() waits for the reader after all. Callers bound what they queue long before. */
#define AB_OUT_MAX ((size_t)64 * 1024 * 1024)

struct ab_out {
	int fd;	   /* where the lines go; borrowed */
	int own;   /* private description of the same file, or -1 */
	bool socket;
	bool timid; /* a pipe or terminal that could not be reopened */
	bool gone;  /* the reader is gone (EPIPE) or the write failed; failed_errno says. Lines are dropped from then on */
	int failed_errno;
	bool held; /* nothing is written until ab_out_release_hold(): answers that wait for a commit */
	struct ab_buf queue;
	size_t written; /* of queue */
	struct ab_loop *loop;
	struct ab_watch watch;
	struct ab_task task;
	bool filled; /* something was queued since on_drained was called */
	bool told;   /* on_gone has been called */
	void (*on_gone)(void *data); /* called once, from the loop; also while nothing is queued. May close the out */
	void (*on_drained)(void *data); /* the queue has become empty; from the loop. May close the out */
	void *data;
};

/*
 * fd is borrowed and must stay open; with a loop it must not be watched by another. loop may be NULL. Set on_gone, on_drained
 * and data afterwards. -1: system (fd is not open).
 */
int ab_out_open(struct ab_out *out, int fd, struct ab_loop *loop, struct ab_error *err) AB_MUST_USE;
/* What is queued and not written is dropped: flush first. */
void ab_out_close(struct ab_out *out);
/* Queue one line; a newline is appended when it has none. Written when the loop is next free to (or at once without one). */
void ab_out_line(struct ab_out *out, const char *data, size_t len);
/* Bytes queued and not written. */
size_t ab_out_pending(const struct ab_out *out);
void ab_out_hold(struct ab_out *out);
void ab_out_release_hold(struct ab_out *out);
/* Write what is queued (nothing when held), waiting as long as it takes (poll). -1: the reader is gone or the write
   failed (ENOSPC, EIO). Calls neither on_gone nor on_drained. */
int ab_out_flush(struct ab_out *out, struct ab_error *err) AB_MUST_USE;

#endif
