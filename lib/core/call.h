/*
 * A call: one operation being done, for the command line or for one request. Private to the operation table's
 * files.
 *
 * answer.c makes the lines of the answer; a face (tool.c or batch.c) takes them where they go. The life of a
 * call: the face fills it and calls ab_call_run(); the operation answers at once or later; face->ended is
 * called exactly once, from ab_call_run() or, for a pending one, from ab_call_finish() or ab_call_fail(), after
 * which the operation no longer touches it.
 */
#ifndef AB_CORE_CALL_H
#define AB_CORE_CALL_H

#include "core/arena.h"
#include "core/opt.h"
#include "core/param.h"

enum ab_put { AB_PUT_EVENT, AB_PUT_ITEM, AB_PUT_RECORD };

struct ab_face {
	bool batch;
	struct ab_loop *(*loop)(struct ab_call *call);
	/* call->text holds one whole line. In batch it is never AB_PUT_ITEM (items are collected into the
	 * record). */
	void (*put)(struct ab_call *call, enum ab_put what);
	/* Command line only: bytes, unchanged. */
	int (*bytes)(struct ab_call *call, const void *data, size_t len, struct ab_error *err);
	/* Bytes queued for a slow reader. */
	size_t (*queued)(struct ab_call *call);
	/* Batch only: commit, and let the answers go that waited for it. */
	void (*settle)(struct ab_call *call);
	/* Command line only: block them and hand them on. */
	int (*signals)(struct ab_call *call, struct ab_error *err);
	/* Failed when call->error.code is set and no record was given. */
	void (*ended)(struct ab_call *call);
};

struct ab_call {
	const struct ab_tool *tool;
	const struct ab_op *op; /* NULL: a line that was no request */
	const struct ab_common *common;
	const struct ab_face *face;
	void *face_data;
	struct ab_args args;
	struct ab_arena arena;
	bool dry_run;

	/* the answer in the making */
	struct ab_buf text;
	struct ab_json json;
	struct ab_buf bytes; /* parts of kind BYTES that are collected */
	char *next;	     /* cursor, in the arena */
	bool open, answered, has_next, has_bytes, listing, dropping;
	unsigned long long events, dropped;

	/* how it ended */
	bool running, pending, finished, failed;
	bool no, has_status, endless;
	int status, signo;
	struct ab_error error;

	void (*cancel)(struct ab_call *call, void *data);
	void *cancel_data;
	enum ab_cancel_reason cancelled;
	void (*caught)(struct ab_call *call, int signo, void *data);
	void *caught_data;

	const char *log_path, *log_what, *log_scope;
	int64_t started_unix_ms, started_us;

	/* batch: */
	char *id; /* JSON text, in the arena; NULL: none */
	struct ab_value *request;
	unsigned long long line;
	size_t cost;
	unsigned hash;
	bool queued, abandoned, has_id;
	bool slot, endless_counted; /* what it is counted as while it runs */
	struct ab_call *next_call, *previous_call, *next_id;
};

/* A call for op; the texts are kept by reset. params of the operation are taken from the arena by
 * ab_call_params(). */
void ab_call_init(struct ab_call *call, const struct ab_tool *tool, const struct ab_common *common,
    const struct ab_face *face, void *face_data);
/* As after ab_call_init, keeping what memory it has. */
void ab_call_reset(struct ab_call *call);
void ab_call_release(struct ab_call *call);
/* Choose the operation: an empty parameter struct in call->args. */
void ab_call_params(struct ab_call *call, const struct ab_op *op);
/* Call the operation's function. */
void ab_call_run(struct ab_call *call);
/* Ask it to end. False when it has no way to. */
bool ab_call_cancel(struct ab_call *call, enum ab_cancel_reason reason);
/* Write {"id":…,"line":…,"error":…} into call->text. */
void ab_call_write_error(struct ab_call *call, const struct ab_error *err);
/* Give what an answer needs and the operation did not give itself (the end of a list, an empty record). */
void ab_call_close_answer(struct ab_call *call);
/* Any of --json --field --table --jq, which make a record of what would be printed plainly. */
bool ab_common_wants_record(const struct ab_common *common);

#endif
