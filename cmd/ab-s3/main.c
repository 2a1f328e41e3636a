/* ab-s3: the table of operations. */
#include "ab-s3.h"

#include <signal.h>
#include <sys/prctl.h>

#define OBJECT(S) \
	AB_PARAM_STRING(S, object.url, .name = "url", .flags = AB_REQUIRED | AB_POSITIONAL, .meta = "URL", .help = "the object: s3://BUCKET/KEY"), \
	    AB_PARAM_STRING(S, object.endpoint, .name = "endpoint", .meta = "URL", .group = "where", \
		.help = "the store; else AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, else Amazon"), \
	    AB_PARAM_STRING(S, object.region, .name = "region", .meta = "REGION", .group = "where", \
		.help = "the bucket's region; else AWS_REGION, AWS_DEFAULT_REGION, else us-east-1"), \
	    AB_PARAM_DURATION(S, object.patience_ms, .name = "patience", .dflt = "2m", .min = 1, .group = "limits", \
		.help = "how long it may take in all, with all its tries")
#define FILE_(S, text) \
	AB_PARAM_STRING(S, file, .name = "file", .letter = 'f', .flags = AB_REQUIRED | AB_HOST_PATH, .meta = "FILE", .help = text)
#define ZSTD(S, text) AB_PARAM_BOOLEAN(S, zstd, .name = "zstd", .dflt = "false", .help = text)

static const struct ab_param put_params[] = {
	OBJECT(struct put_params),
	FILE_(struct put_params, "what it shall hold"),
	ZSTD(struct put_params, "compress it"),
	AB_PARAM_STRING(struct put_params, if_match, .name = "if-match", .meta = "ETAG", .group = "condition", .help = "only when it has this ETag"),
	AB_PARAM_BOOLEAN(struct put_params, if_absent, .name = "if-absent", .dflt = "false", .group = "condition", .help = "only when there is no such object"),
	AB_PARAM_END
};

static const struct ab_param get_params[] = {
	OBJECT(struct get_params),
	FILE_(struct get_params, "where it goes: replaced when all of it is there"),
	ZSTD(struct get_params, "decompress it"),
	AB_PARAM_SIZE(struct get_params, max_bytes, .name = "max-bytes", .group = "limits", .help = "most that the file may have"),
	AB_PARAM_STRING(struct get_params, sha256, .name = "sha256", .meta = "HEX", .group = "condition", .help = "of the object as it is stored; another one is corrupt"),
	AB_PARAM_STRING(struct get_params, if_none_match, .name = "if-none-match", .meta = "ETAG", .group = "condition", .help = "only when it has another ETag"),
	AB_PARAM_END
};

static const struct ab_param delete_params[] = { OBJECT(struct delete_params), AB_PARAM_END };

#define STORED_FIELDS(null) \
	{ .name = "etag", .type = "string?", .help = "its ETag, as it is sent, with its quotes" }, \
	    { .name = "bytes", .type = "integer" null, .help = "of the object as it is stored" }, \
	    { .name = "sha256", .type = "string" null, .help = "of the same" }, \
	    { .name = "tries", .type = "integer" null, .help = "how often it was sent" }

static const struct ab_field put_fields[] = { STORED_FIELDS(""), { .name = NULL } };
static const struct ab_field get_fields[] = {
	STORED_FIELDS("?"),
	{ .name = "not_modified", .type = "boolean", .help = "it has the given ETag, and nothing was written" },
	{ .name = NULL }
};
static const struct ab_field delete_fields[] = { { .name = "deleted", .type = "boolean", .help = "it is not there, or no longer" }, { .name = NULL } };

static const struct ab_op operations[] = {
	{ .name = "put",
	    .summary = "make an object of a file",
	    .params = put_params,
	    .params_size = sizeof(struct put_params),
	    .answer = AB_ANSWER_ONE,
	    .fields = put_fields,
	    .flags = AB_DESTRUCTIVE | AB_IDEMPOTENT | AB_OPEN_WORLD,
	    .run = put_operation },
	{ .name = "get",
	    .summary = "make a file of an object",
	    .params = get_params,
	    .params_size = sizeof(struct get_params),
	    .answer = AB_ANSWER_ONE,
	    .fields = get_fields,
	    .flags = AB_DESTRUCTIVE | AB_IDEMPOTENT | AB_OPEN_WORLD,
	    .run = get_operation },
	{ .name = "delete",
	    .alias = "rm",
	    .summary = "delete an object",
	    .params = delete_params,
	    .params_size = sizeof(struct delete_params),
	    .answer = AB_ANSWER_ONE,
	    .fields = delete_fields,
	    .flags = AB_DESTRUCTIVE | AB_IDEMPOTENT | AB_OPEN_WORLD,
	    .run = delete_operation },
	{ .name = NULL }
};

static const char *const schemas[] = { "ab.s3/1", NULL };
static const struct ab_library libraries[] = {
	{ "libcurl", ab_s3_library_version },
	{ "libsodium", ab_hash_library_version },
	{ "zstd", ab_compress_library_version },
	{ .name = NULL }
};

static struct ab_s3 *s3;

int
main(int argc, char **argv)
{
	const struct ab_tool tool = {
		.name = "ab-s3",
		.summary = "Put, get and delete objects of an S3-compatible store.",
		.ops = operations,
		.schemas = schemas,
		.epilog = "export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…   (the environment alone has credentials)\n"
			  "ab-s3 put s3://bucket/key --file FILE --zstd\n"
			  "ab-s3 get s3://bucket/key --file FILE --zstd --endpoint http://127.0.0.1:9000\n"
			  "ab-s3 batch --host-paths --region eu-central-1 <requests\n",
		.state = &s3,
		.libraries = libraries,
	};

	/* A request may take minutes, and sees nothing else: it ends with who asked for it. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	s3 = ab_s3_new();
	int status = ab_tool_main(&tool, argc, argv);
	ab_s3_free(s3);
	return status;
}
