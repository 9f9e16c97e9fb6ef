#include "model/node.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "model/name.h"

static const char *const phase_texts[] = {
#define X(name, text) text,
    INTENT_PHASES(X)
#undef X
};

static const char *const state_texts[] = {
#define X(name, text) text,
    NODE_STATES(X)
#undef X
};

static const char *const partition_texts[] = {
#define X(name, text) text,
    PARTITION_MODES(X)
#undef X
};

static bool text_find(const char *text, const char *const *texts, size_t count, size_t *out)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (strcmp(text, texts[i]) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

const char *intent_phase_text(enum intent_phase phase)
{
    CHECK((size_t)phase < ARRAY_COUNT(phase_texts));
    return phase_texts[phase];
}

const char *node_state_text(enum node_state state)
{
    CHECK((size_t)state < ARRAY_COUNT(state_texts));
    return state_texts[state];
}

const char *partition_mode_text(enum partition_mode mode)
{
    CHECK((size_t)mode < ARRAY_COUNT(partition_texts));
    return partition_texts[mode];
}

bool intent_phase_parse(const char *text, enum intent_phase *out)
{
    size_t i;

    if (!text_find(text, phase_texts, ARRAY_COUNT(phase_texts), &i)) {
        return false;
    }
    *out = (enum intent_phase)i;
    return true;
}

bool node_state_parse(const char *text, enum node_state *out)
{
    size_t i;

    if (!text_find(text, state_texts, ARRAY_COUNT(state_texts), &i)) {
        return false;
    }
    *out = (enum node_state)i;
    return true;
}

bool partition_mode_parse(const char *text, enum partition_mode *out)
{
    size_t i;

    if (!text_find(text, partition_texts, ARRAY_COUNT(partition_texts), &i)) {
        return false;
    }
    *out = (enum partition_mode)i;
    return true;
}

bool host_endpoint(const struct host *host, uint32_t i, uint32_t *ip, uint16_t *data_port)
{
    uint32_t first;
    uint32_t port = host->data_port;

    if (host->nodes_max <= i || !ipv4_parse(host->ip_first, &first)) {
        return false;
    }
    if (1 < host->ip_count) {
        if (host->ip_count <= i || UINT32_MAX - first < i) {
            return false;
        }
        first += i;
    } else {
        if (host->ip_count == 0 || (UINT16_MAX - port) / 2 < i) {
            return false;
        }
        port += 2 * i;
    }
    *ip = first;
    *data_port = (uint16_t)port;
    return true;
}
