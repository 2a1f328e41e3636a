/* What may be asked of run and start: one row a parameter, and the fields of the answer. */
#include "ab-exec.h"

#define STRING(member, ...) AB_PARAM_STRING(struct run_params, member, __VA_ARGS__)
#define BOOLEAN(member, ...) AB_PARAM_BOOLEAN(struct run_params, member, __VA_ARGS__)
#define LIST(member, ...) AB_PARAM_LIST(struct run_params, member, __VA_ARGS__)
#define DURATION(member, ...) AB_PARAM_DURATION(struct run_params, member, __VA_ARGS__)
#define SIZE(member, ...) AB_PARAM_SIZE(struct run_params, member, __VA_ARGS__)

const struct ab_param run_params[] = {
	/* what */
	LIST(argv, .name = "argv", .flags = AB_POSITIONAL | AB_REST, .meta = "ARGV", .help = "program and arguments, run without a shell", .group = "what"),
	STRING(command, .name = "command", .letter = 'c', .meta = "SCRIPT", .help = "script for the shell", .group = "what"),
	STRING(file, .name = "file", .letter = 'f', .flags = AB_CLI_ONLY | AB_HOST_PATH, .meta = "FILE|-", .help = "script from a file or stdin", .group = "what"),
	STRING(shell, .name = "shell", .meta = "SHELL", .help = "shell for --command and --file; bash, or sh where there is no bash", .group = "what"),
	/* where */
	STRING(root, .name = "root", .env = "AB_ROOT", .flags = AB_HOST_PATH, .meta = "DIR", .help = "directory that holds scopes; alone: the scope itself", .group = "where"),
	STRING(scope, .name = "scope", .env = "AB_SCOPE", .meta = "NAME", .help = "scope below the root; without --root below AB_HOME/root", .group = "where"),
	BOOLEAN(create, .name = "create", .dflt = "false", .help = "make the scope when it does not exist", .group = "where"),
	STRING(cwd, .name = "cwd", .meta = "DIR", .help = "working directory, relative to the scope", .group = "where"),
	STRING(home, .name = "home", .flags = AB_HOST_PATH, .inside = "scope|private", .meta = "scope|private|DIR", .help = "HOME inside; scope for managed scopes, private for trees", .group = "where"),
	STRING(tmp, .name = "tmp", .dflt = "scope", .choices = "scope|fresh", .meta = "scope|fresh", .help = "/tmp inside: kept between the scope's commands, or empty", .group = "where"),
	/* isolation */
	STRING(isolation, .name = "isolation", .flags = AB_HOST_PATH, .inside = "auto|namespace|landlock", .dflt = "auto", .choices = "auto|namespace|bwrap|landlock|software|none", .meta = "LEVEL", .help = "how strong", .group = "isolation"),
	LIST(require, .name = "require", .flags = AB_COMMA, .meta = "LIST", .help = "promises that must hold, else nothing runs (see PROMISES in ab-exec(1))", .group = "isolation"),
	LIST(read, .name = "read", .flags = AB_HOST_PATH, .meta = "PATH", .help = "host path to show, read-only", .group = "isolation"),
	LIST(write, .name = "write", .flags = AB_HOST_PATH, .meta = "PATH", .help = "host path to show, writable", .group = "isolation"),
	BOOLEAN(protect, .name = "protect", .flags = AB_HOST_PATH, .inside = "true", .help = "keep what runs later on your behalf read-only; on for trees", .group = "isolation"),
	LIST(unprotect, .name = "unprotect", .flags = AB_HOST_PATH, .meta = "PATH", .help = "path in the scope that stays writable all the same", .group = "isolation"),
	BOOLEAN(guard, .name = "guard", .help = "refuse what would destroy the machine or hand it over; on", .group = "isolation"),
	STRING(user, .name = "user", .choices = "root", .meta = "root", .help = "be uid 0 inside (no more rights outside)", .group = "isolation"),
	/* network */
	STRING(net, .name = "net", .choices = "none|host|allow:", .meta = "none|host|allow:LIST", .help = "network; LIST is HOST[:PORT],*.DOMAIN,@GROUP; none by default", .group = "network"),
	/* environment */
	AB_PARAM_MAP(struct run_params, env, .name = "env", .letter = 'e', .flags = AB_SECRET, .meta = "NAME=VALUE", .help = "variable to set inside; for one of yours: --pass NAME", .group = "environment"),
	LIST(env_file, .name = "env-file", .flags = AB_HOST_PATH, .meta = "FILE", .help = "file of NAME=VALUE lines, as docker reads it", .group = "environment"),
	LIST(pass, .name = "pass", .flags = AB_HOST_PATH, .meta = "PATTERN", .help = "variables of yours to let in ('AWS_*')", .group = "environment"),
	/* limits */
	DURATION(timeout_ms, .name = "timeout", .meta = "DURATION", .help = "end the command after this time", .group = "limits"),
	DURATION(idle_timeout_ms, .name = "idle-timeout", .meta = "DURATION", .help = "end it after this time without output", .group = "limits"),
	DURATION(grace_ms, .name = "grace", .dflt = "2s", .meta = "DURATION", .help = "time between TERM and KILL", .group = "limits"),
	SIZE(memory_bytes, .name = "memory", .min = 1 << 20, .max = INT64_MAX, .meta = "SIZE", .help = "memory of all its processes together", .group = "limits"),
	DURATION(cpu_time_ms, .name = "cpu-time", .meta = "DURATION", .help = "processor time of all its processes together", .group = "limits"),
	AB_PARAM_INTEGER(struct run_params, pids, .name = "pids", .min = 1, .max = 4194304, .meta = "N", .help = "processes and threads at once; 4096 unless the scope says less", .group = "limits"),
	SIZE(file_size_bytes, .name = "file-size", .meta = "SIZE", .help = "size of any file it writes", .group = "limits"),
	STRING(leftover, .name = "leftover", .dflt = "kill", .choices = "kill|wait", .meta = "kill|wait", .help = "what becomes of processes that outlive the command", .group = "limits"),
	/* input and output */
	AB_PARAM_BYTES(struct run_params, stdin_bytes, .name = "stdin", .meta = "none|FILE|-", .help = "its stdin; yours when that is a pipe or a file", .group = "input and output"),
	BOOLEAN(stream, .name = "stream", .dflt = "false", .help = "answer with events as they happen, the result last", .group = "input and output"),
	STRING(record, .name = "record", .flags = AB_CLI_ONLY | AB_HOST_PATH, .meta = "FILE|fd:N", .help = "write the result record there, beside live output", .group = "input and output"),
	BOOLEAN(merge, .name = "merge", .dflt = "false", .help = "stderr goes where stdout goes, in order", .group = "input and output"),
	SIZE(max_output_bytes, .name = "max-output", .dflt = "128KiB", .min = 0, .max = 64 << 20, .meta = "SIZE", .help = "bytes of each stream kept in the record", .group = "input and output"),
	STRING(keep, .name = "keep", .dflt = "both", .choices = "both|head|tail", .meta = "both|head|tail", .help = "which end of long output is kept", .group = "input and output"),
	STRING(spool, .name = "spool", .flags = AB_HOST_PATH, .meta = "FILE", .help = "append all output to this file too", .group = "input and output"),
	SIZE(max_spool_bytes, .name = "max-spool", .dflt = "1GiB", .meta = "SIZE", .help = "ceiling of the spool", .group = "input and output"),
	BOOLEAN(exit_zero, .name = "exit-zero", .flags = AB_CLI_ONLY, .dflt = "false", .help = "exit 0 whenever a record was printed", .group = "input and output"),
	AB_PARAM_END
};

