/* Rules are applied for real in a child, which then tries. */
#include "sys/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/mem.h"
#include "tap.h"

static char base[64];

/* A path below the test's directory; eight may be in use at once. */
static char *
at(const char *rel)
{
	static char ring[8][256];
	static unsigned turn;
	char *path = ring[turn++ % 8];

	snprintf(path, sizeof(ring[0]), "%s/%s", base, rel);
	return path;
}

static void
make_file(const char *rel)
{
	int fd = open(at(rel), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, "text\n", 5) != 5)
		printf("# cannot make %s\n", rel);
	close(fd);
}

static void
make_tree(void)
{
	static const char *const dirs[] = { "", "tree", "tree/sub", "ro", "ro/deep", "ro/deep/hidden", "out" };
	static const char *const files[] = { "tree/old", "ro/file", "ro/secret", "ro/deep/file", "ro/deep/hidden/file", "out/file" };
	const char *tmp = getenv("TMPDIR");

	snprintf(base, sizeof(base), "%s/ab-landlock-XXXXXX", tmp != NULL && strlen(tmp) < 30 ? tmp : "/tmp");
	if (mkdtemp(base) == NULL)
		abort();
	for (size_t i = 1; i < AB_COUNT_OF(dirs); i++)
		mkdir(at(dirs[i]), 0755);
	for (size_t i = 0; i < AB_COUNT_OF(files); i++)
		make_file(files[i]);
}

static void
remove_tree(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(execlp("rm", "rm", "-rf", base, (char *)NULL));
	waitpid(pid, NULL, 0);
}

/* The plan of most tests: `tree` writable, `ro` readable, /usr and its links readable. */
static struct ab_view views[8];
static struct ab_plan plan;
static bool final_view;
static int tree_fd = -1;

static struct ab_view *
add_view(enum ab_view_kind kind, char *path, bool writable)
{
	struct ab_view *view = &views[plan.view_count++];

	*view = (struct ab_view){ .kind = kind, .source = strdup(path), .target = strdup(path), .writable = writable };
	return view;
}

static void
set_plan(bool final)
{
	for (size_t i = 0; i < plan.view_count; i++) {
		free(views[i].source);
		free(views[i].target);
	}
	free(plan.tree);
	plan = (struct ab_plan){ .view = views, .tree = strdup(at("tree")) };
	add_view(AB_VIEW_BIND, at("tree"), true);
	add_view(AB_VIEW_BIND, at("ro"), false);
	final_view = final;
}

/* errno of `attempt` in a confined child, 0 when it went well; -1 when the rules could not be applied. */
static int
confined(long (*attempt)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		ab_promises missing = 0;
		const char *step = NULL;
		/* as in a run: no capabilities (CAP_PERFMON would open every process's environment) */
		struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
		struct __user_cap_data_struct none[2] = { { 0 } };
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_capset, &header, none) != 0)
			_exit(255);
		if (ab_landlock_apply(&plan, tree_fd, final_view, &missing, &step) != 0)
			_exit(attempt == NULL ? errno : 255);
		errno = 0;
		_exit(attempt != NULL && attempt() < 0 ? errno : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -2;
	return WEXITSTATUS(status) == 255 ? -1 : WEXITSTATUS(status);
}

#define TRY(name, expression) \
	static long name(void) { return (long)(expression); }

