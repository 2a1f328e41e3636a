/*
 * The head of a proxy request, parsed as its bytes arrive: HTTP CONNECT, HTTP in absolute form, SOCKS5
 * (CONNECT). No I/O.
 *
 * One connection carries one request: an absolute-form request is rewritten to origin form with `Connection:
 * close`, so that a second request to another host cannot ride on the judgement of the first. Everything else
 * is refused. Strict on purpose: lines end in CRLF, no folded lines, no control characters, no user information
 * in the URI; Host is made anew from the URI. Sources: RFC 9112 (sections 3.2.2, 3.2.3, 9.6), RFC 9110
 * (sections 7.6.1, 9.3.6), RFC 1928.
 */
#ifndef AB_SYS_PROXY_H
#define AB_SYS_PROXY_H

#include "core/buf.h"
#include "sys/netaddr.h"

#define AB_PROXY_HEAD_MAX 65536

enum ab_proxy_state {
	AB_PROXY_MORE,	  /* not all of it is there yet */
	AB_PROXY_GREETED, /* SOCKS: `used` bytes of greeting; reply GREETING, drop them, go on */
	AB_PROXY_CONNECT, /* HTTP CONNECT: bytes both ways after the reply OK */
	AB_PROXY_SOCKS,	  /* SOCKS CONNECT: likewise */
	AB_PROXY_FORWARD, /* absolute form: `head` goes to the host, then bytes both ways; no reply OK */
	AB_PROXY_BAD,	  /* answer AB_PROXY_REPLY_BAD and close */
};

struct ab_proxy {
	enum ab_proxy_state state;
	bool socks, greeted;
	size_t used;		 /* bytes of the input that belong to the head (or greeting) */
	char host[AB_HOST_SIZE]; /* normal form */
	uint16_t port;
	struct ab_buf head;  /* FORWARD: rewritten */
	const char *reason;  /* BAD: a phrase, static */
	unsigned socks_code; /* BAD, SOCKS: the reply code of RFC 1928, section 6 */
	size_t scanned;	     /* private: no end of head before this offset */
};

void ab_proxy_init(struct ab_proxy *proxy);
void ab_proxy_release(struct ab_proxy *proxy);

/*
 * Look at everything that came and was not dropped yet. Call again with more bytes (the same ones first) after
 * MORE; after GREETED with `used` bytes dropped; never after another state. A head of more than 64 KiB is BAD.
 */
enum ab_proxy_state ab_proxy_parse(struct ab_proxy *proxy, const char *data, size_t len);

enum ab_proxy_reply {
	AB_PROXY_REPLY_GREETING,
	AB_PROXY_REPLY_OK,
	AB_PROXY_REPLY_DENIED, /* 403; text is the option that allows it: in the status line too, as clients
				  print that */
	AB_PROXY_REPLY_FAILED, /* 502; text says why */
	AB_PROXY_REPLY_BAD,    /* 400; proxy->reason says why */
};

/* Append the reply in the request's protocol. text: one line of printable ASCII. Nothing is appended for OK
 * after FORWARD. */
void ab_proxy_put_reply(
    const struct ab_proxy *proxy, enum ab_proxy_reply reply, const char *text, struct ab_buf *out);

#endif
