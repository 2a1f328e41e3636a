/*
 * ab-scope: make, list, show, change, measure and delete scopes. main.c has the table of operations and what may be asked; scopes.c
 * and usage.c carry them out with sys/scope and sys/usage.
 */
#ifndef AB_SCOPE_COMMAND_H
#define AB_SCOPE_COMMAND_H

#include "core/op.h"

/* The settings that create and set take; each as ab-exec names it. */
struct settings_params {
	struct ab_map env;
	struct ab_list read, write;
	const char *net, *isolation, *kind, *log_to, *description;
	int64_t timeout_ms, idle_timeout_ms, memory_bytes, cpu_time_ms, pids, file_size_bytes;
	int protect, guard;
};

struct create_params {
	const char *root, *name;
	int existing;
	struct settings_params settings;
};
struct set_params {
	const char *root, *name;
	struct ab_list unset;
	struct settings_params settings;
};
struct named_params {
	const char *root, *name;
};
struct delete_params {
	const char *root, *name;
	int recursive;
};
struct list_params {
	const char *root, *prefix, *cursor;
	int64_t limit;
	int all;
};

int create_operation(struct ab_call *call, void *params, struct ab_error *err);
int list_operation(struct ab_call *call, void *params, struct ab_error *err);
int show_operation(struct ab_call *call, void *params, struct ab_error *err);
int set_operation(struct ab_call *call, void *params, struct ab_error *err);
int delete_operation(struct ab_call *call, void *params, struct ab_error *err);
int path_operation(struct ab_call *call, void *params, struct ab_error *err);
int usage_operation(struct ab_call *call, void *params, struct ab_error *err);

#endif
