/*
 * setting - is this memcached, and one that the module may serve in?
 */
#ifndef MODULE_SETTING_H
#define MODULE_SETTING_H

#include <stdbool.h>
#include <stdint.h>

#include "discovery/tracker.h"

/* Whether this process runs an executable whose name begins with "memcached". */
bool setting_is_memcached(void);

struct setting {
    enum tracker_listener listener; /* of all */
    enum login_kind login;
    uint32_t writes_per_second; /* to the inbox, of each address */
};

/* Read the command line and the environment: NULL and `*out`, or why to stay inactive. */
const char *setting_judge(struct setting *out);

#endif
