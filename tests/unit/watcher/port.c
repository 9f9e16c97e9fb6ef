#include "tests/unit/watcher/port.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/net.h"

#define TURN_MS 5
#define TURNS_MAX 2000

void port_serve(struct port *p, uint32_t version, size_t record_bytes)
{
    char payload[64];
    char *record = scene_alloc(record_bytes + 1);

    (void)snprintf(payload, sizeof(payload), "%u\na|10.0.0.1|11211\n", version);
    memset(record, 'r', record_bytes);
    p->cell = (struct segment_cell){ .version = version,
                                     .payload = strcpy(scene_alloc(sizeof(payload)), payload),
                                     .payload_bytes = strlen(payload),
                                     .record = record,
                                     .record_bytes = record_bytes };
}

static void open_port(struct port *p, const struct discovery_host_options *host_options,
                      struct session_source source)
{
    struct discovery_options options;
    struct err err;

    memset(p, 0, sizeof(*p));
    p->ip = scene_ip(1);
    p->inbox = scene_path("inbox");
    port_serve(p, 1, 100);
    cr_assert_eq(loop_new(&p->loop, &err), 0);
    cr_assert_eq(discovery_host_new(p->loop, host_options, &p->host, &err), 0, "%s", err.msg);
    options = (struct discovery_options){ .host = p->host,
                                          .ip = p->ip.text,
                                          .port = PORT_NUMBER,
                                          .cell = &p->cell,
                                          .inbox = p->inbox.text,
                                          .source = source };
    cr_assert_eq(discovery_new(p->loop, &options, &p->server, &err), 0, "%s", err.msg);
}

void port_open_with(struct port *p, const struct discovery_host_options *options)
{
    open_port(p, options, (struct session_source){ .ctx = NULL });
}

void port_open_from(struct port *p, struct session_source source)
{
    const struct discovery_host_options options = { .connections_max = 0 };

    open_port(p, &options, source);
}

void port_open(struct port *p)
{
    port_open_from(p, (struct session_source){ .ctx = NULL });
}

void port_close(struct port *p)
{
    discovery_free(p->server);
    discovery_host_free(p->host);
    loop_free(p->loop);
}

void port_run(struct port *p, uint64_t ms)
{
    const bool never = false;

    cr_assert_eq(loop_run_until(p->loop, &never, ms, NULL), ERR_TIMEOUT);
}

int port_connect(struct port *p)
{
    int fd = net_connect(p->ip.text, PORT_NUMBER);

    cr_assert_leq(0, fd);
    return fd;
}

void port_say(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

void port_read(struct port *p, int fd, char *out, size_t out_size, const char *text)
{
    size_t used = 0;
    int turns;

    out[0] = '\0';
    for (turns = 0; turns < TURNS_MAX && strstr(out, text) == NULL; turns++) {
        ssize_t got;

        port_run(p, TURN_MS);
        got = recv(fd, out + used, out_size - 1 - used, MSG_DONTWAIT);
        cr_assert_neq(got, 0, "closed after '%s'", out);
        if (0 < got) {
            used += (size_t)got;
            out[used] = '\0';
        }
    }
    cr_assert_not_null(strstr(out, text), "'%s' instead of '%s'", out, text);
}

bool port_is_closed(struct port *p, int fd)
{
    char bytes[4096];
    int turns;

    for (turns = 0; turns < TURNS_MAX; turns++) {
        ssize_t got;

        port_run(p, TURN_MS);
        got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno == ECONNRESET)) {
            return true;
        }
    }
    return false;
}

uint64_t port_figure(struct port *p, const char *name)
{
    char reply[4096];
    char row[128];
    const char *at;
    int fd = port_connect(p);

    port_say(fd, "stats\r\n");
    port_read(p, fd, reply, sizeof(reply), "END\r\n");
    (void)close(fd);
    (void)snprintf(row, sizeof(row), "STAT %s ", name);
    at = strstr(reply, row);
    cr_assert_not_null(at, "no %s in %s", name, reply);
    return strtoull(at + strlen(row), NULL, 10);
}
