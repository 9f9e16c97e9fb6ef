/*
 * listen - a listening TCP socket from "ADDRESS:PORT".
 */
#ifndef ADMIN_LISTEN_H
#define ADMIN_LISTEN_H

#include "admin/admin.h"
#include "base/err.h"

/* A socket that listens and does not block, the caller's; where, with its real port, in `where`. */
MUST_USE int listen_open(const char *address, int *out, char where[ADMIN_ADDRESS_SIZE],
                         struct err *err);

#endif
