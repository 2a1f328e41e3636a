/* One execution: what run and start share. */
#ifndef AB_EXEC_EXECUTION_H
#define AB_EXEC_EXECUTION_H

#include "ab-exec.h"

/* The beginning of a character at the end of a chunk. */
struct carry {
	char bytes[4];
	size_t len;
};

struct execution {
	struct supervisor *supervisor; /* of a background job; else NULL */
	struct ab_call *call; /* NULL in the supervisor of a background job */
	const struct run_params *params;
	struct ab_loop *loop;
	struct ab_plan plan;
	struct exec_place place;
	struct exec_output output;
	struct ab_run_io io;
	struct ab_run *run;
	char **planted;
	const char *job_id; /* a started job's; else NULL */
	bool shallow;	    /* a look at the tree reached its bound */
	bool stream;
	int stdin_fd, record_fd;
	bool stdin_own, record_own;
	struct ab_timer heartbeat;
	int64_t started_ms, seq;
	struct carry carry[2];
};

struct execution *execution_new(struct ab_call *call, const struct run_params *params);
void execution_free(struct execution *execution);
/* Judge everything and make the plan. */
int execution_prepare(struct execution *execution, struct ab_error *err) AB_MUST_USE;
/* Tell the operation log what runs where. */
void execution_log(const struct execution *execution);
/* Start; done is called from the loop. */
struct ab_run *execution_start(struct execution *execution, struct ab_loop *loop, bool transparent,
    void (*done)(void *data, const struct ab_outcome *outcome, const struct ab_netgate *gate));
/* To be called first by done: last events, planted files, the probe's cache. */
void execution_ended(struct execution *execution, const struct ab_outcome *outcome);
void execution_result(struct execution *execution, const struct ab_outcome *outcome, const struct ab_netgate *gate, struct exec_result *result);
void execution_record_text(const struct exec_result *result, enum ab_encoding encoding, struct ab_buf *text);

#endif
