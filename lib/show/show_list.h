/*
 * show_list - the objects of a kind as JSON text, as `muster get KIND [NAME] -o json` prints them.
 *
 * For whoever answers operators in another way than on a terminal.
 */
#ifndef SHOW_SHOW_LIST_H
#define SHOW_SHOW_LIST_H

#include "base/err.h"
#include "base/str.h"
#include "client/context.h"

/*
 * Read from etcd (and nodes) and append. `name`: of one object, or of the cluster that it belongs
 * to; NULL: all. ERR_NOT_FOUND: there is no such kind, object or cluster; ERR_USAGE: `name` can't
 * be a name; else as context_read().
 */
MUST_USE int show_list_json(struct context *context, const char *kind, const char *name,
                            struct str *out, struct err *err);

#endif
