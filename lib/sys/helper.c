/* A helper that is asked. */
#include "sys/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/io.h"
#include "core/libexec.h"
#include "core/ndjson.h"

#define ANSWER_MAX ((size_t)1 << 20)

struct ab_helper {
	char *name;
	pid_t pid;
	int to, from;
	struct ab_lines lines;
};

int
ab_helper_start(struct ab_helper **out, char *const *argv, struct ab_error *err)
{
	int request[2], answer[2];

	if (pipe2(request, O_CLOEXEC) < 0)
		return ab_fail_errno(err, errno, "%s: pipe", argv[0]);
	AB_AUTO_CLOSE int in = request[0];
	AB_AUTO_CLOSE int to = request[1];
	if (pipe2(answer, O_CLOEXEC) < 0)
		return ab_fail_errno(err, errno, "%s: pipe", argv[0]);
	AB_AUTO_CLOSE int from = answer[0];
	AB_AUTO_CLOSE int its = answer[1];
	struct ab_helper *helper = ab_calloc(1, sizeof(*helper));
	*helper = (struct ab_helper){ .pid = -1 };
	if (ab_libexec_start(argv, in, its, &helper->pid, err) < 0) {
		free(helper);
		return -1;
	}
	helper->name = ab_strdup(argv[0]);
	helper->to = ab_steal_fd(&to);
	helper->from = ab_steal_fd(&from);
	ab_lines_init(&helper->lines, ANSWER_MAX);
	*out = helper;
	return 0;
}

static int
lost(const struct ab_helper *helper, struct ab_error *err)
{
	ab_fail(err, AB_E_CONNECTION_LOST, "the helper %s has ended", helper->name);
	ab_error_hint(err, "its own message is above, if it had one; try again");
	return -1;
}

/* A record that tells of a failure. */
static int
failed(const struct ab_value *error, struct ab_error *err)
{
	ab_fail(err, ab_errcode_from_name(ab_value_get_string(error, "code", "")), "%s", ab_value_get_string(error, "message", "no message"));
	const char *hint = ab_value_get_string(error, "hint", NULL);
	if (hint != NULL)
		ab_error_hint(err, "%s", hint);
	return -1;
}

static int
next_line(struct ab_helper *helper, const char **text, size_t *len, struct ab_error *err)
{
	enum ab_line kind;

	while ((kind = ab_lines_next(&helper->lines, text, len)) == AB_LINE_NONE) {
		size_t room;
		char *into = ab_lines_reserve(&helper->lines, &room);
		ssize_t n = read(helper->from, into, room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return lost(helper, err);
		ab_lines_commit(&helper->lines, (size_t)n);
	}
	return kind == AB_LINE_TEXT ? 0 : ab_fail(err, AB_E_INTERNAL, "the helper %s answers too much", helper->name);
}

int
ab_helper_ask(struct ab_helper *helper, const char *request, size_t len, struct ab_value **answer, struct ab_error *err)
{
	const char *text;

	if (ab_write_all(helper->to, request, len) < 0 || ab_write_all(helper->to, "\n", 1) < 0)
		return errno == EPIPE ? lost(helper, err) : ab_fail_errno(err, errno, "ask the helper %s", helper->name);
	if (next_line(helper, &text, &len, err) < 0)
		return -1;
	AB_AUTO_VALUE struct ab_value *record = ab_value_parse(text, len, err);
	if (ab_value_kind(record) != AB_VALUE_OBJECT)
		return ab_fail(err, AB_E_INTERNAL, "the helper %s answers with what is no record", helper->name);
	const struct ab_value *error = ab_value_get(record, "error");
	if (ab_value_kind(error) == AB_VALUE_OBJECT)
		return failed(error, err);
	*answer = ab_steal(&record);
	return 0;
}

void
ab_helper_stop(struct ab_helper *helper)
{
	struct ab_error ignored;

	if (helper == NULL)
		return;
	close(helper->to);
	close(helper->from);
	(void)!ab_libexec_wait(helper->pid, &ignored);
	ab_lines_release(&helper->lines);
	free(helper->name);
	free(helper);
}

void
ab_helper_stop_indirect(struct ab_helper **helper)
{
	ab_helper_stop(*helper);
	*helper = NULL;
}
