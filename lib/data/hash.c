/* Hashes: libsodium's. */
#include "data/hash.h"

#include <sodium/crypto_hash_sha256.h>

void
ab_sha256(const void *data, size_t len, unsigned char hash[static AB_SHA256_SIZE])
{
	crypto_hash_sha256(hash, data, len);
}