TRY(write_tree, open(at("tree/new"), O_WRONLY | O_CREAT, 0644))
TRY(write_sub, open(at("tree/sub/new"), O_WRONLY | O_CREAT, 0644))
TRY(mkdir_tree, mkdir(at("tree/dir"), 0755))
TRY(move_in_tree, rename(at("tree/old"), at("tree/sub/old")))
TRY(read_ro, open(at("ro/file"), O_RDONLY))
TRY(list_ro, open(at("ro"), O_RDONLY | O_DIRECTORY))
TRY(write_ro, open(at("ro/file"), O_WRONLY))
TRY(make_ro, open(at("ro/new"), O_WRONLY | O_CREAT, 0644))
TRY(read_out, open(at("out/file"), O_RDONLY))
TRY(write_out, open(at("out/file"), O_WRONLY))
TRY(make_out, open(at("out/new"), O_WRONLY | O_CREAT, 0644))
TRY(mkdir_out, mkdir(at("out/dir"), 0755))
TRY(unlink_out, unlink(at("out/file")))
TRY(truncate_out, truncate(at("out/file"), 0))
TRY(truncate_ro, open(at("ro/file"), O_RDONLY | O_TRUNC))
TRY(link_in, link(at("out/file"), at("tree/linked")))
TRY(move_out, rename(at("tree/sub"), at("out/sub")))
TRY(read_secret, open(at("ro/secret"), O_RDONLY))
TRY(read_deep, open(at("ro/deep/file"), O_RDONLY))
TRY(list_deep, open(at("ro/deep"), O_RDONLY | O_DIRECTORY))
TRY(read_hidden, open(at("ro/deep/hidden/file"), O_RDONLY))
TRY(list_hidden, open(at("ro/deep/hidden"), O_RDONLY | O_DIRECTORY))
TRY(write_null, open("/dev/null", O_RDWR | O_TRUNC))
TRY(read_own_status, open("/proc/self/status", O_RDONLY))
TRY(write_own_comm, open("/proc/self/comm", O_WRONLY))
TRY(signal_outside, kill(getppid(), 0))

static long
read_outside_environ(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)getppid());
	return open(path, O_RDONLY);
}

static long
connect_tcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = { htonl(INADDR_LOOPBACK) } };

	return connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno != EACCES ? 0 : -1;
}

static struct sockaddr_un abstract = { .sun_family = AF_UNIX };
static socklen_t abstract_len;

static long
connect_abstract(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return connect(fd, (struct sockaddr *)&abstract, abstract_len);
}

static bool
too_old(int abi, const char *what)
{
	if (ab_landlock_abi() >= abi)
		return false;
	printf("# not tried: %s needs Landlock ABI %d\n", what, abi);
	return true;
}

static void
host_view_reads_and_writes(void)
{
	set_plan(false);
	CHECK_INT(confined(write_tree), 0);
	CHECK_INT(confined(write_sub), 0);
	CHECK_INT(confined(mkdir_tree), 0);
	CHECK_INT(confined(read_ro), 0);
	CHECK_INT(confined(list_ro), 0);
	CHECK_INT(confined(write_ro), EACCES);
	CHECK_INT(confined(make_ro), EACCES);
	CHECK_INT(confined(read_out), EACCES);
	CHECK_INT(confined(write_out), EACCES);
	CHECK_INT(confined(make_out), EACCES);
	CHECK_INT(confined(mkdir_out), EACCES);
	CHECK_INT(confined(unlink_out), EACCES);
	CHECK_INT(confined(write_null), 0);
	CHECK_INT(confined(read_own_status), 0);
	CHECK_INT(confined(write_own_comm), EACCES);
	CHECK_INT(confined(read_outside_environ), EACCES);
}

static void
host_view_moves(void)
{
	set_plan(false);
	int refused = confined(link_in);
	CHECK(refused == EXDEV || refused == EACCES);
	refused = confined(move_out);
	CHECK(refused == EXDEV || refused == EACCES);
	if (!too_old(2, "a move between directories"))
		CHECK_INT(confined(move_in_tree), 0);
	if (!too_old(AB_LANDLOCK_ABI_TRUNCATE, "truncation")) {
		CHECK_INT(confined(truncate_out), EACCES);
		CHECK_INT(confined(truncate_ro), EACCES);
	}
}

