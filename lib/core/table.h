/*
 * Aligned columns for people (--table): records in, lines out.
 *
 * Columns are the members in the order in which they first come; numbers stand right, all else left; widths
 * count characters. A cell is a string, a number, true or false, "-" for null or absent, and "a,b" for an array
 * of such; anything deeper is compact JSON. Control characters become '?'.
 */
#ifndef AB_CORE_TABLE_H
#define AB_CORE_TABLE_H

#include "core/arena.h"
#include "core/json.h"

struct ab_table {
	struct ab_arena arena;
	struct ab_table_column *columns;
	struct ab_table_row *first, **last;
	size_t column_count, row_count;
	bool headed; /* the heading was printed with an earlier part */
};

void ab_table_init(struct ab_table *table);
void ab_table_release(struct ab_table *table);
/* Add one record. */
void ab_table_add(struct ab_table *table, const struct ab_value *record);
/* Append what was added since the last time; the heading only the first time. whole: nothing comes after it; a column without a
 * value in any row is left out of a table that is printed at once. */
void ab_table_print(struct ab_table *table, bool whole, struct ab_buf *out);
/* One record alone: a line a member, name and value. */
void ab_table_print_record(const struct ab_value *record, struct ab_buf *out);

#endif
