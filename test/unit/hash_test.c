/* data/hash: the examples of FIPS 180-4 (NIST, Cryptographic Standards, SHA-256). */
#include "data/hash.h"

#include <stdlib.h>

#include "core/mem.h"
#include "tap.h"

static const char *
hex_of(const void *data, size_t len)
{
	static char text[2 * AB_SHA256_SIZE + 1];
	unsigned char hash[AB_SHA256_SIZE];

	ab_sha256(data, len, hash);
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	return text;
}

static void
test_vectors(void)
{
	static const struct {
		const char *text, *hash;
	} row[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};

	for (size_t i = 0; i < AB_COUNT_OF(row); i++)
		CHECK_STRING(hex_of(row[i].text, strlen(row[i].text)), row[i].hash);
}

static void
test_million(void)
{
	AB_AUTO_FREE char *text = ab_malloc(1000000);

	memset(text, 'a', 1000000);
	CHECK_STRING(hex_of(text, 1000000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	/* 55, 56 and 64 bytes are where the padding takes another block; NUL bytes count. */
	CHECK_STRING(hex_of(text, 55), "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
	CHECK_STRING(hex_of(text, 56), "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
	CHECK_STRING(hex_of(text, 64), "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
	CHECK_STRING(hex_of("\0", 1), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

/* In parts of any size it is the same; the text of a hash. */
static void
test_parts(void)
{
	AB_AUTO_FREE char *text = ab_malloc(1000);
	unsigned char hash[AB_SHA256_SIZE];
	char hex[AB_SHA256_TEXT];

	memset(text, 'x', 1000);
	for (size_t step = 1; step < 1000; step += 61) {
		struct ab_sha256_parts parts;
		ab_sha256_begin(&parts);
		for (size_t at = 0; at < 1000; at += step)
			ab_sha256_add(&parts, text + at, step < 1000 - at ? step : 1000 - at);
		ab_sha256_end(&parts, hash);
		CHECK_STRING(ab_sha256_text(hex, hash), hex_of(text, 1000));
	}
}

/* RFC 4231, cases 2 and 6: a short key, and one that is longer than a block. */
static void
test_hmac(void)
{
	unsigned char mac[AB_SHA256_SIZE], key[131];
	char hex[AB_SHA256_TEXT];

	ab_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, mac);
	CHECK_STRING(ab_sha256_text(hex, mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	ab_hmac_sha256(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54, mac);
	CHECK_STRING(ab_sha256_text(hex, mac), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "vectors", test_vectors },
		{ "a million bytes, and the edges of a block", test_million },
		{ "in parts", test_parts },
		{ "HMAC (RFC 4231)", test_hmac },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
