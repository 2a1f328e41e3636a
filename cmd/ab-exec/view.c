/* What of the host a command sees: system directories, private directories, its tree, and what was asked for. */
#include "ab-exec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/io.h"
#include "sys/home.h"
#include "sys/path.h"
#include "sys/protect.h"

#define TMP_SIZE_BYTES (INT64_C(1) << 30)
#define ETC_FILE_MAX ((size_t)4 << 20)

/* Read-only directories of the system; those that do not exist are left out. */
static const char *const system_dirs[] = { "/usr", "/etc", "/opt", "/nix/store", "/gnu/store", "/sys/devices/system/cpu", "/sys/devices/system/node" };

/* Directories of their own on old layouts, links into /usr on merged ones. */
static const char *const merged_dirs[] = { "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32" };

static void
add_system(struct ab_plan *plan)
{
	for (size_t i = 0; i < AB_COUNT_OF(system_dirs); i++)
		ab_plan_view(plan, AB_VIEW_BIND, system_dirs[i], system_dirs[i])->optional = true;
	for (size_t i = 0; i < AB_COUNT_OF(merged_dirs); i++) {
		char link[256];
		ssize_t len = readlink(merged_dirs[i], link, sizeof(link) - 1);
		if (len > 0) {
			link[len] = '\0';
			ab_plan_view(plan, AB_VIEW_SYMLINK, link, merged_dirs[i]);
		} else if (errno == EINVAL) {
			ab_plan_view(plan, AB_VIEW_BIND, merged_dirs[i], merged_dirs[i])->optional = true;
		}
	}
	ab_plan_view(plan, AB_VIEW_SYMLINK, "/run", "/var/run");
}

/* An empty directory for everybody, as /tmp is. */
static void
make_empty(struct ab_view *view)
{
	view->kind = AB_VIEW_TMPFS;
	view->size = TMP_SIZE_BYTES;
	view->mode = 01777;
}

/*
 * A tree below /tmp appears below the scope's own /tmp, where a command may have put a link in the way since the last run: it goes.
 */
