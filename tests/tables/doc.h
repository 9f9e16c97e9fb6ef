/*
 * doc - the rule tables as a page for people, docs/rules.md.
 *
 * Everything on it comes out of the tables: the words, which rule leads where, and the diagrams.
 */
#ifndef TESTS_TABLES_DOC_H
#define TESTS_TABLES_DOC_H

#include "base/str.h"

/* Append the whole page to `out`; look at str_failed() then. */
void doc_write(struct str *out);

/* The parts that are diagrams (Mermaid). */
void doc_write_node_life(struct str *out);
void doc_write_agent_states(struct str *out);

#endif
