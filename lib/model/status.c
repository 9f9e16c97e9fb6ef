#include "model/status.h"

#include <string.h>

#include "base/check.h"

static const char *const type_texts[] = {
#define X(name, text, meaning) text,
    CONDITION_TYPES(X)
#undef X
};

const char *condition_type_text(enum condition_type type)
{
    CHECK((size_t)type < ARRAY_COUNT(type_texts));
    return type_texts[type];
}

bool condition_type_parse(const char *text, enum condition_type *out)
{
    size_t i;

    for (i = 0; i < ARRAY_COUNT(type_texts); i++) {
        if (strcmp(text, type_texts[i]) == 0) {
            *out = (enum condition_type)i;
            return true;
        }
    }
    return false;
}

/* A condition without reason is not there, whatever else its fields hold. */
static bool condition_equal(const struct condition *a, const struct condition *b)
{
    const char *a_reason = a->reason == NULL ? "" : a->reason;
    const char *b_reason = b->reason == NULL ? "" : b->reason;

    if (strcmp(a_reason, b_reason) != 0) {
        return false;
    }
    return a_reason[0] == '\0' || (a->status == b->status && strcmp(a->message, b->message) == 0);
}

static bool slot_status_equal(const struct slot_status *a, const struct slot_status *b)
{
    return a->slot == b->slot && a->data_port == b->data_port && a->version == b->version &&
           a->listed == b->listed && a->silent_since_ms == b->silent_since_ms &&
           a->unreachable_since_ms == b->unreachable_since_ms && strcmp(a->host, b->host) == 0 &&
           strcmp(a->ip, b->ip) == 0 && strcmp(a->phase, b->phase) == 0 &&
           strcmp(a->state, b->state) == 0 && strcmp(a->partition, b->partition) == 0 &&
           strcmp(a->rule, b->rule) == 0;
}

bool status_equal(const struct status *a, const struct status *b)
{
    size_t i;

    if (a->observed_generation != b->observed_generation || strcmp(a->uid, b->uid) != 0 ||
        a->version != b->version || a->nodes_wanted != b->nodes_wanted ||
        a->nodes_ready != b->nodes_ready || a->nodes_converged != b->nodes_converged ||
        a->nodes_updated != b->nodes_updated || a->progress_ms != b->progress_ms ||
        a->resumed_ms != b->resumed_ms || a->slots_count != b->slots_count) {
        return false;
    }
    for (i = 0; i < CONDITION_COUNT; i++) {
        if (!condition_equal(&a->conditions[i], &b->conditions[i])) {
            return false;
        }
    }
    for (i = 0; i < a->slots_count; i++) {
        if (!slot_status_equal(&a->slots[i], &b->slots[i])) {
            return false;
        }
    }
    return true;
}