const struct ab_field result_fields[] = {
	{ .name = "schema", .type = "'ab.exec/1'", .help = "name and version of this record" },
	{ .name = "job", .type = "string?", .help = "started job, or kept spool; for ab-exec output, wait, kill" },
	{ .name = "scope", .type = "string", .help = "name of the scope, or path of the tree" },
	{ .name = "reason", .type = "'exit|signal|timeout|idle_timeout|cancelled|oom|limit|denied|failed|lost'", .help = "how it ended; treat an unknown one as not successful" },
	{ .name = "exit_code", .type = "integer?", .help = "the command's own, with reason exit" },
	{ .name = "signal", .type = "string?", .help = "name of the signal it died of" },
	{ .name = "status", .type = "integer", .help = "as a shell would see it: exit code, 124, 125, 126, 127, 128+n" },
	{ .name = "stdout", .type = "bytes", .help = "what was kept; absent in a stream's result" },
	{ .name = "stderr", .type = "bytes", .help = "what was kept; empty with merge; absent in a stream's result" },
	{ .name = "stdout_bytes", .type = "integer", .help = "how many were written" },
	{ .name = "stderr_bytes", .type = "integer", .help = "how many were written" },
	{ .name = "stdout_omitted_bytes", .type = "integer", .help = "how many were left out at the marker line" },
	{ .name = "stderr_omitted_bytes", .type = "integer", .help = "how many were left out at the marker line" },
	{ .name = "stdout_head_bytes", .type = "integer", .help = "how many of stdout stand before the marker line" },
	{ .name = "stderr_head_bytes", .type = "integer", .help = "how many of stderr stand before the marker line" },
	{ .name = "truncated", .type = "boolean", .help = "bytes were left out of stdout or stderr" },
	{ .name = "spool", .type = "string?", .help = "job or file that holds all output" },
	{ .name = "spool_truncated", .type = "boolean", .help = "the spool is not whole (ceiling, disk full)" },
	{ .name = "started_at", .type = "time", .help = "when it was started" },
	{ .name = "wall_ms", .type = "integer", .help = "how long the command ran" },
	{ .name = "setup_ms", .type = "integer", .help = "how long it took to start it" },
	{ .name = "user_ms", .type = "integer", .help = "processor time in user mode" },
	{ .name = "sys_ms", .type = "integer", .help = "processor time in the kernel" },
	{ .name = "max_rss_bytes", .type = "integer", .help = "most memory: of all together (cgroup) or of the largest process" },
	{ .name = "usage_of", .type = "'processes|cgroup'", .help = "whose figures these are; processes: of reaped ones, a lower bound" },
	{ .name = "oom", .type = "boolean", .help = "killed for its memory, as far as can be known" },
	{ .name = "limits_hit", .type = "array", .help = "memory, cpu_time, pids, file_size, spool" },
	{ .name = "survivors_killed", .type = "integer", .help = "processes that outlived the command" },
	{ .name = "planted", .type = "array", .help = "files that run later on your behalf and are new, changed or replaced" },
	{ .name = "violations", .type = "array", .help = "what was refused: kind, target, count, and the option that allows it" },
	{ .name = "level", .type = "'namespace|bwrap|landlock|software|none'?", .help = "how strong the isolation was; null: refused before that was known" },
	{ .name = "missing", .type = "array", .help = "promises that did not hold" },
	{ .name = "net", .type = "string", .help = "the network policy" },
	{ .name = "error", .type = "object?", .help = "why nothing ran, with reason denied or failed" },
	{ .name = "job", .type = "string?", .help = "kept spool or job", .event = "start" },
	{ .name = "schema", .type = "'ab.exec/1'", .help = "name and version", .event = "start" },
	{ .name = "seq", .type = "integer", .help = "number of the event over both streams", .event = "stdout" },
	{ .name = "t_ms", .type = "integer", .help = "since the start", .event = "stdout" },
	{ .name = "text", .type = "bytes", .help = "never splits a character", .event = "stdout" },
	{ .name = "seq", .type = "integer", .help = "number of the event over both streams", .event = "stderr" },
	{ .name = "t_ms", .type = "integer", .help = "since the start", .event = "stderr" },
	{ .name = "text", .type = "bytes", .help = "never splits a character", .event = "stderr" },
	{ .name = "t_ms", .type = "integer", .help = "since the start; sent after 5 s of silence", .event = "heartbeat" },
	{ .name = NULL }
};
