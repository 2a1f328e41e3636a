/* The command: how its name is found, what is executed, where a long script goes. */
#include "sys/command.h"

#include "sandbox_run.h"

static char base[] = "/var/tmp/ab-command-XXXXXX";

static void
put(const char *name, const char *text, mode_t mode)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
}

/* Execute in a child; the output, or "errno N". */
static const char *
execute(const char *path, const char *const *argv)
{
	static char text[256];
	char variable[200];
	int fds[2];

	snprintf(variable, sizeof(variable), "PATH=%s", path == NULL ? "" : path);
	char *const envp[] = { (char *)(uintptr_t)"A=b", path == NULL ? NULL : variable, NULL };
	if (pipe(fds) < 0)
		abort();
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		ab_command_exec((char *const *)(uintptr_t)argv, envp);
		dprintf(1, "errno %d", errno);
		_exit(1);
	}
	close(fds[1]);
	ssize_t n = read(fds[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	waitpid(pid, NULL, 0);
	return text;
}

static const char *
execute_1(const char *path, const char *name)
{
	return execute(path, (const char *const[]){ name, "one", "two", NULL });
}

static void
test_search(void)
{
	char path[200], missing[32], denied[32];

	snprintf(missing, sizeof(missing), "errno %d", ENOENT);
	snprintf(denied, sizeof(denied), "errno %d", EACCES);
	mkdir(strcat(strcpy(path, base), "/first"), 0755);
	mkdir(strcat(strcpy(path, base), "/second"), 0755);
	put("first/tool", "#!/bin/sh\necho first $*\n", 0644);
	put("second/tool", "#!/bin/sh\necho second $*\n", 0755);
	put("first/denied", "", 0644);
	snprintf(path, sizeof(path), "/no/such/dir:%s/first/tool:%s/first:%s/second", base, base, base);
	CHECK_STRING(execute_1(path, "tool"), "second one two\n");
	CHECK_STRING(execute_1(path, "denied"), denied);
	CHECK_STRING(execute_1(path, "absent"), missing);
	CHECK_STRING(execute_1(path, ""), missing);
	CHECK_STRING(execute_1(path, "second/tool"), missing);
	CHECK_STRING(execute_1(path, base), denied);
	CHECK_STRING(execute(NULL, (const char *const[]){ "printf", "%s", "default", NULL }), "default");
	snprintf(path, sizeof(path), "%s/second/tool", base);
	CHECK_STRING(execute_1("", path), "second one two\n");
}

static void
test_no_format(void)
{
	char path[200], want[200];

	put("plain", "echo \"$0\" $# $2\n", 0755);
	snprintf(path, sizeof(path), "%s/plain", base);
	snprintf(want, sizeof(want), "%s 2 two\n", path);
	CHECK_STRING(execute_1(base, "plain"), want);
	CHECK_STRING(execute_1(NULL, path), want);
	put("broken", "#!/no/such/interpreter\n", 0755);
	snprintf(want, sizeof(want), "errno %d", ENOENT);
	CHECK_STRING(execute_1(base, "broken"), want);
}

/* The place of the script in argv, at every level. */
static void
test_script(void)
{
	struct run run;

	for (int level = AB_LEVEL_NAMESPACE; level < AB_LEVEL_COUNT; level++) {
		if (level == AB_LEVEL_BWRAP)
			continue; /* test/unit/bwrap_test.c */
		run_begin(&run);
		run.plan.level = (enum ab_level)level;
		run.plan.script = ab_strdup("echo \"$1\"; (echo x >>\"$0\") 2>/dev/null; exec 9>&-; ls /proc/self/fd | wc -l; cat <&9");
		run.plan.script_len = strlen(run.plan.script);
		run_argv(&run, (const char *const[]){ "bash", AB_PLAN_SCRIPT, "word", NULL });
		(void)run_all(&run);
		CHECK(strncmp(run_text(&run.out), "word\n", 5) == 0);
		run_end(&run);
	}
}

static void
test_umask_and_cwd(void)
{
	struct run run;
	mode_t old = umask(027);

	run_begin(&run);
	free(run.plan.cwd);
	run.plan.cwd = ab_strdup("/usr/share");
	run_shell(&run, "umask; pwd");
	CHECK_INT(run_all(&run), 0);
	CHECK_STRING(run_text(&run.out), "0027\n/usr/share\n");
	run_end(&run);
	umask(old);
}

int
main(int argc, char **argv)
{
	static const struct tap_test tests[] = {
		{ "a name is looked for in PATH", test_search },
		{ "what is no executable format goes to the shell", test_no_format },
		{ "a long script", test_script },
		{ "umask and directory", test_umask_and_cwd },
	};
	char command[64];

	(void)argc;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!run_possible())
		return 0;
	if (mkdtemp(base) == NULL || chmod(base, 0755) < 0)
		return 1;
	int status = tap_run(tests, AB_COUNT_OF(tests));
	snprintf(command, sizeof(command), "rm -rf %s", base);
	pid_t pid = fork();
	if (pid == 0)
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	waitpid(pid, NULL, 0);
	return run_as_user(argv[0], status);
}
