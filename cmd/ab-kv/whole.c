/* backup, check, gc. */
#include "ab-kv.h"

#include "core/mem.h"

static int
need_store(struct ab_call *call, const struct where_params *where, bool write, struct ab_kv **kv, struct ab_error *err)
{
	struct ab_span ns;

	if (kv_open(call, where, write, kv, &ns, err) < 0)
		return -1;
	return *kv != NULL ? 0 : ab_fail(err, AB_E_NOT_FOUND, "nothing was ever stored there");
}

int
backup_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct file_params *params = data;
	struct ab_kv *kv;

	if (need_store(call, &params->where, false, &kv, err) < 0)
		return -1;
	struct ab_store *store = ab_kv_store(kv);
	ab_call_settle(call);
	if (store->engine->backup(store, params->file, err) < 0)
		return -1;
	struct ab_json *json = ab_call_record(call);
	ab_json_string(json, "file", params->file);
	ab_call_record_end(call);
	return AB_DONE;
}

int
check_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct whole_params *params = data;
	struct ab_kv *kv;

	if (need_store(call, &params->where, false, &kv, err) < 0)
		return -1;
	struct ab_store *store = ab_kv_store(kv);
	if (store->engine->check(store, err) < 0)
		return -1;
	struct ab_json *json = ab_call_record(call);
	ab_json_boolean(json, "sound", true);
	ab_call_record_end(call);
	return AB_DONE;
}

int
gc_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct whole_params *params = data;
	struct ab_kv *kv;
	struct ab_span ns;
	int64_t swept = 0;
	bool dry_run = ab_call_dry_run(call);

	if (kv_open(call, &params->where, false, &kv, &ns, err) < 0)
		return -1;
	if (kv != NULL && !dry_run && kv_open(call, &params->where, true, &kv, &ns, err) < 0)
		return -1;
	if (kv != NULL && ab_kv_sweep(kv, dry_run, &swept, err) < 0)
		return -1;
	struct ab_json *json = ab_call_record(call);
	ab_json_integer(json, "expired", swept);
	ab_json_boolean(json, "dry_run", dry_run);
	ab_call_record_end(call);
	return AB_DONE;
}
