/* Clocks, times and units as people write them. */
#ifndef AB_CORE_TIME_H
#define AB_CORE_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

#define AB_NEVER INT64_MAX /* a deadline that does not come */

int64_t ab_now_ms(void);      /* CLOCK_MONOTONIC: for deadlines */
int64_t ab_now_us(void);      /* CLOCK_MONOTONIC: for durations that are shown */
int64_t ab_now_cpu_us(void);  /* CLOCK_THREAD_CPUTIME_ID: for bounds that another process's work must not use up */
int64_t ab_now_unix_ms(void); /* CLOCK_REALTIME: for what is stored and shown */
/* The deadline timeout_ms from now; AB_NEVER for a negative timeout. Saturates. */
int64_t ab_deadline(int64_t timeout_ms);

#define AB_TIME_SIZE 32
/* RFC 3339 in UTC with milliseconds: 2026-01-02T03:04:05.678Z; times outside 1970..9999 become the nearest. Returns text. */
const char *ab_time_format(char text[static AB_TIME_SIZE], int64_t unix_ms);

/*
 * Both parsers take up to 9 decimals, round what is left up to a whole unit (a positive duration never becomes 0), and
 * refuse 2^53 and above.
 */
/* "1.5s", "500ms", "2m", "1h", "7d"; a bare number is seconds, as in timeout(1). 0 or more; usage on anything else. */
int ab_duration_parse(const char *text, int64_t *ms, struct ab_error *err) AB_MUST_USE;
/* "64MiB", "10MB", "4096", "1.5G": K M G T and KiB… are powers of 1024, KB MB… of 1000. usage on anything else. */
int ab_size_parse(const char *text, int64_t *bytes, struct ab_error *err) AB_MUST_USE;
/* The shortest exact form that the parsers read back: "1.5s", "128KiB". Returns text. */
#define AB_UNIT_SIZE 32
const char *ab_duration_format(char text[static AB_UNIT_SIZE], int64_t ms);
const char *ab_size_format(char text[static AB_UNIT_SIZE], int64_t bytes);

#endif
