/* sys/bwrapview: each kind of entry, what lies where, what is refused. */
#include "bwrap_args.h"

static void
test_entries(void)
{
	struct ab_bwrap_start start;
	struct ab_error err = AB_ERROR_INIT;
	struct run run;

	begin(&run, false);
	ab_plan_view(&run.plan, AB_VIEW_TMPFS, NULL, "/run/sized")->size = 4096;
	ab_plan_view(&run.plan, AB_VIEW_SYMLINK, "/usr", "/run/link");
	run_bind(&run, "/nowhere", "/run/nowhere", false, true);
	CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), 0);
	CHECK(HAS(&start, "--ro-bind", "/usr", "/usr") && HAS(&start, "--bind", run.tree, run.tree));
	CHECK(HAS(&start, "--perms", "1777", "--tmpfs", "/tmp"));
	CHECK(HAS(&start, "--size", "4096", "--tmpfs", "/run/sized"));
	CHECK(HAS(&start, "--symlink", "/usr", "/run/link"));
	CHECK(!HAS(&start, "/run/nowhere"));
	CHECK_INT(start.missing, 0);
	ab_bwrap_release(&start);
	run_end(&run);
}

/* With a bubblewrap that holds them, what is shown is what was opened. */
static void
test_descriptors(void)
{
	struct ab_bwrap_start start;
	struct ab_error err = AB_ERROR_INIT;
	struct run run;

	begin(&run, true);
	CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), 0);
	CHECK(HAS(&start, "--ro-bind-fd", "*", "/usr") && HAS(&start, "--bind-fd", "*", run.tree));
	CHECK(!HAS(&start, "--bind", run.tree));
	ab_bwrap_release(&start);
	run_end(&run);
}

static struct ab_view *
add_file(struct run *run, const char *target)
{
	struct ab_view *entry = ab_plan_view(&run->plan, AB_VIEW_FILE, NULL, target);

	entry->text = ab_strdup("text");
	entry->text_len = 4;
	return entry;
}

/* Files and masks lie where a link really leads, as far as it stays in the view. */
static void
test_links(void)
{
	struct ab_bwrap_start start;
	struct ab_error err = AB_ERROR_INIT;
	struct run run;
	char to_file[160], to_usr[160], gone[160];

	begin(&run, true);
	snprintf(to_file, sizeof(to_file), "%s/file", run.tree);
	snprintf(to_usr, sizeof(to_usr), "%s/link", run.tree);
	snprintf(gone, sizeof(gone), "%s/gone", run.tree);
	CHECK_INT(symlink("/etc/passwd", to_file), 0);
	CHECK_INT(symlink("/usr/bin", to_usr), 0);
	add_file(&run, to_file);
	add_file(&run, "/run/file");
	add_file(&run, gone)->optional = true;
	ab_plan_view(&run.plan, AB_VIEW_MASK, NULL, to_usr);
	ab_plan_view(&run.plan, AB_VIEW_MASK, NULL, "/etc/group");
	ab_plan_view(&run.plan, AB_VIEW_MASK, NULL, gone);
	CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), 0);
	CHECK(HAS(&start, "--perms", "0444", "--ro-bind-data", "*", "/etc/passwd") && !HAS(&start, to_file));
	CHECK(HAS(&start, "--ro-bind-data", "*", "/run/file"));
	CHECK(HAS(&start, "--tmpfs", "/usr/bin", "--remount-ro", "/usr/bin") && !HAS(&start, to_usr));
	CHECK(HAS(&start, "--ro-bind-data", "*", "/etc/group"));
	CHECK(!HAS(&start, gone));
	ab_bwrap_release(&start);
	add_file(&run, gone);
	CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), -1);
	CHECK_INT(err.code, AB_E_NOT_FOUND);
	run_end(&run);
}

/* Below what a command may write to: nothing before 0.12; then by descriptor, and never through a link. */
static void
test_locks(void)
{
	struct ab_bwrap_start start;
	struct ab_error err = AB_ERROR_INIT;
	struct run run;
	char hooks[160], link[160], gone[160];

	for (int holds = 0; holds < 2; holds++) {
		begin(&run, holds == 1);
		make_dir(&run, "hooks");
		snprintf(hooks, sizeof(hooks), "%s/hooks", run.tree);
		snprintf(link, sizeof(link), "%s/link", run.tree);
		snprintf(gone, sizeof(gone), "%s/gone", run.tree);
		CHECK_INT(symlink("/etc", link), 0);
		ab_plan_view(&run.plan, AB_VIEW_LOCK, NULL, hooks);
		ab_plan_view(&run.plan, AB_VIEW_LOCK, NULL, gone);
		CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), 0);
		CHECK(HAS(&start, "--ro-bind-fd", "*", hooks) == (holds == 1));
		CHECK(!HAS(&start, gone));
		CHECK_INT(start.missing, holds == 1 ? 0 : AB_PROMISE_BIT(AB_PROMISE_PROTECT));
		ab_bwrap_release(&start);
		ab_plan_view(&run.plan, AB_VIEW_LOCK, NULL, link);
		CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), 0);
		CHECK(!HAS(&start, link));
		CHECK_INT(start.missing, AB_PROMISE_BIT(AB_PROMISE_PROTECT));
		ab_bwrap_release(&start);
		ab_plan_view(&run.plan, AB_VIEW_MASK, NULL, hooks);
		CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), holds == 1 ? 0 : -1);
		if (holds == 1) {
			CHECK(HAS(&start, "--perms", "0555", "--tmpfs", hooks, "--remount-ro", hooks));
			ab_bwrap_release(&start);
		} else {
			CHECK_INT(err.code, AB_E_UNSUPPORTED);
		}
		run_end(&run);
	}
}

static void
test_refused(void)
{
	struct ab_bwrap_start start;
	struct ab_error err = AB_ERROR_INIT;
	struct run run;
	char path[160];

	begin(&run, true);
	snprintf(path, sizeof(path), "%s/missing", run.tree);
	run_bind(&run, "/usr", path, false, false);
	CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), -1); /* nothing is made in a tree */
	run_end(&run);
	begin(&run, false);
	ab_plan_view(&run.plan, AB_VIEW_BIND, run.base, "/run/other")->ino = 1;
	CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), -1); /* not the one that was judged */
	run_end(&run);
	begin(&run, false);
	run_bind(&run, "/nowhere", "/run/nowhere", false, false);
	CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), -1);
	CHECK_INT(err.code, AB_E_NOT_FOUND);
	run_end(&run);
}

int
main(int argc, char **argv)
{
	static const struct tap_test tests[] = {
		{ "entries", test_entries },
		{ "by descriptor", test_descriptors },
		{ "links", test_links },
		{ "locks", test_locks },
		{ "refused", test_refused },
	};

	(void)argc;
	return run_as_user(argv[0], tap_run(tests, AB_COUNT_OF(tests)));
}
