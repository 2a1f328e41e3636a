/*
 * The operation table: one row an operation, from which come the command line, batch, --describe, --help and
 * completions.
 *
 * To add an operation: write a struct for its parameters, an array of struct ab_param that says where each lives in it, a
 * row of struct ab_op, and one function. Nothing of an operation is written twice. The function receives its parameters
 * complete and judged (types, required ones, choices, defaults; contract section 2), and cannot tell which face they came
 * from.
 *
 *	struct greet_params { const char *name; int64_t timeout_ms; int loud; };
 *	static const struct ab_param greet_params[] = {
 *		AB_PARAM_STRING(struct greet_params, name, .name = "name", .meta = "NAME", .help = "whom to greet",
 *		    .flags = AB_REQUIRED | AB_POSITIONAL),
 *		AB_PARAM_DURATION(struct greet_params, timeout_ms, .name = "timeout", .dflt = "10s", .help = "…"),
 *		AB_PARAM_BOOLEAN(struct greet_params, loud, .name = "loud", .help = "…"),
 *		AB_PARAM_END
 *	};
 */
#ifndef AB_CORE_OP_H
#define AB_CORE_OP_H

#include <stddef.h>
#include <stdint.h>

#include "core/json.h"
#include "core/loop.h"
#include "core/out.h"

/* What a parameter's member in the parameter struct is, and how it is spelled in the two faces (contract section 2). */
enum ab_type {
	AB_STRING,   /* const char *; NULL when not given */
	AB_INTEGER,  /* int64_t; AB_UNSET when not given */
	AB_BOOLEAN,  /* int: 1, 0, AB_MAYBE when not given and without default; --name and --no-name */
	AB_DURATION, /* int64_t milliseconds; AB_UNSET; request: NAME_ms */
	AB_SIZE,     /* int64_t bytes; AB_UNSET; request: NAME_bytes */
	AB_LIST,     /* struct ab_list; count 0 when not given; the option repeated */
	AB_MAP,	     /* struct ab_map; --name K=V repeated; request: an object */
	AB_BYTES,    /* struct ab_bytes; --name FILE|-; request: the bytes themselves, NAME or NAME_base64; as an
			operand: the bytes themselves */
	AB_JSON,     /* const struct ab_value *; NULL; --name TEXT is one JSON value; request: any value */
};

#define AB_UNSET INT64_MIN
#define AB_MAYBE (-1)

/* Elements are byte strings without NUL, not necessarily UTF-8. item[count] is NULL. Owned by the call. */
struct ab_list {
	char **item;
	size_t count;
};
struct ab_map {
	char **name;
	char **value;
	size_t count;
};
/* kind FILE: path is what the command line named ("-" is STDIN). INLINE: data and len are the bytes. Owned by the call. */
struct ab_bytes {
	enum { AB_BYTES_NONE, AB_BYTES_INLINE, AB_BYTES_FILE, AB_BYTES_STDIN } kind;
	char *data;
	size_t len;
	const char *path;
};

enum {
	AB_REQUIRED = 1 << 0,
	AB_POSITIONAL = 1 << 1,	  /* in order of the rows; also accepted as --NAME */
	AB_REST = 1 << 2,	  /* positional list: takes all further operands */
	AB_HOST_PATH = 1 << 3,	  /* names host paths outside the scope: refused in batch requests unless --host-paths */
	AB_CLI_ONLY = 1 << 4,	  /* no field of a request */
	AB_REQUEST_ONLY = 1 << 5, /* no option */
	AB_SECRET = 1 << 6,	  /* its value never appears in messages or logs */
	AB_CLI_OFF = 1 << 7,	  /* with AB_CLI_ONLY: a control of the process: no default for batch either */
	AB_RAW = 1 << 8,	  /* a string that may hold any bytes but NUL (a key, a path): NAME_base64 in a request too */
	AB_COMMA = 1 << 9,	  /* a list whose elements may also stand in one word, separated by commas */
	AB_ALONE = 1 << 12,	  /* a list whose one element a request may give without an array */
	AB_NUL = 1 << 11,	  /* a string that is only judged: a NUL in a request becomes AB_NUL_TEXT and is no error */
	AB_MAKES_ENDLESS = 1 << 10, /* boolean: when true the request is like one of AB_OP_ENDLESS (`output --follow`) */
};

#define AB_NUL_TEXT "\xc0\x80" /* no UTF-8 holds it (an overlong form) */

