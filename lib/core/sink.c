/* Where the records of a command line go. */
#include "core/sink.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "core/filter.h"
#include "core/io.h"
#include "core/mem.h"
#include "core/text.h"
#include "core/time.h"

enum {
	PENDING_MAX = 512 * 1024 * 1024, /* as long as a record may be */
	FLUSH_BYTES = 64 * 1024,
	FLUSH_MS = 20,
	TABLE_ROWS = 10000, /* printed in parts of so many rows, so that memory stays bounded */
};

void
ab_sink_init(struct ab_sink *sink, const struct ab_common *common, const struct ab_op *op, bool columns)
{
	*sink = (struct ab_sink){ .common = common, .op = op, .fd = STDOUT_FILENO, .filter = -1 };
	ab_buf_init(&sink->pending, PENDING_MAX);
	ab_table_init(&sink->table);
	sink->table_wanted = common->table || (columns && !ab_common_wants_record(common));
}

void
ab_sink_release(struct ab_sink *sink)
{
	if (sink->open)
		ab_out_close(&sink->out);
	sink->open = false;
	if (sink->fd != STDOUT_FILENO)
		ab_close_indirect(&sink->fd);
	ab_buf_release(&sink->pending);
	ab_table_release(&sink->table);
}

static bool
failed(struct ab_sink *sink, const struct ab_error *err)
{
	if (!sink->failed)
		sink->error = *err;
	sink->failed = true;
	return false;
}

static void
on_gone(void *data)
{
	struct ab_sink *sink = data;

	if (sink->gone != NULL)
		sink->gone(sink->data);
}

static bool
open_out(struct ab_sink *sink)
{
	struct ab_error err = AB_ERROR_INIT;

	if (sink->open)
		return true;
	if (sink->common->jq != NULL && sink->filter < 0 &&
	    ab_filter_start(sink->common->jq, sink->common->raw > 0, &sink->filter, &sink->fd, &err) < 0)
		return failed(sink, &err);
	if (ab_out_open(&sink->out, sink->fd, sink->loop, &err) < 0)
		return failed(sink, &err);
	sink->out.on_gone = on_gone;
	sink->out.data = sink;
	sink->open = true;
	return true;
}

static bool
write_plain(struct ab_sink *sink)
{
	struct ab_error err = AB_ERROR_INIT;
	int rc = ab_write_all(STDOUT_FILENO, sink->pending.data, sink->pending.len);

	if (rc < 0) {
		sink->out.failed_errno = errno;
		ab_fail_errno(&err, errno, "write the output");
		return failed(sink, &err);
	}
	ab_buf_truncate(&sink->pending, 0);
	return true;
}

static bool
flush_pending(struct ab_sink *sink)
{
	struct ab_error err = AB_ERROR_INIT;

	if (sink->pending.len == 0)
		return !sink->failed;
	if (sink->failed)
		return false;
	/* Fields that end in NUL are no lines. */
	if (sink->common->field != NULL && sink->common->nul)
		return write_plain(sink);
	if (!open_out(sink))
		return false;
	ab_out_line(&sink->out, sink->pending.data, sink->pending.len);
	ab_buf_truncate(&sink->pending, 0);
	if (sink->loop == NULL && ab_out_flush(&sink->out, &err) < 0)
		return failed(sink, &err);
	return !sink->out.gone;
}

static bool
print_base64(const struct ab_value *record, const char *name, struct ab_buf *out)
{
	AB_AUTO_FREE char *base64_name = ab_asprintf("%s_base64", name);
	const struct ab_value *value = ab_value_get(record, base64_name);
	size_t len;

	if (value == NULL || ab_value_kind(value) != AB_VALUE_STRING)
		return false;
	const char *text = ab_value_string(value, &len);
	return ab_base64_decode(out, text, len);
}

/* The field, raw; one that is null is an empty line, so that lines count records. */
static void
print_field(struct ab_sink *sink, const struct ab_value *record, enum ab_put what)
{
	const char *name = sink->common->field;
	const struct ab_value *value = ab_value_get(record, name);
	size_t len;

	if (value == NULL && print_base64(record, name, &sink->pending)) {
		sink->field_seen = true;
	} else if (value == NULL && what == AB_PUT_EVENT) {
		return;
	} else if (ab_value_kind(value) == AB_VALUE_STRING) {
		const char *text = ab_value_string(value, &len);
		ab_buf_put(&sink->pending, text, len);
	} else if (ab_value_kind(value) != AB_VALUE_NULL && !ab_value_print(value, &sink->pending)) {
		return;
	}
	sink->field_seen = sink->field_seen || value != NULL;
	ab_buf_putc(&sink->pending, sink->common->nul ? '\0' : '\n');
}

