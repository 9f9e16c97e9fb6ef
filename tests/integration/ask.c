#include "integration/ask.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define BINARY_HEADER_BYTES 24
#define BINARY_KEY "cluster"

int ask_connect(const char *ip, uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct timeval patience = { ASK_PATIENCE_MS / 1000, ASK_PATIENCE_MS % 1000 * 1000 };
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (inet_pton(AF_INET, ip, &address.sin_addr) != 1 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

bool ask_send(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    ssize_t n;

    while (0 < size) {
        n = send(fd, at, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        at += n;
        size -= (size_t)n;
    }
    return true;
}

static bool ends_with(const char *bytes, size_t size, const char *end)
{
    size_t length = strlen(end);

    return length <= size && memcmp(bytes + size - length, end, length) == 0;
}

static bool is_error_line(const char *reply, size_t size)
{
    return ends_with(reply, size, "\r\n") &&
           (strncmp(reply, "ERROR", 5) == 0 || strncmp(reply, "CLIENT_ERROR", 12) == 0 ||
            strncmp(reply, "SERVER_ERROR", 12) == 0);
}

size_t ask_read(int fd, const char *end, char *reply, size_t size)
{
    size_t all = 0;
    ssize_t n;

    reply[0] = '\0';
    while (all < size - 1) {
        n = recv(fd, reply + all, size - 1 - all, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        all += (size_t)n;
        reply[all] = '\0';
        if (ends_with(reply, all, end) || is_error_line(reply, all)) {
            break;
        }
    }
    return all;
}

size_t ask(const char *ip, uint16_t port, const char *request, const char *end, char *reply,
           size_t size)
{
    CLEANUP(fd_close_p) int fd = ask_connect(ip, port);

    reply[0] = '\0';
    if (fd < 0 || !ask_send(fd, request, strlen(request))) {
        return 0;
    }
    return ask_read(fd, end, reply, size);
}

/* One "host|ip|port". */
static bool take_node(char *text, struct ask_node *out)
{
    char *ip = strchr(text, '|');
    char *port = ip == NULL ? NULL : strchr(ip + 1, '|');
    char *end = NULL;
    struct in_addr address;
    long number;

    if (port == NULL || ip == text || (size_t)(ip - text) >= sizeof(out->host)) {
        return false;
    }
    *ip++ = '\0';
    *port++ = '\0';
    number = strtol(port, &end, 10);
    if (inet_pton(AF_INET, ip, &address) != 1 || *end != '\0' || number < 1 || 65535 < number) {
        return false;
    }
    (void)snprintf(out->host, sizeof(out->host), "%s", text);
    (void)snprintf(out->ip, sizeof(out->ip), "%s", ip);
    out->port = (uint16_t)number;
    return true;
}

/* "<version>\n<node> <node>…\n", and not a byte more. */
static bool take_payload(const char *bytes, size_t size, struct listing *out)
{
    char text[sizeof(out->payload)];
    char *rest = text;
    char *line;
    char *node;
    char *end = NULL;
    long version;

    if (sizeof(text) <= size || size == 0 || bytes[size - 1] != '\n') {
        return false;
    }
    memcpy(out->payload, bytes, size);
    out->payload[size] = '\0';
    memcpy(text, bytes, size - 1);
    text[size - 1] = '\0';
    line = strsep(&rest, "\n");
    version = strtol(line, &end, 10);
    if (rest == NULL || *end != '\0' || version < 1 || INT32_MAX < version ||
        strchr(rest, '\n') != NULL) {
        return false;
    }
    out->version = (uint32_t)version;
    out->count = 0;
    while ((node = strsep(&rest, " ")) != NULL) {
        if (out->count == LAB_NODES_MAX || !take_node(node, &out->nodes[out->count])) {
            return false;
        }
        out->count++;
    }
    return true;
}

static enum ask_outcome take_text(const char *head, const char *reply, size_t size,
                                  struct listing *out)
{
    size_t head_size = strlen(head);
    const char *block;
    char *end = NULL;
    long length;

    if (size == 0) {
        return ASK_SILENT;
    }
    if (strcmp(reply, "END\r\n") == 0) {
        return ASK_NONE;
    }
    if (strncmp(reply, head, head_size) != 0) {
        return ASK_WRONG;
    }
    length = strtol(reply + head_size, &end, 10);
    block = end + 2;
    if (length < 0 || strncmp(end, "\r\n", 2) != 0 ||
        size != (size_t)(block - reply) + (size_t)length + strlen("\r\nEND\r\n") ||
        strcmp(block + length, "\r\nEND\r\n") != 0) {
        return ASK_WRONG;
    }
    return take_payload(block, (size_t)length, out) ? ASK_LISTED : ASK_WRONG;
}

static bool read_exactly(int fd, unsigned char *out, size_t size)
{
    ssize_t got = 0;

    while (0 < size) {
        got = recv(fd, out, size, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        out += got;
        size -= (size_t)got;
    }
    return true;
}

static enum ask_outcome ask_binary(int fd, struct listing *out)
{
    unsigned char request[BINARY_HEADER_BYTES + sizeof(BINARY_KEY) - 1] = { 0x80, 0x60 };
    unsigned char header[BINARY_HEADER_BYTES];
    unsigned char body[ASK_REPLY_SIZE];
    size_t body_bytes;
    size_t skip;

    request[3] = sizeof(BINARY_KEY) - 1;
    request[11] = sizeof(BINARY_KEY) - 1;
    memcpy(request + BINARY_HEADER_BYTES, BINARY_KEY, sizeof(BINARY_KEY) - 1);
    if (!ask_send(fd, request, sizeof(request)) || !read_exactly(fd, header, sizeof(header))) {
        return ASK_SILENT;
    }
    body_bytes = (size_t)header[8] << 24 | (size_t)header[9] << 16 | (size_t)header[10] << 8 |
                 (size_t)header[11];
    skip = (size_t)header[4] + ((size_t)header[2] << 8 | (size_t)header[3]);
    if (header[0] != 0x81 || header[1] != 0x60 || sizeof(body) < body_bytes || body_bytes < skip ||
        !read_exactly(fd, body, body_bytes)) {
        return ASK_WRONG;
    }
    if (header[6] != 0 || header[7] != 0) {
        return header[7] == 1 ? ASK_NONE : ASK_WRONG;
    }
    return header[4] == 4 && take_payload((const char *)body + skip, body_bytes - skip, out)
               ? ASK_LISTED
               : ASK_WRONG;
}

enum ask_outcome ask_cluster_on(int fd, enum ask_how how, struct listing *out)
{
    const char *request =
        how == ASK_LEGACY ? "get AmazonElastiCache:cluster\r\n" : "config get cluster\r\n";
    const char *head =
        how == ASK_LEGACY ? "VALUE AmazonElastiCache:cluster 0 " : "CONFIG cluster 0 ";
    char reply[ASK_REPLY_SIZE];
    size_t size;

    if (how == ASK_BINARY) {
        return ask_binary(fd, out);
    }
    if (!ask_send(fd, request, strlen(request))) {
        return ASK_SILENT;
    }
    size = ask_read(fd, "END\r\n", reply, sizeof(reply));
    return take_text(head, reply, size, out);
}

enum ask_outcome ask_cluster(const char *ip, uint16_t port, enum ask_how how, struct listing *out)
{
    CLEANUP(fd_close_p) int fd = ask_connect(ip, port);

    return fd < 0 ? ASK_SILENT : ask_cluster_on(fd, how, out);
}

bool listing_names(const struct listing *listing, const char *ip)
{
    size_t i;

    for (i = 0; i < listing->count; i++) {
        if (strcmp(listing->nodes[i].ip, ip) == 0) {
            return true;
        }
    }
    return false;
}

bool ask_all_agree(unsigned nodes, uint32_t version, char *why, size_t why_size)
{
    static const uint16_t ports[] = { LAB_DATA_PORT, LAB_DISCOVERY_PORT };
    struct listing listing;
    struct scene_ip address;
    const char *ip;
    uint32_t seen = 0;
    unsigned i;

    for (i = 0; i < nodes * 6; i++) {
        uint16_t port = ports[i / 3 % 2];
        enum ask_how how = (enum ask_how)(i % 3);
        enum ask_outcome outcome;

        address = scene_ip(i / 6 + 1);
        ip = address.text;
        listing = (struct listing){ .version = 0 };
        outcome = ask_cluster(ip, port, how, &listing);
        (void)snprintf(why, why_size,
                       "%s:%u asked in way %d: outcome %d, version %u, %zu nodes; wanted %u nodes "
                       "and a version >= %u, before: %u",
                       ip, (unsigned)port, (int)how, (int)outcome, listing.version, listing.count,
                       nodes, version, seen);
        if (outcome != ASK_LISTED || listing.count != nodes || listing.version < version ||
            (seen != 0 && listing.version != seen)) {
            return false;
        }
        seen = listing.version;
    }
    return true;
}

bool ask_set_get(int fd, const char *key, const char *value)
{
    char request[1024];
    char expected[1024];
    char reply[1024];

    (void)snprintf(request, sizeof(request), "set %s 0 0 %zu\r\n%s\r\n", key, strlen(value), value);
    if (!ask_send(fd, request, strlen(request))) {
        return false;
    }
    (void)ask_read(fd, "\r\n", reply, sizeof(reply));
    if (strcmp(reply, "STORED\r\n") != 0) {
        return false;
    }
    (void)snprintf(request, sizeof(request), "get %s\r\n", key);
    (void)snprintf(expected, sizeof(expected), "VALUE %s 0 %zu\r\n%s\r\nEND\r\n", key,
                   strlen(value), value);
    if (!ask_send(fd, request, strlen(request))) {
        return false;
    }
    (void)ask_read(fd, "END\r\n", reply, sizeof(reply));
    return strcmp(reply, expected) == 0;
}