struct ab_param {
	const char *name; /* words joined by '-': "idle-timeout" is --idle-timeout and idle_timeout_ms */
	enum ab_type type;
	size_t offset; /* of the member in the parameter struct */
	char letter;   /* short option, or 0 */
	unsigned flags;
	const char *dflt;    /* default as the command line would write it; NULL: none */
	const char *env;     /* environment variable that stands in when the command line does not give it; NULL: none */
	const char *choices; /* "both|head|tail": the only values (strings and lists); NULL: any. A choice that ends in
				':' or '=' allows that prefix ("allow:"). Of AB_JSON: the type that --describe tells ("array"), which
				the operation judges */
	const char *inside;  /* with AB_HOST_PATH: the values that lead to nothing of the host ("scope|private"); a request may
				have these */
	int64_t min, max;    /* bounds of integers, durations, sizes; max 0: none of its own (times and sizes stay below 2^53) */
	const char *meta;    /* placeholder in help: "DIR" */
	const char *help;    /* one line, lower case, no full stop; the default is appended by --help */
	const char *group;   /* heading in --help: "where", "limits"; NULL: "options" */
};

/* The compiler checks that the member has the type. */
#define AB_PARAM_(S, member, ctype, abtype, ...) \
	{ .type = abtype, .offset = offsetof(S, member) + 0 * sizeof(&((S *)0)->member == (ctype *)0), __VA_ARGS__ }
#define AB_PARAM_STRING(S, m, ...) AB_PARAM_(S, m, const char *, AB_STRING, __VA_ARGS__)
#define AB_PARAM_INTEGER(S, m, ...) AB_PARAM_(S, m, int64_t, AB_INTEGER, __VA_ARGS__)
#define AB_PARAM_BOOLEAN(S, m, ...) AB_PARAM_(S, m, int, AB_BOOLEAN, __VA_ARGS__)
#define AB_PARAM_DURATION(S, m, ...) AB_PARAM_(S, m, int64_t, AB_DURATION, __VA_ARGS__)
#define AB_PARAM_SIZE(S, m, ...) AB_PARAM_(S, m, int64_t, AB_SIZE, __VA_ARGS__)
#define AB_PARAM_LIST(S, m, ...) AB_PARAM_(S, m, struct ab_list, AB_LIST, __VA_ARGS__)
#define AB_PARAM_MAP(S, m, ...) AB_PARAM_(S, m, struct ab_map, AB_MAP, __VA_ARGS__)
#define AB_PARAM_BYTES(S, m, ...) AB_PARAM_(S, m, struct ab_bytes, AB_BYTES, __VA_ARGS__)
#define AB_PARAM_JSON(S, m, ...) AB_PARAM_(S, m, const struct ab_value *, AB_JSON, __VA_ARGS__)
#define AB_PARAM_END { .name = NULL }

/*
 * Requests and the batch command line together: a list of the request replaces that of the batch, a map is merged into it
 * (the request's entries win), a scalar replaces. An entry of a map that is null is not given.
 */

/* One field of an answer (or of an item, or of an event), for --describe and the man page check. */
struct ab_field {
	const char *name;  /* NULL ends the array */
	const char *type;  /* JSON Schema type: "string", "integer", "boolean", "array", "object", "bytes" (NAME or NAME_base64),
			      "time"; a trailing '?' means it may be null; "a|b" in single quotes lists values: "'exit|signal'" */
	const char *help;
	const char *event; /* kind EVENTS: the `type` of the event it belongs to; NULL: the final record */
};

enum ab_answer_kind { AB_ANSWER_ONE, AB_ANSWER_BYTES, AB_ANSWER_LIST, AB_ANSWER_EVENTS };

enum {
	AB_READ_ONLY = 1 << 0, /* effects, as MCP's annotations */
	AB_DESTRUCTIVE = 1 << 1,
	AB_IDEMPOTENT = 1 << 2,
	AB_OPEN_WORLD = 1 << 3,
	AB_OP_MAIN = 1 << 8,	  /* a request without `op`, and a command line that begins with an option, mean this one */
	AB_OP_FILTER = 1 << 9,	  /* option parsing stops at the first operand */
	AB_OP_ENDLESS = 1 << 10,  /* takes no slot of -j and holds nobody up; ended at end of input */
	AB_OP_TIMEOUT1 = 1 << 11, /* exit status as timeout(1): every failure of ours is 125 (contract section 4) */
	AB_OP_CLI_ONLY = 1 << 12, /* not in batch */
	AB_OP_PREDICATE = 1 << 13, /* answers by status */
	AB_OP_NESTS = 1 << 15,	   /* may be part of another request (ab_call_nested) or of `batch --atomic`: it ends at once, and can be
				      undone */
	AB_OP_DRY_RUN = 1 << 14,   /* understands --dry-run: ab_call_dry_run() */
};

