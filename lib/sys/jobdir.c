/* The directory of jobs: which there are, which one is meant, and which may go. */
#include "sys/jobdir.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "core/id.h"
#include "core/mem.h"
#include "core/time.h"
#include "sys/home.h"
#include "sys/job.h"

/* Something that is being made has its lock within milliseconds; older than this it was left by a crash. */
#define UNFINISHED_MS 60000

/* A descriptor on AB_HOME/jobs, never made here: -1 not_found when there is none. */
static int
open_jobs(struct ab_error *err)
{
	AB_AUTO_FREE char *home = ab_home_path(false, err);

	if (home == NULL)
		return -1;
	AB_AUTO_FREE char *path = ab_asprintf("%s/jobs", home);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : ab_fail_errno(err, errno, "open \"%s\"", path);
}

static bool
is_id(const char *name)
{
	if (strncmp(name, "job_", 4) != 0 || strlen(name) != 4 + AB_ID_SIZE - 1)
		return false;
	for (name += 4; *name != '\0'; name++)
		if (!isdigit((unsigned char)*name) && !isupper((unsigned char)*name))
			return false;
	return true;
}

static DIR *
open_listing(int jobs, struct ab_error *err)
{
	int again = openat(jobs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = again < 0 ? NULL : fdopendir(again);

	if (listing == NULL) {
		ab_fail_errno(err, errno, "list jobs");
		if (again >= 0)
			close(again);
	}
	return listing;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names for which `wanted` says yes, sorted; NULL on failure. */
static char **
list_names(int jobs, bool (*wanted)(const char *name), size_t *count, struct ab_error *err)
{
	DIR *listing = open_listing(jobs, err);
	char **names = ab_calloc(1, sizeof(*names));
	struct dirent *entry;

	*count = 0;
	if (listing == NULL) {
		ab_strv_free(names);
		return NULL;
	}
	while ((entry = readdir(listing)) != NULL)
		if (wanted(entry->d_name))
			ab_strv_push(&names, count, entry->d_name);
	closedir(listing);
	if (*count > 1)
		qsort(names, *count, sizeof(*names), by_name);
	return names;
}

char **
ab_job_list(struct ab_error *err)
{
	size_t count;
	AB_AUTO_CLOSE int jobs = open_jobs(err);

	if (jobs < 0)
		return err->code == AB_E_NOT_FOUND ? ab_calloc(1, sizeof(char *)) : NULL;
	return list_names(jobs, is_id, &count, err);
}

/* The one id that begins with text, with or without "job_". */
static int
find_prefix(int jobs, const char *text, char full[static AB_JOBDIR_ID_SIZE], struct ab_error *err)
{
	size_t count, found = 0, len = strlen(text);
	AB_AUTO_STRV char **names = list_names(jobs, is_id, &count, err);

	if (names == NULL)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (strncmp(names[i], text, len) == 0 || strncmp(names[i] + 4, text, len) == 0) {
			snprintf(full, AB_JOBDIR_ID_SIZE, "%s", names[i]);
			found++;
		}
	if (found == 1)
		return 0;
	if (found > 1)
		return ab_fail(err, AB_E_INPUT_INVALID, "\"%s\" is the beginning of %zu jobs' ids", text, found);
	return ab_fail(err, AB_E_NOT_FOUND, "no job \"%s\"", text);
}

int
ab_jobdir_open(const char *id, char full[static AB_JOBDIR_ID_SIZE], struct ab_error *err)
{
	AB_AUTO_CLOSE int jobs = open_jobs(err);

	snprintf(full, AB_JOBDIR_ID_SIZE, "%s", id);
	if (jobs < 0)
		return err->code == AB_E_NOT_FOUND ? ab_fail(err, AB_E_NOT_FOUND, "no job \"%s\"", id) : -1;
	/* "" or "j" would mean whatever job is alone. */
	if (!is_id(id) && (strlen(id) < 4 || strcmp(id, "job_") == 0))
		return ab_fail(err, AB_E_NOT_FOUND, "no job \"%s\"", id);
	if (!is_id(id) && find_prefix(jobs, id, full, err) != 0)
		return -1;
	int dir = openat(jobs, full, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT)
		return ab_fail(err, AB_E_NOT_FOUND, "no job \"%s\"", id);
	return dir >= 0 ? dir : ab_fail_errno(err, errno, "open job \"%s\"", full);
}

/* Remove a flat directory: a job holds files only. */
static void
remove_files(int jobs, const char *name, uint64_t *freed)
{
	struct ab_error ignored = AB_ERROR_INIT;
	AB_AUTO_CLOSE int dir = openat(jobs, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *listing = dir < 0 ? NULL : open_listing(dir, &ignored);
	struct dirent *entry;

	if (listing == NULL)
		return;
	while ((entry = readdir(listing)) != NULL) {
		struct stat file;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (freed != NULL && fstatat(dir, entry->d_name, &file, AT_SYMLINK_NOFOLLOW) == 0)
			*freed += (uint64_t)file.st_size;
		unlinkat(dir, entry->d_name, 0);
	}
	closedir(listing);
	unlinkat(jobs, name, AT_REMOVEDIR);
}

bool
ab_jobdir_remove(int jobs, const char *name, uint64_t *freed)
{
	char ulid[AB_ID_SIZE], old[64];

	snprintf(old, sizeof(old), AB_JOBDIR_OLD "%s", ab_id_new(ulid));
	if (renameat(jobs, name, jobs, old) != 0)
		return false;
	remove_files(jobs, old, freed);
	return true;
}

static bool
is_unfinished(const char *name)
{
	return strncmp(name, AB_JOBDIR_NEW, strlen(AB_JOBDIR_NEW)) == 0 ||
	    strncmp(name, AB_JOBDIR_OLD, strlen(AB_JOBDIR_OLD)) == 0;
}

/* What crashes left half made or half removed. */
static void
remove_unfinished(int jobs, uint64_t *freed)
{
	struct ab_error ignored = AB_ERROR_INIT;
	size_t count;
	AB_AUTO_STRV char **names = list_names(jobs, is_unfinished, &count, &ignored);

	for (size_t i = 0; names != NULL && i < count; i++) {
		struct stat dir;
		AB_AUTO_FREE char *path = ab_asprintf("%s/lock", names[i]);
		if (fstatat(jobs, names[i], &dir, AT_SYMLINK_NOFOLLOW) != 0 ||
		    ab_now_unix_ms() - (int64_t)dir.st_mtim.tv_sec * 1000 < UNFINISHED_MS)
			continue;
		AB_AUTO_CLOSE int lock = openat(jobs, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (lock < 0 || flock(lock, LOCK_SH | LOCK_NB) == 0)
			remove_files(jobs, names[i], freed);
	}
}

struct candidate {
	bool over;
	int64_t ended_unix_ms, bytes;
};

/* Whether a job is over, when it ended, and the bytes of its spools. */
static void
look(int jobs, const char *id, struct candidate *job)
{
	static const char *const files[] = { "stdout", "stderr", "result.json" };
	struct stat file;
	AB_AUTO_CLOSE int dir = openat(jobs, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AB_AUTO_CLOSE int lock = dir < 0 ? -1 : openat(dir, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	*job = (struct candidate){ .over = lock < 0 || flock(lock, LOCK_SH | LOCK_NB) == 0 };
	for (size_t i = 0; dir >= 0 && i < AB_COUNT_OF(files); i++) {
		if (fstatat(dir, files[i], &file, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		int64_t changed = (int64_t)file.st_mtim.tv_sec * 1000 + file.st_mtim.tv_nsec / 1000000;
		if (changed > job->ended_unix_ms)
			job->ended_unix_ms = changed;
		if (i < 2)
			job->bytes += file.st_size;
	}
}

int
ab_job_gc(int64_t age_ms, int64_t max_bytes, bool dry_run, uint64_t *freed_bytes, struct ab_error *err)
{
	size_t count;
	int removed = 0;
	int64_t total = 0, now = ab_now_unix_ms();

	*freed_bytes = 0;
	AB_AUTO_CLOSE int jobs = open_jobs(err);
	if (jobs < 0)
		return err->code == AB_E_NOT_FOUND ? 0 : -1;
	if (!dry_run)
		remove_unfinished(jobs, freed_bytes);
	AB_AUTO_STRV char **names = list_names(jobs, is_id, &count, err);
	if (names == NULL)
		return -1;
	AB_AUTO_FREE struct candidate *job = ab_calloc(count, sizeof(*job));
	for (size_t i = 0; i < count; i++) {
		look(jobs, names[i], &job[i]);
		total += job[i].bytes;
	}
	for (size_t i = 0; i < count; i++) {
		bool old = age_ms >= 0 && now - job[i].ended_unix_ms > age_ms;
		bool large = max_bytes >= 0 && total > max_bytes && job[i].bytes > 0;
		if (!job[i].over || (!old && !large) || (!dry_run && !ab_jobdir_remove(jobs, names[i], freed_bytes)))
			continue;
		*freed_bytes += dry_run ? (uint64_t)job[i].bytes : 0;
		total -= job[i].bytes;
		removed++;
	}
	return removed;
}
