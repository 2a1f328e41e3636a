/* The view: what is there, what is read-only, what cannot be reached, and that nothing is ever made on the host. */
#include "sandbox_run.h"

static void
put(const char *dir, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
}

static const char *
below(const char *dir, const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return memcpy(paths[next++ % 4], path, sizeof(path));
}

static bool
exists(const char *dir, const char *name)
{
	struct stat st;

	return lstat(below(dir, name), &st) == 0;
}

static void
test_tree(void)
{
	struct run run;
	struct stat st;

	run_begin(&run);
	put(run.base, "beside", "secret");
	run_shell(&run, "pwd; echo made >new; cat ../beside; ls ..; echo x >../other; ln -s .. up; cat up/beside");
	run_all(&run);
	char want[128];
	snprintf(want, sizeof(want), "%s\ntree\n", run.tree);
	CHECK_STRING(run_text(&run.out), want);
	CHECK(stat(below(run.tree, "new"), &st) == 0 && st.st_uid == geteuid());
	CHECK(!exists(run.base, "other"));
	run_end(&run);
}

static void
test_system_is_read_only(void)
{
	struct run run;

	run_begin(&run);
	check_shell(&run,
	    "for d in / /usr /etc /usr/bin /dev /proc /var; do (: >$d/ab_test_file) 2>/dev/null && echo $d; done;"
	    "for d in /run /tmp /var/tmp /dev/shm .; do (: >$d/ab_test_file) 2>/dev/null || echo $d; done", "");
	run_begin(&run);
	check_shell(&run, "ls -d /root /home /srv /mnt /boot /sys /var/lib 2>/dev/null; ls -A /tmp; ls -A /run", "");
}

static void
test_mounts_stay_inside(void)
{
	struct run run;
	char before[1 << 15], after[1 << 15];
	int fd = open("/proc/self/mountinfo", O_RDONLY);
	ssize_t n = read(fd, before, sizeof(before));

	run_begin(&run);
	run_argv(&run, (const char *const[]){ "true", NULL });
	CHECK_INT(run_all(&run), 0);
	run_end(&run);
	lseek(fd, 0, SEEK_SET);
	CHECK_INT(read(fd, after, sizeof(after)), n);
	CHECK(n > 0 && memcmp(before, after, (size_t)n) == 0);
	close(fd);
}

static void
make_repository(struct run *run)
{
	mkdir(below(run->tree, ".git"), 0755);
	mkdir(below(run->tree, ".git/hooks"), 0755);
	put(run->tree, ".git/config", "[core]\n");
	ab_plan_view(&run->plan, AB_VIEW_PIN, NULL, below(run->tree, ".git"));
	ab_plan_view(&run->plan, AB_VIEW_LOCK, NULL, below(run->tree, ".git/hooks"));
	ab_plan_view(&run->plan, AB_VIEW_LOCK, NULL, below(run->tree, ".git/config"));
	ab_plan_view(&run->plan, AB_VIEW_LOCK, NULL, below(run->tree, ".git/config.worktree"));
	ab_plan_view(&run->plan, AB_VIEW_LOCK, NULL, below(run->tree, ".envrc"));
}

static void
test_pin_and_lock(void)
{
	struct run run;

	run_begin(&run);
	make_repository(&run);
	run_shell(&run, "mv .git .g2; mv .git/hooks .git/h2; rm -rf .git/config; echo x >.git/hooks/post-commit; echo x >.git/config;"
			"mv -f .git/index .git/config; echo fine >.git/HEAD; echo also >.git/index; mv .git/index .git/i2");
	run_all(&run);
	CHECK(strstr(run_text(&run.errors), "'.git' to '.g2': Device or resource busy") != NULL);
	CHECK(strstr(run_text(&run.errors), "post-commit: Read-only file system") != NULL);
	CHECK(!exists(run.tree, ".git/hooks/post-commit"));
	CHECK(!exists(run.tree, ".g2"));
	CHECK(exists(run.tree, ".git/hooks"));
	CHECK(exists(run.tree, ".git/HEAD"));
	CHECK(exists(run.tree, ".git/i2"));
	CHECK(!exists(run.tree, ".git/config.worktree"));
	CHECK(!exists(run.tree, ".envrc"));
	CHECK_INT(run.missing & AB_PROMISE_BIT(AB_PROMISE_PROTECT), 0);
	run_end(&run);
}