static void
host_view_network_and_signals(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	abstract_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
	    (size_t)snprintf(abstract.sun_path + 1, sizeof(abstract.sun_path) - 1, "ab-landlock-test-%d", (int)getpid()));
	CHECK_INT(bind(fd, (struct sockaddr *)&abstract, abstract_len), 0);
	CHECK_INT(listen(fd, 8), 0);
	set_plan(false);
	if (!too_old(4, "TCP"))
		CHECK_INT(confined(connect_tcp), EACCES);
	plan.net.mode = AB_NET_HOST;
	CHECK_INT(confined(connect_tcp), 0);
	if (!too_old(AB_LANDLOCK_ABI_SCOPE, "scoping")) {
		CHECK_INT(confined(connect_abstract), EPERM);
		CHECK_INT(confined(signal_outside), EPERM);
	}
	close(fd);
}

static void
host_view_hides(void)
{
	set_plan(false);
	add_view(AB_VIEW_MASK, at("ro/secret"), false);
	CHECK_INT(confined(read_secret), EACCES);
	CHECK_INT(confined(read_ro), 0);
	CHECK_INT(confined(list_ro), 0);
	CHECK_INT(confined(read_deep), 0);
	views[2].kind = AB_VIEW_FILE; /* an empty one, as good as a mask */
	CHECK_INT(confined(read_secret), EACCES);
	views[2].text_len = 1; /* a generated one cannot be shown at this level: the host's own stays */
	CHECK_INT(confined(read_secret), 0);
	views[2].kind = AB_VIEW_MASK;
	add_view(AB_VIEW_MASK, at("ro/deep/hidden"), false);
	CHECK_INT(confined(read_secret), EACCES);
	CHECK_INT(confined(read_ro), 0);
	CHECK_INT(confined(read_deep), 0);
	CHECK_INT(confined(read_hidden), EACCES);
	CHECK_INT(confined(list_hidden), EACCES);
	CHECK_INT(confined(list_deep), EACCES); /* it would list the hidden directory too */
}

static void
host_view_checks_sources(void)
{
	set_plan(false);
	struct ab_view *gone = add_view(AB_VIEW_BIND, at("nothing"), false);
	CHECK_INT(confined(NULL), ENOENT);
	gone->optional = true;
	CHECK_INT(confined(read_ro), 0);
	views[1].dev = 1;
	views[1].ino = 1;
	CHECK_INT(confined(NULL), ESTALE);
	set_plan(false);
	tree_fd = open(at("tree"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(views[0].source);
	views[0].source = strdup("/nonexistent"); /* not looked at: the descriptor is the tree */
	CHECK_INT(confined(write_tree), 0);
	close(tree_fd);
	tree_fd = -1;
}

static void
final_view_writes_only_what_is_writable(void)
{
	set_plan(true);
	make_file("tree/old");
	CHECK_INT(confined(read_out), 0);
	CHECK_INT(confined(write_out), EACCES);
	CHECK_INT(confined(make_out), EACCES);
	CHECK_INT(confined(write_ro), EACCES);
	CHECK_INT(confined(write_tree), 0);
	CHECK_INT(confined(write_null), 0);
	CHECK_INT(confined(write_own_comm), EACCES);
	CHECK_INT(confined(connect_tcp), 0); /* the network namespace decides */
	if (!too_old(AB_LANDLOCK_ABI_SCOPE, "scoping"))
		CHECK_INT(confined(signal_outside), EPERM);
	add_view(AB_VIEW_TMPFS, at("out"), false);
	CHECK_INT(confined(make_out), 0);
}

int
main(void)
{
	const struct tap_test tests[] = {
		{ "the host's view: reading and writing", host_view_reads_and_writes },
		{ "the host's view: moves, links, truncation", host_view_moves },
		{ "the host's view: network and signals", host_view_network_and_signals },
		{ "the host's view: hidden paths", host_view_hides },
		{ "the host's view: sources are checked", host_view_checks_sources },
		{ "the final view", final_view_writes_only_what_is_writable },
	};

	if (ab_landlock_abi() == 0) {
		printf("1..1\nok 1 - the rules # SKIP this kernel has no Landlock\n");
		return 0;
	}
	make_tree();
	int status = tap_run(tests, AB_COUNT_OF(tests));
	set_plan(false);
	remove_tree();
	return status;
}
