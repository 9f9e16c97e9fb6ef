#include "support/etcd_server.h"

#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/str.h"
#include "support/net.h"
#include "support/process.h"
#include "support/scene.h"
#include "support/wait.h"

#define MEMBERS_MAX 5
#define PEER_PORT 2380
#define FIRST_HOST 250U
#define REQUEST_BYTES_MAX ((size_t)4 * 1024 * 1024)

struct etcd_server {
    size_t number;
    struct scene_ip ip;
    char url[64];
    char peer_url[64];
    char cluster[512]; /* --initial-cluster */
    struct scene_path certificate;
    bool tls;
    struct process *process;
};

static void launch(struct etcd_server *server)
{
    char name[32];

    (void)snprintf(name, sizeof(name), "etcd-%zu", server->number);
    server->process = process_startl(
        name, "etcd", "--name", name, "--data-dir", scene_path("%s.data", name).text,
        "--listen-client-urls", server->url, "--advertise-client-urls", server->url,
        "--listen-peer-urls", server->peer_url, "--initial-advertise-peer-urls", server->peer_url,
        "--initial-cluster", server->cluster, "--initial-cluster-token", scene_dir(),
        "--heartbeat-interval", "50", "--election-timeout", "500", "--log-level", "error",
        server->tls ? "--auto-tls" : NULL, NULL);
}

static struct etcd_server *member_new(size_t number)
{
    struct etcd_server *server = scene_alloc(sizeof(*server));

    server->number = number;
    server->ip = scene_ip(FIRST_HOST - (unsigned)number);
    (void)snprintf(server->url, sizeof(server->url), "http://%s:%d", server->ip.text,
                   ETCD_SERVER_PORT);
    (void)snprintf(server->peer_url, sizeof(server->peer_url), "http://%s:%d", server->ip.text,
                   PEER_PORT);
    return server;
}

void etcd_server_start_cluster(struct etcd_server **out, size_t count)
{
    char cluster[sizeof(out[0]->cluster)] = "";
    size_t used = 0;
    size_t i;

    if (count < 1 || MEMBERS_MAX < count) {
        scene_fail("no cluster of %zu members", count);
    }
    for (i = 0; i < count; i++) {
        out[i] = member_new(i);
        used += (size_t)snprintf(cluster + used, sizeof(cluster) - used, "%setcd-%zu=%s",
                                 i == 0 ? "" : ",", i, out[i]->peer_url);
    }
    for (i = 0; i < count; i++) {
        memcpy(out[i]->cluster, cluster, sizeof(cluster));
        launch(out[i]);
    }
    for (i = 0; i < count; i++) {
        etcd_server_wait_ready(out[i]);
    }
}

struct etcd_server *etcd_server_start(void)
{
    struct etcd_server *server;

    etcd_server_start_cluster(&server, 1);
    return server;
}

static bool has_certificate(void *ctx)
{
    const struct etcd_server *server = ctx;

    return access(server->certificate.text, R_OK) == 0 &&
           net_answers(server->ip.text, ETCD_SERVER_PORT);
}

struct etcd_server *etcd_server_start_tls(void)
{
    struct etcd_server *server = member_new(0);

    server->tls = true;
    server->certificate = scene_path("etcd-0.data/fixtures/client/cert.pem");
    (void)snprintf(server->url, sizeof(server->url), "https://%s:%d", server->ip.text,
                   ETCD_SERVER_PORT);
    (void)snprintf(server->cluster, sizeof(server->cluster), "etcd-0=%s", server->peer_url);
    launch(server);
    if (!wait_until(has_certificate, server, WAIT_MS)) {
        scene_fail("etcd does not make a certificate");
    }
    return server;
}

const char *etcd_server_certificate(const struct etcd_server *server)
{
    return server->certificate.text;
}

const char *etcd_server_ip(const struct etcd_server *server)
{
    return server->ip.text;
}

struct etcd_options etcd_server_patient(const char *endpoints)
{
    return (struct etcd_options){ .endpoints = endpoints,
                                  .try_timeout_ms = WAIT_MS,
                                  .request_timeout_ms = WAIT_MS };
}

