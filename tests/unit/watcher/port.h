/*
 * port - a discovery port under test, in this process, and clients of it.
 *
 * Nothing happens on the port but while one of these functions lets its loop run. Whatever can't be
 * done stops the test.
 */
#ifndef TESTS_WATCHER_PORT_H
#define TESTS_WATCHER_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"
#include "support/scene.h"
#include "watcher/discovery.h"

#define PORT_NUMBER 21210

struct port {
    struct loop *loop;
    struct scene_ip ip;
    struct scene_path inbox;
    struct segment_cell cell;
    struct discovery_host *host;
    struct discovery *server;
};

/* A port that serves version 1. */
void port_open(struct port *p);
void port_open_with(struct port *p, const struct discovery_host_options *options);
/* A port that knows more. */
void port_open_from(struct port *p, struct session_source source);
void port_close(struct port *p);

/* Serve this version from now on, with a record of that size; nobody is told yet. */
void port_serve(struct port *p, uint32_t version, size_t record_bytes);

/* Let the server work for so long. */
void port_run(struct port *p, uint64_t ms);

/* A client's connection; it is blocking. */
int port_connect(struct port *p);
void port_say(int fd, const char *text);

/* Let the server work until the client has `text` in what it read; all that it read. */
void port_read(struct port *p, int fd, char *out, size_t out_size, const char *text);

/* Let the server work until it has closed the connection; false: it does not. */
bool port_is_closed(struct port *p, int fd);

/* The figure of that name in `stats`, asked for on a new connection. */
uint64_t port_figure(struct port *p, const char *name);

#endif