static int
clear_way(const struct ab_plan *plan, const struct exec_place *place, struct ab_error *err)
{
	struct ab_error ignored = AB_ERROR_INIT;

	if (!ab_path_below(plan->tree, "/tmp"))
		return 0;
	AB_AUTO_CLOSE int tmp = open(place->tmp_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (tmp < 0)
		return ab_fail_errno(err, errno, "open \"%s\"", place->tmp_path);
	const char *rel = plan->tree + strlen("/tmp/");
	if (ab_path_make_dirs(tmp, rel, 0755, &ignored) == 0)
		return 0;
	AB_AUTO_FREE char *first = ab_strndup(rel, strcspn(rel, "/"));
	if (ab_path_remove_tree(tmp, first, &ignored) < 0 && ignored.code != AB_E_NOT_FOUND) {
		*err = ignored;
		return -1;
	}
	return ab_path_make_dirs(tmp, rel, 0755, err);
}

/* /tmp is the scope's own; /var/tmp is the same, unless view_settle() finds that it cannot be. An older bwrap would follow the links
 * that a command leaves in the way to a tree below /tmp: there it is empty each time. */
static int
add_tmp(struct ab_plan *plan, const struct exec_place *place, struct ab_error *err)
{
	if (place->tmp_path == NULL || (plan->level == AB_LEVEL_BWRAP && !plan->bwrap_holds && ab_path_below(plan->tree, "/tmp"))) {
		make_empty(ab_plan_view(plan, AB_VIEW_TMPFS, NULL, "/tmp"));
	} else {
		if (clear_way(plan, place, err) < 0)
			return -1;
		ab_plan_view(plan, AB_VIEW_BIND, place->tmp_path, "/tmp")->writable = true;
	}
	ab_plan_view(plan, AB_VIEW_SYMLINK, "/tmp", "/var/tmp");
	return 0;
}

void
view_settle(struct ab_plan *plan)
{
	struct ab_view *link = NULL;

	for (size_t i = 0; i < plan->view_count; i++) {
		struct ab_view *view = &plan->view[i];
		if (view->kind == AB_VIEW_SYMLINK && strcmp(view->target, "/var/tmp") == 0)
			link = view;
		if (link == NULL || view->kind != AB_VIEW_BIND || !ab_path_below(view->target, "/var/tmp"))
			continue;
		free(link->source);
		link->source = NULL;
		make_empty(link);
		return;
	}
}

static struct ab_view *
add_text(struct ab_plan *plan, const char *target, const char *text, size_t len)
{
	struct ab_view *view = ab_plan_view(plan, AB_VIEW_FILE, NULL, target);

	view->text = ab_strndup(text, len);
	view->text_len = len;
	view->mode = 0444;
	return view;
}

/* /etc/resolv.conf is often a link into /run, which is private: its target gets the text. */
static int
add_resolver(struct ab_plan *plan, struct ab_error *err)
{
	static const char ours[] = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n";
	static const char hosts[] = "127.0.0.1 localhost ab\n::1 localhost\n";
	AB_AUTO_FREE char *real = realpath("/etc/resolv.conf", NULL);

	if (plan->net.mode != AB_NET_HOST) {
		/* the host's own names lead nowhere from inside, and would hide from the gate what was asked for */
		add_text(plan, "/etc/hosts", hosts, strlen(hosts))->optional = true;
	}
	if (real == NULL)
		return 0;
	if (plan->net.mode != AB_NET_HOST) {
		add_text(plan, real, ours, strlen(ours));
		return 0;
	}
	if (ab_path_below(real, "/etc"))
		return 0;
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(ETC_FILE_MAX);
	if (ab_read_file(AT_FDCWD, real, &text, err) < 0)
		return -1;
	add_text(plan, real, text.data != NULL ? text.data : "", text.len);
	return 0;
}

/* A path that a link of the tree's takes out of it was named by the caller and chosen by a command; and ab's state is nobody's but
 * the scopes in its own root. */
static int
refuse_lured(const struct ab_plan *plan, const char *option, const char *path, const char *real, struct ab_error *err)
{
	AB_AUTO_FREE char *state = ab_home_path(false, err);
	AB_AUTO_FREE char *scopes = state == NULL ? NULL : ab_asprintf("%s/root", state);

	if (state == NULL)
		return -1;
	if (ab_path_leads_out(path, plan->tree)) {
		ab_fail(err, AB_E_SCOPE_ESCAPE, "%s \"%s\": a link in the tree leads to \"%s\"", option, path, real);
		ab_error_hint(err, "%s '%s', if that is meant", option, real);
		return -1;
	}
	if (ab_path_below(real, state) && !ab_path_below(real, scopes))
		return ab_fail(err, AB_E_DENIED_POLICY, "%s \"%s\": AB_HOME is shown to no command", option, path);
	return 0;
}

/* A path of --read, --write or --home: canonical, and within the scope's ceiling when there is one. */
static int
add_path(struct ab_plan *plan, const char *option, const char *path, bool writable, const struct ab_list *ceiling, struct ab_error *err)
{
	AB_AUTO_FREE char *real = realpath(path, NULL);
	bool within = ceiling == NULL;
	struct stat st;

	if (real == NULL)
		return ab_fail_errno(err, errno, "%s \"%s\"", option, path);
	if (refuse_lured(plan, option, path, real, err) < 0)
		return -1;
	for (size_t i = 0; !within && i < ceiling->count; i++)
		within = ab_path_below(real, ceiling->item[i]);
	if (!within)
		return ab_fail(err, AB_E_DENIED_POLICY, "%s \"%s\": the scope's setting %s does not allow it", option, real, writable ? "write" : "read");
	if (strcmp(real, "/") == 0 || strcmp(real, "/proc") == 0 || strcmp(real, "/dev") == 0 || strcmp(real, "/sys") == 0 || strcmp(real, "/run") == 0) {
		ab_fail(err, AB_E_DENIED_POLICY, "%s \"%s\" would show the host itself", option, real);
		ab_error_hint(err, "name the directory below it that is needed");
		return -1;
	}
	if (stat(real, &st) < 0)
		return ab_fail_errno(err, errno, "%s \"%s\"", option, real);
	struct ab_view *view = ab_plan_view(plan, AB_VIEW_BIND, real, real);
	view->writable = writable;
	view->dev = st.st_dev;
	view->ino = st.st_ino;
	return 0;
}

static int
add_asked(struct ab_plan *plan, const struct ab_list *paths, bool writable, const struct ab_list *ceiling, bool capped, struct ab_error *err)
{
	for (size_t i = 0; i < paths->count; i++)
		if (add_path(plan, writable ? "--write" : "--read", paths->item[i], writable, capped ? ceiling : NULL, err) < 0)
			return -1;
	return 0;
}

/* What the scope's own settings show, canonical when they were set, is there without being asked for; not what a link that came
 * since then leads to. */
static int
add_settled(struct ab_plan *plan, const struct ab_list *paths, bool writable, struct ab_error *err)
{
	for (size_t i = 0; i < paths->count; i++) {
		const char *path = paths->item[i];
		AB_AUTO_FREE char *real = realpath(path, NULL);
		struct stat st;
		if (real == NULL || stat(real, &st) < 0)
			continue;
		if (strcmp(real, path) != 0)
			return ab_fail(err, AB_E_SCOPE_ESCAPE, "the scope's setting %s: \"%s\" leads to \"%s\" now", writable ? "write" : "read",
			    path, real);
		struct ab_view *view = ab_plan_view(plan, AB_VIEW_BIND, path, path);
		view->optional = true;
		view->writable = writable;
		view->dev = st.st_dev;
		view->ino = st.st_ino;
	}
	return 0;
}

static int
add_given(const struct run_params *params, struct ab_plan *plan, const struct ab_scope_settings *settings, struct ab_error *err)
{
	if (add_asked(plan, &params->read, false, &settings->read, settings->read_given, err) < 0 ||
	    add_asked(plan, &params->write, true, &settings->write, settings->write_given, err) < 0)
		return -1;
	/* A directory as HOME is one more that is writable: below the tree's own mount, and AB_HOME hidden in it. */
	if (place_home_is_dir(params->home) &&
	    add_path(plan, "--home", params->home, true, settings->write_given ? &settings->write : NULL, err) < 0)
		return -1;
	if (settings->read_given && add_settled(plan, &settings->read, false, err) < 0)
		return -1;
	return settings->write_given ? add_settled(plan, &settings->write, true, err) : 0;
}

static void
add_tree(struct ab_plan *plan)
{
	struct ab_view *view = ab_plan_view(plan, AB_VIEW_BIND, plan->tree, plan->tree);

	view->writable = true;
	view->dev = plan->tree_dev;
	view->ino = plan->tree_ino;
}

/* The directories between one that is writable and AB_HOME stay where they are: a command that renamed one would have the next run
 * look for AB_HOME elsewhere, and see this one. */
static void
pin_between(struct ab_plan *plan, const char *writable, const char *state)
{
	AB_AUTO_FREE char *path = ab_strdup(state);

	for (char *slash = path + strlen(writable); (slash = strchr(slash + 1, '/')) != NULL; *slash = '/') {
		*slash = '\0';
		ab_plan_view(plan, AB_VIEW_PIN, NULL, path);
	}
}

/* AB_HOME never shows, wherever it lies: below the tree, or below anything that was asked for. */
static int
hide_state(struct ab_plan *plan, struct ab_error *err)
{
	AB_AUTO_FREE char *state = ab_home_path(false, err);
	size_t count = plan->view_count;
	bool shown = false;

	if (state == NULL)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct ab_view *view = &plan->view[i];
		if (view->kind != AB_VIEW_BIND || view->source == NULL || strcmp(view->source, view->target) != 0)
			continue;
		if (view->writable && ab_home_hangs_below(view->source)) {
			ab_fail(err, AB_E_UNSUPPORTED, "the way to AB_HOME goes by a link below \"%s\", which the command could replace", view->source);
			ab_error_hint(err, "export AB_HOME='%s'", state);
			return -1;
		}
		if (!ab_path_below(state, view->source))
			continue;
		shown = true;
		if (view->writable && (plan->level == AB_LEVEL_LANDLOCK || (plan->level == AB_LEVEL_BWRAP && !plan->bwrap_holds))) {
			ab_fail(err, AB_E_UNSUPPORTED, "AB_HOME \"%s\" lies below \"%s\", and level %s cannot hide a part of it", state, view->source,
			    ab_level_name(plan->level));
			ab_error_hint(err, "AB_HOME=DIR, with a directory elsewhere");
			return -1;
		}
		if (view->writable)
			pin_between(plan, view->source, state);
	}
	if (shown)
		ab_plan_view(plan, AB_VIEW_MASK, NULL, state);
	return 0;
}

