/* net/s3name: what is a name, and the address that it has. */
#include "net/s3name.h"

#include "core/buf.h"
#include "core/text.h"
#include "tap.h"

static enum ab_errcode
parse(const char *url, struct ab_s3_name *name)
{
	struct ab_error err = AB_ERROR_INIT;

	return ab_s3_name_parse(url, name, &err) == 0 ? AB_E_NONE : err.code;
}

static void
test_names(void)
{
	static const char *const BAD[] = { "", "s3:", "s3://", "s3://bucket", "s3://bucket/", "S3://bucket/k", "http://bucket/k", "s3://bu/k", "s3:///k", "s3://Bucket/k",
		"s3://under_score/k", "s3://a..b/k", "s3://-ab/k", "s3://ab-/k", "s3://ab./k", "s3://127.0.0.1/k", "s3://b c/k", "s3://bucket:9/k", "s3://u@bucket/k",
		"s3://0123456789012345678901234567890123456789012345678901234567890123/k", "s3://bucket/\xff" };
	struct ab_s3_name name;

	for (size_t i = 0; i < AB_COUNT_OF(BAD); i++)
		if (!CHECK_INT(parse(BAD[i], &name), AB_E_INPUT_INVALID))
			printf("# it is \"%s\"\n", BAD[i]);
	CHECK_INT(parse("s3://my.bucket-1/a/b c//d", &name), AB_E_NONE);
	CHECK_STRING(name.bucket, "my.bucket-1");
	CHECK_STRING(name.key, "a/b c//d");
	CHECK_STRING(name.shown, "s3://my.bucket-1/a/b c//d");
	CHECK_INT(parse("s3://abc//", &name), AB_E_NONE);
	CHECK_STRING(name.key, "/");
}

/* 1024 bytes and no more; for messages it is cut between characters. */
static void
test_long(void)
{
	AB_AUTO_BUF struct ab_buf url = AB_BUF_INIT(4096);
	struct ab_s3_name name;

	ab_buf_puts(&url, "s3://bucket/");
	for (int i = 0; i < 512; i++)
		ab_buf_puts(&url, "é");
	CHECK_INT(parse(url.data, &name), AB_E_NONE);
	CHECK_INT(strlen(name.key), AB_S3_KEY_MAX);
	CHECK(strlen(name.shown) > 250 && ab_utf8_valid(name.shown, strlen(name.shown)));
	CHECK_STRING(name.shown + strlen(name.shown) - 5, "é…");
	ab_buf_putc(&url, 'x');
	CHECK_INT(parse(url.data, &name), AB_E_INPUT_INVALID);
}

struct place {
	const char *name, *endpoint, *region, *url, *host, *path;
};

static void
test_addresses(void)
{
	static const struct place places[] = {
		{ "s3://bkt/k", NULL, "eu-west-1", "https://bkt.s3.eu-west-1.amazonaws.com/k", "bkt.s3.eu-west-1.amazonaws.com", "/k" },
		{ "s3://b.k.t/k", NULL, "eu-west-1", "https://s3.eu-west-1.amazonaws.com/b.k.t/k", "s3.eu-west-1.amazonaws.com", "/b.k.t/k" },
		{ "s3://bkt/k", NULL, "cn-north-1", "https://bkt.s3.cn-north-1.amazonaws.com.cn/k", "bkt.s3.cn-north-1.amazonaws.com.cn", "/k" },
		{ "s3://bkt/k", "http://127.0.0.1:9000", "r", "http://127.0.0.1:9000/bkt/k", "127.0.0.1:9000", "/bkt/k" },
		{ "s3://bkt/k", "http://127.0.0.1:9000/", "r", "http://127.0.0.1:9000/bkt/k", "127.0.0.1:9000", "/bkt/k" },
		{ "s3://bkt/k", "HTTPS://Host.Example:443", "r", "https://host.example/bkt/k", "host.example", "/bkt/k" },
		{ "s3://bkt/k", "http://host:80", "r", "http://host/bkt/k", "host", "/bkt/k" },
		{ "s3://bkt/k", "https://host:80/", "r", "https://host:80/bkt/k", "host:80", "/bkt/k" },
		{ "s3://bkt/k", "http://[::1]:9000", "r", "http://[::1]:9000/bkt/k", "[::1]:9000", "/bkt/k" },
		{ "s3://bkt/k", "https://host/storage/v1/s3/", "r", "https://host/storage/v1/s3/bkt/k", "host", "/storage/v1/s3/bkt/k" },
		{ "s3://bkt/a b+c=d&é/~x.../*'()%25", "http://h", "r", "http://h/bkt/a%20b%2Bc%3Dd%26%C3%A9/~x.../%2A%27%28%29%2525", "h",
		    "/bkt/a%20b%2Bc%3Dd%26%C3%A9/~x.../%2A%27%28%29%2525" },
		{ "s3://bkt/../x", "http://h", "r", "http://h/bkt/../x", "h", "/bkt/../x" },
	};

	for (size_t i = 0; i < AB_COUNT_OF(places); i++) {
		AB_AUTO_S3_ADDRESS struct ab_s3_address address = { .url = NULL };
		struct ab_error err = AB_ERROR_INIT;
		struct ab_s3_name name;
		CHECK_INT(parse(places[i].name, &name), AB_E_NONE);
		if (!CHECK_INT(ab_s3_address_make(&name, places[i].endpoint, places[i].region, &address, &err), 0))
			continue;
		CHECK_STRING(address.url, places[i].url);
		CHECK_STRING(address.host, places[i].host);
		CHECK_STRING(address.path, places[i].path);
	}
}

static void
test_bad_places(void)
{
	static const char *const ENDPOINTS[] = { "", "host", "ftp://host", "http://", "http:///x", "http://:9000", "http://user:pw@host", "http://host?x", "http://host#x",
		"http://ho st", "http://host\r\nX: y", "http://host/a%20b", "file:///etc/passwd" };
	static const char *const REGIONS[] = { "", "us east", "a/b", "x\r\ny", "0123456789012345678901234567890123456789012345678901234567890123" };
	struct ab_s3_address address;
	struct ab_s3_name name;

	CHECK_INT(parse("s3://bkt/k", &name), AB_E_NONE);
	for (size_t i = 0; i < AB_COUNT_OF(ENDPOINTS); i++) {
		struct ab_error err = AB_ERROR_INIT;
		CHECK_INT(ab_s3_address_make(&name, ENDPOINTS[i], "r", &address, &err), -1);
		CHECK_INT(err.code, AB_E_INPUT_INVALID);
		CHECK(strstr(err.msg, "pw") == NULL);
	}
	for (size_t i = 0; i < AB_COUNT_OF(REGIONS); i++) {
		struct ab_error err = AB_ERROR_INIT;
		CHECK_INT(ab_s3_address_make(&name, NULL, REGIONS[i], &address, &err), -1);
		CHECK_INT(err.code, AB_E_INPUT_INVALID);
	}
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "names", test_names },
		{ "long keys", test_long },
		{ "addresses", test_addresses },
		{ "no endpoint, no region", test_bad_places },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
