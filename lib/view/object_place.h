/*
 * object_place - what an object says about hosts and their places, entered with them and taken
 * back.
 */
#ifndef VIEW_OBJECT_PLACE_H
#define VIEW_OBJECT_PLACE_H

#include "base/err.h"
#include "view/objects.h"
#include "view/places.h"

/* The place of an intent, as yet of no cluster. */
struct claim object_place_of_intent(const struct intent *intent);

/*
 * What `object` says counts from now on: a host is there, a place is claimed for `cluster` (NULL:
 * the object lies below none). ERR_NOMEM and ERR_LIMIT leave everything as it was.
 */
MUST_USE int object_place_enter(struct places *places, struct object *object,
                                const struct cluster_objects *cluster, struct err *err);

/* It counts no longer. */
void object_place_leave(struct places *places, const struct object *object,
                        const struct cluster_objects *cluster);

#endif
