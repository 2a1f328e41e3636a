#include "sys/job.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/io.h"
#include "core/time.h"
#include "tap.h"

static char home[] = "/tmp/ab-job-test-XXXXXX";
static struct ab_error err;

static const char META[] = "{\"scope\":\"s1\",\"started_at\":\"2026-01-02T03:04:05.678Z\"}";
static const char RESULT[] = "{\"reason\":\"exit\",\"status\":0}";

static int
entries(void)
{
	char path[64];
	int count = 0;
	struct dirent *entry;

	snprintf(path, sizeof(path), "%s/jobs", home);
	DIR *listing = opendir(path);
	while (listing != NULL && (entry = readdir(listing)) != NULL)
		count += entry->d_name[0] == 'j' || strlen(entry->d_name) > 2;
	if (listing != NULL)
		closedir(listing);
	return count;
}

static enum ab_job_state
state_of(const char *id)
{
	struct ab_job_info info;

	if (!CHECK(ab_job_read(id, &info, &err) == 0)) {
		printf("# %s\n", err.msg);
		return (enum ab_job_state)-1;
	}
	enum ab_job_state state = info.state;
	ab_job_info_release(&info);
	return state;
}

static void
nothing_is_made_by_reading(void)
{
	char **ids = ab_job_list(&err);
	uint64_t freed;

	CHECK(ids != NULL && ids[0] == NULL);
	ab_strv_free(ids);
	CHECK_INT(ab_job_gc(0, 0, false, &freed, &err), 0);
	CHECK_INT(ab_job_signal("job_01J00000000000000000000000", SIGTERM, &err), -1);
	CHECK_INT(err.code, AB_E_NOT_FOUND);
	CHECK_INT(entries(), 0);
	char path[64];
	snprintf(path, sizeof(path), "%s/jobs", home);
	CHECK_INT(access(path, F_OK), -1);
}

static void
a_life(void)
{
	struct ab_job job;
	struct ab_job_info info;
	struct stat dir;

	CHECK_INT(ab_job_create(&job, META, &err), 0);
	CHECK_INT(fstat(job.dir_fd, &dir), 0);
	CHECK_INT(dir.st_mode & 07777, 0700);
	CHECK_INT(state_of(job.id), AB_JOB_RUNNING);
	CHECK_INT(state_of(job.id + 4), AB_JOB_RUNNING);

	/* signals come through the FIFO, in order */
	CHECK_INT(ab_job_receive(&job), 0);
	CHECK_INT(ab_job_signal(job.id, SIGINT, &err), 0);
	CHECK_INT(ab_job_signal(job.id, SIGTERM, &err), 0);
	CHECK_INT(ab_job_receive(&job), SIGINT);
	CHECK_INT(ab_job_receive(&job), SIGTERM);
	CHECK_INT(ab_job_receive(&job), 0);

	/* output can be read while it runs */
	CHECK_INT(ab_write_all(job.out_fd, "hello", 5), 0);
	AB_AUTO_CLOSE int out = ab_job_open_output(job.id, false, &err);
	char text[8] = "";
	CHECK_INT(read(out, text, sizeof(text)), 5);
	CHECK_STRING(text, "hello");

	AB_AUTO_CLOSE int lock = ab_job_open_lock(job.id, &err);
	CHECK_INT(flock(lock, LOCK_SH | LOCK_NB), -1);
	AB_AUTO_CLOSE int wait_fd = ab_job_open_wait(job.id, &err);
	struct pollfd over = { .fd = wait_fd };
	CHECK_INT(poll(&over, 1, 0), 0);
	CHECK_INT(ab_job_finish(&job, RESULT, strlen(RESULT), &err), 0);
	CHECK_INT(poll(&over, 1, 1000), 1);
	CHECK((over.revents & POLLERR) != 0);
	CHECK_INT(flock(lock, LOCK_SH | LOCK_NB), 0);

	/* a waiter's lock does not make it running */
	CHECK_INT(ab_job_read(job.id, &info, &err), 0);
	CHECK_INT(info.state, AB_JOB_DONE);
	CHECK_STRING(info.result.data, RESULT);
	CHECK_STRING(info.meta.data, META);
	ab_job_info_release(&info);
	CHECK_INT(ab_job_signal(job.id, SIGTERM, &err), -1);
	CHECK_INT(err.code, AB_E_GONE);
	CHECK_INT(ab_job_open_wait(job.id, &err), -1);
	CHECK_INT(err.code, AB_E_GONE);
	ab_job_close(&job);
}

