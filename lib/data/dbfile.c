/* The file of a database, before SQLite sees it. */
#include "data/dbfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "core/mem.h"

int
ab_dbfile_hint(const char *path, struct ab_error *err)
{
	if (err->code == AB_E_DENIED_PERMISSION)
		ab_error_hint(err, "the file and its directory must be yours to read and write (ls -ld '%s'*); --db FILE names another one", path);
	return -1;
}

char *
ab_dbfile_directory(const char *path)
{
	char *dir = ab_strdup(path), *slash = strrchr(dir, '/');

	if (slash == NULL) {
		free(dir);
		return ab_strdup(".");
	}
	slash[slash == dir] = '\0';
	return dir;
}

/* What is no file is not opened: a FIFO would wait for somebody who writes. */
static int
check_kind(const char *name, const char *path, struct ab_error *err)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		ab_fail_errno(err, errno, "%s \"%s\"", name, path);
		return ab_dbfile_hint(path, err);
	}
	if (S_ISDIR(st.st_mode))
		return ab_fail_errno(err, EISDIR, "%s \"%s\"", name, path);
	if (S_ISREG(st.st_mode))
		return 0;
	ab_fail(err, AB_E_UNSUPPORTED, "%s \"%s\": it is no regular file", name, path);
	ab_error_hint(err, "--db FILE names another one");
	return -1;
}

/* statfs(2): where memory shared between processes is not, or not between hosts. */
static int
check_file_system(const char *name, const char *path, bool write, struct ab_error *err)
{
	static const struct {
		unsigned type;
		const char *name;
	} network[] = {
		{ 0x6969, "NFS" }, { 0xff534d42, "CIFS" }, { 0xfe534d42, "SMB" }, { 0x517b, "SMB" }, { 0x01021997, "9p" }, { 0x65735546, "FUSE" },
		{ 0x73757245, "Coda" }, { 0x00c36400, "Ceph" }, { 0x5346414f, "AFS" }, { 0x0bd00bd0, "Lustre" }, { 0x47504653, "GPFS" },
	};
	AB_AUTO_FREE char *dir = ab_dbfile_directory(path);
	struct statfs fs;

	if (statfs(dir, &fs) < 0 && errno == ENOENT && write) {
		/* (What only reads finds nothing there, and that is an answer.) */
		ab_fail(err, AB_E_INPUT_INVALID, "%s \"%s\": there is no such directory to make it in", name, path);
		ab_error_hint(err, "mkdir -p '%s', or another --db FILE", dir);
		return -1;
	}
	if (statfs(dir, &fs) < 0) {
		ab_fail_errno(err, errno, "%s \"%s\"", name, path);
		return ab_dbfile_hint(path, err);
	}
	for (size_t i = 0; i < AB_COUNT_OF(network); i++)
		if ((unsigned)fs.f_type == network[i].type) {
			ab_fail(err, AB_E_UNSUPPORTED, "%s \"%s\" lies on a network file system (%s), where processes cannot share it safely",
			    name, path, network[i].name);
			ab_error_hint(err, "--db FILE, or AB_HOME, on a local disk");
			return -1;
		}
	return 0;
}

int
ab_dbfile_check(const char *name, const char *path, bool write, struct ab_error *err)
{
	return check_file_system(name, path, write, err) < 0 ? -1 : check_kind(name, path, err);
}
