/*
 * guard - what production code finds and does is what the tables say of it.
 *
 * Facts obey the laws of their table, and an act leaves the intent in the phase that act_order()
 * tells. Linked into a program (library table_guard), the guard stands between production code and
 * the tables, in whichever test or simulated run. The proofs of tests/unit/tables rest on what it
 * checks.
 */
#ifndef TESTS_TABLES_GUARD_H
#define TESTS_TABLES_GUARD_H

/* Told when that is not so; aborts with the text on stderr, unless a program defines another. */
void table_guard_failed(const char *problem);

#endif