static int lock_to_try = -1;
static volatile sig_atomic_t lock_tried = -2;

static void
something_was_unlinked(int signo)
{
	(void)signo;
	lock_tried = flock(lock_to_try, LOCK_SH | LOCK_NB);
}

/* fcntl(2), F_NOTIFY: the handler runs before whoever unlinked goes on. The control FIFO goes last. */
static void
no_control_means_over(void)
{
	struct sigaction notice = { .sa_handler = something_was_unlinked };
	struct ab_job job;

	CHECK_INT(ab_job_create(&job, META, &err), 0);
	lock_to_try = ab_job_open_lock(job.id, &err);
	sigaction(SIGIO, &notice, NULL);
	if (fcntl(job.dir_fd, F_NOTIFY, DN_DELETE | DN_MULTISHOT) == 0) {
		CHECK_INT(ab_job_finish(&job, RESULT, strlen(RESULT), &err), 0);
		CHECK_INT(lock_tried, 0);
	}
	signal(SIGIO, SIG_DFL);
	close(lock_to_try);
	ab_job_close(&job);
}

static void
ids_and_prefixes(void)
{
	struct ab_job a, b;
	char prefix[40];

	CHECK_INT(ab_job_create(&a, META, &err), 0);
	CHECK_INT(ab_job_create(&b, META, &err), 0);
	char **ids = ab_job_list(&err);
	size_t count = 0;
	while (ids[count] != NULL)
		count++;
	CHECK(count >= 2);
	CHECK_STRING(ids[count - 2], a.id);
	CHECK_STRING(ids[count - 1], b.id);
	ab_strv_free(ids);
	snprintf(prefix, sizeof(prefix), "%.10s", b.id);
	CHECK_INT(ab_job_open_lock(prefix, &err), -1);
	CHECK_INT(err.code, AB_E_INPUT_INVALID);
	snprintf(prefix, sizeof(prefix), "%.29s", b.id);
	AB_AUTO_CLOSE int lock = ab_job_open_lock(prefix, &err);
	CHECK(lock >= 0 || err.code == AB_E_INPUT_INVALID); /* only the last digit was left out */
	static const char *const wrong[] = { "", "job_", "..", "../jobs", "nosuch", "job_/../..", "j" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK_INT(ab_job_open_lock(wrong[i], &err), -1);
		CHECK_INT(err.code, AB_E_NOT_FOUND);
	}
	int before = entries();
	ab_job_discard(&a);
	ab_job_discard(&b);
	CHECK_INT(entries(), before - 2);
}

static void
unpublished(void)
{
	struct ab_job job;
	int before = entries();

	CHECK_INT(ab_job_create(&job, NULL, &err), 0);
	CHECK_INT(ab_job_open_lock(job.id, &err), -1);
	CHECK_INT(err.code, AB_E_NOT_FOUND);
	CHECK_INT(ab_job_publish(&job, META, &err), 0);
	CHECK_INT(state_of(job.id), AB_JOB_RUNNING);
	ab_job_discard(&job);
	CHECK_INT(ab_job_create(&job, NULL, &err), 0);
	ab_job_discard(&job);
	CHECK_INT(entries(), before);
}

