/* --jq: the child that runs a jq program over our records. */
#include "core/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/libexec.h"
#include "core/mem.h"

int
ab_filter_start(const char *program, bool raw, pid_t *pid, int *fd, struct ab_error *err)
{
	AB_AUTO_FREE char *text = ab_strdup(program);
	char name[] = "ab-jq", flag[] = "-r", end[] = "--";
	char *argv[] = { name, raw ? flag : end, raw ? end : text, raw ? text : NULL, NULL };
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return ab_fail_errno(err, errno, "--jq: pipe");
	AB_AUTO_CLOSE int in = ends[0];
	AB_AUTO_CLOSE int out = ends[1];
	if (ab_libexec_start(argv, in, -1, pid, err) < 0) {
		ab_error_context(err, "--jq");
		return -1;
	}
	*fd = ab_steal_fd(&out);
	return 0;
}

int
ab_filter_wait(pid_t pid, struct ab_error *err)
{
	int status = ab_libexec_wait(pid, err);

	if (status < 0)
		ab_error_context(err, "--jq");
	return status;
}
