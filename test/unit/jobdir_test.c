#include "sys/jobdir.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static char home[] = "/tmp/ab-jobdir-test-XXXXXX";

/* Names that look like an id but are something else are never followed. */
static void
only_directories_are_jobs(void)
{
	struct ab_error err;
	char path[128], full[AB_JOBDIR_ID_SIZE];
	const char *id = "job_01J0000000000000000000000A";

	snprintf(path, sizeof(path), "%s/jobs", home);
	CHECK_INT(mkdir(path, 0700), 0);
	CHECK_INT(ab_jobdir_open(id, full, &err), -1);
	CHECK_INT(err.code, AB_E_NOT_FOUND);
	snprintf(path, sizeof(path), "%s/jobs/%s", home, id);
	CHECK_INT(symlink("/", path), 0);
	CHECK_INT(ab_jobdir_open(id, full, &err), -1);
	CHECK_INT(unlink(path), 0);
	CHECK_INT(mkdir(path, 0700), 0);
	int dir = ab_jobdir_open("01J0000000000000000000000", full, &err);
	CHECK(dir >= 0);
	CHECK_STRING(full, id);
	close(dir);
}

static void
removal_counts_and_never_follows(void)
{
	char path[128];
	uint64_t freed = 7;
	struct stat outside;

	snprintf(path, sizeof(path), "%s/jobs", home);
	int jobs = open(path, O_RDONLY | O_DIRECTORY), dir = openat(jobs, "job_01J0000000000000000000000A", O_RDONLY);
	int file = openat(dir, "stdout", O_CREAT | O_WRONLY, 0600);
	CHECK_INT(ftruncate(file, 1000), 0);
	CHECK_INT(symlinkat(path, dir, "link"), 0);
	CHECK(ab_jobdir_remove(jobs, "job_01J0000000000000000000000A", &freed));
	CHECK(freed >= 1007);
	CHECK(!ab_jobdir_remove(jobs, "job_01J0000000000000000000000A", &freed));
	CHECK_INT(stat(path, &outside), 0);
	CHECK_INT(outside.st_nlink, 2);
	close(file);
	close(dir);
	close(jobs);
	rmdir(path);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "only directories are jobs", only_directories_are_jobs },
		{ "removal counts bytes and never follows a link", removal_counts_and_never_follows },
	};
	if (mkdtemp(home) == NULL)
		return 1;
	setenv("AB_HOME", home, 1);
	int failed = tap_run(tests, sizeof(tests) / sizeof(tests[0]));
	rmdir(home);
	return failed;
}