/* The picture that the tree is compared with after the run; what it finds is locked. */
static void
look_before(const struct run_params *params, struct ab_plan *plan, struct exec_place *place)
{
	bool deep = true;

	if (!place->protect)
		return;
	if ((place->require & AB_PROMISE_BIT(AB_PROMISE_PROTECT_DEEP)) != 0)
		place->before = ab_protect_before_deep(place->scope.fd, plan->tree, params->unprotect.item, &deep);
	else
		place->before = ab_protect_before(place->scope.fd, plan->tree, params->unprotect.item, &deep);
	if (!deep)
		plan->missing |= AB_PROMISE_BIT(AB_PROMISE_PROTECT_DEEP);
}

int
view_make(const struct run_params *params, struct ab_plan *plan, struct exec_place *place, const char *home, struct ab_error *err)
{
	add_system(plan);
	if (add_resolver(plan, err) < 0)
		return -1;
	if (add_tmp(plan, place, err) < 0)
		return -1;
	if (add_given(params, plan, &place->scope.settings, err) < 0)
		return -1;
	add_tree(plan);
	if (hide_state(plan, err) < 0)
		return -1;
	if (place->home_path != NULL && !place_home_is_dir(params->home))
		ab_plan_view(plan, AB_VIEW_BIND, place->home_path, home)->writable = true;
	look_before(params, plan, place);
	if (place->protect && ab_protect_plan(plan, place->scope.fd, params->unprotect.item, place->before, err) < 0)
		return -1;
	return 0;
}

