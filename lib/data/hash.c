/* Hashes: libsodium's. */
#include "data/hash.h"

#include <sodium/crypto_hash_sha256.h>
#include <sodium/version.h>

void
ab_sha256(const void *data, size_t len, unsigned char hash[static AB_SHA256_SIZE])
{
	crypto_hash_sha256(hash, data, len);
}

const char *
ab_hash_library_version(void)
{
	return sodium_version_string();
}
