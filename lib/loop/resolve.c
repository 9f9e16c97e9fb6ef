#include "loop/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct resolve {
    char name[RESOLVE_NAME_SIZE];
    struct resolve_ips ips;
    int problem; /* of getaddrinfo() */
    resolve_fn *done;
    void *ctx;
    bool over;  /* `done` was called, or is being called */
    bool freed; /* before that: the memory goes when the thread is through */
};

/* On another thread. */
static void look_up(void *ctx)
{
    struct resolve *r = ctx;
    struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    const struct addrinfo *one;
    struct sockaddr_in address;

    r->problem = getaddrinfo(r->name, NULL, &hints, &found);
    if (r->problem != 0) {
        return;
    }
    for (one = found; one != NULL && r->ips.count < RESOLVE_IPS_MAX; one = one->ai_next) {
        memcpy(&address, one->ai_addr, sizeof(address));
        (void)inet_ntop(AF_INET, &address.sin_addr, r->ips.ip[r->ips.count++], RESOLVE_IP_SIZE);
    }
    freeaddrinfo(found);
}

static void on_looked_up(void *ctx)
{
    struct resolve *r = ctx;
    struct err err;

    r->over = true;
    if (r->freed) {
        free(r);
        return;
    }
    if (r->ips.count != 0) {
        r->done(r->ctx, &r->ips, NULL);
        return;
    }
    err_record(&err, ERR_NOT_FOUND, "%.128s has no address: %s", r->name, gai_strerror(r->problem));
    r->done(r->ctx, NULL, &err);
}

int resolve_new(struct loop *loop, const char *name, resolve_fn *done, void *ctx,
                struct resolve **out, struct err *err)
{
    struct resolve *r = mem_alloc(sizeof(*r));
    int rv;

    if (r == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if ((int)sizeof(r->name) <= snprintf(r->name, sizeof(r->name), "%s", name)) {
        free(r);
        return err_set(err, ERR_LIMIT, "a host's name is longer than %d bytes",
                       RESOLVE_NAME_SIZE - 1);
    }
    r->done = done;
    r->ctx = ctx;
    rv = loop_work(loop, look_up, on_looked_up, r, err);
    if (rv < 0) {
        free(r);
        return rv;
    }
    *out = r;
    return 0;
}

void resolve_free(struct resolve *r)
{
    if (r == NULL) {
        return;
    }
    if (r->over) {
        free(r);
        return;
    }
    r->freed = true;
}
