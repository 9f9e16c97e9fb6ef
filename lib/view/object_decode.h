/*
 * object_decode - a key's value made into an object, when it is one and belongs where it stands.
 */
#ifndef VIEW_OBJECT_DECODE_H
#define VIEW_OBJECT_DECODE_H

#include "base/err.h"
#include "codec/envelope.h"
#include "view/objects.h"

/*
 * Decode `object->bytes` as `object->key` says into `object->of` and `object->arena`. Histories and
 * events are checked only. Configurations that name the one key in `own_key` must verify.
 * ERR_INVALID and ERR_UNVERIFIED say what is wrong; ERR_NOMEM.
 */
MUST_USE int object_decode(const struct trusted_keys *own_key, struct object *object,
                           struct err *err);

#endif
