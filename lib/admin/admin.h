/*
 * admin - the HTTP port for who watches a program: a few paths, GET and HEAD only.
 *
 * Runs on the program's own loop, which never waits for a client: sockets don't block, answers are
 * made whole and then written as the client reads them. Who asks slowly, reads slowly or says
 * nothing is put off after ADMIN_IDLE_S; beyond ADMIN_CONNECTIONS_MAX, connections wait in the
 * kernel until one ends. What takes time (it asks etcd or nodes) is marked `apart` and answered on
 * a thread of its own, ADMIN_APART_MAX at once; beyond that the answer is 503. There is no TLS and
 * no login: the default is to listen on loopback only.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/str.h"
#include "loop/loop.h"

#define ADMIN_CONNECTIONS_MAX 256
#define ADMIN_REQUEST_BYTES_MAX 8192 /* line and headers; a body is not read */
#define ADMIN_REPLY_BYTES_MAX ((size_t)256 << 20)
#define ADMIN_IDLE_S 10
#define ADMIN_APART_MAX 2
#define ADMIN_PATHS_MAX 16
#define ADMIN_ADDRESS_SIZE 64
#define ADMIN_NONE "none" /* as an address: don't listen */

#define ADMIN_STATUS_OK 200U
#define ADMIN_STATUS_BAD_REQUEST 400U
#define ADMIN_STATUS_NOT_FOUND 404U
#define ADMIN_STATUS_FAILED 500U
#define ADMIN_STATUS_BAD_GATEWAY 502U
#define ADMIN_STATUS_UNAVAILABLE 503U

#define ADMIN_TYPE_TEXT "text/plain; charset=utf-8"
#define ADMIN_TYPE_JSON "application/json"

struct admin;

struct admin_reply {
    unsigned status;  /* ADMIN_STATUS_OK */
    const char *type; /* ADMIN_TYPE_TEXT; lives as long as the program */
    struct str body;  /* of ADMIN_REPLY_BYTES_MAX; one that failed is answered with 500 */
};

/* `rest` is what follows the path in the request, decoded; "" for paths that don't end in '/'. */
typedef void admin_fn(void *ctx, const char *rest, struct admin_reply *reply);

struct admin_path {
    const char *path; /* "/healthz"; one that ends in '/' stands for all below it, too */
    const char *help; /* what it tells, for the list of paths */
    admin_fn *answer;
    bool apart; /* `answer` runs on another thread: it must not touch what the loop changes */
};

struct admin_options {
    const char *usual;  /* where it listens when nobody asks for another place; of admin_open() */
    const char *listen; /* "127.0.0.1:11280", "[::1]:11280", port 0: any that is free */
    const struct admin_path *paths; /* borrowed */
    size_t count;
    void *ctx; /* of all answers */
};

/* clang-format off */
#define ADMIN_FLAG(type, member, usual)                                                       \
    { "admin-listen", 0, OPT_TEXT, offsetof(type, member), "ADDRESS:PORT", usual,             \
      "where /metrics, /healthz and /readyz are answered over HTTP; \"none\": nowhere" }
/* clang-format on */

/* Whether `listen` can be an address to listen at, or ADMIN_NONE. ERR_USAGE. */
MUST_USE int admin_address_check(const char *listen, struct err *err);

/* Listen. ERR_CONFLICT: somebody else does there; ERR_INVALID: it is no address of this machine. */
MUST_USE int admin_new(struct loop *loop, const struct admin_options *options, struct admin **out,
                       struct err *err);

/*
 * The same for a program: ADMIN_NONE gives NULL; so does the usual address when somebody else
 * listens there, because several of a kind may run on one machine. Logs what came of it.
 */
MUST_USE int admin_open(struct loop *loop, const struct admin_options *options,
                        const struct log *log, struct admin **out, struct err *err);

/* Ends all connections; waits for answers that are being made apart. NULL is fine. */
void admin_free(struct admin *admin);
DEFINE_CLEANUP(struct admin, admin_free);

/* Answer with a failure's message instead of what was written so far. */
void admin_fail(struct admin_reply *reply, unsigned status, const struct err *err);

/* Where it listens, "127.0.0.1:11280". */
const char *admin_address(const struct admin *admin);

#endif
