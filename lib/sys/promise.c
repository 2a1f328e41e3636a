/* The promises: their words, and the one function that says what is kept. */
#include "sys/promise.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

/* Landlock's versions that decide here; sys/landlock.h has the whole story. */
#define ABI_SCOPE 6

static const struct {
	const char *name, *text;
} promises[AB_PROMISE_COUNT] = {
	[AB_PROMISE_NAMESPACE] = { "namespace", "an own view of files, processes, IPC and host name" },
	[AB_PROMISE_PROC] = { "proc", "/proc is fresh and shows the command's processes alone" },
	[AB_PROMISE_NET] = { "net", "the network is none, or what the allow-list names" },
	[AB_PROMISE_SECCOMP] = { "seccomp", "the system-call filter is on" },
	[AB_PROMISE_LANDLOCK] = { "landlock", "Landlock is on" },
	[AB_PROMISE_MEMORY] = { "memory", "more memory than --memory ends the command" },
	[AB_PROMISE_PIDS] = { "pids", "there are never more processes than --pids" },
	[AB_PROMISE_CPU] = { "cpu", "more processor time than --cpu-time ends the command" },
	[AB_PROMISE_TMP] = { "tmp", "/tmp is the scope's own" },
	[AB_PROMISE_PROTECT] = { "protect", "what runs later on the owner's behalf cannot be changed" },
	[AB_PROMISE_PROTECT_DEEP] = { "protect.deep",
	    "changes to nested repositories are reported, all of them" },
	[AB_PROMISE_OWNERS] = { "owners", "files of every owner at the top of the tree are usable" },
	[AB_PROMISE_KUID] = { "kuid", "the kernel sees a user other than root" },
	[AB_PROMISE_SIGNALS] = { "signals", "no signal reaches a process outside" },
	[AB_PROMISE_METADATA] = { "metadata",
	    "owners, modes, times and attributes outside cannot be read or changed" },
	[AB_PROMISE_UNIX] = { "unix", "no unix socket outside the scope can be reached" },
	[AB_PROMISE_DISK] = { "disk", "no file grows beyond --file-size" },
};

static const char *const levels[AB_LEVEL_COUNT] = { "namespace", "bwrap", "landlock", "software", "none" };
static const char *const whos[AB_WHO_COUNT] = { "user", "root", "root in a container" };
static const char *const kepts[] = {
	[AB_KEPT] = "kept", [AB_DETECTED] = "detected", [AB_NOT_KEPT] = "not kept"
};

const char *
ab_level_name(enum ab_level level)
{
	return level == AB_LEVEL_AUTO ? "auto" : levels[level];
}

bool
ab_level_has_wall(enum ab_level level)
{
	return level != AB_LEVEL_SOFTWARE && level != AB_LEVEL_NONE;
}

bool
ab_level_has_view(enum ab_level level)
{
	return level == AB_LEVEL_NAMESPACE || level == AB_LEVEL_BWRAP;
}

const char *
ab_promise_name(enum ab_promise promise)
{
	return promises[promise].name;
}

const char *
ab_promise_text(enum ab_promise promise)
{
	return promises[promise].text;
}

const char *
ab_who_name(enum ab_who who)
{
	return whos[who];
}

const char *
ab_kept_name(enum ab_kept kept)
{
	return kepts[kept];
}

const char *
ab_promises_text(ab_promises set, const char *separator, char text[static AB_PROMISES_SIZE])
{
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < AB_PROMISE_COUNT; i++)
		if ((set & AB_PROMISE_BIT(i)) != 0 && len < AB_PROMISES_SIZE)
			len += (size_t)snprintf(text + len, AB_PROMISES_SIZE - len, "%s%s",
			    len > 0 ? separator : "", promises[i].name);
	return text;
}

int
ab_promise_parse(const char *word, enum ab_promise *promise, struct ab_error *err)
{
	char all[AB_PROMISES_SIZE];

	for (unsigned i = 0; i < AB_PROMISE_COUNT; i++)
		if (strcmp(word, promises[i].name) == 0) {
			*promise = (enum ab_promise)i;
			return 0;
		}
	ab_promises_text(AB_PROMISE_BIT(AB_PROMISE_COUNT) - 1, " ", all);
	return ab_fail(err, AB_E_INPUT_INVALID, "no such promise \"%.40s\"; there are: %s", word, all);
}

/*
 * The table. A limit that is kept by sampling (memory, cpu: every 50 ms) is kept where the command cannot get
 * at the sampler; without a wall it can, which ends the run with an error. At level landlock, `net` and `unix` are
 * kept by refusing sockets, so they hang on the filter.
 */