struct ab_call;

/* What an operation's function returns. */
enum { AB_DONE = 0, AB_PENDING = 1 }; /* -1: failed, err is set */

struct ab_op {
	const char *name;    /* a word: "list"; NULL ends the table */
	const char *alias;   /* short Unix alias ("ls"), or NULL */
	const char *others;  /* what it is called elsewhere, for a hint: "set store"; or NULL */
	const char *summary; /* one line, imperative, lower case, no full stop */
	const struct ab_param *params;
	size_t params_size;
	enum ab_answer_kind answer;
	const char *answer_bytes; /* kind BYTES: the field's name ("value") */
	const struct ab_field *fields;
	unsigned flags;
	/*
	 * Do it. Returns AB_DONE after the answer has been given (or nothing is to be printed), -1 with err, or AB_PENDING after
	 * which ab_call_finish() or ab_call_fail() must be called later from the loop. params stays valid until then.
	 */
	int (*run)(struct ab_call *call, void *params, struct ab_error *err);
};

/* A library that the tool links beside jansson, for --version --json. */
struct ab_library {
	const char *name; /* NULL ends the array */
	const char *(*version)(void);
};

struct ab_tool {
	const char *name;    /* "ab-exec" */
	const char *summary; /* one sentence for --help */
	const struct ab_op *ops;
	const char *const *schemas; /* "ab.exec/1", …; NULL-ended; shown by --version --json */
	const char *epilog;	    /* last lines of --help: examples; or NULL */
	/* Commit what answered operations did; answers are held until it returns. NULL: none. Called when input runs dry, after
	   1,000 operations, 1 MiB of answers or 10 ms. */
	int (*settle)(void *state, struct ab_error *err);
	/* Undo what was done since the last settle, for `batch --atomic`. NULL: it cannot. */
	void (*undo)(void *state);
	void *state; /* the tool's own, for ab_call_state() */
	const struct ab_library *libraries; /* or NULL */
};

/* main() of every tool: `return ab_tool_main(&tool, argc, argv);`. Gives the process's exit status, or dies of
 * a signal. */
int ab_tool_main(const struct ab_tool *tool, int argc, char **argv);

/* ---- what an operation's function may do with its call ---- */

void *ab_call_state(const struct ab_call *call);
/* The loop (made at the first request on the command line; always there in batch). */
struct ab_loop *ab_call_loop(struct ab_call *call);
bool ab_call_is_batch(const struct ab_call *call);
/* In batch: what was done before this call is committed (ab_tool.settle) and answered now; for what cannot be part of a group. */
void ab_call_settle(struct ab_call *call);
/* What the caller asked for by the options every tool has. */
bool ab_call_json(const struct ab_call *call);	 /* --json, or batch, or any of --field --table --jq */
bool ab_call_quiet(const struct ab_call *call);	 /* -q */
int ab_call_verbose(const struct ab_call *call); /* number of -v */
bool ab_call_dry_run(const struct ab_call *call);
enum ab_encoding ab_call_encoding(const struct ab_call *call);
/* Whether a parameter was given explicitly (by option, batch option, environment or request), by its table
 * name. */
bool ab_call_given(const struct ab_call *call, const char *param);
/* The request's id as JSON text, for messages; NULL on the command line or without one. */
const char *ab_call_id(const struct ab_call *call);

/*
 * The final record: begin (`id` is written already in batch), write the fields with the writer, end. An
 * operation of kind ONE or EVENTS calls it at most once. On the command line nothing is printed under -q.
 */
struct ab_json *ab_call_record(struct ab_call *call);
void ab_call_record_end(struct ab_call *call);
/*
 * For a record that also carries a failure (run answers with its whole record): write member `error` (null when
 * err->code is AB_E_NONE) into the record in the making and remember it: `batch --fail` counts it, the log
 * names it, and on the command line the error line is printed and gives the exit status unless
 * ab_call_exit_status() said another.
 */
void ab_call_record_error(struct ab_call *call, const struct ab_error *err);
/* Kind LIST: one item after the other. next: the cursor of the following page, or NULL (written at the end,
 * batch only). */
struct ab_json *ab_call_item(struct ab_call *call);
void ab_call_item_end(struct ab_call *call);
void ab_call_next(struct ab_call *call, const char *cursor);
/* Kind EVENTS, and any other that streams on request: one line with `type`; the final record of a call that
   gave an event is then written with `type` "result" (by ab_call_record()). Events beyond 1 MiB queued for a slow
   reader are dropped and become one {"type":"gap","dropped":N}; ab_call_event() then still gives a writer, its text
   goes nowhere. */
