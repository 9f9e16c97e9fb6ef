/*
 * complete - what may stand at the end of a command line, for the shells.
 *
 * All that is known without etcd is worked out here, from the table of verbs; of names in etcd it
 * says which kind is wanted. The scripts of `muster completion` call `muster __complete`, which
 * asks here, and know nothing of the verbs themselves.
 */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

#include <stddef.h>

#include "base/str.h"
#include "cli/verb.h"

#define COMPLETE_PREFIX_SIZE 64

struct complete_wish {
    enum verb_arg names; /* of which the caller has to add the names; ARG_FILE: files */
    char prefix[COMPLETE_PREFIX_SIZE]; /* what stands before each of them: "--delete=" */
    const char *begun;                 /* what is written of the name already; points into argv */
};

/*
 * Complete the last of the words behind "muster"; there is at least one, which may be "". Lines
 * "WORD\tDESCRIPTION" are added to `out`, only for words that begin as the last one does.
 */
void complete(int argc, char *const *argv, struct str *out, struct complete_wish *wish);

/* One more line, if `text` begins like what is written already. */
void complete_add(const struct complete_wish *wish, const char *text, const char *told,
                  struct str *out);

#endif