/* A link cannot be held; it is not followed, and the record says so. */
static void
test_lock_of_a_link(void)
{
	struct run run;

	run_begin(&run);
	put(run.base, "outside", "x");
	CHECK_INT(symlink("../outside", below(run.tree, ".envrc")), 0);
	ab_plan_view(&run.plan, AB_VIEW_LOCK, NULL, below(run.tree, ".envrc"));
	run_argv(&run, (const char *const[]){ "true", NULL });
	CHECK_INT(run_all(&run), 0);
	CHECK((run.missing & AB_PROMISE_BIT(AB_PROMISE_PROTECT)) != 0);
	run_end(&run);
}

/* The same where it is required: the command does not start. */
static void
test_required(void)
{
	struct run run;

	run_begin(&run);
	put(run.base, "outside", "x");
	CHECK_INT(symlink("../outside", below(run.tree, ".envrc")), 0);
	ab_plan_view(&run.plan, AB_VIEW_LOCK, NULL, below(run.tree, ".envrc"));
	run.plan.require = AB_PROMISE_BIT(AB_PROMISE_PROTECT);
	run_argv(&run, (const char *const[]){ "touch", "started", NULL });
	CHECK(run_all(&run) != 0);
	CHECK(!exists(run.tree, "started"));
	run_end(&run);
}

static void
test_mask(void)
{
	struct run run;

	run_begin(&run);
	mkdir(below(run.tree, "hidden"), 0755);
	put(run.tree, "hidden/secret", "TOP");
	put(run.tree, "token", "TOP");
	CHECK_INT(symlink("token", below(run.tree, "link")), 0);
	ab_plan_view(&run.plan, AB_VIEW_MASK, NULL, below(run.tree, "hidden"));
	ab_plan_view(&run.plan, AB_VIEW_MASK, NULL, below(run.tree, "link"));
	ab_plan_view(&run.plan, AB_VIEW_MASK, NULL, below(run.tree, "absent"));
	run_shell(&run, "ls -A hidden; cat hidden/secret token link; echo x >hidden/new; echo x >token; umount hidden; mv hidden h2; ls");
	run_all(&run);
	CHECK_STRING(run_text(&run.out), "hidden\nlink\ntoken\n");
	CHECK(exists(run.tree, "hidden/secret"));
	CHECK(!exists(run.tree, "hidden/new"));
	run_end(&run);
}

static void
add_file(struct run *run, const char *target, const char *text)
{
	struct ab_view *entry = ab_plan_view(&run->plan, AB_VIEW_FILE, NULL, target);

	entry->text = ab_strdup(text);
	entry->text_len = strlen(text);
}

static void
test_file(void)
{
	struct run run;

	run_begin(&run);
	CHECK_INT(symlink("/run/absent/resolv", below(run.tree, "link")), 0);
	add_file(&run, "/etc/passwd", "user:x:1000:1000::/tmp:/bin/sh\n");
	add_file(&run, "/run/deep/er/file", "deep\n");
	add_file(&run, "/top", "top\n");
	add_file(&run, below(run.tree, "link"), "linked\n");
	check_shell(&run,
	    "cat /etc/passwd /run/deep/er/file /top link; for f in /etc/passwd /run/deep/er/file /top link; do echo x >$f; done; ls -A /",
	    "user:x:1000:1000::/tmp:/bin/sh\ndeep\ntop\nlinked\nbin\ndev\netc\nlib\nlib64\nproc\nrun\nsbin\ntmp\ntop\nusr\nvar\n");
}

/* CVE-2026-87766's class: a target below the tree that is not there, or lies behind a planted link. */
static void
test_nothing_is_made_on_the_host(void)
{
	struct run run;

	run_begin(&run);
	run_bind(&run, "/usr", below(run.tree, "absent"), false, false);
	run_argv(&run, (const char *const[]){ "true", NULL });
	CHECK_INT(run_all(&run), -1);
	CHECK_INT(run.failed.errno_value, ENOENT);
	CHECK(!exists(run.tree, "absent"));
	run_end(&run);

	run_begin(&run);
	mkdir(below(run.base, "out"), 0777);
	CHECK_INT(symlink("../out", below(run.tree, "planted")), 0);
	run_bind(&run, "/usr", below(run.tree, "planted/new"), false, false);
	run_argv(&run, (const char *const[]){ "true", NULL });
	CHECK_INT(run_all(&run), -1);
	CHECK_INT(run.failed.errno_value, ELOOP);
	CHECK(!exists(run.base, "out/new"));
	run_end(&run);

	run_begin(&run);
	mkdir(below(run.base, "out"), 0777);
	ab_plan_view(&run.plan, AB_VIEW_SYMLINK, below(run.base, "out"), "/alias");
	run_bind(&run, "/usr", "/alias/new", false, false);
	run_argv(&run, (const char *const[]){ "true", NULL });
	CHECK_INT(run_all(&run), -1);
	CHECK(!exists(run.base, "out/new"));
	run_end(&run);
}

