/* sys/gitrepo: which variables run something, what a configuration refers to, what is a repository. */
#include "sys/gitrepo.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "core/mem.h"
#include "tap.h"

static char base[] = "/tmp/ab-gitrepo-test-XXXXXX";
static int base_fd = -1;

static void
put(const char *rel, const char *text)
{
	AB_AUTO_CLOSE int fd = openat(base_fd, rel, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static void
test_runs(void)
{
	static const struct {
		const char *key, *value;
		bool runs;
	} row[] = {
		{ "core.fsmonitor", "/tmp/x", true },
		{ "core.fsmonitor", "true", false },
		{ "core.hookspath", "x", true },
		{ "core.sshcommand", "x", true },
		{ "core.bare", "false", false },
		{ "core.worktree", "../../x", false },
		{ "user.name", "x", false },
		{ "alias.co", "grep -Oevil x", true },
		{ "rebase.instructionformat", "%s%nexec evil", true },
		{ "core.worktree", "../../../sub", false },
		{ "core.worktree", "/home/you", true },
		{ "imap.tunnel", "evil", true },
		{ "sendemail.smtpserver", "/evil", true },
		{ "alias.co", "!sh x", true },
		{ "filter.lfs.clean", "git-lfs clean", true },
		{ "filter.lfs.required", "true", false },
		{ "diff.x.textconv", "x", true },
		{ "diff.external", "x", true },
		{ "diff.renames", "true", false },
		{ "merge.x.driver", "x", true },
		{ "credential.helper", "store", true },
		{ "credential.https://x.y.helper", "!x", true },
		{ "pager.log", "less", true },
		{ "pager.log", "false", false },
		{ "include.path", "x", true },
		{ "includeif.gitdir:~/x/.path", "x", true },
		{ "remote.origin.url", "https://x.y/z", false },
		{ "remote.origin.url", "https://[::1]/z", false },
		{ "remote.origin.url", "ext::sh -c x", true },
		{ "remote.origin.uploadpack", "x", true },
		{ "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*", false },
		{ "branch.main.remote", "origin", false },
		{ "submodule.x.url", "https://x.y", false },
		{ "submodule.x.update", "!x", true },
		{ "submodule.x.update", "checkout", false },
		{ "gpg.program", "x", true },
		{ "gpg.ssh.program", "x", true },
		{ "sequence.editor", "x", true },
	};
	char longest[1500];

	for (size_t i = 0; i < AB_COUNT_OF(row); i++)
		if (!CHECK_INT(ab_gitrepo_runs(row[i].key, row[i].value), row[i].runs))
			printf("# %s = %s\n", row[i].key, row[i].value);
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	CHECK(ab_gitrepo_runs(longest, "x")); /* cut: who knows */
}

static void
test_commands(void)
{
	put("c1", "[core]\n\tbare = false\n[branch \"main\"]\n\tremote = origin\n");
	put("c2", "[core]\n\tbare = false\n\tfsmonitor = /tmp/x\n");
	put("c3", "[user]\n\tname = x\n[core]\n\tfsmonitor = /tmp/x\n");
	put("c4", "[core]\n\tfsmonitor = /tmp/y\n");
	put("c5", "\xef\xbb\xbf[core] fsmonitor = /tmp/x\n");
	CHECK(ab_gitrepo_commands(base_fd, "c1") == 0);
	CHECK(ab_gitrepo_commands(base_fd, "none") == 0);
	CHECK(ab_gitrepo_commands(base_fd, "c2") != 0);
	CHECK(ab_gitrepo_commands(base_fd, "c2") == ab_gitrepo_commands(base_fd, "c3"));
	CHECK(ab_gitrepo_commands(base_fd, "c2") != ab_gitrepo_commands(base_fd, "c4"));
	CHECK(ab_gitrepo_commands(base_fd, "c2") == ab_gitrepo_commands(base_fd, "c5"));
	CHECK(mkfifoat(base_fd, "fifo", 0600) == 0);
	CHECK(ab_gitrepo_commands(base_fd, "fifo") == 0); /* and nobody waits */
	AB_AUTO_CLOSE int big = openat(base_fd, "big", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	CHECK(big >= 0 && ftruncate(big, 2 * 1024 * 1024) == 0);
	CHECK(ab_gitrepo_commands(base_fd, "big") != 0);
}

static char seen[4096];

static void
see(void *data, const char *path)
{
	size_t len = strlen(seen);

	CHECK(data == seen);
	snprintf(seen + len, sizeof(seen) - len, "%s ", path);
}

static const char *
references(const char *config)
{
	put("d/config", config);
	seen[0] = '\0';
	ab_gitrepo_references(base_fd, base, "d/config", see, seen);
	return seen;
}

static void
test_references(void)
{
	AB_AUTO_FREE char *absolute = ab_asprintf("[core]\nhooksPath = %s/hooks\n", base);

	CHECK(mkdirat(base_fd, "d", 0755) == 0 && mkdirat(base_fd, "hooks", 0755) == 0 && mkdirat(base_fd, "tools", 0755) == 0);
	put("tools/run.sh", "");
	put("tools/data", "");
	put("more", "[core]\n\tpager = tools/run.sh --x\n");
	put("loop", "[include]\n\tpath = loop\n");
	CHECK(symlinkat("tools", base_fd, "alias") == 0);
	CHECK_STRING(references("[core]\nhooksPath = hooks\n"), "hooks ");
	CHECK_STRING(references("[core]\nhooksPath = ./x/../hooks/\n"), "hooks ");
	CHECK_STRING(references(absolute), "hooks ");
	CHECK_STRING(references("[core]\nhooksPath = ../hooks\n"), "");
	CHECK_STRING(references("[core]\nhooksPath = /etc\n"), "");
	CHECK_STRING(references("[core]\nhooksPath = .\n"), "");
	CHECK_STRING(references("[core]\nhooksPath = none\n"), "");
	CHECK_STRING(references("[core]\nfsmonitor = tools/run.sh tools/data\n"), "tools/run.sh ");
	CHECK_STRING(references("[filter \"x\"]\nclean = \"sh -e 'tools/run.sh' tools/data\"\n"), "tools/run.sh ");
	CHECK_STRING(references("[alias]\nx = \"!cd tools/ && ls\"\n"), "");
	CHECK_STRING(references("[alias]\nx = tools/run.sh\n"), "");
	CHECK_STRING(references("[core]\npager = alias/run.sh\n"), ""); /* through a link: cannot be locked */
	CHECK_STRING(references("[include]\npath = ../more\n"), "more tools/run.sh ");
	references("[include]\npath = ../loop\n");
	CHECK(strlen(seen) > 0 && strlen(seen) < 100); /* ends */
}

static void
test_pointer(void)
{
	put("p1", "gitdir: ../x/y\n");
	put("p2", "gitdir: \n");
	put("p3", "something\n");
	AB_AUTO_FREE char *one = ab_gitrepo_pointer(base_fd, "p1", "gitdir: ");
	CHECK_STRING(one, "../x/y");
	CHECK(ab_gitrepo_pointer(base_fd, "p2", "gitdir: ") == NULL);
	CHECK(ab_gitrepo_pointer(base_fd, "p3", "gitdir: ") == NULL);
	AB_AUTO_FREE char *three = ab_gitrepo_pointer(base_fd, "p3", "");
	CHECK_STRING(three, "something");
	CHECK(ab_gitrepo_pointer(base_fd, "fifo", "") == NULL);
	CHECK(ab_gitrepo_pointer(base_fd, "none", "") == NULL);
	CHECK(ab_gitrepo_pointer(base_fd, "big", "") == NULL);
}

static void
test_pointed(void)
{
	AB_AUTO_FREE char *target = ab_asprintf("%s/to/it", base);
	AB_AUTO_FREE char *absolute = ab_asprintf("gitdir: %s/to/../to/it\n", base);

	CHECK(mkdirat(base_fd, "to", 0755) == 0 && mkdirat(base_fd, "to/it", 0755) == 0 && mkdirat(base_fd, "from", 0755) == 0);
	put("at-top", "to/it\n");
	put("from/below", "gitdir: ../to/it\n");
	put("from/absolute", absolute);
	put("from/nowhere", "to/it\n");
	AB_AUTO_FREE char *top = ab_gitrepo_pointed(base_fd, "at-top", "");
	AB_AUTO_FREE char *below = ab_gitrepo_pointed(base_fd, "from/below", "gitdir: ");
	AB_AUTO_FREE char *anywhere = ab_gitrepo_pointed(base_fd, "from/absolute", "gitdir: ");
	CHECK_STRING(top, target);
	CHECK_STRING(below, target);
	CHECK_STRING(anywhere, target);
	CHECK(ab_gitrepo_pointed(base_fd, "from/nowhere", "") == NULL);
	CHECK(ab_gitrepo_pointed(base_fd, "from/none", "") == NULL);
}

static void
test_is_repository(void)
{
	CHECK(!ab_gitrepo_is(base_fd, "d"));
	put("d/HEAD", "ref: refs/heads/main\n");
	CHECK(mkdirat(base_fd, "d/objects", 0755) == 0);
	CHECK(!ab_gitrepo_is(base_fd, "d"));
	CHECK(mkdirat(base_fd, "d/refs", 0755) == 0);
	CHECK(ab_gitrepo_is(base_fd, "d"));
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "variables that run something", test_runs },
		{ "the commands of a configuration", test_commands },
		{ "what a configuration refers to", test_references },
		{ "pointers", test_pointer },
		{ "where they point to", test_pointed },
		{ "what is a repository", test_is_repository },
	};

	if (mkdtemp(base) == NULL || (base_fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return 1;
	int status = tap_run(tests, AB_COUNT_OF(tests));
	AB_AUTO_FREE char *shell = ab_asprintf("rm -rf '%s'", base);
	return system(shell) != 0 ? 1 : status;
}
