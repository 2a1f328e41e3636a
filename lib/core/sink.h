/*
 * Where the records of a command line go: to stdout as they are, as one field (--field), as columns (--table)
 * or through a jq program (--jq).
 *
 * Whole lines in each write(2). Without a loop records are collected for at most 64 KiB or 20 ms; with one they
 * are written as they come and never make it wait. What went wrong with stdout is remembered and told by
 * ab_sink_close().
 */
#ifndef AB_CORE_SINK_H
#define AB_CORE_SINK_H

#include <sys/types.h>

#include "core/call.h"
#include "core/out.h"
#include "core/table.h"

struct ab_sink {
	const struct ab_common *common;
	const struct ab_op *op;
	bool table_wanted;
	struct ab_loop *loop; /* once there is one */
	struct ab_out out;
	bool open, failed;
	struct ab_error error; /* why, when failed */
	int fd;		       /* 1, or the filter's stdin */
	pid_t filter;
	int filter_status;
	struct ab_buf pending; /* whole lines */
	struct ab_table table;
	bool record_seen, field_seen;
	int64_t flushed_ms;
	void (*gone)(void *data); /* the reader is gone, or stdout failed; from the loop */
	void *data;
};

/* columns: the caller's wish beside --table (AB_FORMAT on a terminal). */
void ab_sink_init(struct ab_sink *sink, const struct ab_common *common, const struct ab_op *op, bool columns);
void ab_sink_release(struct ab_sink *sink);
/* One line of JSON. False when nobody reads any more. */
bool ab_sink_put(struct ab_sink *sink, const char *text, size_t len, enum ab_put what);
/* Open stdout now, so that its reader's end is told (sink->gone) before there is anything to write. */
void ab_sink_watch(struct ab_sink *sink);
/* Bytes as they are, at once. -1: stdout failed. */
int ab_sink_bytes(struct ab_sink *sink, const void *data, size_t len, struct ab_error *err) AB_MUST_USE;
size_t ab_sink_queued(const struct ab_sink *sink);
/* Whether the reader of stdout has gone away (as opposed to any other failure). */
bool ab_sink_is_gone(const struct ab_sink *sink);
/*
 * Write all that is left and wait for the filter. 0; or -1: what stdout said (system, limit.storage), or a
 * field that no record had (no_match). sink->filter_status is the filter's.
 */
int ab_sink_close(struct ab_sink *sink, struct ab_error *err) AB_MUST_USE;

#endif
