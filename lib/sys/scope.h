/*
 * Scopes: directories at or below a root, named by their relative path, with settings kept outside in AB_HOME/scopes.
 *
 * Resolution (contract section 5): root alone: the scope is the root. root and name: name below it. Name alone: below
 * AB_HOME/root. Neither: the current directory. `/`, system directories, /tmp, /home are always refused; the home directory and
 * anything that contains AB_HOME are refused as a default (no root given) with the hint `--root DIR`.
 */
#ifndef AB_SYS_SCOPE_H
#define AB_SYS_SCOPE_H

#include <stdint.h>
#include <sys/types.h>

#include "core/json.h"
#include "core/op.h"
#include "sys/plan.h"

/* A scope's own settings: what its file says, or AB_UNSET / NULL / AB_MAYBE. All but variables are ceilings. */
struct ab_scope_settings {
	struct ab_map env;
	char *net;	  /* "none", "allow:…", "host" */
	char *isolation;  /* weakest level allowed: "namespace", "landlock"; NULL: any */
	struct ab_list read, write; /* host paths; given = nothing beyond these */
	bool read_given, write_given;
	int protect;	  /* 1 or AB_MAYBE */
	int guard;	  /* 1 or AB_MAYBE */
	struct ab_limits limits;
	char *log;	  /* default of --log */
	char *kind;	  /* "managed" or "tree" */
	char *description;
};

struct ab_scope {
	char *name;	/* "" when the scope is a root itself */
	char *root;	/* canonical path of the root */
	char *path;	/* canonical path of the scope's directory */
	int fd;		/* O_PATH|O_DIRECTORY of it */
	dev_t dev;
	ino_t ino;
	bool managed;	/* it has a scope file */
	struct ab_scope_settings settings; /* merged: own and those of every enclosing scope, the tightest of each */
};

/* root, name: as given (NULL: not). create: make it when it does not exist. The caller releases. */
int ab_scope_open(struct ab_scope *scope, const char *root, const char *name, bool create, struct ab_error *err) AB_MUST_USE;
void ab_scope_release(struct ab_scope *scope);

/* Check a request against the ceilings: -1 denied.policy naming the setting and its value. AB_UNSET and NULL mean not asked: then
 * the ceiling's value is filled in. */
int ab_scope_tighten_limits(const struct ab_scope *scope, struct ab_limits *limits, struct ab_error *err) AB_MUST_USE;
int ab_scope_tighten_net(const struct ab_scope *scope, const char **net, struct ab_error *err) AB_MUST_USE;

/* The scope's file (outside the scope). */
int ab_scope_settings_load(const char *path, struct ab_scope_settings *settings, bool *exists, struct ab_error *err) AB_MUST_USE;
int ab_scope_settings_save(const char *path, const struct ab_scope_settings *settings, struct ab_error *err) AB_MUST_USE;
void ab_scope_settings_init(struct ab_scope_settings *settings);
void ab_scope_settings_release(struct ab_scope_settings *settings);
/* As members of the object json is in; values of variables are shown by ab-scope show only. */
void ab_scope_settings_print(const struct ab_scope_settings *settings, struct ab_json *json, bool with_values);

#endif
