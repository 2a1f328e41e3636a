#include "sys/promise.h"

#include "core/mem.h"
#include "tap.h"

static void
words_are_the_closed_list(void)
{
	static const char *const words[] = { "namespace", "proc", "net", "seccomp", "landlock", "memory", "pids", "cpu", "tmp",
		"protect", "protect.deep", "owners", "kuid", "signals", "metadata", "unix", "disk" };
	struct ab_error err = AB_ERROR_INIT;
	enum ab_promise promise;

	CHECK_INT(AB_COUNT_OF(words), AB_PROMISE_COUNT);
	for (unsigned i = 0; i < AB_PROMISE_COUNT; i++) {
		CHECK_STRING(ab_promise_name((enum ab_promise)i), words[i]);
		CHECK(strlen(ab_promise_text((enum ab_promise)i)) > 10);
		CHECK_INT(ab_promise_parse(words[i], &promise, &err), 0);
		CHECK_INT(promise, i);
	}
	CHECK_INT(ab_promise_parse("network", &promise, &err), -1);
	CHECK_INT(err.code, AB_E_INPUT_INVALID);
	CHECK(strstr(err.msg, "\"network\"") != NULL && strstr(err.msg, "protect.deep") != NULL);
}

static void
sets_become_text(void)
{
	char text[AB_PROMISES_SIZE];

	CHECK_STRING(ab_promises_text(0, ",", text), "");
	CHECK_STRING(ab_promises_text(AB_PROMISE_BIT(AB_PROMISE_KUID) | AB_PROMISE_BIT(AB_PROMISE_PROC), ", ", text), "proc, kuid");
	ab_promises_text(AB_PROMISE_BIT(AB_PROMISE_COUNT) - 1, ", ", text);
	CHECK_STRING(strrchr(text, ','), ", disk"); /* the whole list fits */
	CHECK_STRING(ab_level_name(AB_LEVEL_AUTO), "auto");
	CHECK_STRING(ab_level_name(AB_LEVEL_LANDLOCK), "landlock");
	CHECK_STRING(ab_who_name(AB_WHO_CONTAINER_ROOT), "root in a container");
	CHECK_STRING(ab_kept_name(AB_NOT_KEPT), "not kept");
}

/* One letter a cell, as ab-exec(1) prints the table: namespace, bwrap, landlock, software, none; each user, root, root in a container. */
static void
the_table(void)
{
	static const char *const rows[AB_PROMISE_COUNT] = {
		[AB_PROMISE_NAMESPACE] = "kkk kkk nnn nnn nnn",
		[AB_PROMISE_PROC] = "kkn kkn nnn nnn nnn",
		[AB_PROMISE_NET] = "kkk kkk kkk nnn nnn",
		[AB_PROMISE_SECCOMP] = "kkk kkk kkk nnn nnn",
		[AB_PROMISE_LANDLOCK] = "kkk nnn kkk nnn nnn",
		[AB_PROMISE_MEMORY] = "kkk kkk kkk ddd ddd",
		[AB_PROMISE_PIDS] = "kkn nkn nkn nnn nnn",
		[AB_PROMISE_CPU] = "kkk kkk kkk ddd ddd",
		[AB_PROMISE_TMP] = "kkk kkk nnn nnn nnn",
		[AB_PROMISE_PROTECT] = "kkk ddd ddd ddd ddd",
		[AB_PROMISE_PROTECT_DEEP] = "ddd ddd ddd ddd ddd",
		[AB_PROMISE_OWNERS] = "kdd kdd kdd kkk kkk",
		[AB_PROMISE_KUID] = "kkn knn knn knn knn",
		[AB_PROMISE_SIGNALS] = "kkk kkk kkk nnn nnn",
		[AB_PROMISE_METADATA] = "kkk kkk nnn nnn nnn",
		[AB_PROMISE_UNIX] = "kkk kkk kkk nnn nnn",
		[AB_PROMISE_DISK] = "kkk kkk kkk knk knk",
	};

	for (unsigned promise = 0; promise < AB_PROMISE_COUNT; promise++) {
		char row[AB_LEVEL_COUNT * 4 + 1];
		size_t at = 0;
		for (int level = 0; level < AB_LEVEL_COUNT; level++) {
			for (int who = 0; who < AB_WHO_COUNT; who++)
				row[at++] = ab_kept_name(ab_promise_kept((enum ab_promise)promise, (enum ab_level)level, (enum ab_who)who))[0];
			row[at++] = ' ';
		}
		row[at - 1] = '\0';
		if (!CHECK_STRING(row, rows[promise]))
			printf("#   row %s\n", ab_promise_name((enum ab_promise)promise));
	}
}

