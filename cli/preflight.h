/*
 * preflight - what can be found out before anything is started.
 */
#ifndef CLI_PREFLIGHT_H
#define CLI_PREFLIGHT_H

#include <stdint.h>

#include "base/err.h"

/*
 * Whether ip:port can be listened at. ERR_CONFLICT when it is in use: the message names the port,
 * and the process that holds it where that can be seen.
 */
MUST_USE int preflight_port(const char *ip, uint16_t port, struct err *err);

#endif
