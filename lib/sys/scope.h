/*
 * Scopes: directories at or below a root, named by their relative path, with settings kept outside in AB_HOME/scopes.
 *
 * Resolution (contract section 5): root alone: the scope is the root. root and name: name below it. Name alone: below
 * AB_HOME/root. Neither: the current directory. `/`, system directories, /tmp, /home are always refused; the home directory and
 * anything that contains AB_HOME are refused as a default (no root given) with the hint `--root DIR`. No component of a name may
 * be a symbolic link: a command in the scope `users` could otherwise make `users/u1` another scope.
 *
 * Settings are one JSON file a scope, AB_HOME/scopes/NAME.json, where NAME is the canonical path of its directory, percent-encoded
 * (RFC 3986; a long one: a hash and its tail). Those of every directory above it apply too, up to the root of the file system,
 * however the scope was named. scope.c resolves, scopemake.c makes and deletes,
 * settings.c keeps the files, ceilings.c compares.
 */
#ifndef AB_SYS_SCOPE_H
#define AB_SYS_SCOPE_H

#include <stdint.h>
#include <sys/types.h>

#include "core/json.h"
#include "core/op.h"
#include "sys/plan.h"

#define AB_SCOPE_SCHEMA "ab.scope/1"

/* A scope's own settings: what its file says, or AB_UNSET / NULL / AB_MAYBE. All but variables, log, kind and description are
 * ceilings. Everything is owned. */
struct ab_scope_settings {
	struct ab_map env;
	char *net;	  /* "none", "allow:…", "host" */
	char *isolation;  /* weakest level allowed: "namespace", "landlock"; NULL: any */
	struct ab_list read, write; /* host paths; given = nothing beyond these */
	bool read_given, write_given;
	int protect;	  /* 1 or AB_MAYBE */
	int guard;	  /* 1 or AB_MAYBE */
	struct ab_limits limits; /* grace_ms is not a setting */
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
	bool managed;	/* it has a scope file whose kind is not "tree" */
	struct ab_scope_settings settings; /* merged: own and those of every enclosing scope, the tightest of each */
};

/* ---- scope.c ---- */

/* root, name: as given (NULL: not). create: make it when it does not exist (a managed scope without settings). The caller
 * releases. */
int ab_scope_open(struct ab_scope *scope, const char *root, const char *name, bool create, struct ab_error *err) AB_MUST_USE;
void ab_scope_release(struct ab_scope *scope);

/* Whether a scope may lie at a canonical path: denied.policy says why not and what to type. st: of it, or NULL when it does not exist
 * yet. insisted: it was named by --root or --scope. */
struct stat;
int ab_scope_judge(const char *path, const struct stat *st, bool insisted, struct ab_error *err) AB_MUST_USE;
/* The canonical path of the root that names are relative to: root, or AB_HOME/root (which need not exist). The caller frees. */
char *ab_scope_root_path(const char *root, struct ab_error *err) AB_MUST_USE;

/* ---- scopemake.c ---- */

/* Make a scope: directory and file. exists when the directory does (unless `existing` allows it and it has no scope file);
 * denied.policy when a setting loosens one of an enclosing scope. dry_run: judge only. *path (canonical) is the caller's. */
int ab_scope_create(const char *root, const char *name, const struct ab_scope_settings *settings, bool existing, bool dry_run,
    char **path, struct ab_error *err) AB_MUST_USE;
/*
 * Delete a scope's directory and the files of it and all nested scopes. not_empty without `recursive`. Only what is managed, or
 * lies below AB_HOME/root, is deleted. Never a root, never through a link, never into a mount. dry_run: judge only.
 */
int ab_scope_delete(const char *root, const char *name, bool recursive, bool dry_run, char **path, struct ab_error *err) AB_MUST_USE;
/* ---- settings.c: a scope's file (outside the scope); path is the canonical path of the scope's directory ---- */

