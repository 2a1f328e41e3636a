/* Hashes of bytes. */
#ifndef AB_DATA_HASH_H
#define AB_DATA_HASH_H

#include <stddef.h>
#include <stdint.h>

#define AB_SHA256_SIZE 32
#define AB_SHA256_TEXT (2 * AB_SHA256_SIZE + 1)

/* FIPS 180-4. */
void ab_sha256(const void *data, size_t len, unsigned char hash[static AB_SHA256_SIZE]);

/* The same of bytes that come in parts: begin, add as often as there are any, end (after which begin may be called again). It owns
 * nothing. */
struct ab_sha256_parts {
	uint64_t state[16]; /* of the library */
};
void ab_sha256_begin(struct ab_sha256_parts *parts);
void ab_sha256_add(struct ab_sha256_parts *parts, const void *data, size_t len);
void ab_sha256_end(struct ab_sha256_parts *parts, unsigned char hash[static AB_SHA256_SIZE]);
/* In small hexadecimal digits. Returns text. */
const char *ab_sha256_text(char text[static AB_SHA256_TEXT], const unsigned char hash[static AB_SHA256_SIZE]);
/* RFC 2104 with SHA-256; the key may be of any length. */
void ab_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, unsigned char mac[static AB_SHA256_SIZE]);

/* Of what computes them: libsodium. */
const char *ab_hash_library_version(void);

#endif
