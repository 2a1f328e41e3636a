/* sys/path: names to descriptors; openat2 and the walk must give the same answers. */
#include "sys/path.h"

#include <fcntl.h>

#include "core/mem.h"
#include "tap.h"

static char base[] = "/tmp/ab-path-test-XXXXXX";
static int base_fd = -1;

static void
touch(const char *rel)
{
	AB_AUTO_CLOSE int fd = openat(base_fd, rel, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	CHECK(fd >= 0);
}

/* What one way to open gives: 0 and the file's number, or the code of the error. */
static enum ab_errcode
outcome(int fd, const struct ab_error *err, ino_t *ino)
{
	struct stat st = { 0 };

	*ino = 0;
	if (fd < 0)
		return err->code;
	CHECK(fstat(fd, &st) == 0);
	CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	close(fd);
	*ino = st.st_ino;
	return AB_E_NONE;
}

static void
both(const char *rel, int flags, bool links, enum ab_errcode want)
{
	struct ab_error err = AB_ERROR_INIT, walk_err = AB_ERROR_INIT;
	ino_t ino, walk_ino;
	int fd = links ? ab_path_open(base_fd, rel, flags, 0600, &err) : ab_path_open_strict(base_fd, rel, flags, 0600, &err);
	enum ab_errcode got = outcome(fd, &err, &ino);
	enum ab_errcode walked = outcome(ab_path_walk(base_fd, rel, flags, 0600, links, &walk_err), &walk_err, &walk_ino);

	if (got != want || walked != want || ino != walk_ino)
		printf("# \"%s\" flags %#x links %d\n", rel, (unsigned)flags, links);
	CHECK_INT(got, want);
	CHECK_INT(walked, want);
	CHECK_INT(walk_ino, ino);
	if (want != AB_E_NONE)
		CHECK(strstr(err.msg, rel) != NULL && strstr(walk_err.msg, rel) != NULL);
}

static void
test_open(void)
{
	static const struct {
		const char *rel;
		int flags;
		enum ab_errcode want, strict;
	} row[] = {
		{ "d/f", O_RDONLY, AB_E_NONE, AB_E_NONE },
		{ "d//./f", O_RDONLY, AB_E_NONE, AB_E_NONE },
		{ "d/e/../f", O_RDONLY, AB_E_NONE, AB_E_NONE },
		{ "d", O_PATH | O_DIRECTORY, AB_E_NONE, AB_E_NONE },
		{ ".", O_PATH | O_DIRECTORY, AB_E_NONE, AB_E_NONE },
		{ "d/", O_PATH, AB_E_NONE, AB_E_NONE },
		{ "d/f/", O_PATH, AB_E_NOT_DIRECTORY, AB_E_NOT_DIRECTORY },
		{ "d/f/x", O_PATH, AB_E_NOT_DIRECTORY, AB_E_NOT_DIRECTORY },
		{ "d/none", O_RDONLY, AB_E_NOT_FOUND, AB_E_NOT_FOUND },
		{ "none/f", O_RDONLY, AB_E_NOT_FOUND, AB_E_NOT_FOUND },
		{ "", O_PATH, AB_E_NOT_FOUND, AB_E_NOT_FOUND },
		{ "/etc", O_PATH, AB_E_SCOPE_ESCAPE, AB_E_SCOPE_ESCAPE },
		{ "..", O_PATH, AB_E_SCOPE_ESCAPE, AB_E_SCOPE_ESCAPE },
		{ "d/../..", O_PATH, AB_E_SCOPE_ESCAPE, AB_E_SCOPE_ESCAPE },
		{ "d/../../x", O_PATH, AB_E_SCOPE_ESCAPE, AB_E_SCOPE_ESCAPE },
		{ "inside", O_RDONLY, AB_E_NONE, AB_E_SCOPE_ESCAPE },
		{ "dirlink/f", O_RDONLY, AB_E_NONE, AB_E_SCOPE_ESCAPE },
		{ "dirlink/../top", O_RDONLY, AB_E_NONE, AB_E_SCOPE_ESCAPE },
		{ "outside", O_RDONLY, AB_E_SCOPE_ESCAPE, AB_E_SCOPE_ESCAPE },
		{ "outside/passwd", O_RDONLY, AB_E_SCOPE_ESCAPE, AB_E_SCOPE_ESCAPE },
		{ "up/x", O_PATH, AB_E_SCOPE_ESCAPE, AB_E_SCOPE_ESCAPE },
		{ "loop", O_RDONLY, AB_E_SCOPE_ESCAPE, AB_E_SCOPE_ESCAPE },
		{ "inside", O_PATH | O_NOFOLLOW, AB_E_NONE, AB_E_NONE },
		{ "inside", O_RDONLY | O_NOFOLLOW, AB_E_SCOPE_ESCAPE, AB_E_SCOPE_ESCAPE },
		{ "dangling", O_RDONLY, AB_E_NOT_FOUND, AB_E_SCOPE_ESCAPE },
		{ "dangling2", O_CREAT | O_EXCL | O_WRONLY, AB_E_EXISTS, AB_E_EXISTS },
		{ "d", O_WRONLY, AB_E_IS_DIRECTORY, AB_E_IS_DIRECTORY },
	};

	for (size_t i = 0; i < AB_COUNT_OF(row); i++) {
		both(row[i].rel, row[i].flags, true, row[i].want);
		both(row[i].rel, row[i].flags, false, row[i].strict);
	}
}

static void
test_open_creates(void)
{
	struct ab_error err = AB_ERROR_INIT;
	struct stat st;
	int fd = ab_path_open(base_fd, "d/made", O_CREAT | O_EXCL | O_WRONLY, 0640, &err);

	umask(022);
	CHECK(fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0640);
	ab_close_indirect(&fd);
	fd = ab_path_walk(base_fd, "d/walked", O_CREAT | O_EXCL | O_WRONLY, 0640, true, &err);
	CHECK(fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0640);
	ab_close_indirect(&fd);
	/* A link that leads out is not created through. */
	CHECK(ab_path_walk(base_fd, "wayout", O_CREAT | O_WRONLY, 0640, true, &err) < 0);
	CHECK_INT(err.code, AB_E_SCOPE_ESCAPE);
	CHECK(ab_path_open(base_fd, "wayout", O_CREAT | O_WRONLY, 0640, &err) < 0);
	CHECK_INT(err.code, AB_E_SCOPE_ESCAPE);
	CHECK(access("/tmp/ab-path-test-wayout", F_OK) != 0);
}

static void
test_walk_is_bounded(void)
{
	struct ab_error err = AB_ERROR_INIT;
	char deep[4000];

	for (size_t i = 0; i + 2 < sizeof(deep); i += 2)
		memcpy(deep + i, "q/", 3);
	int fd = dup(base_fd);
	for (int i = 0; i < 600; i++) {
		CHECK(mkdirat(fd, "q", 0700) == 0);
		int next = openat(fd, "q", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	ab_close_indirect(&fd);
	deep[2 * 100] = '\0';
	both(deep, O_PATH, true, AB_E_NONE);
	memset(deep, 'q', 2 * 599);
	for (int i = 1; i < 2 * 599; i += 2)
		deep[i] = '/';
	deep[2 * 599] = '\0';
	CHECK(ab_path_walk(base_fd, deep, O_PATH, 0, true, &err) < 0);
	CHECK_INT(err.code, AB_E_INPUT_TOO_LONG);
}

static void
test_canonical(void)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *want = ab_asprintf("%s/d", base);
	AB_AUTO_CLOSE int fd = openat(base_fd, "dirlink", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AB_AUTO_FREE char *path = ab_path_canonical(fd, &err);

	CHECK_STRING(path, want);
	CHECK(mkdirat(base_fd, "gone", 0700) == 0);
	AB_AUTO_CLOSE int gone = openat(base_fd, "gone", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(unlinkat(base_fd, "gone", AT_REMOVEDIR) == 0);
	CHECK(ab_path_canonical(gone, &err) == NULL);
	CHECK_INT(err.code, AB_E_NOT_FOUND);
	CHECK(mkdirat(base_fd, "gone (deleted)", 0700) == 0); /* what readlink says is another directory */
	CHECK(ab_path_canonical(gone, &err) == NULL);
	CHECK_INT(err.code, AB_E_NOT_FOUND);
}

static void
test_names(void)
{
	static const struct {
		const char *name;
		enum ab_errcode want;
	} row[] = {
		{ "a", AB_E_NONE },
		{ "users/u1/app", AB_E_NONE },
		{ "..a/b..", AB_E_NONE },
		{ "...", AB_E_NONE },
		{ ".hidden", AB_E_NONE },
		{ "sp ace/\xc3\xa4", AB_E_NONE },
		{ "", AB_E_INPUT_INVALID },
		{ ".", AB_E_INPUT_INVALID },
		{ "a/./b", AB_E_INPUT_INVALID },
		{ "a//b", AB_E_INPUT_INVALID },
		{ "a/", AB_E_INPUT_INVALID },
		{ "a\nb", AB_E_INPUT_INVALID },
		{ "a\x7f", AB_E_INPUT_INVALID },
		{ "/a", AB_E_SCOPE_ESCAPE },
		{ "..", AB_E_SCOPE_ESCAPE },
		{ "a/../b", AB_E_SCOPE_ESCAPE },
		{ "a/..", AB_E_SCOPE_ESCAPE },
	};
	struct ab_error err;
	char longest[1026];

	for (size_t i = 0; i < AB_COUNT_OF(row); i++) {
		err.code = AB_E_NONE;
		int status = ab_path_check_name(row[i].name, &err);
		if (!CHECK_INT(err.code, row[i].want))
			printf("# name \"%s\"\n", row[i].name);
		CHECK_INT(status, row[i].want == AB_E_NONE ? 0 : -1);
	}
	memset(longest, 'x', sizeof(longest));
	for (size_t i = 100; i < sizeof(longest); i += 100)
		longest[i] = '/';
	longest[1024] = '\0';
	CHECK_INT(ab_path_check_name(longest, &err), 0);
	longest[1024] = 'x';
	longest[1025] = '\0';
	CHECK_INT(ab_path_check_name(longest, &err), -1);
	longest[100] = 'x';
	longest[200] = 'x';
	longest[300] = '\0';
	CHECK_INT(ab_path_check_name(longest, &err), -1);
}

static void
test_join(void)
{
	AB_AUTO_FREE char *both = ab_path_join("a/b", ".git");
	AB_AUTO_FREE char *one = ab_path_join("", ".git");

	CHECK_STRING(both, "a/b/.git");
	CHECK_STRING(one, ".git");
}

static void
test_below(void)
{
	CHECK(ab_path_below("/a/b", "/a"));
	CHECK(ab_path_below("/a", "/a"));
	CHECK(ab_path_below("/a", "/"));
	CHECK(!ab_path_below("/ab", "/a"));
	CHECK(!ab_path_below("/a", "/a/b"));
}

static void
test_make_dirs(void)
{
	struct ab_error err = AB_ERROR_INIT;
	struct stat st;

	CHECK_INT(ab_path_make_dirs(base_fd, "m/n/o", 0700, &err), 0);
	CHECK_INT(ab_path_make_dirs(base_fd, "m/n/o", 0700, &err), 0);
	CHECK(fstatat(base_fd, "m/n/o", &st, 0) == 0 && S_ISDIR(st.st_mode));
	CHECK_INT(ab_path_make_dirs(base_fd, "outside/x", 0700, &err), -1);
	CHECK_INT(err.code, AB_E_NOT_DIRECTORY);
	CHECK_INT(ab_path_make_dirs(base_fd, "top/x", 0700, &err), -1);
	CHECK_INT(err.code, AB_E_NOT_DIRECTORY);
	CHECK_INT(ab_path_make_dirs(base_fd, "m/../x", 0700, &err), -1);
	CHECK_INT(err.code, AB_E_SCOPE_ESCAPE);
}

static void
populate(void)
{
	CHECK(mkdirat(base_fd, "d", 0755) == 0 && mkdirat(base_fd, "d/e", 0755) == 0);
	touch("d/f");
	touch("top");
	CHECK(symlinkat("d/f", base_fd, "inside") == 0);
	CHECK(symlinkat("d", base_fd, "dirlink") == 0);
	CHECK(symlinkat("/etc", base_fd, "outside") == 0);
	CHECK(symlinkat("..", base_fd, "up") == 0);
	CHECK(symlinkat("loop", base_fd, "loop") == 0);
	CHECK(symlinkat("none", base_fd, "dangling") == 0);
	CHECK(symlinkat("none2", base_fd, "dangling2") == 0);
	CHECK(symlinkat("/tmp/ab-path-test-wayout", base_fd, "wayout") == 0);
}

static void
test_leads_out(void)
{
	static const struct {
		const char *path;
		bool out;
	} cases[] = { { "tree", false }, { "tree/dir", false }, { "tree/in/dir", false }, { "tree/out", true }, { "tree/out/deep", true },
		{ "tree/dir/../../other", false }, { "tree/dir/../out", true }, { "tree/none", false }, { "other", false }, { "back/out", true } };

	CHECK(mkdirat(base_fd, "lead", 0755) == 0);
	AB_AUTO_CLOSE int fd = openat(base_fd, "lead", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(mkdirat(fd, "tree", 0755) == 0 && mkdirat(fd, "tree/dir", 0755) == 0 && mkdirat(fd, "other", 0755) == 0);
	CHECK(mkdirat(fd, "other/deep", 0755) == 0 && symlinkat("../other", fd, "tree/out") == 0);
	CHECK(symlinkat(".", fd, "tree/in") == 0 && symlinkat("tree", fd, "back") == 0);
	AB_AUTO_FREE char *tree = ab_asprintf("%s/lead/tree", base);
	for (size_t i = 0; i < AB_COUNT_OF(cases); i++) {
		AB_AUTO_FREE char *path = ab_asprintf("%s/lead/%s", base, cases[i].path);
		if (!CHECK_INT(ab_path_leads_out(path, tree), cases[i].out))
			printf("#   %s\n", cases[i].path);
	}
	CHECK(chdir(tree) == 0);
	CHECK(ab_path_leads_out("out", tree));
	CHECK(!ab_path_leads_out("dir", tree));
	CHECK(!ab_path_leads_out("../other", tree));
	CHECK(chdir("/") == 0);
}

/* The code of the refusal, or AB_E_NONE. */
static enum ab_errcode
named(const char *tree, const char *rel, int flags)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *path = rel[0] == '.' ? ab_strdup(rel) : ab_asprintf("%s/named/%s", base, rel);
	AB_AUTO_CLOSE int fd = ab_path_open_named(path, tree, flags, 0600, &err);

	return fd >= 0 ? AB_E_NONE : err.code;
}

static void
test_open_named(void)
{
	static const int write = O_WRONLY | O_CREAT | O_TRUNC;

	CHECK(mkdirat(base_fd, "named", 0755) == 0);
	AB_AUTO_CLOSE int fd = openat(base_fd, "named", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(mkdirat(fd, "tree", 0755) == 0 && mkdirat(fd, "tree/dir", 0755) == 0 && mkdirat(fd, "other", 0755) == 0);
	CHECK(symlinkat("../other/new", fd, "tree/out") == 0 && symlinkat("../other", fd, "tree/outdir") == 0);
	CHECK(symlinkat("dir/file", fd, "tree/in") == 0 && symlinkat("tree", fd, "back") == 0 && symlinkat("other/own", fd, "link") == 0);
	AB_AUTO_FREE char *tree = ab_asprintf("%s/named/tree", base);
	CHECK_INT(named(tree, "tree/dir/file", write), AB_E_NONE);
	CHECK_INT(named(tree, "tree/in", write), AB_E_NONE);
	CHECK_INT(named(tree, "tree/dir/../../other/file", write), AB_E_NONE);
	CHECK_INT(named(tree, "link", write), AB_E_NONE); /* nobody inside could make it */
	CHECK_INT(named(tree, "tree/none", O_RDONLY), AB_E_NOT_FOUND);
	CHECK_INT(named(tree, "tree/out", write), AB_E_SCOPE_ESCAPE);
	CHECK_INT(named(tree, "back/out", write), AB_E_SCOPE_ESCAPE);
	CHECK(faccessat(fd, "other/new", F_OK, 0) != 0);
	CHECK_INT(named(tree, "tree/outdir/file", O_RDONLY), AB_E_SCOPE_ESCAPE);
	CHECK(chdir(tree) == 0);
	CHECK_INT(named(tree, "./out", write), AB_E_SCOPE_ESCAPE);
	CHECK_INT(named(tree, "../other/file", O_RDONLY), AB_E_NONE);
	CHECK_INT(named(tree, "./outdir/../tree/dir/file", O_RDONLY), AB_E_SCOPE_ESCAPE);
	CHECK(chdir("/") == 0);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "open: openat2 and the walk agree", test_open },
		{ "open creates inside only", test_open_creates },
		{ "the walk is bounded", test_walk_is_bounded },
		{ "canonical path of a descriptor", test_canonical },
		{ "scope names", test_names },
		{ "join", test_join },
		{ "below", test_below },
		{ "make directories", test_make_dirs },
		{ "links that lead out", test_leads_out },
		{ "open what was named", test_open_named },
	};

	if (mkdtemp(base) == NULL || (base_fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return 1;
	populate();
	int status = tap_run(tests, AB_COUNT_OF(tests));
	AB_AUTO_FREE char *shell = ab_asprintf("rm -rf '%s'", base);
	return system(shell) != 0 ? 1 : status;
}
