/*
 * Time two commands against each other: A and B are started alternately, so that both see the same machine.
 *
 * usage: pairs [-n ROUNDS] [-w WARMUP] [-a DIR] [-b DIR] A… :: B…        also: pairs -n 1 A… (no B)
 * -a and -b are the working directories. Standard input is empty and what the commands print goes nowhere.
 * Prints one line: medians of wall and CPU time (microseconds, of the process and all it waited for) and the largest resident
 * set (KiB), for A then B, then the medians of the ratios A/B of each round: wall, CPU. A command that fails ends it all (1).
 * getrusage(2): wait4 counts a child and the descendants it waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct side {
	char **argv;
	const char *dir;
	double *wall, *cpu;
	long max_rss_kib;
};

static double
now_us(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

static double
micros(struct timeval at)
{
	return (double)at.tv_sec * 1e6 + (double)at.tv_usec;
}

static void
become(const struct side *side)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 || (side->dir != NULL && chdir(side->dir) != 0))
		_exit(126);
	execvp(side->argv[0], side->argv);
	_exit(127);
}

static void
once(struct side *side, int round)
{
	struct rusage usage;
	double start = now_us();
	pid_t pid = vfork();
	int status;

	if (pid == 0)
		become(side);
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid || status != 0) {
		fprintf(stderr, "pairs: %s failed\n", side->argv[0]);
		exit(1);
	}
	if (round < 0)
		return;
	side->wall[round] = now_us() - start;
	side->cpu[round] = micros(usage.ru_utime) + micros(usage.ru_stime);
	if (usage.ru_maxrss > side->max_rss_kib)
		side->max_rss_kib = usage.ru_maxrss;
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(const double *values, int count)
{
	double *sorted = malloc((size_t)count * sizeof(*sorted));

	if (sorted == NULL)
		abort();
	memcpy(sorted, values, (size_t)count * sizeof(*sorted));
	qsort(sorted, (size_t)count, sizeof(*sorted), ascending);
	double middle = count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
	free(sorted);
	return middle;
}

static double
median_ratio(const double *a, const double *b, int count)
{
	double *ratios = malloc((size_t)count * sizeof(*ratios));

	if (ratios == NULL)
		abort();
	for (int i = 0; i < count; i++)
		ratios[i] = b[i] > 0 ? a[i] / b[i] : 0;
	double middle = median(ratios, count);
	free(ratios);
	return middle;
}

static void
report(const struct side *a, const struct side *b, int rounds)
{
	printf("%.0f %.0f %ld", median(a->wall, rounds), median(a->cpu, rounds), a->max_rss_kib);
	if (b->argv != NULL)
		printf(" %.0f %.0f %ld %.3f %.3f", median(b->wall, rounds), median(b->cpu, rounds), b->max_rss_kib, median_ratio(a->wall, b->wall, rounds), median_ratio(a->cpu, b->cpu, rounds));
	printf("\n");
}

int
main(int argc, char **argv)
{
	struct side a = { .argv = NULL }, b = { .argv = NULL };
	int rounds = 50, warmup = 3, option;

	while ((option = getopt(argc, argv, "+n:w:a:b:")) != -1) {
		switch (option) {
		case 'n': rounds = (int)strtol(optarg, NULL, 10); break;
		case 'w': warmup = (int)strtol(optarg, NULL, 10); break;
		case 'a': a.dir = optarg; break;
		case 'b': b.dir = optarg; break;
		default: return 2;
		}
	}
	a.argv = argv + optind;
	for (int i = optind; i < argc; i++)
		if (strcmp(argv[i], "::") == 0) {
			argv[i] = NULL;
			b.argv = argv + i + 1;
			break;
		}
	if (a.argv[0] == NULL || rounds < 1 || (b.argv != NULL && b.argv[0] == NULL))
		return 2;
	double *room = calloc((size_t)rounds * 4, sizeof(*room));
	if (room == NULL)
		abort();
	a.wall = room, a.cpu = room + rounds, b.wall = room + 2 * rounds, b.cpu = room + 3 * rounds;
	for (int round = -warmup; round < rounds; round++) {
		once(&a, round);
		if (b.argv != NULL)
			once(&b, round);
	}
	report(&a, &b, rounds);
	free(room);
	return 0;
}
