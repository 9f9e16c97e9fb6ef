/*
 * census - asks the discovery ports of a cluster's nodes, again and again, what clients were told.
 *
 * Each round asks all of them once, a few at a time, and puts their lists of clients together: what
 * one node knows of a client may complete what another knows. When one does not answer, or does not
 * know all that polled lately, nothing is known.
 */
#ifndef CONTROLLER_CENSUS_H
#define CONTROLLER_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "loop/loop.h"
#include "loop/tls.h"
#include "model/name.h"

#define CENSUS_PERIOD_MS 3000U /* between two rounds */
#define CENSUS_TIMEOUT_MS 1000U
#define CENSUS_PARALLEL 32       /* nodes that are asked at the same time */
#define CENSUS_CLIENTS_MAX 16384 /* of all nodes together; with more, nothing is known */

struct census;

/* Where a discovery port is; padded with zeros. */
struct census_place {
    char ip[IPV4_TEXT_SIZE];
    uint16_t port;
};

/* A round has ended: every client that polled lately was last told `version` or a newer one
 * (UINT32_MAX: none polled); 0: not known. The census may be freed inside. */
typedef void census_fn(void *ctx, uint32_t version);

/* It asks nobody yet. `tls` is how (memtext_use_tls()). */
MUST_USE int census_new(struct loop *loop, struct tls_context *const *tls, census_fn *fn, void *ctx,
                        struct census **out, struct err *err);
void census_free(struct census *census);
DEFINE_CLEANUP(struct census, census_free);

/*
 * Ask these (copied). 0 when it does so already; 1 when the list is another one: a round begins
 * anew, and what was found before is about other nodes. ERR_NOMEM.
 */
MUST_USE int census_ask(struct census *census, const struct census_place *places, size_t count,
                        struct err *err);

#endif
