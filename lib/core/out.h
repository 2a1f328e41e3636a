/*
 * Whole lines to stdout (or another descriptor), without ever making the loop wait.
 *
 * Lines are queued and written with one write(2) each batch of whole lines. The caller's file description is never set
 * non-blocking (others share it): a pipe, FIFO or terminal is reopened through /proc/self/fd (its own description), a
 * socket is written with MSG_DONTWAIT, a file does not block. Without a loop every line is written at once, blocking.
 */
#ifndef AB_CORE_OUT_H
#define AB_CORE_OUT_H

#include "core/buf.h"
#include "core/loop.h"

struct ab_out {
	int fd;	   /* where the lines go; borrowed */
	int own;   /* private description of the same file, or -1 */
	bool socket;
	bool gone; /* the reader is gone (EPIPE) or the write failed; failed_errno says */
	int failed_errno;
	bool held; /* nothing is written until ab_out_release_hold(): answers that wait for a commit */
	struct ab_buf queue;
	size_t written; /* of queue */
	struct ab_loop *loop;
	struct ab_watch watch;
	void (*on_gone)(void *data); /* called once, from the loop */
	void (*on_drained)(void *data);
	void *data;
};

int ab_out_open(struct ab_out *out, int fd, struct ab_loop *loop, struct ab_error *err) AB_MUST_USE;
void ab_out_close(struct ab_out *out);
/* Queue one line; a newline is appended when it has none. Written when the loop is next free to (or at once without one). */
void ab_out_line(struct ab_out *out, const char *data, size_t len);
/* Bytes queued and not written. */
size_t ab_out_pending(const struct ab_out *out);
void ab_out_hold(struct ab_out *out);
void ab_out_release_hold(struct ab_out *out);
/* Write what is queued, waiting as long as it takes (poll). -1: the reader is gone or the write failed (ENOSPC, EIO). */
int ab_out_flush(struct ab_out *out, struct ab_error *err) AB_MUST_USE;

#endif