static void
print_columns(struct ab_sink *sink, const struct ab_value *record, enum ab_put what)
{
	if (what == AB_PUT_ITEM) {
		ab_table_add(&sink->table, record);
		if (sink->table.row_count >= TABLE_ROWS)
			ab_table_print(&sink->table, false, &sink->pending);
	} else if (what == AB_PUT_RECORD) {
		ab_table_print_record(record, &sink->pending);
	} else {
		/* Events are shown as they happen: a heading and a row each would be noise. */
		struct ab_table one;
		ab_table_init(&one);
		one.headed = true;
		ab_table_add(&one, record);
		ab_table_print(&one, true, &sink->pending);
		ab_table_release(&one);
	}
}

bool
ab_sink_put(struct ab_sink *sink, const char *text, size_t len, enum ab_put what)
{
	struct ab_error err = AB_ERROR_INIT;

	sink->record_seen = true;
	if (sink->common->field == NULL && !sink->table_wanted) {
		ab_buf_put(&sink->pending, text, len);
	} else {
		AB_AUTO_VALUE struct ab_value *record = ab_value_parse(text, len, &err);
		if (record == NULL)
			return failed(sink, &err);
		if (sink->common->field != NULL)
			print_field(sink, record, what);
		else
			print_columns(sink, record, what);
	}
	int64_t now_ms = ab_now_ms();
	bool late = now_ms - sink->flushed_ms > FLUSH_MS;
	if (sink->loop == NULL && what == AB_PUT_ITEM && sink->pending.len < FLUSH_BYTES && !late)
		return !sink->failed;
	sink->flushed_ms = now_ms;
	return flush_pending(sink);
}

void
ab_sink_watch(struct ab_sink *sink)
{
	(void)open_out(sink);
}

int
ab_sink_bytes(struct ab_sink *sink, const void *data, size_t len, struct ab_error *err)
{
	if (!flush_pending(sink) && sink->failed) {
		*err = sink->error;
		return -1;
	}
	if (sink->open && ab_out_flush(&sink->out, err) < 0) {
		failed(sink, err);
		return -1;
	}
	if (ab_write_all(STDOUT_FILENO, data, len) == 0)
		return 0;
	int saved = errno;
	ab_fail_errno(err, saved, "write to stdout");
	if (saved == EPIPE)
		sink->out.failed_errno = EPIPE;
	failed(sink, err);
	return -1;
}

size_t
ab_sink_queued(const struct ab_sink *sink)
{
	return sink->open ? ab_out_pending(&sink->out) : 0;
}

bool
ab_sink_is_gone(const struct ab_sink *sink)
{
	return sink->out.failed_errno == EPIPE;
}

/* Wait for the filter even when it was the one that went away: its message and its status are the answer. */
static int
close_filter(struct ab_sink *sink, struct ab_error *err)
{
	if (sink->open)
		ab_out_close(&sink->out);
	sink->open = false;
	ab_close_indirect(&sink->fd);
	sink->fd = STDOUT_FILENO;
	int status = ab_filter_wait(sink->filter, err);
	sink->filter = -1;
	sink->filter_status = status;
	if (status < 0)
		return -1;
	if (ab_sink_is_gone(sink) && status != 0)
		sink->failed = false;
	if (status != 128 + SIGPIPE)
		sink->out.failed_errno = 0;
	return 0;
}

int
ab_sink_close(struct ab_sink *sink, struct ab_error *err)
{
	struct ab_error why = AB_ERROR_INIT;

	if (sink->table_wanted)
		ab_table_print(&sink->table, true, &sink->pending);
	if (!sink->failed)
		flush_pending(sink);
	/* A program that is wrong is told even when there was no record to run it over. */
	if (sink->common->jq != NULL && !sink->failed)
		(void)open_out(sink);
	if (sink->open && !sink->failed && ab_out_flush(&sink->out, &why) < 0)
		failed(sink, &why);
	if (sink->filter >= 0 && close_filter(sink, err) < 0)
		return -1;
	if (sink->failed) {
		*err = sink->error;
		return -1;
	}
	if (sink->common->field != NULL && sink->record_seen && !sink->field_seen)
		return ab_fail(err, AB_E_NO_MATCH, "no record has a field \"%s\"", sink->common->field);
	return 0;
}
