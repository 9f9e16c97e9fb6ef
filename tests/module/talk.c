#include "tests/module/talk.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "support/scene.h"
#include "support/wait.h"

#define HEARD_BYTES_MAX (512U << 20)

struct talker {
    int fd;
    const struct speech *speech;
    size_t said;
    size_t cut; /* the next one */
    struct heard *heard;
    size_t capacity;
};

static const struct sockaddr_in *ipv4(const struct sockaddr_storage *address)
{
    cr_assert_eq(address->ss_family, AF_INET);
    return (const struct sockaddr_in *)address;
}

/* How many bytes lie unread at the other end of a connection, as the kernel tells; 0: also when
 * that end is closed. */
static unsigned long unread(int fd)
{
    struct sockaddr_storage own = { 0 };
    struct sockaddr_storage peer = { 0 };
    socklen_t own_size = sizeof(own);
    socklen_t peer_size = sizeof(peer);
    char ends[64];
    char line[512];
    unsigned long bytes = 0;
    FILE *table = fopen("/proc/net/tcp", "re");

    cr_assert_not_null(table);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&own, &own_size), 0);
    if (getpeername(fd, (struct sockaddr *)&peer, &peer_size) == 0) {
        (void)snprintf(ends, sizeof(ends), " %08X:%04X %08X:%04X ", ipv4(&peer)->sin_addr.s_addr,
                       ntohs(ipv4(&peer)->sin_port), ipv4(&own)->sin_addr.s_addr,
                       ntohs(ipv4(&own)->sin_port));
        while (fgets(line, sizeof(line), table) != NULL) {
            const char *found = strstr(line, ends);

            if (found != NULL) {
                (void)sscanf(found + strlen(ends), "%*x %*x:%lx", &bytes);
            }
        }
    }
    (void)fclose(table);
    return bytes;
}

struct reading {
    int fd;
    unsigned looks; /* that found nothing unread, one after the other */
};

/* Twice: while the server is busy with the connection, what arrives is not told of yet. */
static bool was_read(void *ctx)
{
    struct reading *reading = ctx;

    reading->looks = unread(reading->fd) == 0 ? reading->looks + 1 : 0;
    return reading->looks == 2;
}

/* Say up to the next cut. False: the server does not listen any more. */
static bool say(struct talker *talker)
{
    const struct speech *speech = talker->speech;
    size_t end = talker->cut < speech->cuts_count ? speech->cuts[talker->cut] : speech->size;
    ssize_t n = send(talker->fd, speech->bytes + talker->said, end - talker->said, MSG_NOSIGNAL);

    if (n < 0) {
        talker->heard->reset |= errno != EAGAIN && errno != EINTR;
        return !talker->heard->reset;
    }
    talker->said += (size_t)n;
    if (talker->said == end && talker->cut < speech->cuts_count) {
        talker->cut++;
        if (speech->pause_us != 0) {
            usleep(speech->pause_us);
        }
        if (speech->apart) {
            struct reading reading = { .fd = talker->fd };

            cr_assert(wait_until(was_read, &reading, WAIT_MS), "the server reads nothing");
        }
    }
    return true;
}

/* Hear what is there. False: the server has closed. */
static bool hear(struct talker *talker)
{
    struct heard *heard = talker->heard;
    ssize_t n;

    if (talker->capacity - heard->size < 65536 + 1) {
        talker->capacity = talker->capacity * 2 + 131072;
        heard->bytes = realloc(heard->bytes, talker->capacity);
    }
    if (heard->bytes == NULL || HEARD_BYTES_MAX < heard->size) {
        scene_fail("an answer without end");
    }
    n = recv(talker->fd, heard->bytes + heard->size, 65536, 0);
    if (0 < n) {
        heard->size += (size_t)n;
    }
    heard->bytes[heard->size] = '\0';
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return true;
    }
    heard->reset |= n < 0;
    return 0 < n;
}

static bool has_last_word(const struct talker *talker)
{
    const char *last_word = talker->speech->last_word;
    const struct heard *heard = talker->heard;
    size_t bytes = last_word == NULL ? 0 : strlen(last_word);

    return bytes == 0 || (bytes <= heard->size &&
                          memcmp(heard->bytes + heard->size - bytes, last_word, bytes) == 0);
}

/* Whether nothing happens for so long. */
static bool look(struct pollfd *poll_fd, int timeout_ms)
{
    int found;

    do {
        found = poll(poll_fd, 1, timeout_ms);
    } while (found < 0 && errno == EINTR);
    return found <= 0;
}

void talk(int fd, const struct speech *speech, struct heard *heard)
{
    struct talker talker = { .fd = fd, .speech = speech, .heard = heard };
    struct pollfd poll_fd = { .fd = fd };
    bool speaking = true;
    bool hearing = true;
    bool ended = false;
    int on = 1;

    *heard = (struct heard){ .size = 0 };
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    while (hearing) {
        bool silent;

        speaking = speaking && talker.said < speech->size;
        if (!speaking && !ended && has_last_word(&talker)) {
            (void)shutdown(fd, SHUT_WR);
            ended = true;
        }
        poll_fd.events = (short)(POLLIN | (speaking ? POLLOUT : 0));
        silent = look(&poll_fd, speaking || ended ? (int)WAIT_MS : TALK_SILENCE_MS);
        if (silent && (speaking || ended)) {
            scene_fail("the server neither answers nor closes");
        }
        if (silent) {
            (void)shutdown(fd, SHUT_WR);
            ended = true;
            continue;
        }
        if ((poll_fd.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            hearing = hear(&talker);
        }
        if (speaking && (poll_fd.revents & POLLOUT) != 0) {
            speaking = say(&talker);
        }
    }
    (void)close(fd);
}

void heard_replace(struct heard *heard, const char *found, const char *text)
{
    const size_t found_bytes = strlen(found);
    const size_t text_bytes = strlen(text);
    char *at = heard->bytes;

    CHECK(text_bytes <= found_bytes);
    for (;;) {
        char *end = heard->bytes + heard->size;

        at = memmem(at, (size_t)(end - at), found, found_bytes);
        if (at == NULL) {
            return;
        }
        memcpy(at, text, text_bytes);
        memmove(at + text_bytes, at + found_bytes, (size_t)(end - at) - found_bytes + 1);
        heard->size -= found_bytes - text_bytes;
        at += text_bytes;
    }
}
