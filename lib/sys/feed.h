/*
 * A command's stdin: our end of its pipe, fed from bytes or from a descriptor of ours, on the loop.
 *
 * The descriptor itself is never handed on. It may be anything that reads: a pipe or a terminal is reopened
 * through /proc/self/fd to read without waiting (the caller's description stays as it is), a socket is read
 * with MSG_DONTWAIT. Reading is ahead of the command by at most one pipe (64 KiB) and one buffer (64 KiB).
 * When the command closes its stdin or ends, a seekable descriptor is put back by what the command did not
 * take (FIONREAD on the pipe, and what was never sent), so that `while read -r line; do
 * ab-exec -- make; done <file` reads every line. From a pipe or a terminal what was read ahead is gone: the caller of a
 * loop says that the command gets none of it. The process must ignore SIGPIPE.
 */
#ifndef AB_SYS_FEED_H
#define AB_SYS_FEED_H

#include "core/loop.h"

struct ab_feed {
	/* private */
	struct ab_loop *loop;
	int to;	  /* our end of the command's stdin; -1: closed */
	int left; /* a read end of the same pipe, once all of a seekable descriptor is in it: shows what is left */
	int from; /* the caller's; -1: bytes */
	int own;  /* what is read: from, or a description of our own */
	bool socket, seekable, ready_first, ended;
	const char *data; /* not written yet */
	size_t len;
	char *buffer;
	struct ab_watch from_watch, to_watch;
};

/*
 * Begin. Takes `to` (also when it fails), which must be non-blocking. from (borrowed) is read until its end;
 * where it is -1 the bytes (borrowed) are written. At the end the command sees end-of-file.
 */
int ab_feed_open(struct ab_feed *feed, struct ab_loop *loop, int to, int from, const char *data, size_t len,
    struct ab_error *err) AB_MUST_USE;
/* The command has ended, or shall get no more. A zeroed or closed feed is ignored. */
void ab_feed_close(struct ab_feed *feed);

#endif
