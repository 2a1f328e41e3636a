/* Print the table of error codes, one line a code: exit status, code, "retryable" or "-", sentence. docs.bats holds the manual to it. */
#include <stdio.h>

#include "core/error.h"

int
main(void)
{
	for (enum ab_errcode code = AB_E_NONE + 1; code < AB_E_COUNT; code++)
		printf("%d\t%s\t%s\t%s\n", ab_errcode_status(code), ab_errcode_name(code), ab_errcode_retryable(code) ? "retryable" : "-", ab_errcode_text(code));
	return 0;
}
