/* core/progress: a line on a terminal. */
#include "core/progress.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/time.h"
#include "tap.h"

#define CLEAR "\r\033[K"

static int screen = -1, kept = -1; /* the terminal's other side; our own stderr */

/* A terminal this wide takes the place of stderr. */
static bool
open_screen(unsigned short columns)
{
	const struct winsize size = { .ws_row = 24, .ws_col = columns };
	struct termios raw;
	char name[64];

	setenv("TERM", "xterm", 1);
	screen = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (screen < 0 || grantpt(screen) < 0 || unlockpt(screen) < 0 || ptsname_r(screen, name, sizeof(name)) != 0)
		return false;
	AB_AUTO_CLOSE int terminal = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal < 0 || ioctl(terminal, TIOCSWINSZ, &size) < 0 || tcgetattr(terminal, &raw) < 0)
		return false;
	cfmakeraw(&raw);
	tcsetattr(terminal, TCSANOW, &raw);
	kept = dup(STDERR_FILENO);
	return dup2(terminal, STDERR_FILENO) == STDERR_FILENO;
}

/* It is taken away again. Safe also when there was none. */
static void
close_screen(void)
{
	if (kept >= 0)
		dup2(kept, STDERR_FILENO);
	close(kept);
	close(screen);
	screen = kept = -1;
}

/* What came on stderr since the last call, up to a mark that we set. */
static const char *
seen(void)
{
	static char text[100000];
	size_t len = 0;

	if (write(STDERR_FILENO, "@", 1) != 1)
		return "(no screen)";
	while (len == 0 || text[len - 1] != '@') {
		ssize_t n = read(screen, text + len, sizeof(text) - len);
		if (n <= 0)
			return "(no screen)";
		len += (size_t)n;
	}
	text[len - 1] = '\0';
	return text;
}

/* What one call shows on a screen this wide; the caller frees. */
static char *
shown(unsigned short columns, const char *what)
{
	struct ab_progress progress;
	char *text = NULL;

	if (open_screen(columns)) {
		ab_progress_begin(&progress, false);
		ab_progress_show(&progress, "%s", what);
		text = ab_strdup(seen());
		ab_progress_end(&progress);
		CHECK_STRING(seen(), CLEAR);
	}
	close_screen();
	return text;
}

static void
test_line(void)
{
	struct ab_progress progress;

	if (!open_screen(80)) {
		close_screen();
		TAP_SKIP("no terminal can be had");
	}
	ab_progress_begin(&progress, false);
	CHECK_STRING(seen(), "");
	ab_progress_end(&progress); /* nothing was shown: nothing is cleared */
	CHECK_STRING(seen(), "");
	ab_progress_show(&progress, "%d of %s", 1, "two");
	CHECK_STRING(seen(), "\r1 of two\033[K");
	ab_progress_end(&progress);
	CHECK_STRING(seen(), CLEAR);
	ab_progress_end(&progress);
	CHECK_STRING(seen(), "");
	ab_progress_show(&progress, "again"); /* the first one once more */
	CHECK_STRING(seen(), "\ragain\033[K");
	unsetenv("TERM");
	ab_progress_begin(&progress, false);
	ab_progress_show(&progress, "of no name");
	CHECK_STRING(seen(), "\rof no name\033[K");
	close_screen();
}

static void
test_width(void)
{
	static const struct {
		unsigned short columns;
		const char *text, *want;
	} row[] = {
		{ 20, "1234567890123456789", "\r1234567890123456789\033[K" },
		{ 20, "12345678901234567890", "\r1234567890123456789\033[K" },
		{ 20, "123456789012345678901234567890", "\r1234567890123456789\033[K" },
		{ 20, "12345678901234567\xc3\xa4z", "\r12345678901234567\xc3\xa4\033[K" },
		{ 20, "123456789012345678\xc3\xa4", "\r123456789012345678\033[K" }, /* no half character */
		{ 20, "12345678901234567\xe2\x82\xac", "\r12345678901234567\033[K" },
		{ 2, "abc", "\ra\033[K" },
		{ 20, "", CLEAR },
	};

	for (size_t i = 0; i < AB_COUNT_OF(row); i++) {
		AB_AUTO_FREE char *text = shown(row[i].columns, row[i].text);
		if (text == NULL)
			TAP_SKIP("no terminal can be had");
		CHECK_STRING(text, row[i].want);
	}
}

