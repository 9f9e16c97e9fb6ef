/*
 * places - which places on hosts are taken, by which cluster; kept up with every change of a key,
 * so that a view costs what its own cluster is, however large the fleet.
 *
 * A place is an address and a port of a host. It is claimed by an intent, by a report of a node
 * that was not stopped, and by a reservation; a place with several claims is taken once, with the
 * largest memory of them. A host is known here while it has a key or a claim. Texts of hosts are
 * borrowed from their keys' objects.
 */
#ifndef VIEW_PLACES_H
#define VIEW_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/name.h"
#include "model/node.h"
#include "model/view.h"

#define PLACES_HOSTS_MAX 100000
#define PLACES_CLAIMS_MAX 100000 /* on one host */
#define PLACES_NO_CLUSTER 0      /* the number of none */

struct claim {
    uint32_t ip;
    uint16_t data_port;
    bool told;        /* its host is told to run it: an intent that is not in phase stop */
    uint32_t index;   /* in the host's pool, UINT32_MAX outside; found when it is entered */
    uint64_t cluster; /* whose, as a number */
    uint64_t memory_bytes;
};

struct host_places {
    char name[HOST_NAME_TEXT_MAX + 1];
    size_t at;               /* where it stands among the hosts */
    size_t keys;             /* whatever they say: one, or two while one replaces the other */
    const struct host *host; /* what its key says; NULL: there is none, or it can't be read */
    bool told;               /* it is told to run something */
    struct host_view taken;  /* by all clusters */
    struct claim *claims;    /* ascending by place */
    uint32_t *indexes;       /* as many as claims; of `taken` */
    size_t claims_count;
    size_t claims_capacity;
};

struct places {
    struct host_places **hosts; /* ascending by name */
    size_t count;
    size_t capacity;
    size_t told; /* hosts that are told to run something */
    size_t gone; /* those of them without a key */
};

/* A zeroed struct is empty. Whatever was claimed is claimed no longer. */
void places_deinit(struct places *places);

/*
 * There is one more key of the host; `host` is what it says from now on (NULL: it can't be read),
 * and must live until that key is gone.
 */
MUST_USE int places_host_put(struct places *places, const char *name, const struct host *host,
                             struct err *err);
/* The key that said so is gone. */
void places_host_gone(struct places *places, const char *name, const struct host *host);

/* Claim a place on the host of that name; `*out` is for the end of it. ERR_NOMEM, ERR_LIMIT. */
MUST_USE int places_claim(struct places *places, const char *host, const struct claim *claim,
                          struct host_places **out, struct err *err);
/* One claim that is equal ends; there must be one. The host may be forgotten with it. */
void places_release(struct places *places, struct host_places *host, const struct claim *claim);

/*
 * What all clusters but `cluster` take of the host. The list of indexes is in the arena; ERR_NOMEM
 * when that is full.
 */
MUST_USE int places_of_others(const struct host_places *host, uint64_t cluster, struct arena *arena,
                              struct host_view *out, struct err *err);

#endif
