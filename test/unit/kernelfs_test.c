/* /proc and /dev of the sandbox. */
#include "sys/view.h"

#include "sandbox_run.h"

static void
test_dev(void)
{
	struct run run;

	run_begin(&run);
	check_shell(&run, "ls /dev | tr '\\n' ' '; for d in null zero full random urandom tty; do stat -c '%t:%T' /dev/$d; done",
	    "fd full null ptmx pts random shm stderr stdin stdout tty urandom zero "
	    "1:3\n1:5\n1:7\n1:8\n1:9\n5:0\n");
	run_begin(&run);
	check_shell(&run,
	    "echo x >/dev/null && head -c 3 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; echo y >/dev/stdout;"
	    "(echo z >/dev/full) 2>/dev/null || echo full; (: >/dev/tty) 2>/dev/null || echo no tty; touch -d 2000-01-01 /dev/null 2>&1 |"
	    " grep -c Read-only; chmod 600 /dev/zero 2>/dev/null || echo mode kept",
	    "3\n4\ny\nfull\nno tty\n1\nmode kept\n");
	run_begin(&run);
	check_shell(&run, "echo x >/dev/shm/f && cat /dev/shm/f; exec 3<>/dev/ptmx && ls /dev/pts", "x\n0\nptmx\n");
}

static void
test_proc(void)
{
	struct run run;

	run_begin(&run);
	check_shell(&run, "set -- /proc/[0-9]*; echo $#; cat /proc/1/comm >/dev/null && echo 1; wc -c </proc/keys; ls /proc/self/fd >/dev/null;"
			  "for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/irq/default_smp_affinity; do"
			  " [ -e $f ] || continue; (: >$f) 2>/dev/null && echo $f; done; true", "2\n1\n0\n");
	run_begin(&run);
	run_shell(&run, "cat /proc/kcore /proc/timer_list /proc/kpagecount /proc/slabinfo /proc/vmallocinfo 2>/dev/null | head -c 1");
	run_all(&run);
	CHECK_INT(run.out.len, 0);
	run_end(&run);
}

/* Each is a read-only mount of its own, and what must not be read the mask; more of them where the command is uid 0 to the
   kernel. */
static void
test_covers(void)
{
	static const char for_root[] = "L='irq bus fs acpi'; M='kcore sched_debug vmcore timer_list kpagecount kpageflags kpagecgroup"
				       " slabinfo vmallocinfo pagetypeinfo mtrr kmsg';";
	static const char check[] = "has() { [ ! -e /proc/$1 ] || grep -q \"$2\" /proc/self/mountinfo || echo $1; };"
				    "for f in sys sysrq-trigger $L; do has $f \"/$f /proc/$f ro,\"; done;"
				    "for f in latency_stats keys $M; do has $f \" /proc/$f ro,.* tmpfs \"; done";
	AB_AUTO_FREE char *script = ab_asprintf("%s%s", geteuid() == 0 ? for_root : "", check);
	struct run run;

	run_begin(&run);
	check_shell(&run, script, "");
}

/* Where /proc cannot be mounted: the outer one, read-only, when Landlock keeps its doors shut; the run says so elsewhere. */
static void
test_outer_proc(void)
{
	struct run run;

	run_begin(&run);
	run.plan.fresh_proc = false;
	run_shell(&run, "test -d /proc/self || exit 0; (: >/proc/sys/kernel/core_pattern) && echo written;"
			"for p in /proc/[0-9]*; do [ $p = /proc/self ] || ls $p/root/ $p/cwd/ 2>/dev/null; cat $p/environ 2>/dev/null; done | tr -d '\\0'");
	run_all(&run);
	CHECK(strstr(run_text(&run.out), "written") == NULL);
	CHECK(strstr(run_text(&run.out), "root\n") == NULL);
	CHECK(strstr(run_text(&run.out), "hunter2") == NULL);
	run_end(&run);
}

static void
test_host_name_and_ipc(void)
{
	struct run run;

	run_begin(&run);
	check_shell(&run, "cat /proc/sys/kernel/hostname; ipcs -m | grep -c 0x; cat /proc/self/cgroup | grep -c '\\.\\.'", "ab\n0\n0\n");
	run_begin(&run);
	run.plan.hostname = ab_strdup("box");
	check_shell(&run, "uname -n", "box\n");
}

int
main(int argc, char **argv)
{
	static const struct tap_test tests[] = {
		{ "/dev", test_dev },
		{ "/proc", test_proc },
		{ "what of /proc is covered", test_covers },
		{ "the outer /proc", test_outer_proc },
		{ "host name, IPC, cgroup", test_host_name_and_ipc },
	};

	(void)argc;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!run_possible())
		return 0;
	return run_as_user(argv[0], tap_run(tests, AB_COUNT_OF(tests)));
}
