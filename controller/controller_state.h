/*
 * controller_state - what the files that make up the controller share; nobody else includes it.
 */
#ifndef CONTROLLER_CONTROLLER_STATE_H
#define CONTROLLER_CONTROLLER_STATE_H

#include <stdbool.h>

#include "controller/cluster.h"
#include "controller/config.h"
#include "controller/controller.h"
#include "controller/counts.h"
#include "controller/event_lease.h"
#include "controller/fleet.h"
#include "controller/leader.h"
#include "controller/pusher.h"
#include "etcd/etcd.h"
#include "memd/memd.h"
#include "store/mirror.h"
#include "view/objects.h"

struct controller {
    const struct controller_config *config;
    const struct log *log;
    struct loop *loop;
    struct signing_key key;
    struct etcd *etcd;
    struct memd *memd;
    struct mirror *mirror;
    struct leader *leader;
    struct event_lease *event_lease;
    struct pusher *pusher;
    struct objects objects;
    struct fleet fleet; /* while leading: each cluster that has keys */
    struct loop_defer *passes;
    struct loop_timer *start_timer;
    uint64_t started_ms;            /* monotonic */
    struct loop_timer *doubt_timer; /* runs the passes that a doubtful lease has put off */
    struct controller_counts counts;
    bool leading;
    size_t busy;  /* clusters with transactions under way */
    bool unheard; /* etcd can't be heard, which was logged */
    bool resigned;
    controller_fail_fn *failed;
    void *ctx;
};

#endif
