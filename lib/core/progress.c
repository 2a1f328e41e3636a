/* How far something is. */
#include "core/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/io.h"
#include "core/text.h"
#include "core/time.h"

#define EACH_MS 100

void
ab_progress_begin(struct ab_progress *progress, bool quiet)
{
	const char *term = getenv("TERM");

	*progress = (struct ab_progress){ .on = !quiet && isatty(STDERR_FILENO) && (term == NULL || strcmp(term, "dumb") != 0) };
}

/* A line that is wrapped could not be taken back. */
static size_t
width(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1u : 79;
}

void
ab_progress_show(struct ab_progress *progress, const char *fmt, ...)
{
	char text[512], line[600];
	va_list args;

	if (!progress->on || (progress->shown && ab_now_ms() < progress->next_ms))
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	ab_error_sanitize(text);
	size_t most = width(), len = strlen(text);
	int n = snprintf(line, sizeof(line), "\r%.*s\033[K", (int)(len > most ? ab_utf8_prefix(text, most) : len), text);
	(void)ab_write_all(STDERR_FILENO, line, (size_t)n);
	progress->shown = true;
	progress->next_ms = ab_now_ms() + EACH_MS;
}

void
ab_progress_end(struct ab_progress *progress)
{
	if (progress->shown)
		(void)ab_write_all(STDERR_FILENO, "\r\033[K", 4);
	progress->shown = false;
}
