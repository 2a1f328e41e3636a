/*
 * Copies of a store: all of it as lines (data/kvline.h), or what has changed since a number; and such lines into another store, which is
 * then the same, with the same numbers.
 *
 * What is superseded is told without its value; old versions are told where they are kept. What namespaces were told comes first in both.
 */
#ifndef AB_DATA_KVCOPY_H
#define AB_DATA_KVCOPY_H

#include "data/kv.h"
#include "data/kvline.h"

/* Called for each line, in order; text is without a newline. Returns 0, or -1 with err. */
typedef int ab_kvcopy_sink(void *data, int64_t seq, const char *text, size_t len, struct ab_error *err);

/* Within a transaction of the caller's (store->engine->begin): the changes behind after_seq. `gone`: they are forgotten. */
int ab_kvcopy_changes(struct ab_kv *kv, int64_t after_seq, ab_kvcopy_sink *sink, void *data, struct ab_error *err) AB_MUST_USE;
/* Everything, in one order for one state. */
int ab_kvcopy_all(struct ab_kv *kv, ab_kvcopy_sink *sink, void *data, struct ab_error *err) AB_MUST_USE;

/*
 * Lines into a store: one transaction, during which nobody else writes. at_seq: its last change must be this (conflict: it has others).
 * clear: what it has goes first, but its notes. Lines that are out of order, or beyond to_seq, are `corrupt`. Between begin and end
 * nothing else is done with kv; end with keep false undoes all. end fails when the last number is not to_seq.
 */
int ab_kvcopy_begin(struct ab_kv *kv, int64_t at_seq, int64_t to_seq, bool clear, struct ab_error *err) AB_MUST_USE;
int ab_kvcopy_take(struct ab_kv *kv, const char *text, size_t len, struct ab_error *err) AB_MUST_USE;
int ab_kvcopy_end(struct ab_kv *kv, bool keep, struct ab_error *err) AB_MUST_USE;

#endif
