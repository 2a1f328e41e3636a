/*
 * The rooms of ab-exec, in the order in which a request walks through them:
 *
 *	params.c       what may be asked (the parameter table of run and start)
 *	policy.c       parameters and the scope's ceilings -> a plan: all policy is decided here
 *	view.c         … what of the host the command sees
 *	environment.c  … and which variables it gets
 *	output.c       what is kept, streamed and spooled of what it writes
 *	run.c          the plan carried out, its outcome answered
 *	record.c       the outcome as a result record (ab.exec/1), and as lines for a person
 *	jobs.c         background jobs
 *	guard.c        what the guard says, and its rules
 *	doctor.c       what this host gives
 */
#ifndef AB_EXEC_H
#define AB_EXEC_H

#include "core/op.h"
#include "sys/plan.h"
#include "sys/scope.h"
#include "sys/supervise.h"

struct run_params {
	/* what */
	const char *command, *file, *shell;
	struct ab_list argv;
	/* where */
	const char *root, *scope, *cwd, *home, *tmp;
	int create;
	/* isolation */
	const char *isolation, *user;
	struct ab_list require, read, write, unprotect;
	int protect, guard;
	/* network */
	const char *net;
	/* environment */
	struct ab_map env;
	struct ab_list env_file, pass;
	/* limits */
	int64_t timeout_ms, idle_timeout_ms, grace_ms, memory_bytes, cpu_time_ms, pids, file_size_bytes;
	/* input and output */
	struct ab_bytes stdin_bytes;
	int stream, merge, exit_zero;
	const char *record, *keep, *spool, *leftover;
	int64_t max_output_bytes, max_spool_bytes;
};

extern const struct ab_param run_params[];
extern const struct ab_field result_fields[];

/*
 * Everything that a run holds besides its plan: opened by policy_make, released after the run.
 */
struct ab_protect;
struct exec_place {
	struct ab_scope scope;
	char *home_path; /* host path of the directory that is HOME inside; NULL: the scope itself */
	char *tmp_path;	 /* host path of the directory that is /tmp inside; NULL: fresh */
	int tmp_lock;	 /* LOCK_SH on it while the run lasts, so that nobody empties it; -1 */
	bool protect;
	struct ab_protect *before; /* the picture of what runs later; NULL: not protected */
	ab_promises require;
};

void place_init(struct exec_place *place);
void place_release(struct exec_place *place);
/* Whether --home names a directory; the view shows it, and refuses it, as one of --write. */
bool place_home_is_dir(const char *want);
/* HOME and /tmp of the plan's tree, made when they are not there; want as the options say it. */
int place_home(struct exec_place *place, const struct ab_plan *plan, const char *want, struct ab_error *err) AB_MUST_USE;
int place_tmp(struct exec_place *place, const struct ab_plan *plan, const char *want, struct ab_error *err) AB_MUST_USE;
/* Delete those of trees that are gone (dry_run: only count them); returns how many. */
int place_gc(bool dry_run, struct ab_error *err) AB_MUST_USE;

/* params -> plan. -1: any refusal (scope.escape, denied.policy, isolation.unavailable, input.invalid, …). */
int policy_make(const struct run_params *params, struct ab_plan *plan, struct exec_place *place, struct ab_error *err) AB_MUST_USE;

/* The view: system directories, private directories, the tree, what was asked for, what is protected. */
int view_make(const struct run_params *params, struct ab_plan *plan, struct exec_place *place, const char *home, struct ab_error *err) AB_MUST_USE;
/* After the identity is known: passwd and group where the user has no entry, and masks for a kuid of 0. */
int view_identity(struct ab_plan *plan, struct ab_error *err) AB_MUST_USE;
/* When everything is in it, tool chains too: /var/tmp, a link to /tmp, is a directory where something shows below it. */
void view_settle(struct ab_plan *plan);

/* The environment inside; home and tmp are paths inside. Fills plan->envp. */
int environment_make(const struct run_params *params, struct ab_plan *plan, const struct exec_place *place, const char *home, const char *tmp,
    struct ab_error *err) AB_MUST_USE;

/* What is kept of the output of one run, and where the whole of it goes. */
struct ab_job;
struct exec_output {
	const struct ab_plan *plan; /* of the run */
	struct ab_capture out, err;
	struct ab_job *job; /* the spool, once bytes had to be left out; or NULL */
	bool want_spool;    /* make one when bytes are left out */
	int file;	    /* --spool FILE; -1 */
	char *file_name;
	int64_t spool_max, spooled;
	bool spool_truncated;
	bool spool_failed;
};

/* plan: borrowed; it need not be made yet. */
void output_init(struct exec_output *output, const struct ab_plan *plan, const struct run_params *params);
/* The meta of a job: what a person recognises it by; never arguments, which may hold secrets. kind: job, spool. */
void output_meta(const struct ab_plan *plan, const char *kind, struct ab_buf *text);
int output_open_file(struct exec_output *output, const char *path, struct ab_error *err) AB_MUST_USE;
void output_add(struct exec_output *output, int stream, const char *bytes, size_t len);
/* End: the job's result is written when one was made. */
void output_finish(struct exec_output *output, const char *record, size_t len);
void output_release(struct exec_output *output);

/* The result record, all but its last member `error`. planted may be NULL; texts false: without stdout and stderr (--stream). */
struct exec_result {
	const struct ab_plan *plan;
	const struct ab_outcome *outcome;
	const struct ab_netgate *gate;
	const struct exec_output *output; /* NULL: nothing ran */
	char *const *planted;
	const char *job;
	ab_promises missing;
	bool texts;
};
void record_write(struct ab_json *json, const struct exec_result *result);
/* At most five lines for a person. */
void record_notes(const struct ab_call *call, const struct exec_result *result);

int run_operation(struct ab_call *call, void *params, struct ab_error *err);
int start_operation(struct ab_call *call, void *params, struct ab_error *err);

/* Of --file. */
#define SCRIPT_MAX ((size_t)16 << 20)

/* What is asked of the guard alone. */
struct check_params {
	struct ab_list argv;
	const char *command, *file, *root, *scope, *cwd;
};
extern const struct ab_param check_params[];
extern const struct ab_field check_fields[], rule_fields[];
int check_operation(struct ab_call *call, void *params, struct ab_error *err);
int rules_operation(struct ab_call *call, void *params, struct ab_error *err);

struct list_params {
	int running;
};
struct output_params {
	const char *job;
	int stderr_stream, follow;
	int64_t offset, length;
};
struct wait_params {
	struct ab_list jobs;
	int64_t timeout_ms;
};
struct kill_params {
	struct ab_list jobs;
	const char *signal;
};
struct gc_params {
	int64_t age_ms, max_bytes;
};
struct doctor_params {
	int failing;
};

extern const struct ab_param list_params[], output_params[], wait_params[], kill_params[], gc_params[], doctor_params[];
extern const struct ab_field job_fields[], start_fields[], kill_fields[], gc_fields[], finding_fields[], promise_fields[], group_fields[];
int list_operation(struct ab_call *call, void *params, struct ab_error *err);
int output_operation(struct ab_call *call, void *params, struct ab_error *err);
int wait_operation(struct ab_call *call, void *params, struct ab_error *err);
int kill_operation(struct ab_call *call, void *params, struct ab_error *err);
int gc_operation(struct ab_call *call, void *params, struct ab_error *err);
int doctor_operation(struct ab_call *call, void *params, struct ab_error *err);
int promises_operation(struct ab_call *call, void *params, struct ab_error *err);
int groups_operation(struct ab_call *call, void *params, struct ab_error *err);

#endif
