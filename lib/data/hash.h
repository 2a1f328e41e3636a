/* Hashes of bytes. */
#ifndef AB_DATA_HASH_H
#define AB_DATA_HASH_H

#include <stddef.h>

#define AB_SHA256_SIZE 32

/* FIPS 180-4. */
void ab_sha256(const void *data, size_t len, unsigned char hash[static AB_SHA256_SIZE]);

/* Of what computes them: libsodium. */
const char *ab_hash_library_version(void);

#endif
