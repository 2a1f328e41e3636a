/* Hashes: libsodium's. */
#include "data/hash.h"

#include <sodium/crypto_auth_hmacsha256.h>
#include <sodium/crypto_hash_sha256.h>
#include <sodium/utils.h>
#include <sodium/version.h>

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct ab_sha256_parts), "the library's state has its place");
_Static_assert(_Alignof(crypto_hash_sha256_state) <= _Alignof(struct ab_sha256_parts), "and stands right in it");

void
ab_sha256(const void *data, size_t len, unsigned char hash[static AB_SHA256_SIZE])
{
	crypto_hash_sha256(hash, data, len);
}

void
ab_sha256_begin(struct ab_sha256_parts *parts)
{
	crypto_hash_sha256_init((crypto_hash_sha256_state *)(void *)parts->state);
}

void
ab_sha256_add(struct ab_sha256_parts *parts, const void *data, size_t len)
{
	crypto_hash_sha256_update((crypto_hash_sha256_state *)(void *)parts->state, data, len);
}

void
ab_sha256_end(struct ab_sha256_parts *parts, unsigned char hash[static AB_SHA256_SIZE])
{
	crypto_hash_sha256_final((crypto_hash_sha256_state *)(void *)parts->state, hash);
}

const char *
ab_sha256_text(char text[static AB_SHA256_TEXT], const unsigned char hash[static AB_SHA256_SIZE])
{
	return sodium_bin2hex(text, AB_SHA256_TEXT, hash, AB_SHA256_SIZE);
}

void
ab_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, unsigned char mac[static AB_SHA256_SIZE])
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, key, key_len);
	crypto_auth_hmacsha256_update(&state, data, len);
	crypto_auth_hmacsha256_final(&state, mac);
	sodium_memzero(&state, sizeof(state));
}

const char *
ab_hash_library_version(void)
{
	return sodium_version_string();
}
