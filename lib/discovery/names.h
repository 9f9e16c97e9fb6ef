/*
 * names - what the reserved partition is called, on the wire and on disk, and its limits.
 *
 * A partition is a directory, one per node. The watcher owns it; memcached is told its path in
 * the environment variable MUSTER_PARTITION (absolute, below PARTITION_PATH_MAX bytes):
 *
 *     <dir>/segment    the configuration that is served (segment.h); the watcher alone writes it
 *     <dir>/active     the kill switch: removing it makes a running module inert
 *     <dir>/inbox/     writes that came in through the protocol (inbox.h); no directory, no writes
 *     <dir>/closed     made by an operator: the watcher takes the inbox away for as long as it
 * exists <dir>/tally      what was asked, and by whom (tally.h); memcached writes it, for the
 * watcher
 *
 * The key names below are reserved in every memcached that carries a partition: a plain `get` or
 * `set` of them never reaches the cache.
 */
#ifndef DISCOVERY_NAMES_H
#define DISCOVERY_NAMES_H

#define PARTITION_VARIABLE "MUSTER_PARTITION"
#define PARTITION_WRITES_VARIABLE "MUSTER_PARTITION_WRITES" /* a second; see rate.h */
#define PARTITION_SEGMENT "segment"
#define PARTITION_ACTIVE "active"
#define PARTITION_INBOX "inbox"
#define PARTITION_CLOSED "closed"
#define PARTITION_TALLY "tally"
#define PARTITION_PATH_MAX 3800 /* so that every path below it fits PATH_MAX */

#define KEY_PAYLOAD "AmazonElastiCache:cluster" /* the payload, as an ordinary item */
#define KEY_RECORD "muster:config"              /* the signed record, which is also its envelope */
#define KEY_JOIN "muster:join:"                 /* followed by a uid */
#define JOIN_UID_CHARS 16                       /* lower-case hex digits */

#define DISCOVERY_PAYLOAD_BYTES_MAX 65536
#define DISCOVERY_RECORD_BYTES_MAX 393216
#define DISCOVERY_JOIN_BYTES_MAX 4096

#endif
