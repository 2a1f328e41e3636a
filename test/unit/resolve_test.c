/* sys/resolve: lookups side by side, queued, cancelled; no child stays behind. */
#include "sys/resolve.h"

#include "netbox.h"

enum { MANY = 20 };

static struct {
	struct ab_loop *loop;
	unsigned pending, order[MANY], answered;
	size_t count;
	char why[128], first[AB_HOST_SIZE];
} seen;

static struct ab_lookup lookups[MANY];

static void
found(struct ab_lookup *lookup, const struct ab_address *addresses, size_t count, const char *why)
{
	seen.order[seen.answered++] = (unsigned)(lookup - lookups);
	seen.count = count;
	snprintf(seen.why, sizeof(seen.why), "%s", why == NULL ? "" : why);
	if (count > 0)
		ab_address_host(seen.first, &addresses[0]);
	if (--seen.pending == 0)
		ab_loop_stop(seen.loop);
}

static void
begin(struct ab_resolver *resolver, unsigned i, const char *host)
{
	snprintf(lookups[i].host, sizeof(lookups[i].host), "%s", host);
	lookups[i].done = found;
	seen.pending++;
	ab_resolve(resolver, &lookups[i]);
}

static void
start(struct ab_resolver *resolver)
{
	struct ab_error err = AB_ERROR_INIT;

	memset(&seen, 0, sizeof(seen));
	memset(lookups, 0, sizeof(lookups));
	seen.loop = ab_loop_new(&err);
	ab_resolver_init(resolver, seen.loop);
}

static void
finish(struct ab_resolver *resolver)
{
	struct ab_error err = AB_ERROR_INIT;

	if (seen.pending > 0)
		CHECK_INT(ab_loop_run(seen.loop, &err), 0);
	CHECK_INT(resolver->running, 0);
	CHECK(resolver->first == NULL);
	ab_loop_free(seen.loop);
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
	CHECK_INT(errno, ECHILD);
}

static void
test_found(void)
{
	struct ab_resolver resolver;

	start(&resolver);
	begin(&resolver, 0, "two.test");
	CHECK_INT(seen.answered, 0);
	finish(&resolver);
	CHECK_INT(seen.answered, 1);
	CHECK_INT(seen.count, 2);
	CHECK_STRING(seen.why, "");
	CHECK(strncmp(seen.first, "127.0.0.", 8) == 0);
}

static void
test_unknown(void)
{
	struct ab_resolver resolver;

	start(&resolver);
	begin(&resolver, 0, "nowhere.test");
	finish(&resolver);
	CHECK_INT(seen.answered, 1);
	CHECK_INT(seen.count, 0);
	CHECK(seen.why[0] != '\0');
}

static void
test_many(void)
{
	struct ab_resolver resolver;
	unsigned before = netbox_count_fds();

	start(&resolver);
	for (unsigned i = 0; i < MANY; i++)
		begin(&resolver, i, "private.test");
	CHECK_INT(resolver.running, AB_RESOLVE_PARALLEL);
	finish(&resolver);
	CHECK_INT(seen.answered, MANY);
	CHECK_STRING(seen.first, "10.255.255.1");
	CHECK_INT(netbox_count_fds(), before);
}

static void
test_cancel(void)
{
	struct ab_resolver resolver;
	unsigned before = netbox_count_fds();

	start(&resolver);
	for (unsigned i = 0; i < MANY; i++)
		begin(&resolver, i, "private.test");
	/* the last in the queue, one in its middle, and all that run */
	for (unsigned i = 0; i < MANY; i++) {
		if (i >= AB_RESOLVE_PARALLEL && i != MANY - 1 && i != 12)
			continue;
		ab_resolve_cancel(&lookups[i]);
		ab_resolve_cancel(&lookups[i]);
		seen.pending--;
	}
	CHECK_INT(resolver.running, AB_RESOLVE_PARALLEL);
	finish(&resolver);
	CHECK_INT(seen.answered, MANY - AB_RESOLVE_PARALLEL - 2);
	for (unsigned i = 0; i < seen.answered; i++)
		CHECK(seen.order[i] >= AB_RESOLVE_PARALLEL && seen.order[i] != 12 && seen.order[i] != MANY - 1);
	CHECK_INT(netbox_count_fds(), before);
	ab_resolve_cancel(&lookups[0]);
}

/* A child that cannot be started is a failed lookup, told from the loop. */
static void
test_no_descriptors(void)
{
	struct ab_resolver resolver;
	int spare[4096];
	size_t count = 0;

	start(&resolver);
	while (count < AB_COUNT_OF(spare) && (spare[count] = dup(0)) >= 0)
		count++;
	begin(&resolver, 0, "listed.test");
	CHECK_INT(seen.answered, 0);
	for (size_t i = 0; i < count; i++)
		close(spare[i]);
	finish(&resolver);
	CHECK_INT(seen.answered, 1);
	CHECK_INT(seen.count, count < AB_COUNT_OF(spare) ? 0 : 1);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "addresses of a name", test_found },
		{ "an unknown name", test_unknown },
		{ "eight at once, the rest in line", test_many },
		{ "cancelled", test_cancel },
		{ "no descriptor left", test_no_descriptors },
	};
	return netbox_tests(tests, AB_COUNT_OF(tests));
}
