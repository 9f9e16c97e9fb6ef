/*
 * fleet_hosts - which hosts of the whole fleet are told to run something, and which of those are
 * gone.
 *
 * Counted with each change of a key, so that a pass finds the sums ready however large the fleet
 * is. Owns its list; texts are copied.
 */
#ifndef VIEW_FLEET_HOSTS_H
#define VIEW_FLEET_HOSTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/name.h"

#define FLEET_HOSTS_MAX 100000

struct fleet_host {
    char name[HOST_NAME_TEXT_MAX + 1];
    size_t keys;    /* of the host, whatever they say: one, or two while one replaces the other */
    size_t intents; /* that tell it to run a node */
};

struct fleet_hosts {
    struct fleet_host **list; /* ascending by name; each has a key or intents */
    size_t count;
    size_t capacity;
    size_t told; /* hosts with intents */
    size_t gone; /* those of them without a key */
};

/* For a zeroed one too. */
void fleet_hosts_deinit(struct fleet_hosts *hosts);

/* There is one more key of the host, or one less. */
MUST_USE int fleet_hosts_arrive(struct fleet_hosts *hosts, const char *name, struct err *err);
void fleet_hosts_leave(struct fleet_hosts *hosts, const char *name);

/* One more intent tells the host to run a node, or one less, which was told of before. */
MUST_USE int fleet_hosts_tell(struct fleet_hosts *hosts, const char *name, struct err *err);
void fleet_hosts_untell(struct fleet_hosts *hosts, const char *name);

#endif
