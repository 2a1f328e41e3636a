/*
 * Bytes both ways between two stream sockets, on the loop. An end-of-file is passed on as a half-close, a reset
 * as a reset. What one side does not take yet is bounded (64 KiB each way, and whatever the caller gave at
 * first): then the other is not read.
 */
#ifndef AB_SYS_RELAY_H
#define AB_SYS_RELAY_H

#include "core/buf.h"
#include "core/loop.h"

#define AB_RELAY_CHUNK 65536

struct ab_relay {
	struct ab_loop *loop;
	struct ab_relay_side {
		struct ab_watch watch;
		struct ab_relay *relay;
		struct ab_buf pending; /* to be written to this side */
		bool ended;	       /* it sent end-of-file */
		bool shut;	       /* it has been told end-of-file */
	} side[2];
	/* Called once, from the loop: both directions have ended, or one side failed. The caller then closes
	 * the relay. */
	void (*done)(struct ab_relay *relay);
	void *data;
};

/*
 * Takes both non-blocking descriptors (also when it fails) and the bytes in first[i] that go to side i before
 * anything else (the buffers are empty afterwards; NULL: none). done and data are set by the caller before. -1:
 * the loop took no more watches.
 */
int ab_relay_start(struct ab_relay *relay, struct ab_loop *loop, int a, int b, struct ab_buf *first[2],
    struct ab_error *err) AB_MUST_USE;
/* Close both sockets and free what is pending. */
void ab_relay_close(struct ab_relay *relay);
/* Close a socket so that its peer sees a reset, not an end-of-file. */
void ab_relay_reset(int fd);

#endif