/* SIGKILL of the supervisor, its zombie still there: kill(pid, 0) would say alive. */
static void
lost(void)
{
	int ends[2];
	char id[40] = "";
	struct ab_job_info info;

	CHECK_INT(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct ab_job job;
		if (ab_job_create(&job, META, &err) != 0 || ab_write_all(job.out_fd, "abc", 3) != 0)
			_exit(1);
		(void)!write(ends[1], job.id, sizeof(job.id));
		for (;;)
			pause();
	}
	CHECK_INT(read(ends[0], id, sizeof(id)), sizeof(id));
	CHECK_INT(state_of(id), AB_JOB_RUNNING);
	AB_AUTO_CLOSE int wait_fd = ab_job_open_wait(id, &err);
	kill(pid, SIGKILL);
	struct pollfd over = { .fd = wait_fd };
	CHECK_INT(poll(&over, 1, 5000), 1);
	siginfo_t dead;
	waitid(P_PID, (id_t)pid, &dead, WEXITED | WNOWAIT);
	CHECK_INT(ab_job_read(id, &info, &err), 0);
	CHECK_INT(info.state, AB_JOB_LOST);
	CHECK(strstr(info.result.data, "\"reason\":\"lost\"") != NULL);
	CHECK(strstr(info.result.data, "\"stdout_bytes\":3") != NULL);
	CHECK(strstr(info.result.data, "\"scope\":\"s1\"") != NULL);
	ab_job_info_release(&info);
	/* and again, now from its file */
	CHECK_INT(state_of(id), AB_JOB_LOST);
	waitpid(pid, NULL, 0);
	close(ends[0]);
	close(ends[1]);
}

static void
finished_job(char id[40], size_t bytes, int age_s)
{
	struct ab_job job;
	char data[1000] = "";
	struct timespec times[2] = { { .tv_sec = time(NULL) - age_s }, { .tv_sec = time(NULL) - age_s } };

	CHECK_INT(ab_job_create(&job, META, &err), 0);
	memcpy(id, job.id, sizeof(job.id));
	for (; bytes > 0; bytes -= 1000)
		CHECK_INT(ab_write_all(job.out_fd, data, 1000), 0);
	int dir = dup(job.dir_fd);
	CHECK_INT(ab_job_finish(&job, RESULT, strlen(RESULT), &err), 0);
	ab_job_close(&job);
	static const char *const files[] = { "stdout", "stderr", "result.json" };
	for (int i = 0; i < 3; i++)
		utimensat(dir, files[i], times, 0);
	close(dir);
}

static void
collection(void)
{
	uint64_t freed;
	struct ab_job running;
	char a[40], b[40], c[40], d[40];

	CHECK(ab_job_gc(-1, 0, false, &freed, &err) >= 0);
	CHECK(ab_job_gc(0, -1, false, &freed, &err) >= 0);
	CHECK_INT(ab_job_create(&running, META, &err), 0);
	CHECK_INT(ab_write_all(running.out_fd, "0123456789", 10), 0);
	finished_job(a, 3000, 1000);
	finished_job(b, 4000, 10);
	finished_job(c, 2000, 10);
	finished_job(d, 0, 10);

	CHECK_INT(ab_job_gc(-1, -1, false, &freed, &err), 0);
	CHECK_INT(ab_job_gc(500000, -1, true, &freed, &err), 1);
	CHECK(freed >= 3000);
	CHECK_INT(ab_job_gc(500000, -1, false, &freed, &err), 1);
	CHECK(freed >= 3000);
	CHECK_INT(ab_job_open_lock(a, &err), -1);
	/* oldest first: b goes though c alone is the newer one */
	CHECK_INT(ab_job_gc(-1, 2500, false, &freed, &err), 1);
	CHECK_INT(ab_job_open_lock(b, &err), -1);
	CHECK_INT(state_of(c), AB_JOB_DONE);
	CHECK_INT(ab_job_gc(-1, 0, false, &freed, &err), 1);
	CHECK_INT(state_of(d), AB_JOB_DONE);
	CHECK_INT(state_of(running.id), AB_JOB_RUNNING);
	ab_job_discard(&running);
	CHECK_INT(ab_job_gc(0, 0, false, &freed, &err), 1);
	CHECK_INT(entries(), 0);
}

