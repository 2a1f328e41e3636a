/* What is kept of a command's output, and where the whole of it goes once bytes have to be left out. */
#include "ab-exec.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/io.h"
#include "core/time.h"
#include "sys/job.h"
#include "sys/path.h"

#define META_MAX ((size_t)1 << 20)

void
output_init(struct exec_output *output, const struct ab_plan *plan, const struct run_params *params)
{
	enum ab_keep keep = strcmp(params->keep, "head") == 0 ? AB_KEEP_HEAD : strcmp(params->keep, "tail") == 0 ? AB_KEEP_TAIL : AB_KEEP_BOTH;

	memset(output, 0, sizeof(*output));
	output->plan = plan;
	ab_capture_init(&output->out, (size_t)params->max_output_bytes, keep);
	ab_capture_init(&output->err, (size_t)params->max_output_bytes, keep);
	output->file = -1;
	output->spool_max = params->max_spool_bytes;
	output->want_spool = params->max_spool_bytes > 0;
}

void
output_meta(const struct ab_plan *plan, const char *kind, struct ab_buf *text)
{
	struct ab_json json;
	const char *program = strrchr(plan->argv[0], '/');

	program = program != NULL ? program + 1 : plan->argv[0];
	ab_json_begin(&json, text, AB_ENCODING_AUTO);
	ab_json_object(&json, NULL);
	ab_json_string(&json, "kind", kind);
	ab_json_element(&json, "what", program, strlen(program));
	ab_json_element(&json, "scope", plan->scope_name, strlen(plan->scope_name));
	ab_json_time(&json, "started_at", ab_now_unix_ms());
	ab_json_object_end(&json);
}

int
output_open_file(struct exec_output *output, const char *path, struct ab_error *err)
{
	output->file = ab_path_open_named(path, output->plan->tree, O_WRONLY | O_CREAT | O_APPEND, 0600, err);
	if (output->file < 0) {
		ab_error_context(err, "--spool");
		return -1;
	}
	output->file_name = ab_strdup(path);
	output->want_spool = false;
	return 0;
}

/* A spool that fails or is full never changes the command's result: the record says that it is not whole. */
static void
spool(struct exec_output *output, int fd, const char *bytes, size_t len)
{
	int64_t room = output->spool_max - output->spooled;

	if (output->spool_failed || len == 0)
		return;
	if ((int64_t)len > room) {
		output->spool_truncated = true;
		len = room > 0 ? (size_t)room : 0;
	}
	if (len > 0 && ab_write_all(fd, bytes, len) < 0) {
		output->spool_failed = true;
		output->spool_truncated = true;
		return;
	}
	output->spooled += (int64_t)len;
}

/* Everything up to now is still in the captures, whole: it becomes the beginning of the spool. */
static void
open_spool(struct exec_output *output)
{
	struct ab_job *job = ab_calloc(1, sizeof(*job));
	struct ab_error err = AB_ERROR_INIT;
	struct ab_captured before;
	AB_AUTO_BUF struct ab_buf meta = AB_BUF_INIT(META_MAX);

	output->want_spool = false;
	output_meta(output->plan, "spool", &meta);
	if (ab_job_create(job, meta.data, &err) < 0) {
		free(job);
		output->spool_truncated = true;
		return;
	}
	output->job = job;
	ab_capture_result(&output->out, &before);
	spool(output, job->out_fd, before.text.data, before.text.len);
	ab_buf_release(&before.text);
	ab_capture_result(&output->err, &before);
	spool(output, job->err_fd, before.text.data, before.text.len);
	ab_buf_release(&before.text);
}

void
output_add(struct exec_output *output, int stream, const char *bytes, size_t len)
{
	struct ab_capture *capture = stream == 0 ? &output->out : &output->err;

	if (output->want_spool && capture->total + len > capture->max)
		open_spool(output);
	if (output->job != NULL)
		spool(output, stream == 0 ? output->job->out_fd : output->job->err_fd, bytes, len);
	if (output->file >= 0)
		spool(output, output->file, bytes, len);
	ab_capture_add(capture, bytes, len);
}

void
output_finish(struct exec_output *output, const char *record, size_t len)
{
	struct ab_error ignored = AB_ERROR_INIT;

	if (output->job == NULL)
		return;
	if (output->spool_truncated)
		ab_job_make_room(output->job, len);
	(void)!ab_job_finish(output->job, record, len, &ignored);
}

void
output_release(struct exec_output *output)
{
	ab_capture_release(&output->out);
	ab_capture_release(&output->err);
	if (output->job != NULL)
		ab_job_close(output->job);
	free(output->job);
	ab_close_indirect(&output->file);
	free(output->file_name);
	memset(output, 0, sizeof(*output));
	output->file = -1;
}
