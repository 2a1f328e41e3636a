/* export, import: entries as lines of JSON. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ab-kv.h"
#include "core/mem.h"
#include "core/ndjson.h"
#include "data/kvline.h"

#define GROUP_COUNT 1000     /* lines that are committed together */
#define GROUP_BYTES (16 << 20)
#define LINE_TIMES 6	     /* so long is a byte of text that must be escaped */

/* ---- export ---- */

static int
export_one(void *data, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err)
{
	struct ab_call *call = data;
	struct ab_json *json = ab_call_item(call);

	(void)err;
	ab_kvline_write(json, &(struct ab_kvline){ .kind = AB_KVLINE_EXPORTED, .entry = *entry, .value = *value });
	ab_call_item_end(call);
	return 0;
}

struct exporting {
	struct ab_kv *kv;
	struct ab_call *call;
	struct ab_span prefix;
};

static int
export_namespace(void *data, struct ab_span name, int64_t keys, int64_t bytes, struct ab_error *err)
{
	const struct exporting *exporting = data;
	struct ab_range range = { .ns = name, .prefix = exporting->prefix, .values = true };

	(void)keys, (void)bytes;
	return ab_kv_range(exporting->kv, &range, export_one, exporting->call, err);
}

/* One moment of the store: a read transaction. */
static int
export_all(struct ab_kv *kv, struct ab_call *call, const struct export_params *params, struct ab_span ns, struct ab_error *err)
{
	struct ab_range range = { .ns = ns, .nested = params->recursive == 1, .prefix = kv_span(params->prefix), .values = true };
	struct exporting exporting = { .kv = kv, .call = call, .prefix = kv_span(params->prefix) };

	if (params->all == 1)
		return ab_kv_namespaces(kv, (struct ab_span){ .data = NULL }, export_namespace, &exporting, err);
	return ab_kv_range(kv, &range, export_one, call, err);
}

int
export_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct export_params *params = data;
	struct ab_kv *kv;
	struct ab_span ns;

	if (kv_open(call, &params->where, false, &kv, &ns, err) < 0)
		return -1;
	if (kv == NULL)
		return AB_DONE;
	struct ab_store *store = ab_kv_store(kv);
	if (store->engine->begin(store, false, err) < 0)
		return -1;
	int status = export_all(kv, call, params, ns, err);
	store->engine->rollback(store);
	return status < 0 ? -1 : AB_DONE;
}

/* ---- import ---- */

struct importing {
	struct ab_kv *kv;
	struct ab_span into; /* data NULL: as the lines say */
	bool dry_run;
	int64_t imported, expired;
	size_t grouped, grouped_bytes;
	unsigned long long safe_line; /* all up to it is committed */
};

static int
settle(struct importing *importing, unsigned long long line, struct ab_error *err)
{
	if (importing->dry_run)
		ab_kv_abandon(importing->kv);
	else if (ab_kv_settle(importing->kv, err) < 0)
		return -1;
	importing->grouped = importing->grouped_bytes = 0;
	importing->safe_line = line;
	return 0;
}

static int
import_line(void *data, unsigned long long number, const char *text, size_t len, struct ab_error *err)
{
	struct importing *importing = data;
	AB_AUTO_KVLINE struct ab_kvline line = AB_KVLINE_INIT;
	struct ab_entry entry;

	if (text == NULL)
		return ab_fail(err, AB_E_INPUT_TOO_LONG, "it is longer than --max-value lets it be");
	if (ab_kvline_read(&line, text, len, importing->into, err) < 0) {
		/* Where it stands in the input is said before. */
		static const char first[] = "line 1, ";
		if (strncmp(err->msg, first, strlen(first)) == 0)
			memmove(err->msg, err->msg + strlen(first), strlen(err->msg + strlen(first)) + 1);
		return -1;
	}
	if (line.kind != AB_KVLINE_EXPORTED)
		return ab_fail(err, AB_E_INPUT_INVALID, "it is of a copy, and not of an export");
	int put = ab_kv_import(importing->kv, &line.entry, line.value, &entry, err);
	if (put < 0)
		return -1;
	importing->imported += put;
	importing->expired += !put;
	importing->grouped_bytes += line.value.len;
	if (++importing->grouped >= GROUP_COUNT || importing->grouped_bytes >= GROUP_BYTES)
		return settle(importing, number, err);
	return 0;
}

int
import_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct import_params *params = data;
	struct where_params where = params->where;
	bool named = params->file.kind == AB_BYTES_FILE;
	AB_AUTO_CLOSE int fd = named ? open(params->file.path, O_RDONLY | O_NOCTTY | O_CLOEXEC) : -1;
	struct importing importing = { .dry_run = ab_call_dry_run(call) };
	struct ab_lines lines;
	struct ab_span ns;

	if (named && fd < 0)
		return ab_fail_errno(err, errno, "open \"%s\"", params->file.path);
	/* (A variable may stand there for other commands.) */
	if (params->into != 1 && ab_call_given(call, "namespace") && getenv("AB_NAMESPACE") == NULL) {
		ab_fail(err, AB_E_USAGE, "import: each line names its namespace");
		ab_error_hint(err, "--into puts all into the one of --namespace; else leave --namespace out");
		return -1;
	}
	if (importing.dry_run && kv_open(call, &where, false, &importing.kv, &ns, err) < 0)
		return -1;
	if (importing.dry_run && importing.kv == NULL)
		where.db = ":memory:"; /* there is no store, and there will be none */
	if (kv_open(call, &where, true, &importing.kv, &ns, err) < 0)
		return -1;
	if (params->into == 1)
		importing.into = ns;
	ab_kv_group(importing.kv);
	ab_lines_init(&lines, (size_t)params->where.max_value_bytes * LINE_TIMES + AB_KVLINE_MORE);
	int status = ab_lines_read(&lines, named ? fd : STDIN_FILENO, import_line, &importing, err);
	if (status == 0)
		status = settle(&importing, lines.line, err);
	ab_lines_release(&lines);
	if (status < 0) {
		ab_kv_abandon(importing.kv);
		ab_error_context(err, "import%s%s", named ? " " : "", named ? params->file.path : "");
		if (!importing.dry_run && importing.safe_line == 0)
			ab_error_hint(err, "nothing of it is in the store");
		else if (!importing.dry_run)
			ab_error_hint(err, "the first %llu lines are in the store, those behind are not; importing them again changes nothing", importing.safe_line);
		return -1;
	}
	struct ab_json *json = ab_call_record(call);
	ab_json_integer(json, "imported", importing.imported);
	ab_json_integer(json, "expired", importing.expired);
	ab_json_boolean(json, "dry_run", importing.dry_run);
	ab_call_record_end(call);
	return AB_DONE;
}