static void
what_a_crash_left_is_collected(void)
{
	struct ab_job job, young;
	uint64_t freed;
	struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };

	CHECK_INT(ab_job_create(&job, NULL, &err), 0);
	CHECK_INT(futimens(job.dir_fd, old), 0);
	CHECK_INT(ab_job_create(&young, NULL, &err), 0);
	CHECK_INT(ab_job_gc(-1, -1, false, &freed, &err), 0);
	CHECK_INT(entries(), 2);
	ab_job_close(&job);
	ab_job_close(&young);
	CHECK_INT(ab_job_gc(-1, -1, false, &freed, &err), 0);
	CHECK_INT(entries(), 1);
	ab_job_discard(&young);
	CHECK_INT(entries(), 0);
}

static void
detached(void)
{
	struct ab_job job;
	struct ab_buf text = AB_BUF_INIT(65536);
	int report, stray = open("/dev/null", O_RDONLY);
	pid_t session = getsid(0);

	CHECK_INT(ab_job_create(&job, META, &err), 0);
	const int keep[] = { job.lock_fd, job.dir_fd, job.control_fd };
	int side = ab_job_detach(keep, 3, &report, &err);
	if (side == 1) {
		char line[200];
		int len = snprintf(line, sizeof(line), "sid=%d leader=%d stray=%d stdout=%d lock=%d spool=%d", getsid(0) != session,
		    getsid(0) == getpid(), fcntl(stray, F_GETFD) >= 0, isatty(1), fcntl(job.lock_fd, F_GETFD) >= 0,
		    fcntl(job.out_fd, F_GETFD) >= 0);
		ab_job_report(&report, line, (size_t)len);
		while (ab_job_receive(&job) == 0)
			usleep(1000);
		(void)!ab_job_finish(&job, RESULT, strlen(RESULT), &err);
		_exit(0);
	}
	CHECK_INT(side, 0);
	ab_job_close(&job);
	CHECK_INT(ab_job_await(&report, &text, &err), 0);
	CHECK_STRING(text.data, "sid=1 leader=0 stray=0 stdout=0 lock=1 spool=0");
	ab_buf_release(&text);
	close(stray);
	/* the background process alone keeps it alive */
	CHECK_INT(state_of(job.id), AB_JOB_RUNNING);
	AB_AUTO_CLOSE int lock = ab_job_open_lock(job.id, &err);
	CHECK_INT(ab_job_signal(job.id, SIGTERM, &err), 0);
	CHECK_INT(flock(lock, LOCK_SH), 0);
	CHECK_INT(state_of(job.id), AB_JOB_DONE);

	side = ab_job_detach(NULL, 0, &report, &err);
	if (side == 1)
		_exit(0);
	CHECK_INT(ab_job_await(&report, &text, &err), -1);
	CHECK_INT(err.code, AB_E_SYSTEM);
	ab_buf_release(&text);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "nothing is made by reading", nothing_is_made_by_reading },
		{ "a job's life", a_life },
		{ "who finds no control FIFO finds the result", no_control_means_over },
		{ "ids, prefixes, order", ids_and_prefixes },
		{ "an unpublished job is not seen", unpublished },
		{ "a dead supervisor's job is lost", lost },
		{ "collection by age and size", collection },
		{ "what a crash left is collected", what_a_crash_left_is_collected },
		{ "into the background", detached },
	};
	signal(SIGPIPE, SIG_IGN);
	alarm(60);
	if (mkdtemp(home) == NULL)
		return 1;
	setenv("AB_HOME", home, 1);
	int failed = tap_run(tests, sizeof(tests) / sizeof(tests[0]));
	char jobs[64];
	uint64_t freed;
	(void)!ab_job_gc(0, 0, false, &freed, &err);
	snprintf(jobs, sizeof(jobs), "%s/jobs", home);
	rmdir(jobs);
	rmdir(home);
	return failed;
}
