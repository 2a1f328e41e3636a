/* Jobs: making, ending and reading a job's directory. */
#include "sys/job.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "core/id.h"
#include "core/io.h"
#include "sys/home.h"
#include "sys/jobdir.h"

#define META_MAX ((size_t)1 << 20)
#define RESULT_MAX ((size_t)256 << 20)
/* What a file needs beside its bytes: whole blocks, its inode, the entry of its directory. */
#define ROOM_BYTES 65536

/* Everything inside the unpublished directory; what was made is the caller's to undo. */
static int
fill_directory(struct ab_job *job, struct ab_error *err)
{
	const int create = O_CREAT | O_EXCL | O_CLOEXEC;

	job->lock_fd = openat(job->dir_fd, "lock", O_RDWR | create, 0600);
	if (job->lock_fd < 0 || flock(job->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return ab_fail_errno(err, errno, "lock");
	job->out_fd = openat(job->dir_fd, "stdout", O_WRONLY | O_APPEND | create, 0600);
	if (job->out_fd < 0)
		return ab_fail_errno(err, errno, "stdout");
	job->err_fd = openat(job->dir_fd, "stderr", O_WRONLY | O_APPEND | create, 0600);
	if (job->err_fd < 0)
		return ab_fail_errno(err, errno, "stderr");
	if (mkfifoat(job->dir_fd, "control", 0600) != 0)
		return ab_fail_errno(err, errno, "control");
	/* For writing too: else every sender that closes would be an end-of-file to poll for. */
	job->control_fd = openat(job->dir_fd, "control", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (job->control_fd < 0)
		return ab_fail_errno(err, errno, "control");
	return 0;
}

int
ab_job_create(struct ab_job *job, const char *meta, struct ab_error *err)
{
	char ulid[AB_ID_SIZE], hidden[64];

	*job = (struct ab_job)AB_JOB_INIT;
	snprintf(job->id, sizeof(job->id), "job_%s", ab_id_new(ulid));
	AB_AUTO_CLOSE int jobs = ab_home_dir("jobs", err);
	if (jobs < 0) {
		ab_error_context(err, "make a job");
		return -1;
	}
	snprintf(hidden, sizeof(hidden), AB_JOBDIR_NEW "%s", job->id);
	if (mkdirat(jobs, hidden, 0700) != 0)
		return ab_fail_errno(err, errno, "make job directory \"%s\"", job->id);
	job->dir_fd = openat(jobs, hidden, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int made = job->dir_fd < 0 ? ab_fail_errno(err, errno, "open") : fill_directory(job, err);
	if (made == 0 && meta != NULL)
		made = ab_job_publish(job, meta, err);
	if (made != 0) {
		ab_error_context(err, "make job \"%s\"", job->id);
		ab_job_discard(job);
	}
	return made;
}

int
ab_job_publish(struct ab_job *job, const char *meta, struct ab_error *err)
{
	char hidden[64];
	AB_AUTO_CLOSE int jobs = ab_home_dir("jobs", err);

	if (jobs < 0)
		return -1;
	AB_AUTO_CLOSE int fd = openat(job->dir_fd, "meta.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || ab_write_all(fd, meta, strlen(meta)) != 0)
		return ab_fail_errno(err, errno, "job \"%s\": write meta.json", job->id);
	snprintf(hidden, sizeof(hidden), AB_JOBDIR_NEW "%s", job->id);
	if (renameat(jobs, hidden, jobs, job->id) != 0)
		return ab_fail_errno(err, errno, "job \"%s\": rename", job->id);
	return 0;
}

void
ab_job_make_room(const struct ab_job *job, size_t len)
{
	const off_t want = (off_t)len + ROOM_BYTES;
	struct stat out, err;
	struct statvfs disk;

	if (fstatvfs(job->dir_fd, &disk) != 0 || disk.f_bavail >= (uintmax_t)want / disk.f_frsize + 1)
		return;
	if (fstat(job->out_fd, &out) != 0 || fstat(job->err_fd, &err) != 0)
		return;
	bool longer = err.st_size > out.st_size;
	off_t size = longer ? err.st_size : out.st_size;
	(void)!ftruncate(longer ? job->err_fd : job->out_fd, size > want ? size - want : 0);
}

int
ab_job_finish(struct ab_job *job, const char *result, size_t len, struct ab_error *err)
{
	int written = ab_write_file_atomic(job->dir_fd, "result.json", result, len, 0600, err);

	if (written != 0)
		ab_error_context(err, "job \"%s\"", job->id);
	/* Unlocked, not only closed: a child that has not closed its copy yet must not keep the job alive. */
	flock(job->lock_fd, LOCK_UN);
	ab_close_indirect(&job->lock_fd);
	/* Only now: whoever finds no control FIFO takes the job for over, and reads its result. */
	(void)!unlinkat(job->dir_fd, "control", 0);
	ab_close_indirect(&job->control_fd);
	return written;
}

void
ab_job_discard(struct ab_job *job)
{
	char hidden[64];
	struct ab_error ignored = AB_ERROR_INIT;
	AB_AUTO_CLOSE int jobs = ab_home_dir("jobs", &ignored);

	snprintf(hidden, sizeof(hidden), AB_JOBDIR_NEW "%s", job->id);
	if (jobs >= 0) {
		ab_jobdir_remove(jobs, hidden, NULL);
		ab_jobdir_remove(jobs, job->id, NULL);
	}
	ab_job_close(job);
}

void
ab_job_close(struct ab_job *job)
{
	ab_close_indirect(&job->control_fd);
	ab_close_indirect(&job->out_fd);
	ab_close_indirect(&job->err_fd);
	ab_close_indirect(&job->dir_fd);
	ab_close_indirect(&job->lock_fd);
}

int
ab_job_receive(struct ab_job *job)
{
	unsigned char signo;

	return read(job->control_fd, &signo, 1) == 1 ? signo : 0;
}

/* The record of a job whose supervisor died: what is known from its meta and its spools. */
static void
print_lost(struct ab_buf *out, const struct ab_job_info *info, int dir_fd)
{
	struct ab_error ignored = AB_ERROR_INIT, lost;
	AB_AUTO_VALUE struct ab_value *meta = ab_value_parse(info->meta.data, info->meta.len, &ignored);
	struct stat spool;
	struct ab_json json;

	ab_json_begin(&json, out, AB_ENCODING_AUTO);
	ab_json_object(&json, NULL);
	ab_json_string(&json, "schema", "ab.exec/1");
	ab_json_string(&json, "job", info->id);
	ab_json_string(&json, "scope", meta == NULL ? NULL : ab_value_get_string(meta, "scope", NULL));
	ab_json_string(&json, "reason", "lost");
	ab_json_null(&json, "exit_code");
	ab_json_null(&json, "signal");
	ab_json_integer(&json, "status", 125);
	ab_json_integer(&json, "stdout_bytes", fstatat(dir_fd, "stdout", &spool, 0) == 0 ? spool.st_size : 0);
	ab_json_integer(&json, "stderr_bytes", fstatat(dir_fd, "stderr", &spool, 0) == 0 ? spool.st_size : 0);
	ab_json_string(&json, "spool", info->id);
	ab_json_string(&json, "started_at", meta == NULL ? NULL : ab_value_get_string(meta, "started_at", NULL));
	ab_fail(&lost, AB_E_GONE, "job \"%s\": what watched over it ended without a result", info->id);
	ab_json_error(&json, "error", &lost);
	ab_json_object_end(&json);
}

/*
 * Running while the lock is held. Once it is free nobody but us writes: a job is given its name with its lock
 * taken, and its supervisor never takes it again. Two readers who find it lost write the same record, each by
 * rename.
 */
static int
read_state(struct ab_job_info *info, int dir_fd, struct ab_error *err)
{
	AB_AUTO_CLOSE int lock = openat(dir_fd, "lock", O_RDONLY | O_CLOEXEC);

	if (lock < 0)
		return ab_fail_errno(err, errno, "lock");
	if (flock(lock, LOCK_SH | LOCK_NB) != 0) {
		info->state = AB_JOB_RUNNING;
		return errno == EWOULDBLOCK ? 0 : ab_fail_errno(err, errno, "lock");
	}
	info->state = AB_JOB_DONE;
	int got = ab_read_file(dir_fd, "result.json", &info->result, err);
	if (got != 0 && err->code == AB_E_NOT_FOUND) {
		print_lost(&info->result, info, dir_fd);
		/* A disk that is full does not make it less lost. */
		(void)!ab_write_file_atomic(dir_fd, "result.json", info->result.data, info->result.len, 0600, err);
		info->state = AB_JOB_LOST;
		return 0;
	}
	if (got == 0 && strstr(info->result.data, "\"reason\":\"lost\"") != NULL) {
		struct ab_error ignored = AB_ERROR_INIT;
		AB_AUTO_VALUE struct ab_value *result = ab_value_parse(info->result.data, info->result.len, &ignored);
		if (result != NULL && strcmp(ab_value_get_string(result, "reason", ""), "lost") == 0)
			info->state = AB_JOB_LOST;
	}
	return got;
}

int
ab_job_read(const char *id, struct ab_job_info *info, struct ab_error *err)
{
	*info = (struct ab_job_info){ .state = AB_JOB_RUNNING };
	ab_buf_init(&info->meta, META_MAX);
	ab_buf_init(&info->result, RESULT_MAX);
	AB_AUTO_CLOSE int dir = ab_jobdir_open(id, info->id, err);
	if (dir < 0)
		return -1;
	if (ab_read_file(dir, "meta.json", &info->meta, err) == 0 && read_state(info, dir, err) == 0)
		return 0;
	ab_error_context(err, "job \"%s\"", info->id);
	ab_job_info_release(info);
	return -1;
}

void
ab_job_info_release(struct ab_job_info *info)
{
	ab_buf_release(&info->meta);
	ab_buf_release(&info->result);
}

int
ab_job_open_output(const char *id, bool stderr_stream, struct ab_error *err)
{
	const char *name = stderr_stream ? "stderr" : "stdout";
	char full[AB_JOBDIR_ID_SIZE];
	AB_AUTO_CLOSE int dir = ab_jobdir_open(id, full, err);

	if (dir < 0)
		return -1;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 ? fd : ab_fail_errno(err, errno, "job \"%s\": open %s", full, name);
}

int
ab_job_open_lock(const char *id, struct ab_error *err)
{
	char full[AB_JOBDIR_ID_SIZE];
	AB_AUTO_CLOSE int dir = ab_jobdir_open(id, full, err);

	if (dir < 0)
		return -1;
	int fd = openat(dir, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 ? fd : ab_fail_errno(err, errno, "job \"%s\": open lock", full);
}

int
ab_job_open_wait(const char *id, struct ab_error *err)
{
	char full[AB_JOBDIR_ID_SIZE];
	AB_AUTO_CLOSE int dir = ab_jobdir_open(id, full, err);

	if (dir < 0)
		return -1;
	int fd = openat(dir, "control", O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ENXIO || errno == ENOENT))
		return ab_fail(err, AB_E_GONE, "job \"%s\" is over", full);
	return fd >= 0 ? fd : ab_fail_errno(err, errno, "job \"%s\": open control", full);
}

int
ab_job_signal(const char *id, int signo, struct ab_error *err)
{
	unsigned char byte = (unsigned char)signo;
	AB_AUTO_CLOSE int fd = ab_job_open_wait(id, err);

	assert(signo > 0 && signo < 65);
	if (fd < 0)
		return -1;
	/* EPIPE: it ended just now. EAGAIN: 65,536 signals wait already, one more says nothing new. */
	if (write(fd, &byte, 1) != 1 && errno != EAGAIN)
		return errno == EPIPE ? ab_fail(err, AB_E_GONE, "job \"%s\" is over", id) :
					ab_fail_errno(err, errno, "job \"%s\": signal", id);
	return 0;
}

static int
by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* close_range(2) between what is kept. */
static void
close_but(const int *keep, size_t keep_count)
{
	AB_AUTO_FREE int *sorted = ab_calloc(keep_count, sizeof(*sorted));
	unsigned from = 3;

	memcpy(sorted, keep, keep_count * sizeof(*sorted));
	qsort(sorted, keep_count, sizeof(*sorted), by_number);
	for (size_t i = 0; i < keep_count; i++) {
		if (sorted[i] < (int)from)
			continue;
		if (sorted[i] > (int)from)
			close_range(from, (unsigned)sorted[i] - 1, 0);
		from = (unsigned)sorted[i] + 1;
	}
	close_range(from, ~0U, 0);
}

/* The background process: nothing of the caller is left but what it was told to keep. */
static void
settle(const int *keep, size_t keep_count, int report)
{
	AB_AUTO_FREE int *all = ab_calloc(keep_count + 1, sizeof(*all));
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	if (keep_count > 0)
		memcpy(all, keep, keep_count * sizeof(*all));
	all[keep_count] = report;
	close_but(all, keep_count + 1);
}

/* Both ends above 2: the background process puts /dev/null there. */
static int
report_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	ends[0] = ab_above_stdio(ends[0]);
	ends[1] = ab_above_stdio(ends[1]);
	if (ends[0] >= 0 && ends[1] >= 0)
		return 0;
	ab_close_indirect(&ends[0]);
	ab_close_indirect(&ends[1]);
	return -1;
}

int
ab_job_detach(const int *keep, size_t keep_count, int *report, struct ab_error *err)
{
	int ends[2], status = 0;

	if (report_pipe(ends) != 0)
		return ab_fail_errno(err, errno, "go into the background: pipe");
	pid_t pid = fork();
	if (pid < 0) {
		int failed_errno = errno;
		close(ends[0]);
		close(ends[1]);
		return ab_fail_errno(err, failed_errno, "go into the background: fork");
	}
	if (pid == 0) {
		/* The second fork: a session leader could get a controlling terminal by opening one. */
		setsid();
		pid_t second = fork();
		if (second != 0)
			_exit(second < 0);
		settle(keep, keep_count, ends[1]);
		*report = ends[1];
		return 1;
	}
	close(ends[1]);
	*report = ends[0];
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (status == 0)
		return 0;
	ab_close_indirect(report);
	return ab_fail(err, AB_E_SYSTEM, "go into the background: the second fork failed");
}

#define REPORT_MAX 65536

void
ab_job_report(int *report, const char *text, size_t len)
{
	assert(len <= REPORT_MAX);
	/* What fits into an empty pipe never waits for a caller that does not read. */
	(void)!ab_write_all(*report, text, len);
	ab_close_indirect(report);
}

int
ab_job_await(int *report, struct ab_buf *text, struct ab_error *err)
{
	size_t before = text->len;
	int got = ab_read_all(*report, text, "report of the background process", err);

	ab_close_indirect(report);
	if (got == 0 && text->len == before)
		return ab_fail(err, AB_E_SYSTEM, "the background process ended before it could start the command");
	return got;
}