/* Own settings only. *exists false: there is no file, settings are all unset. corrupt; version.newer when a member is unknown (it may
 * be a ceiling). The caller releases the settings (also after a failure). */
int ab_scope_settings_load(const char *path, struct ab_scope_settings *settings, bool *exists, struct ab_error *err) AB_MUST_USE;
int ab_scope_settings_save(const char *path, const struct ab_scope_settings *settings, struct ab_error *err) AB_MUST_USE;
int ab_scope_settings_remove(const char *path, struct ab_error *err) AB_MUST_USE; /* none there: 0 */
/* The settings of all directories above path, merged; all unset when there are none. The caller releases. */
int ab_scope_settings_enclosing(const char *path, struct ab_scope_settings *settings, struct ab_error *err) AB_MUST_USE;
/* Paths of all scopes with a file whose directory is dir or lies below it, sorted; NULL-ended, the caller frees (ab_strv_free). */
char **ab_scope_settings_list(const char *dir, struct ab_error *err) AB_MUST_USE;
/* Changes of scope files exclude each other: a descriptor that holds the lock until it is closed. */
int ab_scope_settings_lock(struct ab_error *err) AB_MUST_USE;
/* Remove what writers of scope files that were killed left half written, when it is older than a minute. */
void ab_scope_settings_sweep(void);
void ab_scope_settings_init(struct ab_scope_settings *settings);
void ab_scope_settings_release(struct ab_scope_settings *settings);
/* As members of the object json is in; values of variables are shown by ab-scope show only (else their names, `env_names`). */
void ab_scope_settings_print(const struct ab_scope_settings *settings, struct ab_json *json, bool with_values);
/* The file's name below AB_HOME/scopes; the caller frees. */
char *ab_scope_settings_file(const char *path);

/* ---- ceilings.c ---- */

/* Merge: every ceiling of inner becomes the tightest of both; inner's variables and log win. */
void ab_scope_settings_inherit(struct ab_scope_settings *inner, const struct ab_scope_settings *outer);
/* Whether each value is well-formed: input.invalid names the setting. */
int ab_scope_settings_check(const struct ab_scope_settings *settings, struct ab_error *err) AB_MUST_USE;
/* Whether inner asks for nothing that outer forbids: denied.policy naming the setting. */
int ab_scope_settings_within(const struct ab_scope_settings *inner, const struct ab_scope_settings *outer, struct ab_error *err) AB_MUST_USE;

/* Check a request against the ceilings: -1 denied.policy naming the setting and its value. AB_UNSET and NULL mean not asked: then
 * the ceiling's value is filled in. A limit of 0 means no limit, and is refused where there is a ceiling. */
int ab_scope_tighten_limits(const struct ab_scope *scope, struct ab_limits *limits, struct ab_error *err) AB_MUST_USE;
int ab_scope_tighten_net(const struct ab_scope *scope, const char **net, struct ab_error *err) AB_MUST_USE;
/* A level weaker than the setting is refused; AUTO becomes NAMESPACE when the setting is namespace (auto might weaken). */
int ab_scope_tighten_level(const struct ab_scope *scope, enum ab_level *level, struct ab_error *err) AB_MUST_USE;
/* --read (write: false) or --write: each path asked for must be one of the setting's or lie below one. Not asked (count 0): the
 * setting's paths. *paths is NULL-ended and the caller's (ab_strv_free). */
int ab_scope_tighten_paths(const struct ab_scope *scope, bool write, const struct ab_list *asked, char ***paths, struct ab_error *err) AB_MUST_USE;
/* --no-protect: refused when the setting is on. AB_MAYBE becomes 1 when it is. */
int ab_scope_tighten_protect(const struct ab_scope *scope, int *protect, struct ab_error *err) AB_MUST_USE;
int ab_scope_tighten_guard(const struct ab_scope *scope, int *guard, struct ab_error *err) AB_MUST_USE;

#endif
