/* Aligned columns for people. */
#include "core/table.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"

enum { COLUMNS_MAX = 64, CELL_MAX = 16 * 1024 * 1024 };

struct ab_table_column {
	const char *name;
	size_t width;
	bool number, text; /* some cell is a number; some is neither that nor null */
	bool filled;	   /* some cell is not "-" */
	bool hidden;
};

struct ab_table_row {
	struct ab_table_row *next;
	const char *cell[COLUMNS_MAX]; /* as many as there were columns; NULL: absent */
};

/* Characters, which are what a terminal shows in one column each (nearly always). */
static size_t
width_of(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void
format_plain(const struct ab_value *value, struct ab_buf *out)
{
	size_t len;

	switch (ab_value_kind(value)) {
	case AB_VALUE_NULL:
		ab_buf_putc(out, '-');
		break;
	case AB_VALUE_STRING: {
		const char *text = ab_value_string(value, &len);
		if (!ab_buf_add(out, text, len))
			ab_buf_puts(out, "…");
		break;
	}
	default:
		if (!ab_value_print(value, out))
			ab_buf_puts(out, "…");
	}
}

static bool
is_flat(const struct ab_value *array)
{
	for (size_t i = 0; i < ab_value_count(array); i++) {
		enum ab_value_kind kind = ab_value_kind(ab_value_at(array, i));
		if (kind == AB_VALUE_ARRAY || kind == AB_VALUE_OBJECT)
			return false;
	}
	return true;
}

/* The cell's text in out, as one line. */
static void
format_cell(const struct ab_value *value, struct ab_buf *out)
{
	size_t count = ab_value_count(value);

	if (ab_value_kind(value) == AB_VALUE_ARRAY && is_flat(value)) {
		for (size_t i = 0; i < count; i++) {
			if (i > 0)
				ab_buf_putc(out, ',');
			format_plain(ab_value_at(value, i), out);
		}
		if (count == 0)
			ab_buf_putc(out, '-');
	} else {
		format_plain(value, out);
	}
	for (size_t i = 0; i < out->len; i++)
		if ((unsigned char)out->data[i] < 0x20 || out->data[i] == 0x7f)
			out->data[i] = '?';
}

void
ab_table_init(struct ab_table *table)
{
	*table = (struct ab_table){ .first = NULL };
	table->last = &table->first;
}

void
ab_table_release(struct ab_table *table)
{
	ab_arena_release(&table->arena);
	for (size_t i = 0; i < table->column_count; i++)
		free((void *)(uintptr_t)table->columns[i].name);
	free(table->columns);
	ab_table_init(table);
}

static size_t
column_of(struct ab_table *table, const char *name)
{
	size_t at = 0;

	while (at < table->column_count && strcmp(table->columns[at].name, name) != 0)
		at++;
	if (at == table->column_count && at < COLUMNS_MAX) {
		if (table->columns == NULL)
			table->columns = ab_calloc(COLUMNS_MAX, sizeof(*table->columns));
		table->columns[at] =
		    (struct ab_table_column){ .name = ab_strdup(name), .width = width_of(name) };
		table->column_count++;
	}
	return at;
}

void
ab_table_add(struct ab_table *table, const struct ab_value *record)
{
	struct ab_table_row *row = ab_arena_alloc(&table->arena, sizeof(*row));
	const struct ab_value *value;
	const char *name;

	for (void *at = ab_value_next(record, NULL, &name, &value); at != NULL;
	     at = ab_value_next(record, at, &name, &value)) {
		AB_AUTO_BUF struct ab_buf cell = AB_BUF_INIT(CELL_MAX);
		enum ab_value_kind kind = ab_value_kind(value);
		size_t column = column_of(table, name);
		if (column == COLUMNS_MAX)
			continue;
		format_cell(value, &cell);
		row->cell[column] = ab_arena_copy(&table->arena, cell.data, cell.len);
		size_t width = width_of(row->cell[column]);
		if (width > table->columns[column].width)
			table->columns[column].width = width;
		if (strcmp(row->cell[column], "-") != 0)
			table->columns[column].filled = true;
		if (kind == AB_VALUE_INTEGER || kind == AB_VALUE_REAL)
			table->columns[column].number = true;
		else if (kind != AB_VALUE_NULL)
			table->columns[column].text = true;
	}
	*table->last = row;
	table->last = &row->next;
	table->row_count++;
}

static void
pad(struct ab_buf *out, size_t count)
{
	while (count-- > 0)
		ab_buf_putc(out, ' ');
}

static void
print_cell(struct ab_buf *out, const struct ab_table_column *column, const char *text, bool last)
{
	size_t width = width_of(text), space = column->width > width ? column->width - width : 0;

	bool right = column->number && !column->text;

	if (right)
		pad(out, space);
	ab_buf_puts(out, text);
	if (!right && !last)
		pad(out, space);
	if (!last)
		ab_buf_puts(out, "  ");
}

/* One line of cells; a NULL one is absent. */
static void
print_line(const struct ab_table *table, const char *const *cell, struct ab_buf *out)
{
	size_t end = table->column_count;

	while (end > 0 && table->columns[end - 1].hidden)
		end--;
	for (size_t i = 0; i < end; i++)
		if (!table->columns[i].hidden)
			print_cell(out, &table->columns[i], cell[i] != NULL ? cell[i] : "-", i + 1 == end);
	ab_buf_putc(out, '\n');
}

static void
print_heading(const struct ab_table *table, struct ab_buf *out)
{
	char *name[COLUMNS_MAX] = { 0 };

	for (size_t i = 0; i < table->column_count; i++) {
		name[i] = ab_strdup(table->columns[i].name);
		for (char *at = name[i]; *at != '\0'; at++)
			*at = *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
	}
	print_line(table, (const char *const *)name, out);
	for (size_t i = 0; i < table->column_count; i++)
		free(name[i]);
}

void
ab_table_print(struct ab_table *table, bool whole, struct ab_buf *out)
{
	if (!table->headed && table->row_count > 0) {
		for (size_t i = 0; whole && i < table->column_count; i++)
			table->columns[i].hidden = !table->columns[i].filled;
		print_heading(table, out);
		table->headed = true;
	}
	for (struct ab_table_row *row = table->first; row != NULL; row = row->next)
		print_line(table, row->cell, out);
	ab_arena_reset(&table->arena);
	table->first = NULL;
	table->last = &table->first;
	table->row_count = 0;
}

void
ab_table_print_record(const struct ab_value *record, struct ab_buf *out)
{
	const struct ab_value *value;
	const char *name;
	size_t width = 0;

	for (void *at = ab_value_next(record, NULL, &name, &value); at != NULL;
	     at = ab_value_next(record, at, &name, &value))
		if (width_of(name) > width)
			width = width_of(name);
	for (void *at = ab_value_next(record, NULL, &name, &value); at != NULL;
	     at = ab_value_next(record, at, &name, &value)) {
		AB_AUTO_BUF struct ab_buf cell = AB_BUF_INIT(CELL_MAX);
		format_cell(value, &cell);
		ab_buf_puts(out, name);
		pad(out, width - width_of(name) + 2);
		ab_buf_put(out, cell.data, cell.len);
		ab_buf_putc(out, '\n');
	}
}
