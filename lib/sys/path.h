/*
 * Names to descriptors. The file system alone decides what a path is: openat2(2), never text.
 *
 * Where openat2 does not exist (ENOSYS: before Linux 5.6; EPERM for everything: old container run-times) a walk from component
 * to component, each opened O_PATH|O_NOFOLLOW, gives the same answers, slower.
 */
#ifndef AB_SYS_PATH_H
#define AB_SYS_PATH_H

#include <stdbool.h>
#include <sys/stat.h>

#include "core/error.h"

/* Open rel beneath dirfd (RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS; links that stay inside are followed). CLOEXEC always. mode is
 * that of a file that O_CREAT makes. -1: scope.escape, not_found, …; the message names the path. Falls back to a component walk
 * where openat2 is ENOSYS. */
int ab_path_open(int dirfd, const char *rel, int flags, mode_t mode, struct ab_error *err) AB_MUST_USE;
/* As above, and no component at all may be a symbolic link (RESOLVE_NO_SYMLINKS): scope.escape names the path. */
int ab_path_open_strict(int dirfd, const char *rel, int flags, mode_t mode, struct ab_error *err) AB_MUST_USE;
/* The walk itself, for its test. */
int ab_path_walk(int dirfd, const char *rel, int flags, mode_t mode, bool links, struct ab_error *err) AB_MUST_USE;
/* The canonical absolute path of an open directory (readlink of /proc/self/fd, checked by fstat); the caller frees. */
char *ab_path_canonical(int dirfd, struct ab_error *err) AB_MUST_USE;
/* A scope name: relative, normalised, no `..`, no empty part, no control character, ≤ 1024 bytes. 0 or -1 input.invalid/scope.escape. */
int ab_path_check_name(const char *name, struct ab_error *err) AB_MUST_USE;
/* The path of name in dir; name alone when dir is "". The caller frees. */
char *ab_path_join(const char *dir, const char *name);
/* Whether path equals dir or lies below it (both canonical text). */
bool ab_path_below(const char *path, const char *dir);
/* Whether a link below tree (canonical) takes path, absolute or from the working directory, out of it: one that a command may have
 * left there. A `..` that the path itself holds is no such link, nor is what does not exist. */
bool ab_path_leads_out(const char *path, const char *tree);
/*
 * open(2), close-on-exec, of a path that the caller named, absolute or from the working directory. It is walked by descriptors: what a
 * link below tree (canonical) takes out of the tree is scope.escape, also one that leads to nothing yet, whatever a command renames
 * meanwhile. A `..` of the path itself may leave the tree. A FIFO in the tree is denied.policy: the other end may never come. The
 * descriptor is the caller's.
 */
int ab_path_open_named(const char *path, const char *tree, int flags, mode_t mode, struct ab_error *err) AB_MUST_USE;
/* mkdir -p beneath dirfd; existing directories are fine; links are not followed. */
int ab_path_make_dirs(int dirfd, const char *rel, mode_t mode, struct ab_error *err) AB_MUST_USE;
/* Delete a file, a link or a tree beneath dirfd without ever following a link out; not atomic. Directories of our own that forbid
 * it are made writable first. What is mounted below is never entered (in_use). rel has no link in it but perhaps the last. */
int ab_path_remove_tree(int dirfd, const char *rel, struct ab_error *err) AB_MUST_USE;

#endif
