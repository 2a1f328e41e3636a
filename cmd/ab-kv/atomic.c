/* atomic: requests that happen together, or not at all. */
#include "ab-kv.h"
#include "core/mem.h"

static int
do_all(struct ab_call *call, const struct ab_value *requests, struct ab_buf *answers, struct ab_error *err)
{
	for (size_t i = 0; i < ab_value_count(requests); i++) {
		if (i > 0)
			ab_buf_putc(answers, ',');
		if (ab_call_nested(call, ab_value_at(requests, i), answers, err) < 0) {
			ab_error_context(err, "request %zu", i + 1);
			return -1;
		}
	}
	return 0;
}

int
atomic_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct atomic_params *params = data;
	AB_AUTO_BUF struct ab_buf answers = AB_BUF_INIT((size_t)256 << 20);
	struct ab_kv *kv;
	struct ab_span ns;

	if (ab_value_kind(params->requests) != AB_VALUE_ARRAY)
		return ab_fail(err, AB_E_INPUT_INVALID, "\"requests\": must be an array of requests");
	if (kv_open(call, &params->where, true, &kv, &ns, err) < 0)
		return -1;
	/* Of its own: what came before in a group is not undone with it, and answers for itself. */
	ab_call_settle(call);
	ab_kv_group(kv);
	if (do_all(call, params->requests, &answers, err) < 0) {
		ab_kv_abandon(kv);
		return -1;
	}
	if (ab_kv_settle(kv, err) < 0)
		return -1;
	struct ab_json *json = ab_call_record(call);
	ab_json_array(json, "results");
	if (answers.len > 0)
		ab_json_raw(json, NULL, answers.data, answers.len);
	ab_json_array_end(json);
	ab_call_record_end(call);
	return AB_DONE;
}
