/* Where a word leads, as far as the rules care. */
#include "guard_pairs.h"

static void
places(void)
{
	static const struct pair pairs[] = {
		{ "rm -rf ../..", "delete" },
		{ "rm -rf ../sibling", "" },
		{ "rm -rf ..", "delete" },
		{ "rm -rf /ws", "delete" },
		{ "rm -rf /ws/scope/build", "" },
		{ "rm -rf *", "" },
		{ "cd / && rm -rf *", "delete" },
		{ "cd /tmp; rm -rf *", "" },
		{ "(cd /); rm -rf *", "" },
		{ "cd .. | true; rm -rf *", "" },
		{ "cd; rm -rf .??*", "delete" },
		{ "cd \"$x\"; rm -rf *", "" },
		{ "rm -rf /{usr,etc}/lib", "delete" },
		{ "rm -rf {a,b}/{c,d}", "" },
		{ "rm -rf /u*", "delete" },
		{ "rm -rf /tmp/u*", "" },
		{ "rm -rf '/*'", "" },
		{ "rm -rf ~", "delete" },
		{ "rm -rf ~/.cache/x", "" },
		{ "rm -rf \"$HOME\"/../..", "delete" },
		{ "rm -rf /home/ann", "delete" },
		{ "rm -rf /home/ann/src/build", "" },
		{ "rm -rf /var/lib/apt/lists/*", "" },
		{ "rm -rf \"$dir\"/", "" },
		{ "rm -f /etc/passwd", "system-files" },
		{ "rm -f /", "" }, /* rm itself refuses a directory */
		{ "rm -rf -- /", "delete" },
		{ "rm -r --force --no-preserve-root /", "delete" },
		{ "find / -name '*.o' -delete", "delete" },
		{ "find /usr/local -name '*.pyc' -delete", "" },
		{ "find /usr -delete", "delete" },
		{ "find . -name '*.o' -delete", "" },
		{ "find / -name core -print", "" },
		{ "find / -print0 | xargs -0 rm -f", "delete" },
		{ "find . -print0 | xargs -0 rm -f", "" },
		{ "find /usr -name x | xargs grep rm", "" },
		{ "echo / | xargs rm -rf", "delete" },
		{ "echo build | xargs rm -rf", "" },
		{ "mv / /dev/null", "delete" },
		{ "mv -t /tmp /usr", "delete" },
		{ "mv x /opt", "" },
		{ "pushd / && rm -rf *", "delete" },
		{ "pushd /; popd; rm -rf *", "" },
		{ "chown -R me:me .", "" },
		{ "chown -R me ~", "permissions" },
	};
	check_pairs(pairs, AB_COUNT_OF(pairs));
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "places", places },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
