/* net/sigv4: the examples of the Amazon S3 API Reference. */
#include "net/sigv4.h"

#include "core/mem.h"
#include "tap.h"

static const char EMPTY[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/* "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk", examples "GET Object" and "PUT Object". */
static void
test_examples(void)
{
	const struct ab_sigv4_signer signer = { "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", "s3" };
	const struct ab_sigv4_header get[] = { { "host", "examplebucket.s3.amazonaws.com" }, { "range", "bytes=0-9" }, { "x-amz-content-sha256", EMPTY },
		{ "x-amz-date", "20130524T000000Z" } };
	const char body[] = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
	const struct ab_sigv4_header put[] = { { "date", "Fri, 24 May 2013 00:00:00 GMT" }, { "host", "examplebucket.s3.amazonaws.com" },
		{ "x-amz-content-sha256", body }, { "x-amz-date", "20130524T000000Z" }, { "x-amz-storage-class", "REDUCED_REDUNDANCY" } };
	AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(4096);

	ab_sigv4_sign(&signer, &(struct ab_sigv4_request){ "GET", "/test.txt", get, AB_COUNT_OF(get), EMPTY }, "20130524T000000Z", &out);
	CHECK_STRING(out.data,
	    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
	    "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
	ab_buf_truncate(&out, 0);
	ab_sigv4_sign(&signer, &(struct ab_sigv4_request){ "PUT", "/test%24file.text", put, AB_COUNT_OF(put), body }, "20130524T000000Z", &out);
	const char *signature = strstr(out.data, "Signature=");
	CHECK_STRING(signature != NULL ? signature + 10 : "", "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static void
test_time(void)
{
	char text[AB_SIGV4_TIME_SIZE];

	CHECK_STRING(ab_sigv4_time(text, 0), "19700101T000000Z");
	CHECK_STRING(ab_sigv4_time(text, 1369353600999), "20130524T000000Z");
	CHECK_STRING(ab_sigv4_time(text, 4102444799000), "20991231T235959Z");
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "Amazon's examples", test_examples },
		{ "times", test_time },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
