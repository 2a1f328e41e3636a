/* What is asked for, and the environment beside it, as requests to a store. */
#include "ab-s3.h"

#include <signal.h>
#include <stdlib.h>

#include "core/mem.h"
#include "core/time.h"

/* NULL for one that is not set, or empty. */
static const char *
environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

static const char *
first_of(const char *given, const char *second, const char *third)
{
	if (given != NULL && given[0] != '\0')
		return given;
	return second != NULL ? second : third;
}

/* From the environment alone: what stands in an argument, anybody on the machine can read. */
static int
find_credentials(struct ab_s3_credentials *credentials, struct ab_error *err)
{
	*credentials = (struct ab_s3_credentials){ .access_key = environment("AWS_ACCESS_KEY_ID"),
		.secret_key = environment("AWS_SECRET_ACCESS_KEY"),
		.session_token = environment("AWS_SESSION_TOKEN") };
	if (credentials->access_key != NULL && credentials->secret_key != NULL)
		return 0;
	ab_fail(err, AB_E_AUTH_FAILED, "no credentials: %s is not set", credentials->access_key == NULL ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY");
	if (environment("AWS_PROFILE") != NULL)
		ab_error_hint(err, "AWS_PROFILE is not looked at here; eval \"$(aws configure export-credentials --format env)\" sets what is");
	else
		ab_error_hint(err, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN where there is one");
	return -1;
}

static int
find_place(const struct object_params *params, struct ab_s3_place *place, struct ab_s3_name *name, struct ab_error *err)
{
	*place = (struct ab_s3_place){
		.endpoint = first_of(params->endpoint, environment("AWS_ENDPOINT_URL_S3"), environment("AWS_ENDPOINT_URL")),
		.region = first_of(params->region, first_of(environment("AWS_REGION"), environment("AWS_DEFAULT_REGION"), NULL), "us-east-1"),
		.ca_file = first_of(environment("AWS_CA_BUNDLE"), environment("SSL_CERT_FILE"), NULL),
		.deadline_ms = ab_deadline(params->patience_ms),
	};
	if (ab_s3_name_parse(params->url, name, err) < 0)
		return -1;
	return find_credentials(&place->credentials, err);
}

/*
 * A request may take minutes, in which no loop runs that would see a signal that is blocked for it: until it is done, they end us by
 * themselves. There is nothing to clean up, for no temporary file has a name.
 */
static void
allow_signals(sigset_t *before)
{
	sigset_t ending;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigprocmask(SIG_UNBLOCK, &ending, before);
}

static void
restore_signals(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
}

static void
write_stored(struct ab_call *call, const struct ab_s3_stored *stored, bool get)
{
	struct ab_json *json = ab_call_record(call);

	if (!stored->not_modified) {
		ab_json_string(json, "etag", stored->etag[0] != '\0' ? stored->etag : NULL);
		ab_json_integer(json, "bytes", stored->bytes);
		ab_json_string(json, "sha256", stored->sha256);
		ab_json_integer(json, "tries", stored->tries);
	}
	if (get)
		ab_json_boolean(json, "not_modified", stored->not_modified);
	ab_call_record_end(call);
}

int
put_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct put_params *params = data;
	const struct ab_s3_put put = { .path = params->file, .zstd = params->zstd > 0, .if_match = params->if_match, .if_absent = params->if_absent > 0 };
	struct ab_s3_stored stored;
	struct ab_s3_place place;
	struct ab_s3_name name;
	sigset_t mask;

	if (put.if_match != NULL && put.if_absent)
		return ab_fail(err, AB_E_INPUT_INVALID, "if_match and if_absent cannot both hold");
	if (find_place(&params->object, &place, &name, err) < 0)
		return -1;
	ab_call_log(call, NULL, name.shown, NULL);
	allow_signals(&mask);
	int rc = ab_s3_put(*(struct ab_s3 **)ab_call_state(call), &place, &name, &put, &stored, err);
	restore_signals(&mask);
	if (rc < 0)
		return -1;
	write_stored(call, &stored, false);
	return AB_DONE;
}

int
get_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct get_params *params = data;
	const struct ab_s3_get get = { .path = params->file,
		.zstd = params->zstd > 0,
		.max_bytes = params->max_bytes == AB_UNSET ? -1 : params->max_bytes,
		.sha256 = params->sha256,
		.if_none_match = params->if_none_match };
	struct ab_s3_stored stored;
	struct ab_s3_place place;
	struct ab_s3_name name;
	sigset_t mask;

	if (find_place(&params->object, &place, &name, err) < 0)
		return -1;
	ab_call_log(call, NULL, name.shown, NULL);
	allow_signals(&mask);
	int rc = ab_s3_get(*(struct ab_s3 **)ab_call_state(call), &place, &name, &get, &stored, err);
	restore_signals(&mask);
	if (rc < 0)
		return -1;
	write_stored(call, &stored, true);
	return AB_DONE;
}

int
delete_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct delete_params *params = data;
	struct ab_s3_place place;
	struct ab_s3_name name;
	sigset_t mask;

	if (find_place(&params->object, &place, &name, err) < 0)
		return -1;
	ab_call_log(call, NULL, name.shown, NULL);
	allow_signals(&mask);
	int rc = ab_s3_delete(*(struct ab_s3 **)ab_call_state(call), &place, &name, err);
	restore_signals(&mask);
	if (rc < 0)
		return -1;
	struct ab_json *json = ab_call_record(call);
	ab_json_boolean(json, "deleted", true);
	ab_call_record_end(call);
	return AB_DONE;
}
