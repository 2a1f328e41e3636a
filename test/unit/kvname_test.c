/* data/kvname: which bytes name a key, and a namespace. */
#include "core/mem.h"
#include "data/kv.h"
#include "tap.h"

static enum ab_errcode
key_code(const char *data, size_t len)
{
	struct ab_error err = AB_ERROR_INIT;
	int status = ab_kv_check_key((struct ab_span){ data, len }, &err);

	CHECK((status == 0) == (err.code == AB_E_NONE) && (status == 0 || strstr(err.msg, "key") != NULL));
	return err.code;
}

static enum ab_errcode
name_code(const char *data, size_t len)
{
	struct ab_error err = AB_ERROR_INIT;
	int status = ab_kv_check_namespace((struct ab_span){ data, len }, &err);

	CHECK((status == 0) == (err.code == AB_E_NONE) && (status == 0 || strstr(err.msg, "namespace") != NULL));
	return err.code;
}

static void
test_lengths(void)
{
	char long_name[AB_KEY_MAX + 1];

	memset(long_name, 'x', sizeof(long_name));
	CHECK_INT(key_code("", 0), AB_E_INPUT_INVALID);
	CHECK_INT(key_code(NULL, 0), AB_E_INPUT_INVALID);
	CHECK_INT(key_code("a", 1), AB_E_NONE);
	CHECK_INT(key_code(long_name, AB_KEY_MAX), AB_E_NONE);
	CHECK_INT(key_code(long_name, AB_KEY_MAX + 1), AB_E_LIMIT_SIZE);
	CHECK_INT(name_code("", 0), AB_E_INPUT_INVALID);
	CHECK_INT(name_code(long_name, AB_KEY_MAX), AB_E_NONE);
	CHECK_INT(name_code(long_name, AB_KEY_MAX + 1), AB_E_LIMIT_SIZE);
}

static void
test_bytes(void)
{
	CHECK_INT(key_code("a\0b", 3), AB_E_INPUT_INVALID);
	CHECK_INT(key_code("\0", 1), AB_E_INPUT_INVALID);
	CHECK_INT(key_code("\xff\n\x01 ", 4), AB_E_NONE);
	CHECK_INT(key_code("//a//", 5), AB_E_NONE); /* slashes mean nothing in a key */
	CHECK_INT(name_code("a\0b", 3), AB_E_INPUT_INVALID);
	CHECK_INT(name_code("\xff", 1), AB_E_NONE);
}

static void
test_parts(void)
{
	static const char *const refused[] = { "/", "/a", "a/", "a//b", "//" };
	static const char *const good[] = { "a", "a/b", "a/b/c", "a-x", "a b", ".", "../.." };

	for (size_t i = 0; i < AB_COUNT_OF(refused); i++)
		if (!CHECK_INT(name_code(refused[i], strlen(refused[i])), AB_E_INPUT_INVALID))
			printf("# %s\n", refused[i]);
	for (size_t i = 0; i < AB_COUNT_OF(good); i++)
		if (!CHECK_INT(name_code(good[i], strlen(good[i])), AB_E_NONE))
			printf("# %s\n", good[i]);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "lengths", test_lengths },
		{ "bytes", test_bytes },
		{ "the parts of a namespace's name", test_parts },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
