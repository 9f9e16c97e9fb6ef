/*
 * context_file - the operator's named connections: ~/.config/muster/config.yaml.
 *
 * The file is $XDG_CONFIG_HOME/muster/config.yaml, else ~/.config/muster/config.yaml; that it is
 * not there is fine. codec/contexts_yaml.h shows its form. It says where credentials are sent, so
 * one that others may write to is refused; and so are keys and password files that it names and
 * that others may read.
 */
#ifndef CLIENT_CONTEXT_FILE_H
#define CLIENT_CONTEXT_FILE_H

#include "base/arena.h"
#include "base/err.h"
#include "client/options.h"
#include "codec/contexts_yaml.h"
#include "memd/discovery_tls.h"

#define CONTEXT_FILE_PATH_SIZE 512

/* Where the file is or would be; ERR_USAGE without a home. */
MUST_USE int context_file_path(char out[CONTEXT_FILE_PATH_SIZE], struct err *err);

/*
 * Read it; all that is in it lies in `arena`, paths made absolute. A file that is not there has no
 * contexts. ERR_SPEC: all mistakes were printed to standard error, one in a line.
 */
MUST_USE int context_file_read(struct arena *arena, struct contexts *out, struct err *err);

/* Have the file name another context as the current one; its other lines are left as they are. */
MUST_USE int context_file_use(const char *name, struct err *err);

/*
 * Fill in what neither the command line nor the environment says, from the context that --context
 * names, else from the current one; `discovery` gets what the context says of discovery ports. The
 * current one does not count where --etcd-endpoints or --state-dir say which etcd is meant: what it
 * says belongs to its own.
 */
MUST_USE int context_file_apply(struct arena *arena, struct options *options,
                                struct discovery_tls_flags *discovery, struct err *err);

#endif
