/*
 * store_flags - the option that says below which prefix of etcd the keys lie.
 *
 * A row for struct opt_table; `member` is a const char * inside `type`. Check what was given with
 * keys_prefix_check().
 */
#ifndef STORE_STORE_FLAGS_H
#define STORE_STORE_FLAGS_H

#include <stddef.h>

#include "base/opt.h"
#include "store/keys.h"

/* clang-format off */
#define PREFIX_FLAG(type, member)                                                             \
    { "prefix", 0, OPT_TEXT, offsetof(type, member), "KEY", KEYS_PREFIX_DEFAULT,              \
      "prefix of all keys, so that installations can share an etcd" }
/* clang-format on */

#endif
