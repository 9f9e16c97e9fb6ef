/*
 * net - the least of TCP and HTTP that tests need beside the code under test.
 */
#ifndef SUPPORT_NET_H
#define SUPPORT_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A blocking connection, or -1. Reads on it give up after 5 s. */
int net_connect(const char *ip, uint16_t port);

/* The same from an address of ours: "0.0.0.0" is any. */
int net_connect_from(const char *from, const char *ip, uint16_t port);

/* A listening socket; stops the test when the address is taken. */
int net_listen(const char *ip, uint16_t port);

/* Whether somebody listens there. */
bool net_answers(const char *ip, uint16_t port);

/*
 * Send all of `request`, then read until the peer closes, or until `end` stands in what came
 * (NULL: only the close counts). The answer on the heap, "" for none.
 */
char *net_ask(const char *ip, uint16_t port, const char *request, const char *end);
/* The same from an address of ours. */
char *net_ask_from(const char *from, const char *ip, uint16_t port, const char *request,
                   const char *end);

/* POST a JSON text: the body of the reply on the heap, NULL without a reply; `*status` of HTTP. */
char *net_post(const char *ip, uint16_t port, const char *path, const char *json, int *status);

#endif
