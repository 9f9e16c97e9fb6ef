#include "memd/clients.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE 256
#define STAT "STAT "

/* The decimal number at `*text`, which moves behind it and one space. */
static bool take_number(const char **text, uint64_t max, uint64_t *out)
{
    char *end;
    unsigned long long value;

    if (**text < '0' || '9' < **text) {
        return false;
    }
    value = strtoull(*text, &end, 10);
    if (max < value || (*end != ' ' && *end != '\0')) {
        return false;
    }
    *out = value;
    *text = *end == ' ' ? end + 1 : end;
    return true;
}

static uint64_t ago(uint64_t now_s, uint64_t seconds)
{
    return seconds < now_s ? now_s - seconds : 0;
}

static bool take_row(const char *name, const char *rest, uint64_t now_s, struct pollers *pollers)
{
    struct poller row = { .count = 0 };
    uint64_t version;
    uint64_t seconds;

    if (!poller_peer_parse(name, &row.peer) || !take_number(&rest, UINT32_MAX, &version) ||
        !take_number(&rest, UINT64_MAX, &seconds) || !take_number(&rest, UINT64_MAX, &row.count) ||
        *rest != '\0') {
        return false;
    }
    row.version = (uint32_t)version;
    row.seen_s = ago(now_s, seconds);
    return pollers_note(pollers, &row, NULL) != POLLERS_NONE;
}

/* One line without its end. */
static bool take_line(char *line, uint64_t now_s, struct pollers *pollers, uint64_t *since_s)
{
    const char *name = line + strlen(STAT);
    const char *rest;
    uint64_t seconds;
    char *space;

    if (strncmp(line, STAT, strlen(STAT)) != 0) {
        return false;
    }
    space = strchr(name, ' ');
    if (space == NULL) {
        return false;
    }
    *space = '\0';
    rest = space + 1;
    if (strcmp(name, CLIENTS_SINCE) != 0) {
        return take_row(name, rest, now_s, pollers);
    }
    if (!take_number(&rest, UINT64_MAX, &seconds) || *rest != '\0') {
        return false;
    }
    *since_s = ago(now_s, seconds);
    return true;
}

int clients_read(const char *reply, size_t reply_bytes, uint64_t now_s, struct pollers *pollers,
                 uint64_t *since_s, struct err *err)
{
    const char *end = reply + reply_bytes;
    uint64_t since = 0;
    char line[LINE_SIZE];

    while (reply < end) {
        const char *stop = memchr(reply, '\r', (size_t)(end - reply));
        size_t size = (size_t)((stop == NULL ? end : stop) - reply);

        (void)snprintf(line, sizeof(line), "%.*s", (int)(size < LINE_SIZE ? size : LINE_SIZE - 1),
                       reply);
        if (strcmp(line, "END") == 0) {
            *since_s = pollers_since_s(pollers, since);
            return 0;
        }
        if (LINE_SIZE <= size || !take_line(line, now_s, pollers, &since)) {
            return err_set(err, ERR_PROTOCOL, "not a list of clients: %.100s", line);
        }
        reply += size + strlen("\r\n");
    }
    return err_set(err, ERR_PROTOCOL, "a list of clients without an end");
}

uint32_t clients_lowest(const struct pollers *pollers, uint64_t from_s)
{
    uint32_t lowest = UINT32_MAX;
    size_t i;

    for (i = 0; i < pollers->count; i++) {
        const struct poller *row = &pollers->rows[i];

        if (from_s <= row->seen_s && row->version < lowest) {
            lowest = row->version;
        }
    }
    return lowest;
}
