#include "model/spec_field.h"

#include <string.h>

#include "base/check.h"
#include "model/name.h"

#define AT(member) offsetof(struct spec, member)

static const char *const spreads[] = {
    [SPEC_SPREAD_ZONE] = "zone", [SPEC_SPREAD_HOST] = "host", NULL
};

static const char *const memberships[] = { [SPEC_MEMBERSHIP_MANAGED] = "managed",
                                           [SPEC_MEMBERSHIP_JOINABLE] = "joinable",
                                           [SPEC_MEMBERSHIP_JOINED] = "joined",
                                           NULL };

static const char *const drain_ends[] = { [SPEC_DRAIN_CLIENTS] = "clients",
                                          [SPEC_DRAIN_EVIDENCE] = "evidence",
                                          [SPEC_DRAIN_TIME] = "time",
                                          NULL };

static const char *const hashings[] = { [SPEC_HASHING_KETAMA] = "ketama",
                                        [SPEC_HASHING_MODULO] = "modulo",
                                        [SPEC_HASHING_RENDEZVOUS] = "rendezvous",
                                        NULL };

_Static_assert(sizeof(enum spec_hashing) == sizeof(unsigned), "words are copied as an unsigned");
_Static_assert(sizeof(enum spec_drain_ends) == sizeof(unsigned), "words are copied as an unsigned");
_Static_assert(sizeof(enum spec_spread) == sizeof(unsigned), "words are copied as an unsigned");
_Static_assert(sizeof(enum spec_membership) == sizeof(unsigned), "words are copied as an unsigned");

