/*
 * describe - a cluster or a host in words and tables. Pure: facts in, text out.
 */
#ifndef CLI_DESCRIBE_H
#define CLI_DESCRIBE_H

#include "base/err.h"
#include "base/str.h"
#include "client/facts.h"
#include "show/show.h"

#define DESCRIBE_EVENTS_MAX 20 /* the latest ones */

/* Append all that the facts tell about `request->name`. ERR_NOT_FOUND without a spec key. */
MUST_USE int describe_cluster(const struct facts *facts, const struct show_request *request,
                              struct str *out, struct err *err);

/* The same of a host. ERR_NOT_FOUND names those that are known. */
MUST_USE int describe_host(const struct facts *facts, const struct show_request *request,
                           struct str *out, struct err *err);

#endif
