#include "sys/idmap.h"

#include <sys/wait.h>
#include <unistd.h>

#include "core/mem.h"
#include "sys/mount.h"
#include "small_tree.h"
#include "tap.h"

/* In a mapped mount, files show the private ids, those of owners that nobody looked at too. */
static void
mapped_mounts_show_private_ids(void)
{
	struct ab_ident ident = { .mode = AB_IDENT_IDMAP };
	struct stat st;

	if (geteuid() != 0)
		TAP_SKIP("needs root");
	put_file("tree/a", "");
	put_file("tree/b", "");
	CHECK_INT(chown(at("tree/b"), 77, 88), 0);
	AB_AUTO_CLOSE int userns = ab_idmap_userns(&ident);
	ab_idmap_reap();
	AB_AUTO_CLOSE int tree = open_tree_at("tree");
	AB_AUTO_CLOSE int mount = userns < 0 ? -1 : ab_mount_copy_mapped(tree, 0, userns);
	if (mount < 0)
		TAP_SKIP("the file system takes no idmapped mount");
	CHECK_INT(fstatat(mount, "a", &st, 0), 0);
	CHECK_INT(st.st_uid, AB_IDMAP_BASE);
	CHECK_INT(fstatat(mount, "b", &st, 0), 0);
	CHECK_INT(st.st_uid, AB_IDMAP_BASE + 77);
	CHECK_INT(st.st_gid, AB_IDMAP_BASE + 88);
	ident = (struct ab_ident){ .mode = AB_IDENT_SETID, .uid_count = 1, .gid_count = 1 };
	ident.uid[0].kernel = 500;
	ident.gid[0].kernel = 600;
	AB_AUTO_CLOSE int listed = ab_idmap_userns(&ident);
	ab_idmap_reap();
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left */
	AB_AUTO_CLOSE int other = ab_mount_copy_mapped(tree, 0, listed);
	CHECK_INT(fstatat(other, "a", &st, 0), 0);
	CHECK_INT(st.st_uid, 500);
	CHECK_INT(st.st_gid, 600);
	unlink(at("tree/b"));
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "mapped mounts show private ids", mapped_mounts_show_private_ids },
	};

	if (!make_base("idmap"))
		return 1;
	int status = tap_run(tests, AB_COUNT_OF(tests));
	unlink(at("tree/a"));
	rmdir(at("tree"));
	rmdir(base);
	return status;
}