const char *etcd_server_url(const struct etcd_server *server)
{
    return server->url;
}

void etcd_server_kill(struct etcd_server *server)
{
    process_kill(server->process);
}

void etcd_server_restart(struct etcd_server *server)
{
    launch(server);
    etcd_server_wait_ready(server);
}

void etcd_server_restart_cluster(struct etcd_server **servers, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        launch(servers[i]);
    }
    for (i = 0; i < count; i++) {
        etcd_server_wait_ready(servers[i]);
    }
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

void etcd_server_wipe(struct etcd_server *server)
{
    struct scene_path data = scene_path("etcd-%zu.data", server->number);

    if (nftw(data.text, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0) {
        scene_fail("cannot remove %s", data.text);
    }
}

void etcd_server_freeze(struct etcd_server *server)
{
    siginfo_t info;

    process_signal(server->process, SIGSTOP);
    /* On a busy machine some of its threads may still be about to answer. */
    (void)waitid(P_PID, (id_t)process_pid(server->process), &info, WEXITED | WSTOPPED | WNOWAIT);
}

void etcd_server_thaw(struct etcd_server *server)
{
    process_signal(server->process, SIGCONT);
}

static bool is_ready(void *ctx)
{
    struct etcd_server *server = ctx;
    int status = 0;
    CLEANUP(mem_free_p) char *reply = NULL;

    if (!process_running(server->process)) {
        CLEANUP(mem_free_p) char *output = process_output(server->process);

        scene_fail("etcd has ended:\n%s", output);
    }
    reply = net_post(server->ip.text, ETCD_SERVER_PORT, "/v3/kv/range",
                     "{\"key\":\"AA==\",\"count_only\":true}", &status);
    /* One that asks for a login serves, too. */
    return reply != NULL && (status == 200 || strstr(reply, "user name is empty") != NULL);
}

void etcd_server_wait_ready(struct etcd_server *server)
{
    if (!wait_until(is_ready, server, WAIT_MS)) {
        scene_fail("etcd does not become ready");
    }
}

char *etcd_server_post(struct etcd_server *server, const char *path, const char *json)
{
    int status = 0;
    char *reply = net_post(server->ip.text, ETCD_SERVER_PORT, path, json, &status);

    if (reply == NULL || status != 200) {
        scene_fail("etcd: POST %s %s: %d %s", path, json, status, reply == NULL ? "" : reply);
    }
    return reply;
}

/* The revision in a reply's header. */
static uint64_t revision_of(const char *reply)
{
    static const char name[] = "\"revision\":\"";
    const char *at = strstr(reply, name);

    return at == NULL ? 0 : strtoull(at + sizeof(name) - 1, NULL, 10);
}

static uint64_t post_key(struct etcd_server *server, const char *path, const char *key,
                         const char *value)
{
    CLEANUP(str_deinit) struct str json;
    CLEANUP(mem_free_p) char *reply = NULL;

    str_init(&json, REQUEST_BYTES_MAX);
    str_append_text(&json, "{\"key\":\"");
    base64_append(&json, key, strlen(key));
    if (value != NULL) {
        str_append_text(&json, "\",\"value\":\"");
        base64_append(&json, value, strlen(value));
    }
    str_append_text(&json, "\"}");
    reply = etcd_server_post(server, path, str_text(&json));
    return revision_of(reply);
}

uint64_t etcd_server_put(struct etcd_server *server, const char *key, const char *value)
{
    return post_key(server, "/v3/kv/put", key, value);
}

uint64_t etcd_server_delete(struct etcd_server *server, const char *key)
{
    return post_key(server, "/v3/kv/deleterange", key, NULL);
}

uint64_t etcd_server_revision(struct etcd_server *server)
{
    return post_key(server, "/v3/kv/range", "\x01", NULL);
}

void etcd_server_compact(struct etcd_server *server, uint64_t revision)
{
    char json[64];

    (void)snprintf(json, sizeof(json), "{\"revision\":\"%" PRIu64 "\",\"physical\":true}",
                   revision);
    free(etcd_server_post(server, "/v3/kv/compaction", json));
}