/* A terminal that does not know its width, and one that is wider than any line of ours. */
static void
test_extremes(void)
{
	char what[3000] = "";

	memset(what, 'x', sizeof(what) - 1);
	AB_AUTO_FREE char *unknown = shown(0, what), *wide = shown(5000, what);
	if (unknown == NULL || wide == NULL)
		TAP_SKIP("no terminal can be had");
	CHECK_INT(strlen(unknown), 79 + 4);
	CHECK(strlen(wide) > 400 && strlen(wide) < 600);
	CHECK_STRING(wide + strlen(wide) - 5, "xx\033[K");
	/* Also where text is cut for its length no half character is left. */
	for (size_t at = 0; at + 4 < sizeof(what); at += 3)
		memcpy(what + at, "\xe2\x82\xac", 4);
	AB_AUTO_FREE char *cut = shown(5000, what);
	CHECK(strlen(cut) > 400 && (strstr(cut, "\xac\033[K") != NULL || strstr(cut, "?\033[K") != NULL));
}

static void
test_control(void)
{
	AB_AUTO_FREE char *text = shown(80, "a\033[31mb\r\nc\x7f\x9b""2J\xc2\x9b""d\xff\xc3\xa4");

	if (text == NULL)
		TAP_SKIP("no terminal can be had");
	CHECK_STRING(text, "\ra?[31mb??c??2J??d?\xc3\xa4\033[K");
}

static void
test_rate(void)
{
	struct ab_progress progress;

	if (!open_screen(80)) {
		close_screen();
		TAP_SKIP("no terminal can be had");
	}
	ab_progress_begin(&progress, false);
	int64_t from_ms = ab_now_ms();
	ab_progress_show(&progress, "one");
	CHECK_STRING(seen(), "\rone\033[K");
	CHECK(progress.next_ms >= from_ms + 100 && progress.next_ms <= ab_now_ms() + 100);
	progress.next_ms = ab_now_ms() + 100000;
	ab_progress_show(&progress, "two");
	CHECK_STRING(seen(), "");
	progress.next_ms = ab_now_ms();
	ab_progress_show(&progress, "three");
	CHECK_STRING(seen(), "\rthree\033[K");
	ab_progress_end(&progress);
	CHECK_STRING(seen(), CLEAR);
	/* The same by the clock. */
	int lines = 0;
	from_ms = ab_now_ms();
	while (ab_now_ms() < from_ms + 350) {
		ab_progress_show(&progress, "%d", lines);
		lines += strchr(seen(), '\r') != NULL;
	}
	CHECK(lines >= 1 && lines <= 1 + (ab_now_ms() - from_ms) / 100);
	close_screen();
}

static void
test_nothing(void)
{
	struct ab_progress progress;
	int ends[2];

	if (!open_screen(80)) {
		close_screen();
		TAP_SKIP("no terminal can be had");
	}
	ab_progress_begin(&progress, true);
	ab_progress_show(&progress, "quiet");
	ab_progress_end(&progress);
	setenv("TERM", "dumb", 1);
	ab_progress_begin(&progress, false);
	ab_progress_show(&progress, "dumb");
	ab_progress_end(&progress);
	CHECK_STRING(seen(), "");
	close_screen();
	/* No terminal. */
	setenv("TERM", "xterm", 1);
	CHECK_INT(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	kept = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	ab_progress_begin(&progress, false);
	ab_progress_show(&progress, "pipe");
	ab_progress_end(&progress);
	dup2(kept, STDERR_FILENO);
	close(kept);
	kept = -1;
	close(ends[1]);
	char byte;
	CHECK_INT(read(ends[0], &byte, 1), 0);
	close(ends[0]);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "a line comes and goes", test_line },
		{ "no wider than the terminal", test_width },
		{ "no width, and a great one", test_extremes },
		{ "control characters", test_control },
		{ "ten a second", test_rate },
		{ "nothing elsewhere", test_nothing },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