/* clang-format off */
const struct spec_field spec_fields[SPEC_FIELDS_COUNT] = {
    { "metadata.name",               SPEC_FIELD_NAME,     AT(name), 0,
      1, CLUSTER_NAME_MAX, 0, true, NULL, 0,
      "The cluster's identity, a part of its endpoint and of its nodes' names." },
    { "metadata.labels",             SPEC_FIELD_LABELS,   AT(labels), AT(labels_count),
      0, SPEC_LABELS_MAX, 0, false, NULL, 0,
      "Labels of your own, to select clusters by. A change touches no node." },
    { "spec.nodes",                  SPEC_FIELD_COUNT,    AT(nodes), 0,
      1, SPEC_NODES_MAX, 0, true, NULL, 0,
      "How many nodes muster places; with membership joined, how many are to come." },
    { "spec.membership",             SPEC_FIELD_WORD,     AT(membership), 0,
      0, 0, SPEC_MEMBERSHIP_MANAGED, false, memberships, 0,
      "Who may be a node: what muster placed alone, also memcacheds that ask to join, or "
      "only these." },
    { "spec.maxNodes",               SPEC_FIELD_COUNT,    AT(nodes_max), 0,
      0, SPEC_NODES_MAX, 0, false, NULL, 0,
      "How many nodes there may be, those that joined included. Required with "
      "membership joinable or joined, where it is at least nodes; else left out." },
    { "spec.memory",                 SPEC_FIELD_SIZE,     AT(settings.memory_bytes), 0,
      SPEC_MEMORY_BYTES_MIN, SPEC_MEMORY_BYTES_MAX, SPEC_MEMORY_BYTES_DEFAULT, false, NULL, SPEC_MEMORY_BYTES_STEP,
      "Memory for items, of each node: whole Mi. A change restarts the nodes." },
    { "spec.threads",                SPEC_FIELD_COUNT,    AT(settings.threads), 0,
      1, SPEC_THREADS_MAX, SPEC_THREADS_DEFAULT, false, NULL, 0,
      "Worker threads of each node. A change restarts the nodes." },
    { "spec.maxConnections",         SPEC_FIELD_COUNT,    AT(settings.connections_max), 0,
      SPEC_CONNECTIONS_MIN, SPEC_CONNECTIONS_MAX, SPEC_CONNECTIONS_DEFAULT, false, NULL, 0,
      "Connections that a node takes, its own descriptors included: at least 16 and 8 "
      "more for each thread. A change restarts the nodes." },
    { "spec.maxItemSize",            SPEC_FIELD_SIZE,     AT(settings.item_bytes_max), 0,
      SPEC_ITEM_BYTES_MIN, SPEC_ITEM_BYTES_MAX, SPEC_ITEM_BYTES_DEFAULT, false, NULL, SPEC_ITEM_BYTES_STEP,
      "The largest item, in steps of 512Ki, at most half of memory. A change restarts "
      "the nodes." },
    { "spec.extraArgs",              SPEC_FIELD_ARGS,     AT(settings.extra_args),
      AT(settings.extra_args_count), 0, SPEC_EXTRA_ARGS_MAX, 0, false, NULL, 0,
      "More options of memcached, each option and each value an element of its own. A "
      "change restarts the nodes." },
    { "spec.placement.spreadBy",     SPEC_FIELD_WORD,     AT(spread_by), 0,
      0, 0, SPEC_SPREAD_ZONE, false, spreads, 0,
      "Spread nodes over the zones of the hosts and then over hosts, or over hosts "
      "only." },
    { "spec.placement.hosts",        SPEC_FIELD_HOSTS,    AT(hosts), AT(hosts_count),
      0, SPEC_HOSTS_MAX, 0, false, NULL, 0,
      "The hosts that may be used; every host without it." },
    { "spec.placement.labels",       SPEC_FIELD_LABELS,   AT(host_labels), AT(host_labels_count),
      0, SPEC_LABELS_MAX, 0, false, NULL, 0,
      "Labels that a host must have." },
    { "spec.rollout.maxUnavailable", SPEC_FIELD_COUNT,    AT(unavailable_max), 0,
      0, SPEC_NODES_MAX, SPEC_UNAVAILABLE_DEFAULT, false, NULL, 0,
      "How many nodes may be down at once before muster stops taking another one down "
      "by itself. Not 0 together with maxSurge." },
    { "spec.rollout.maxSurge",       SPEC_FIELD_COUNT,    AT(surge_max), 0,
      0, SPEC_NODES_MAX, SPEC_SURGE_DEFAULT, false, NULL, 0,
      "How many nodes may run beyond nodes for the sake of successors." },
    { "spec.rollout.drain",          SPEC_FIELD_DURATION, AT(drain_ms), 0,
      0, SPEC_DURATION_MS_MAX, SPEC_DRAIN_MS_DEFAULT, false, NULL, 0,
      "How long a node that has left the list keeps running for clients that have not "
      "noticed." },
    { "spec.rollout.drainEnds",      SPEC_FIELD_WORD,     AT(drain_ends), 0,
      0, 0, SPEC_DRAIN_CLIENTS, false, drain_ends, 0,
      "What may end a drain earlier: that no client is connected, that all that "
      "polled lately know, or nothing." },
    { "spec.rollout.convergeTimeout", SPEC_FIELD_DURATION, AT(converge_timeout_ms), 0,
      SPEC_TIMEOUT_MS_MIN, SPEC_DURATION_MS_MAX, SPEC_CONVERGE_TIMEOUT_MS_DEFAULT, false, NULL, 0,
      "How long one slow node may hold up the others." },
    { "spec.rollout.progressDeadline", SPEC_FIELD_DURATION, AT(progress_deadline_ms), 0,
      SPEC_TIMEOUT_MS_MIN, SPEC_DURATION_MS_MAX, SPEC_PROGRESS_DEADLINE_MS_DEFAULT, false, NULL, 0,
      "How long a rollout may show no progress before it stops." },
    { "spec.repair.failAfter",       SPEC_FIELD_DURATION, AT(fail_after_ms), 0,
      SPEC_TIMEOUT_MS_MIN, SPEC_DURATION_MS_MAX, SPEC_FAIL_AFTER_MS_DEFAULT, false, NULL, 0,
      "How long a node must be silent and unreachable before it is placed on another "
      "host." },
    { "spec.endpoint.domain",        SPEC_FIELD_DOMAIN,   AT(domain), 0,
      0, DOMAIN_MAX, 0, false, NULL, 0,
      "The domain of the nodes' names; the endpoint is <name>.cfg.<domain>. Without "
      "it, clients get addresses." },
    { "spec.clients.hashing",        SPEC_FIELD_WORD,     AT(hashing), 0,
      0, 0, SPEC_HASHING_KETAMA, false, hashings, 0,
      "How the clients spread keys over nodes, for muster where. Changes nothing "
      "else." },
};
/* clang-format on */