/* With usual facts `missing` is the column of the table, but for what only a look at the tree can tell. */
static void
missing_agrees_with_the_table(void)
{
	const ab_promises all = AB_PROMISE_BIT(AB_PROMISE_COUNT) - 1;

	for (int level = 0; level < AB_LEVEL_COUNT; level++)
		for (int who = 0; who < AB_WHO_COUNT; who++) {
			struct ab_facts facts;
			ab_facts_usual(&facts, (enum ab_level)level, (enum ab_who)who);
			ab_promises missing = ab_promise_missing((enum ab_level)level, &facts, all);
			for (unsigned i = 0; i < AB_PROMISE_COUNT; i++) {
				bool kept = ab_promise_kept((enum ab_promise)i, (enum ab_level)level, (enum ab_who)who) == AB_KEPT;
				if (i != AB_PROMISE_OWNERS && i != AB_PROMISE_PROTECT_DEEP)
					CHECK((missing & AB_PROMISE_BIT(i)) == 0 ? kept : !kept);
			}
			CHECK_INT(ab_promise_missing((enum ab_level)level, &facts, 0), 0);
		}
}

static void
facts_decide(void)
{
	struct ab_facts facts;

	ab_facts_usual(&facts, AB_LEVEL_NAMESPACE, AB_WHO_USER);
	CHECK_INT(ab_promise_missing(AB_LEVEL_NAMESPACE, &facts, AB_PROMISES_DEFAULT), 0);
	facts.landlock_abi = 0;
	CHECK_INT(ab_promise_missing(AB_LEVEL_NAMESPACE, &facts, AB_PROMISES_DEFAULT), AB_PROMISE_BIT(AB_PROMISE_LANDLOCK));
	facts.host_net = true;
	CHECK_INT(ab_promise_missing(AB_LEVEL_NAMESPACE, &facts, AB_PROMISES_DEFAULT),
	    AB_PROMISE_BIT(AB_PROMISE_NET) | AB_PROMISE_BIT(AB_PROMISE_LANDLOCK) | AB_PROMISE_BIT(AB_PROMISE_UNIX));
	facts.landlock_abi = 5;
	CHECK((ab_promise_missing(AB_LEVEL_LANDLOCK, &facts, AB_PROMISES_DEFAULT) & AB_PROMISE_BIT(AB_PROMISE_SIGNALS)) != 0);
	facts.cgroup_pids = true;
	CHECK((ab_promise_missing(AB_LEVEL_LANDLOCK, &facts, AB_PROMISES_DEFAULT) & AB_PROMISE_BIT(AB_PROMISE_PIDS)) == 0);
	facts.kernel_root = true;
	facts.cgroup_pids = false;
	CHECK_INT(ab_promise_missing(AB_LEVEL_NAMESPACE, &facts, AB_PROMISE_BIT(AB_PROMISE_PIDS) | AB_PROMISE_BIT(AB_PROMISE_KUID)),
	    AB_PROMISE_BIT(AB_PROMISE_PIDS) | AB_PROMISE_BIT(AB_PROMISE_KUID));
}

static void
require_names_what_is_missing(void)
{
	struct ab_error err = AB_ERROR_INIT;
	const ab_promises proc = AB_PROMISE_BIT(AB_PROMISE_PROC), unix_sockets = AB_PROMISE_BIT(AB_PROMISE_UNIX);

	CHECK_INT(ab_promise_require(proc, unix_sockets, AB_LEVEL_LANDLOCK, &err), 0);
	CHECK_INT(ab_promise_require(proc | unix_sockets, unix_sockets, AB_LEVEL_LANDLOCK, &err), -1);
	CHECK_INT(err.code, AB_E_ISOLATION_UNAVAILABLE);
	CHECK_STRING(err.msg, "level landlock does not keep what is required: unix");
}

int
main(void)
{
	const struct tap_test tests[] = {
		{ "words are the closed list", words_are_the_closed_list },
		{ "sets become text", sets_become_text },
		{ "the table", the_table },
		{ "missing agrees with the table", missing_agrees_with_the_table },
		{ "facts decide", facts_decide },
		{ "require names what is missing", require_names_what_is_missing },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
