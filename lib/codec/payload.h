/*
 * payload - the node list as discovery clients read it.
 *
 *     <version>\n<hostname>|<ip>|<port> <hostname>|<ip>|<port>…\n
 *
 * This is the data block of ElastiCache's `config get cluster` answer. One space between nodes,
 * exactly one trailing newline, an IPv4 address in each ip field: what every known client accepts.
 */
#ifndef CODEC_PAYLOAD_H
#define CODEC_PAYLOAD_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/config.h"

/*
 * Render into `arena`. ERR_LIMIT beyond CONFIG_PAYLOAD_BYTES_MAX, ERR_INVALID for a draft that
 * breaks the form (no members, order, version, an ip that is none).
 */
MUST_USE int payload_render(const struct config_draft *draft, struct arena *arena,
                            const char **payload, size_t *payload_bytes, struct err *err);

/*
 * Read a payload back; slots are 0 where the hostname does not begin with one.
 * ERR_INVALID says at which byte it is none.
 */
MUST_USE int payload_parse(const char *bytes, size_t size, struct arena *arena, uint32_t *version,
                           struct member **members, size_t *members_count, struct err *err);

#endif
