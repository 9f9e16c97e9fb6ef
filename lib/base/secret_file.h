/*
 * secret_file - whether a file with a secret is kept from others.
 *
 * It is when nobody but its owner may touch it. A program that is not root's may also be given
 * it by root, through a group that may read it and no more: so Kubernetes hands secrets to
 * containers of other users (fsGroup), and the program could not change that.
 */
#ifndef BASE_SECRET_FILE_H
#define BASE_SECRET_FILE_H

#include <stdbool.h>
#include <sys/types.h>

/* `mode` and `owner` are the file's, `reader` is the user who is about to read it. */
bool secret_file_is_kept(mode_t mode, uid_t owner, uid_t reader);

#endif