/* Whether the first line for the id (third field) of a passwd or group text is for name; NULL: for anybody. */
static bool
is_named(const char *text, unsigned id, const char *name)
{
	char want[16];
	size_t len = (size_t)snprintf(want, sizeof(want), ":%u:", id);

	for (const char *line = text; line != NULL && *line != '\0';) {
		const char *colon = strchr(line, ':');
		const char *second = colon != NULL ? strchr(colon + 1, ':') : NULL;
		if (second != NULL && strncmp(second, want, len) == 0)
			return name == NULL || ((size_t)(colon - line) == strlen(name) && strncmp(line, name, strlen(name)) == 0);
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	return false;
}

/* A line for who the command is. What root becomes comes before the host's: whoever has that number there is not meant. */
static int
add_account(struct ab_plan *plan, const char *file, unsigned id, const char *line, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(ETC_FILE_MAX), with = AB_BUF_INIT(ETC_FILE_MAX);

	if (ab_read_file(AT_FDCWD, file, &text, err) < 0)
		return err->code == AB_E_NOT_FOUND ? 0 : -1;
	if (text.data != NULL && is_named(text.data, id, plan->ident.mode == AB_IDENT_SELF ? NULL : plan->ident.name))
		return 0;
	if (!ab_buf_addf(&with, "%s%s", line, text.data != NULL ? text.data : ""))
		return ab_fail(err, AB_E_LIMIT_SIZE, "\"%s\" is too large", file);
	add_text(plan, file, with.data, with.len);
	return 0;
}

/* Files of /etc that others may not read: a kuid of 0 could read them without any capability. */
static int
mask_etc(struct ab_plan *plan, struct ab_error *err)
{
	DIR *dir = opendir("/etc");

	if (dir == NULL)
		return ab_fail_errno(err, errno, "open \"/etc\"");
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		struct stat st;
		if (entry->d_name[0] == '.' && (entry->d_name[1] == '\0' || entry->d_name[1] == '.'))
			continue;
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISLNK(st.st_mode) || (st.st_mode & S_IROTH) != 0)
			continue;
		AB_AUTO_FREE char *path = ab_asprintf("/etc/%s", entry->d_name);
		if (S_ISDIR(st.st_mode))
			ab_plan_view(plan, AB_VIEW_TMPFS, NULL, path)->mode = 0755;
		else
			add_text(plan, path, "", 0);
	}
	closedir(dir);
	return 0;
}

int
view_identity(struct ab_plan *plan, struct ab_error *err)
{
	const struct ab_ident *ident = &plan->ident;
	AB_AUTO_FREE char *user = ab_asprintf("%s:x:%u:%u::%s:/bin/sh\n", ident->name, (unsigned)ident->inside_uid, (unsigned)ident->inside_gid, plan->tree);
	AB_AUTO_FREE char *group = ab_asprintf("%s:x:%u:\n", ident->name, (unsigned)ident->inside_gid);

	if (plan->level == AB_LEVEL_LANDLOCK && ident->mode == AB_IDENT_ROOT)
		return mask_etc(plan, err);
	if (!ab_level_has_view(plan->level))
		return 0;
	if (add_account(plan, "/etc/passwd", ident->inside_uid, user, err) < 0 || add_account(plan, "/etc/group", ident->inside_gid, group, err) < 0)
		return -1;
	return ident->mode == AB_IDENT_ROOT ? mask_etc(plan, err) : 0;
}
