/*
 * selftest - do the module's assumptions hold in this very process?
 */
#ifndef MODULE_SELFTEST_H
#define MODULE_SELFTEST_H

#include "watcher/module/module.h"

/*
 * Play client and memcached on a socket pair, through the names as other libraries find them:
 * commands of memcached's and ours, pipelined, an odd line, bytes held back and reported. NULL
 * when all is as expected, else what is not. Leaves nothing behind.
 */
const char *selftest_run(struct module *module);

#endif