static bool has_number(const struct spec_field *field)
{
    return field->type == SPEC_FIELD_COUNT || field->type == SPEC_FIELD_SIZE ||
           field->type == SPEC_FIELD_DURATION;
}

void spec_init(struct spec *spec)
{
    size_t i;

    *spec = (struct spec){ .name = "", .domain = "", .spread_by = SPEC_SPREAD_ZONE };
    for (i = 0; i < SPEC_FIELDS_COUNT; i++) {
        if (has_number(&spec_fields[i])) {
            spec_field_set_number(&spec_fields[i], spec_fields[i].preset, spec);
        }
    }
}

static size_t field_size(const struct spec_field *field)
{
    switch (field->type) {
    case SPEC_FIELD_COUNT:
        return sizeof(uint32_t);
    case SPEC_FIELD_SIZE:
    case SPEC_FIELD_DURATION:
        return sizeof(uint64_t);
    case SPEC_FIELD_WORD:
        return sizeof(unsigned);
    case SPEC_FIELD_NAME:
    case SPEC_FIELD_DOMAIN:
    case SPEC_FIELD_ARGS:
    case SPEC_FIELD_HOSTS:
    case SPEC_FIELD_LABELS:
        break;
    }
    return sizeof(const void *);
}

void spec_field_copy(const struct spec_field *field, const struct spec *from, struct spec *to)
{
    const unsigned char *source = (const unsigned char *)from;
    unsigned char *target = (unsigned char *)to;

    memcpy(target + field->offset, source + field->offset, field_size(field));
    if (field->count_offset != 0) {
        memcpy(target + field->count_offset, source + field->count_offset, sizeof(size_t));
    }
}

uint64_t spec_field_number(const struct spec_field *field, const struct spec *spec)
{
    const unsigned char *place = (const unsigned char *)spec + field->offset;
    uint32_t count;
    uint64_t number;

    CHECK(has_number(field));
    if (field->type == SPEC_FIELD_COUNT) {
        memcpy(&count, place, sizeof(count));
        return count;
    }
    memcpy(&number, place, sizeof(number));
    return number;
}

void spec_field_set_number(const struct spec_field *field, uint64_t value, struct spec *spec)
{
    unsigned char *place = (unsigned char *)spec + field->offset;

    CHECK(has_number(field));
    if (field->type == SPEC_FIELD_COUNT) {
        uint32_t count = UINT32_MAX < value ? UINT32_MAX : (uint32_t)value;

        memcpy(place, &count, sizeof(count));
        return;
    }
    memcpy(place, &value, sizeof(value));
}

const struct label *spec_field_labels(const struct spec_field *field, const struct spec *spec,
                                      size_t *count)
{
    const unsigned char *place = (const unsigned char *)spec;
    const struct label *labels;

    CHECK(field->type == SPEC_FIELD_LABELS);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): the list is a pointer */
    memcpy(&labels, place + field->offset, sizeof(labels));
    memcpy(count, place + field->count_offset, sizeof(*count));
    return labels;
}

void spec_field_set_labels(const struct spec_field *field, const struct label *labels, size_t count,
                           struct spec *spec)
{
    unsigned char *place = (unsigned char *)spec;

    CHECK(field->type == SPEC_FIELD_LABELS);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): the list is a pointer */
    memcpy(place + field->offset, &labels, sizeof(labels));
    memcpy(place + field->count_offset, &count, sizeof(count));
}

const char *spec_field_word(const struct spec_field *field, const struct spec *spec)
{
    unsigned value;
    unsigned i;

    CHECK(field->type == SPEC_FIELD_WORD);
    memcpy(&value, (const unsigned char *)spec + field->offset, sizeof(value));
    for (i = 0; i < value; i++) {
        CHECK(field->words[i] != NULL);
    }
    CHECK(field->words[value] != NULL);
    return field->words[value];
}

bool spec_field_set_word(const struct spec_field *field, const char *text, struct spec *spec)
{
    unsigned i;

    CHECK(field->type == SPEC_FIELD_WORD);
    for (i = 0; field->words[i] != NULL; i++) {
        if (strcmp(text, field->words[i]) == 0) {
            memcpy((unsigned char *)spec + field->offset, &i, sizeof(i));
            return true;
        }
    }
    return false;
}
