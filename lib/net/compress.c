/* Zstandard. */
#include "net/compress.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "core/io.h"
#include "core/mem.h"

enum { LEVEL = 3, WINDOW_LOG_MAX = 27, CHUNK = 128 << 10 };

struct ab_decompressor {
	ZSTD_DStream *stream;
	size_t left; /* 0: a frame has just ended */
	bool begun;
	char chunk[CHUNK];
};

static void
free_compressor(ZSTD_CCtx **compressor)
{
	ZSTD_freeCCtx(*compressor);
}

/* One round of the compressor's: all of input goes in, what comes out is written. */
static int
press(ZSTD_CCtx *compressor, ZSTD_inBuffer *input, ZSTD_EndDirective how, char *chunk, int to, const char *to_what, struct ab_error *err)
{
	size_t left;

	do {
		ZSTD_outBuffer output = { chunk, CHUNK, 0 };
		left = ZSTD_compressStream2(compressor, &output, input, how);
		if (ZSTD_isError(left))
			return ab_fail(err, AB_E_SYSTEM, "compress: %s", ZSTD_getErrorName(left));
		if (ab_write_all(to, output.dst, output.pos) < 0)
			return ab_fail_errno(err, errno, "write \"%s\"", to_what);
	} while (how == ZSTD_e_end ? left > 0 : input->pos < input->size);
	return 0;
}

int
ab_compress_file(int from, int to, const char *what, const char *to_what, struct ab_error *err)
{
	AB_CLEANUP(free_compressor) ZSTD_CCtx *compressor = ZSTD_createCCtx();
	AB_AUTO_FREE char *in = ab_malloc(CHUNK), *out = ab_malloc(CHUNK);
	off_t at = 0;
	ssize_t got;

	if (compressor == NULL)
		abort(); /* out of memory */
	ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(compressor, ZSTD_c_checksumFlag, 1);
	while ((got = pread(from, in, CHUNK, at)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ab_fail_errno(err, errno, "read \"%s\"", what);
		ZSTD_inBuffer input = { in, (size_t)got, 0 };
		if (press(compressor, &input, ZSTD_e_continue, out, to, to_what, err) < 0)
			return -1;
		at += got;
	}
	ZSTD_inBuffer nothing = { in, 0, 0 };
	return press(compressor, &nothing, ZSTD_e_end, out, to, to_what, err);
}

struct ab_decompressor *
ab_decompressor_new(void)
{
	struct ab_decompressor *decompressor = ab_calloc(1, sizeof(*decompressor));

	decompressor->stream = ZSTD_createDStream();
	if (decompressor->stream == NULL)
		abort(); /* out of memory */
	ZSTD_DCtx_setParameter(decompressor->stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
	return decompressor;
}

void
ab_decompressor_free(struct ab_decompressor *decompressor)
{
	if (decompressor == NULL)
		return;
	ZSTD_freeDStream(decompressor->stream);
	free(decompressor);
}

void
ab_decompressor_reset(struct ab_decompressor *decompressor)
{
	ZSTD_DCtx_reset(decompressor->stream, ZSTD_reset_session_only);
	decompressor->left = 0;
	decompressor->begun = false;
}

int
ab_decompressor_write(struct ab_decompressor *decompressor, const void *bytes, size_t len, ab_bytes_sink *sink, void *data, struct ab_error *err)
{
	ZSTD_inBuffer input = { bytes, len, 0 };
	ZSTD_outBuffer output;

	if (len == 0)
		return 0;
	decompressor->begun = true;
	do {
		output = (ZSTD_outBuffer){ decompressor->chunk, CHUNK, 0 };
		size_t left = ZSTD_decompressStream(decompressor->stream, &output, &input);
		if (ZSTD_isError(left))
			return ab_fail(err, AB_E_CORRUPT, "not what zstd made: %s", ZSTD_getErrorName(left));
		decompressor->left = left;
		if (output.pos > 0 && sink(data, output.dst, output.pos, err) < 0)
			return -1;
		/* A full chunk may have left more inside. */
	} while (input.pos < input.size || (output.pos == output.size && decompressor->left > 0));
	return 0;
}

int
ab_decompressor_end(const struct ab_decompressor *decompressor, struct ab_error *err)
{
	if (!decompressor->begun)
		return ab_fail(err, AB_E_CORRUPT, "not what zstd made: it is empty");
	return decompressor->left == 0 ? 0 : ab_fail(err, AB_E_CORRUPT, "not what zstd made: its end is missing");
}

const char *
ab_compress_library_version(void)
{
	return ZSTD_versionString();
}
