/* Identifiers: ULIDs (26 characters, Crockford base32: 48 bits of time, 80 bits from getrandom(2)); sortable by time. */
#ifndef AB_CORE_ID_H
#define AB_CORE_ID_H

#define AB_ID_SIZE 27
/* Later calls in one process give larger ids, also within one millisecond. Returns text. */
const char *ab_id_new(char text[static AB_ID_SIZE]);

#endif
