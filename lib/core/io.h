/* Bytes in and out of descriptors: in full, in lines, and all at once. */
#ifndef AB_CORE_IO_H
#define AB_CORE_IO_H

#include <stdint.h>

#include "core/buf.h"

/* Write all of it, through EINTR and (with poll) EAGAIN; -1 with errno set. */
int ab_write_all(int fd, const void *data, size_t len);
/* Read until end-of-file onto the end of buf, waiting where the descriptor is non-blocking. 0, or -1: limit.size when
   there is more than buf->max holds, system. `what` names it in the error. */
int ab_read_all(int fd, struct ab_buf *buf, const char *what, struct ab_error *err) AB_MUST_USE;
/* Open (CLOEXEC, following links), read at most buf->max, close. not_found, is_directory, limit.size, … */
int ab_read_file(int dirfd, const char *path, struct ab_buf *buf, struct ab_error *err) AB_MUST_USE;
/*
 * Replace a file atomically: temporary file (.ab-ID.tmp) beside it, write, fsync, rename. mode is that of a new file (less
 * the umask); a file that is replaced keeps its permissions, a symbolic link is itself replaced. After a crash the path
 * names the old contents or the new, never a part. Nothing is left behind on failure.
 */
int ab_write_file_atomic(int dirfd, const char *path, const void *data, size_t len, unsigned mode,
    struct ab_error *err) AB_MUST_USE;
/* A file in memory that holds the bytes, standing at its beginning (CLOEXEC); name: what /proc shows of it. memfd_create(2).
   -1 with errno set. */
int ab_memory_file(const char *name, const void *data, size_t len);
/* Out of the way of a standard input, output and error yet to come: fd (taken), or a duplicate (CLOEXEC) of one that is 0, 1
   or 2. -1 for -1, and with errno set. */
int ab_above_stdio(int fd);
/* O_NONBLOCK on the open file description: only for descriptors of our own making. -1 with errno set. */
int ab_set_nonblocking(int fd);

#endif