struct ab_json *ab_call_event(struct ab_call *call, const char *type);
void ab_call_event_end(struct ab_call *call);
/* Kind BYTES: the value. */
void ab_call_bytes(struct ab_call *call, const void *data, size_t len);
/* Part of kind BYTES on the command line only: unchanged, now. In batch it is collected (bounded by 16 MiB). */
int ab_call_bytes_part(struct ab_call *call, const void *data, size_t len, struct ab_error *err) AB_MUST_USE;

/* Whether it is part of another request, or of `batch --atomic`: it happens with others, or not at all. */
bool ab_call_is_part(const struct ab_call *call);
/*
 * Do a request within this one, of the same tool, as its batch would: answer is the object that it answers with, without `id`, appended
 * as text. Only operations of AB_OP_NESTS (else unsupported). What it did is the caller's to settle or undo. -1: it failed; err says why.
 */
int ab_call_nested(struct ab_call *call, const struct ab_value *request, struct ab_buf *answer, struct ab_error *err) AB_MUST_USE;

/* A pending operation ends. The call and its parameters are gone afterwards. */
void ab_call_finish(struct ab_call *call);
void ab_call_fail(struct ab_call *call, const struct ab_error *err);
/* Called when the request is cancelled (by `cancel`, end of process, or a reader that is gone): the operation
   must end soon by finish or fail (with AB_E_CANCELLED). reason is for the record. */
void ab_call_on_cancel(struct ab_call *call, void (*cancel)(struct ab_call *call, void *data), void *data);
/* Why the cancel function is called. After AB_CANCEL_INPUT_END a failure is no error of the batch. */
enum ab_cancel_reason {
	AB_CANCEL_NONE,
	AB_CANCEL_REQUEST,
	AB_CANCEL_INPUT_END,
	AB_CANCEL_SIGNAL,
	AB_CANCEL_READER_GONE
};
enum ab_cancel_reason ab_call_cancel_reason(const struct ab_call *call);
/* This request turned out to be endless: as AB_OP_ENDLESS from now on. Before run returns. Where a parameter alone says so
   it is marked AB_MAKES_ENDLESS: then the request does not wait for a slot either. */
void ab_call_set_endless(struct ab_call *call);

/*
 * Command line only: the operation deals with signals itself. From this call on INT, QUIT, TERM, HUP, TSTP,
 * TTIN, TTOU, CONT, USR1, USR2 and WINCH are blocked and handed to `caught` from the loop (which this makes),
 * and nothing else is done about them. Call it before anything is started that must not miss them. In batch it
 * does nothing: signals are the batch's.
 */
int ab_call_on_signal(struct ab_call *call, void (*caught)(struct ab_call *call, int signo, void *data),
    void *data, struct ab_error *err) AB_MUST_USE;

/* Command line only: the status to exit with, or the signal to die of after everything is printed. */
void ab_call_exit_status(struct ab_call *call, int status);
void ab_call_exit_signal(struct ab_call *call, int signo);
/* Kind ONE with AB_OP_PREDICATE: the answer is "no" (status 1). */
void ab_call_answer_no(struct ab_call *call);

/* What the operation's log record says: scope and what (both bounded, without secrets; NULL leaves what was
   said before), and the file to append to where --log or AB_LOG did not name one (NULL: as it is). */
void ab_call_log(struct ab_call *call, const char *path, const char *what, const char *scope);

/* All the bytes of a bytes parameter into buf (its max bounds them): inline, from its file, or from stdin. */
int ab_bytes_read(const struct ab_bytes *bytes, struct ab_buf *buf, struct ab_error *err) AB_MUST_USE;

/* One line on stderr, prefixed with the tool's name and freed of control characters; nothing under -q. */
void ab_call_note(const struct ab_call *call, const char *fmt, ...) AB_PRINTF(2, 3);

/* ---- the table itself ---- */

/* The operation of that name or alias, or NULL. */
const struct ab_op *ab_op_find(const struct ab_tool *tool, const char *name);
/* The operation that a word which is none may mean, by what it is called elsewhere or a slip of the finger; NULL: none comes near. */
const struct ab_op *ab_op_guess(const struct ab_tool *tool, const char *word);
/* The operation that needs no name, or NULL. */
const struct ab_op *ab_op_main(const struct ab_tool *tool);
/*
 * Whether the table keeps its own law: names are words, no two alike, letters unique in an operation, options
 * of one name of one type in all operations (batch gives one default to all), defaults and choices that parse.
 * Judged when the command describes itself. -1: internal.
 */
int ab_tool_check(const struct ab_tool *tool, struct ab_error *err) AB_MUST_USE;

#endif
