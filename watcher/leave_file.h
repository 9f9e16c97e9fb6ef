/*
 * leave_file - a file by which somebody beside a sidecar asks it to leave its cluster.
 *
 * For who ends memcached and must wait until nobody is sent there any more: the preStop hook of a
 * container (muster-pod leave). While the file is there the node leaves, and does not ask to join
 * again. The answer is a file of that name with ".left" behind it: LEAVE_FILE_LEFT once it was let
 * go, LEAVE_FILE_KEPT when nobody did in time. Who ends without a node, asked otherwise, answers
 * for later. An answer to no question is taken back by the next sidecar, at its start. Looked at
 * every LEAVE_FILE_POLL_MS.
 */
#ifndef WATCHER_LEAVE_FILE_H
#define WATCHER_LEAVE_FILE_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "loop/loop.h"

#define LEAVE_FILE_POLL_MS 200
#define LEAVE_FILE_PATH_MAX 400
#define LEAVE_FILE_ANSWER ".left"
#define LEAVE_FILE_LEFT "left\n"
#define LEAVE_FILE_KEPT "timeout\n"

struct leave_file;

/* `changed` is told when it came or went; `path` is borrowed. ERR_IO: the answer of the one before
 * can't be taken back. */
MUST_USE int leave_file_new(struct loop *loop, const char *path, loop_fn *changed, void *ctx,
                            struct leave_file **out, struct err *err);
void leave_file_free(struct leave_file *file);
DEFINE_CLEANUP(struct leave_file, leave_file_free);

/* As it was when last looked at. */
bool leave_file_is_there(const struct leave_file *file);

/* Answer; ERR_IO. */
MUST_USE int leave_file_answer(const struct leave_file *file, const char *text, struct err *err);

#endif
