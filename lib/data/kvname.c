/* Which bytes name a key, and a namespace. */
#include <string.h>

#include "data/kv.h"

static int
check_bytes(struct ab_span bytes, const char *what, struct ab_error *err)
{
	if (bytes.len == 0)
		return ab_fail(err, AB_E_INPUT_INVALID, "a %s may not be empty", what);
	if (bytes.len > AB_KEY_MAX)
		return ab_fail(err, AB_E_LIMIT_SIZE, "a %s has at most %d bytes, not %zu", what, AB_KEY_MAX, bytes.len);
	if (memchr(bytes.data, '\0', bytes.len) != NULL)
		return ab_fail(err, AB_E_INPUT_INVALID, "a %s holds no NUL byte", what);
	return 0;
}

int
ab_kv_check_key(struct ab_span key, struct ab_error *err)
{
	return check_bytes(key, "key", err);
}

int
ab_kv_check_namespace(struct ab_span name, struct ab_error *err)
{
	if (check_bytes(name, "namespace", err) < 0)
		return -1;
	if (name.data[0] == '/' || name.data[name.len - 1] == '/' || memmem(name.data, name.len, "//", 2) != NULL)
		return ab_fail(err, AB_E_INPUT_INVALID, "namespace \"%.*s\": its parts between slashes are not empty", (int)(name.len < 200 ? name.len : 200),
		    name.data);
	return 0;
}