static void
test_judged(void)
{
	struct run run;
	struct stat st;

	for (int wrong = 0; wrong < 2; wrong++) {
		run_begin(&run);
		stat(run.tree, &st);
		struct ab_view *entry = &run.plan.view[run.plan.view_count - 1];
		entry->dev = st.st_dev;
		entry->ino = st.st_ino + (ino_t)wrong;
		run_argv(&run, (const char *const[]){ "true", NULL });
		CHECK_INT(run_all(&run), wrong ? -1 : 0);
		if (wrong)
			CHECK_INT(run.failed.errno_value, ESTALE);
		run_end(&run);
	}
}

static void
test_optional(void)
{
	struct run run;

	run_begin(&run);
	run_bind(&run, "/no/such/place", "/place", false, true);
	run_argv(&run, (const char *const[]){ "test", "!", "-e", "/place", NULL });
	CHECK_INT(run_all(&run), 0);
	run_end(&run);

	run_begin(&run);
	run_bind(&run, "/no/such/place", "/place", false, false);
	run_argv(&run, (const char *const[]){ "true", NULL });
	CHECK_INT(run_all(&run), -1);
	CHECK(run.has_failed ? run.failed.errno_value == ENOENT : run.err.code == AB_E_NOT_FOUND);
	run_end(&run);
}

/* A tree below /tmp, where /tmp is a private directory that earlier commands have left things in. */
static void
test_tree_below_private_tmp(void)
{
	struct run run;

	run_begin(&run);
	for (int i = 0; i < 3; i++) {
		char base[64];
		strcpy(base, "/tmp/ab-view-XXXXXX");
		if (mkdtemp(base) == NULL)
			abort();
		mkdir(below(run.base, "private"), 0755);
		if (i == 1)
			CHECK_INT(symlink(run.base, below(below(run.base, "private"), strrchr(base, '/') + 1)), 0);
		if (i == 2)
			put(below(run.base, "private"), strrchr(base, '/') + 1, "in the way");
		run_bind(&run, below(run.base, "private"), "/tmp", true, false);
		run_bind(&run, base, base, true, false);
		char script[128];
		snprintf(script, sizeof(script), "echo x >%s/file && ls /tmp", base);
		run_shell(&run, script);
		CHECK_INT(run_all(&run), 0);
		CHECK(exists(base, "file"));
		unlink(below(base, "file"));
		rmdir(base);
		run_end(&run);
		run_begin(&run);
	}
	run_end(&run);
}

static void
test_noexec_and_suid(void)
{
	struct run run;

	run_begin(&run);
	run_shell(&run, "cp /usr/bin/id ./id && ./id -u >/dev/null && ! chmod u+s id 2>/dev/null && echo fine; grep -c nosuid /proc/self/mountinfo >/dev/null");
	CHECK_INT(run_all(&run), 0);
	CHECK_STRING(run_text(&run.out), "fine\n");
	run_end(&run);

	run_begin(&run);
	run.plan.view[run.plan.view_count - 1].noexec = true;
	run_shell(&run, "cp /usr/bin/id ./id; ./id");
	CHECK_INT(run_all(&run), 126);
	run_end(&run);
}

int
main(int argc, char **argv)
{
	static const struct tap_test tests[] = {
		{ "the tree, at its own path, and nothing beside it", test_tree },
		{ "the system is read-only, the rest not there", test_system_is_read_only },
		{ "mounts stay inside", test_mounts_stay_inside },
		{ "pin and lock", test_pin_and_lock },
		{ "a locked link is reported", test_lock_of_a_link },
		{ "what is required and cannot be held", test_required },
		{ "masks", test_mask },
		{ "files of our own", test_file },
		{ "nothing is made on the host", test_nothing_is_made_on_the_host },
		{ "the source must be the one that was judged", test_judged },
		{ "optional sources", test_optional },
		{ "a tree below a private /tmp", test_tree_below_private_tmp },
		{ "noexec", test_noexec_and_suid },
	};

	(void)argc;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!run_possible())
		return 0;
	return run_as_user(argv[0], tap_run(tests, AB_COUNT_OF(tests)));
}
