/* Ownership and allocation. */
#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tap.h"

static void
test_free(void)
{
	char *text = ab_strdup("x");

	ab_free_indirect(&text);
	CHECK(text == NULL);
	ab_free_indirect(&text);
	CHECK(text == NULL);
}

static void
test_close(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), was = fd;

	errno = ENOTTY;
	ab_close_indirect(&fd);
	CHECK_INT(fd, -1);
	CHECK_INT(errno, ENOTTY);
	CHECK_INT(fcntl(was, F_GETFD), -1);
	errno = ENOTTY;
	ab_close_indirect(&fd);
	CHECK_INT(errno, ENOTTY);
}

static int scope_fd;

static int
auto_close(bool keep)
{
	AB_AUTO_CLOSE int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	scope_fd = fd;
	return keep ? ab_steal_fd(&fd) : -1;
}

static void
test_cleanup_and_steal(void)
{
	CHECK_INT(auto_close(false), -1);
	CHECK_INT(fcntl(scope_fd, F_GETFD), -1);
	int fd = auto_close(true);
	CHECK(fcntl(fd, F_GETFD) >= 0);
	close(fd);
	char *text = ab_strdup("x");
	char *taken = ab_steal(&text);
	CHECK(text == NULL);
	CHECK_STRING(taken, "x");
	free(taken);
}

static void
test_strings(void)
{
	AB_AUTO_FREE char *cut = ab_strndup("abcdef", 3);
	AB_AUTO_FREE char *printed = ab_asprintf("%s-%d", "a", 7);

	CHECK_STRING(cut, "abc");
	CHECK_STRING(printed, "a-7");
}

static void
test_vector(void)
{
	char **vector = NULL;
	size_t count = 0;
	char text[] = "a";

	ab_strv_free(NULL);
	for (; count < 20; text[0]++)
		ab_strv_push(&vector, &count, text);
	CHECK_INT(count, 20);
	CHECK_STRING(vector[0], "a");
	CHECK_STRING(vector[19], "t");
	CHECK(vector[20] == NULL);
	ab_strv_free_indirect(&vector);
	CHECK(vector == NULL);
	ab_strv_free_indirect(&vector);
}

static void
test_zero(void)
{
	AB_AUTO_FREE char *nothing = ab_malloc(0);
	AB_AUTO_FREE uint32_t *cleared = ab_calloc(3, sizeof(*cleared));

	CHECK(nothing != NULL);
	CHECK_INT(cleared[0] | cleared[1] | cleared[2], 0);
	cleared = ab_reallocarray(cleared, 0, sizeof(*cleared));
	CHECK(cleared != NULL);
}

/* Sizes that cannot be had, also by overflow, abort. */
static void
test_abort(void)
{
	volatile size_t half = SIZE_MAX / 2;

	for (int kind = 0; kind < 2; kind++) {
		pid_t pid = fork();
		if (pid == 0) {
			struct rlimit no_core = { 0, 0 };
			setrlimit(RLIMIT_CORE, &no_core);
			signal(SIGABRT, SIG_DFL);
			close(2);
			char *p = kind == 0 ? ab_reallocarray(NULL, half, 4) : ab_calloc(half, 4);
			_exit(p == NULL ? 42 : 43);
		}
		int status = 0;
		waitpid(pid, &status, 0);
		/* AddressSanitizer ends the process in its own way, with another status than ours */
		CHECK(WIFSIGNALED(status) ? WTERMSIG(status) == SIGABRT : WEXITSTATUS(status) != 42 && WEXITSTATUS(status) != 43);
	}
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "free", test_free },
		{ "close", test_close },
		{ "cleanup and steal", test_cleanup_and_steal },
		{ "strings", test_strings },
		{ "vectors of strings", test_vector },
		{ "nothing is something", test_zero },
		{ "out of memory", test_abort },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
