/* Bytes in and out of descriptors: in full, in lines, and all at once. */
#ifndef AB_CORE_IO_H
#define AB_CORE_IO_H

#include <stdint.h>

#include "core/buf.h"

/* Write all of it, through EINTR and (with poll) EAGAIN; -1 with errno set. */
int ab_write_all(int fd, const void *data, size_t len);
/* Read until end-of-file into buf. 0, or -1: limit.size when buf->max is reached, system. `what` names it in the error. */
int ab_read_all(int fd, struct ab_buf *buf, const char *what, struct ab_error *err) AB_MUST_USE;
/* Open (CLOEXEC, no following of a final link when nofollow), read at most buf->max, close. not_found, limit.size, … */
int ab_read_file(int dirfd, const char *path, struct ab_buf *buf, struct ab_error *err) AB_MUST_USE;
/* Replace a file atomically: temporary file beside it, write, fsync, rename. mode is that of a new file. */
int ab_write_file_atomic(int dirfd, const char *path, const void *data, size_t len, unsigned mode, struct ab_error *err) AB_MUST_USE;
int ab_set_nonblocking(int fd);

#endif
