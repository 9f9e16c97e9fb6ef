/*
 * version - which version and epoch the next configuration bears.
 *
 * next version = the highest that anything has seen (etcd's configuration and lineage, every
 * report, also of a former incarnation) + 1, because clients ignore lower ones for ever. The epoch
 * grows when a node has seen more than etcd knows: then etcd was restored or lost.
 *
 * What nobody tells of can't be known: an etcd that went back while every node that saw more is
 * silent gives a number away again. The first of those nodes to return shows it, by a higher number
 * or by another content under the same one, and the law asks for a renewed version at once.
 */
#ifndef RECONCILER_VERSION_H
#define RECONCILER_VERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "model/view.h"

struct version_law {
    uint32_t next;  /* 0: the versions are used up */
    uint64_t epoch; /* of the next configuration */
    bool renew;     /* nodes know more, or another content, than etcd: a new version must come */
};

/* Find the law from `view`; `config` is the configuration of this incarnation, or NULL. */
struct version_law version_law_find(const struct view *view, const struct config *config);

#endif
