/*
 * discovery_host - what all discovery ports of one watcher share: room, and certificates.
 *
 * Connections, what clients leave unread, and values that come in are bounded over all ports
 * together, because descriptors and memory are the process's. Who is silent, unfinished or slow for
 * too long is cut off; when there is no room for a newcomer, somebody gives way: of those who
 * waited longest, one whose address holds most connections. So one client can't keep the others
 * out.
 *
 * With a certificate, every port takes TLS: beside plain text, told apart by the first byte that a
 * client sends, or only TLS. A new certificate holds for new connections; the others go on.
 */
#ifndef WATCHER_DISCOVERY_HOST_H
#define WATCHER_DISCOVERY_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "loop/loop.h"
#include "loop/tls.h"

#define DISCOVERY_CONNECTIONS_MAX 16384U
/* Of the descriptors that the process may have, a quarter is left to everything else, but within:
 */
#define DISCOVERY_DESCRIPTORS_LEFT_MIN 64U
#define DISCOVERY_DESCRIPTORS_LEFT_MAX 4096U
/* Nothing was heard for so long; subscribers may be silent for ever. */
#define DISCOVERY_IDLE_MS 300000U
/* A request is not finished, an answer not read, a TLS handshake not over. */
#define DISCOVERY_BUSY_MS 30000U
/* What clients may leave unread: one, before it is cut off, and all, before the greediest is. */
#define DISCOVERY_UNREAD_BYTES_MAX (1U << 20)
#define DISCOVERY_UNREAD_TOTAL_MAX (16U << 20)
/* Values that come in at the same time; the oldest unfinished one gives way to another. */
#define DISCOVERY_VALUES_MAX 8U

struct discovery_host;

/* All zeros are good. */
struct discovery_host_options {
    size_t connections_max; /* 0: as many as the descriptors allow */
    uint64_t idle_ms;       /* 0: DISCOVERY_IDLE_MS */
    uint64_t busy_ms;       /* 0: DISCOVERY_BUSY_MS */
    size_t unread_max;      /* of all clients; 0: DISCOVERY_UNREAD_TOTAL_MAX */
    struct tls_files tls;   /* borrowed; cert NULL: no TLS */
    bool tls_required;      /* plain text is cut off */
    const char *peers_ca;   /* discovery ports are spoken to in TLS, and must be signed by one of
                               these (PEM); NULL: plain */
    const char *peers_name; /* and be made out to this name (struct tls_files); NULL: to any */
};

/* ERR_INVALID: certificate, key or CA can't be used. Outlives its ports. */
MUST_USE int discovery_host_new(struct loop *loop, const struct discovery_host_options *options,
                                struct discovery_host **out, struct err *err);
void discovery_host_free(struct discovery_host *host);
DEFINE_CLEANUP(struct discovery_host, discovery_host_free);

/* How to speak to discovery ports: for memtext_use_tls() and subscription_use_tls(), as long as the
 * host lives. The own certificate is shown where one is asked for. */
struct tls_context *const *discovery_host_peers_tls(const struct discovery_host *host);

/* Read certificates, key and CAs again. When they can't be used, the former ones hold: ERR_INVALID.
 */
MUST_USE int discovery_host_reload(struct discovery_host *host, struct err *err);

#endif
