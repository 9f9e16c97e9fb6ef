/*
 * txn_names - the DNS records that go with a plan's effects.
 *
 * Nothing is done for clusters without a domain, or when DNS records are switched off. The domain
 * may have changed: until the next configuration is committed and the endpoint set, names of the
 * former one are there.
 */
#ifndef CONTROLLER_TXN_NAMES_H
#define CONTROLLER_TXN_NAMES_H

#include "controller/dns.h"
#include "controller/txn_builder.h"

/* What a commit changes: with the commit when it is little, else in transactions ahead of it. */
MUST_USE int names_commit(struct builder *b, const struct config_draft *draft, struct err *err);

/* The name of the endpoint. */
MUST_USE int names_put_alias(struct builder *b, const struct alias *alias, struct err *err);
MUST_USE int names_delete_alias(struct builder *b, struct err *err);

/* The names of all members and of the endpoint, as the keys have them now. */
MUST_USE int names_put_all(struct builder *b, struct err *err);

/* A node's name, unless it is still listed or placed on another host (or all goes anyway). */
MUST_USE int names_delete_node(struct builder *b, const struct intent *gone, struct err *err);

/* The names of all nodes whose intents did not go one by one: of members, and of what waits for a
 * host to be stopped there. */
MUST_USE int names_delete_nodes(struct builder *b, struct err *err);

#endif
