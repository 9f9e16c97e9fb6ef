/*
 * setting - is this memcached, and one that the module may serve in?
 */
#ifndef MODULE_SETTING_H
#define MODULE_SETTING_H

#include <stdbool.h>

#include "discovery/tracker.h"

/* Whether this process runs an executable whose name begins with "memcached". */
bool setting_is_memcached(void);

/* Read the command line: NULL and the protocols of the listeners, or why to stay inactive. */
const char *setting_judge(enum tracker_listener *listener);

#endif
