/* doctor, promises, groups: what this host gives, what each level keeps, and which hosts the groups stand for. */
#include "ab-exec.h"

#include <string.h>

#include "sys/probe.h"

#define FINDINGS_MAX 64

const struct ab_param doctor_params[] = {
	AB_PARAM_BOOLEAN(struct doctor_params, failing, .name = "failing", .dflt = "false", .help = "only what is missing"),
	AB_PARAM_END
};

const struct ab_field finding_fields[] = {
	{ .name = "name", .type = "string", .help = "what was looked at; `level` is the verdict" },
	{ .name = "ok", .type = "boolean", .help = "whether this host gives it" },
	{ .name = "promise", .type = "string?", .help = "the word in `missing` that depends on it" },
	{ .name = "detail", .type = "string", .help = "what was found" },
	{ .name = "remedy", .type = "string?", .help = "what to type to get it; never done by ab-exec" },
	{ .name = NULL }
};

static void
finding(struct ab_call *call, const char *name, bool ok, const char *promise, const char *detail, const char *remedy)
{
	struct ab_json *json = ab_call_item(call);

	ab_json_string(json, "name", name);
	ab_json_boolean(json, "ok", ok);
	ab_json_string(json, "promise", promise);
	ab_json_string(json, "detail", detail);
	ab_json_string(json, "remedy", remedy != NULL && remedy[0] != '\0' ? remedy : NULL);
	ab_call_item_end(call);
}

/* The verdict: the level that auto would choose. */
static int
verdict(struct ab_call *call, struct ab_error *err)
{
	struct ab_probe probe;
	struct ab_plan plan;
	struct ab_error refused = AB_ERROR_INIT;

	ab_probe_invalidate();
	if (ab_probe_get(&probe, err) < 0)
		return -1;
	ab_plan_init(&plan);
	if (ab_probe_choose(&probe, AB_LEVEL_AUTO, 0, &plan, &refused) < 0)
		finding(call, "level", false, "namespace", refused.msg, refused.hint);
	else
		finding(call, "level", plan.level == AB_LEVEL_NAMESPACE, "namespace", ab_level_name(plan.level), NULL);
	ab_plan_release(&plan);
	return 0;
}

int
doctor_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct doctor_params *params = data;
	AB_AUTO_FREE struct ab_finding *findings = ab_calloc(FINDINGS_MAX, sizeof(*findings));

	if (verdict(call, err) < 0)
		return -1;
	size_t count = ab_probe_doctor(findings, FINDINGS_MAX);
	for (size_t i = 0; i < count; i++)
		if (params->failing != 1 || !findings[i].ok)
			finding(call, findings[i].name, findings[i].ok, findings[i].promise, findings[i].detail, findings[i].remedy);
	return AB_DONE;
}

const struct ab_field promise_fields[] = {
	{ .name = "promise", .type = "string", .help = "the word of --require and `missing`" },
	{ .name = "level", .type = "'namespace|bwrap|landlock|software|none'", .help = "the level of isolation" },
	{ .name = "user", .type = "'kept|detected|not kept'", .help = "started by an ordinary user" },
	{ .name = "root", .type = "'kept|detected|not kept'", .help = "started by root" },
	{ .name = "container", .type = "'kept|detected|not kept'", .help = "started by root in a container" },
	{ .name = "text", .type = "string", .help = "what it means" },
	{ .name = NULL }
};

int
promises_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	static const char *const who_names[] = { "user", "root", "container" };
	static const char *const kept_names[] = { "kept", "detected", "not kept" };

	(void)data, (void)err;
	for (int promise = 0; promise < AB_PROMISE_COUNT; promise++)
		for (int level = 0; level < AB_LEVEL_COUNT; level++) {
			struct ab_json *json = ab_call_item(call);
			ab_json_string(json, "promise", ab_promise_name((enum ab_promise)promise));
			ab_json_string(json, "level", ab_level_name((enum ab_level)level));
			for (int who = 0; who < AB_WHO_COUNT; who++)
				ab_json_string(json, who_names[who], kept_names[ab_promise_kept((enum ab_promise)promise, (enum ab_level)level, (enum ab_who)who)]);
			ab_json_string(json, "text", ab_promise_text((enum ab_promise)promise));
			ab_call_item_end(call);
		}
	return AB_DONE;
}

const struct ab_field group_fields[] = {
	{ .name = "name", .type = "string", .help = "as it stands in --net allow:" },
	{ .name = "help", .type = "string", .help = "whose hosts these are" },
	{ .name = "hosts", .type = "string", .help = "what it stands for" },
	{ .name = NULL }
};

int
groups_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	(void)data, (void)err;
	for (const struct ab_net_group *group = ab_net_groups(); group->name != NULL; group++) {
		struct ab_json *json = ab_call_item(call);
		ab_json_string(json, "name", group->name);
		ab_json_string(json, "help", group->help);
		ab_json_string(json, "hosts", group->hosts);
		ab_call_item_end(call);
	}
	return AB_DONE;
}
