/*
 * What `ab-kv get` is measured against: a program that opens the same SQLite file, reads the key, prints its value, and knows nothing
 * else. usage: kvget FILE KEY
 */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

int
main(int argc, char **argv)
{
	sqlite3 *db;
	sqlite3_stmt *stmt;

	if (argc != 3 || sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, "SELECT value FROM entry WHERE ns = CAST('default' AS BLOB) AND k = ?", -1, &stmt, NULL) != SQLITE_OK)
		return 1;
	sqlite3_bind_blob(stmt, 1, argv[2], (int)strlen(argv[2]), SQLITE_STATIC);
	if (sqlite3_step(stmt) != SQLITE_ROW)
		return 1;
	fwrite(sqlite3_column_blob(stmt, 0), 1, (size_t)sqlite3_column_bytes(stmt, 0), stdout);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return 0;
}