static enum ab_kept
keeps(enum ab_promise promise, enum ab_level level, const struct ab_facts *facts)
{
	const bool namespace = ab_level_has_view(level), wall = ab_level_has_wall(level);
	const int landlock_abi = level == AB_LEVEL_BWRAP ? 0 : facts->landlock_abi; /* it forbids the mounts that bwrap makes */
	bool kept = false;

	assert(promise < AB_PROMISE_COUNT);
	switch (promise) {
	case AB_PROMISE_NAMESPACE:
	case AB_PROMISE_TMP:
	case AB_PROMISE_METADATA:
		kept = namespace;
		break;
	case AB_PROMISE_PROC:
		kept = namespace && facts->fresh_proc;
		break;
	case AB_PROMISE_NET:
		kept = !facts->host_net && (namespace || (wall && facts->seccomp));
		break;
	case AB_PROMISE_SECCOMP:
		kept = wall && facts->seccomp;
		break;
	case AB_PROMISE_LANDLOCK:
		kept = wall && landlock_abi > 0;
		break;
	case AB_PROMISE_MEMORY:
	case AB_PROMISE_CPU:
		return wall ? AB_KEPT : AB_DETECTED;
	case AB_PROMISE_PIDS: /* RLIMIT_NPROC counts per user namespace, and not for uid 0 */
		kept = (level == AB_LEVEL_NAMESPACE && !facts->kernel_root) || (wall && facts->cgroup_pids);
		break;
	case AB_PROMISE_PROTECT: /* Landlock cannot deny below what it allows */
		return level == AB_LEVEL_NAMESPACE || (level == AB_LEVEL_BWRAP && facts->bwrap_holds) ? AB_KEPT : AB_DETECTED;
	case AB_PROMISE_PROTECT_DEEP:
		return AB_DETECTED;
	case AB_PROMISE_OWNERS:
		return facts->root && wall ? AB_DETECTED : AB_KEPT;
	case AB_PROMISE_KUID:
		kept = !facts->kernel_root;
		break;
	case AB_PROMISE_SIGNALS:
		kept = namespace || (wall && landlock_abi >= ABI_SCOPE);
		break;
	case AB_PROMISE_UNIX: /* with the host's network its abstract sockets are near */
		kept =
		    namespace ? !facts->host_net || landlock_abi >= ABI_SCOPE : wall && facts->seccomp;
		break;
	case AB_PROMISE_DISK:
		kept = wall || !facts->lifts_limits;
		break;
	case AB_PROMISE_COUNT:
		break;
	}
	return kept ? AB_KEPT : AB_NOT_KEPT;
}

void
ab_facts_usual(struct ab_facts *facts, enum ab_level level, enum ab_who who)
{
	*facts = (struct ab_facts){
		.fresh_proc = who != AB_WHO_CONTAINER_ROOT,
		.seccomp = true,
		.landlock_abi = 7,
		.cgroup_memory = who == AB_WHO_ROOT,
		.cgroup_pids = who == AB_WHO_ROOT,
		.root = who != AB_WHO_USER,
		.kernel_root =
		    who == AB_WHO_CONTAINER_ROOT || (who == AB_WHO_ROOT && level != AB_LEVEL_NAMESPACE),
		.lifts_limits = who == AB_WHO_ROOT && !ab_level_has_wall(level),
	};
}

enum ab_kept
ab_promise_kept(enum ab_promise promise, enum ab_level level, enum ab_who who)
{
	struct ab_facts facts;

	ab_facts_usual(&facts, level, who);
	return keeps(promise, level, &facts);
}

ab_promises
ab_promise_missing(enum ab_level level, const struct ab_facts *facts, ab_promises asked)
{
	ab_promises missing = 0;

	for (unsigned i = 0; i < AB_PROMISE_COUNT; i++)
		if (i != AB_PROMISE_OWNERS && i != AB_PROMISE_PROTECT_DEEP &&
		    keeps((enum ab_promise)i, level, facts) != AB_KEPT)
			missing |= AB_PROMISE_BIT(i);
	return missing & asked;
}

int
ab_promise_require(ab_promises required, ab_promises missing, enum ab_level level, struct ab_error *err)
{
	char words[AB_PROMISES_SIZE];

	if ((required & missing) == 0)
		return 0;
	return ab_fail(err, AB_E_ISOLATION_UNAVAILABLE, "level %s does not keep what is required: %s",
	    ab_level_name(level), ab_promises_text(required & missing, ", ", words));
}
