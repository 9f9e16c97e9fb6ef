#include "model/spec.h"

#include <string.h>

static bool texts_equal(const char *const *a, size_t a_count, const char *const *b, size_t b_count)
{
    size_t i;

    if (a_count != b_count) {
        return false;
    }
    for (i = 0; i < a_count; i++) {
        if (strcmp(a[i], b[i]) != 0) {
            return false;
        }
    }
    return true;
}

static bool labels_equal(const struct label *a, size_t a_count, const struct label *b,
                         size_t b_count)
{
    size_t i;

    if (a_count != b_count) {
        return false;
    }
    for (i = 0; i < a_count; i++) {
        if (strcmp(a[i].name, b[i].name) != 0 || strcmp(a[i].value, b[i].value) != 0) {
            return false;
        }
    }
    return true;
}

static bool are_alike(const struct node_settings *a, const struct node_settings *b)
{
    return a->memory_bytes == b->memory_bytes && a->threads == b->threads &&
           a->connections_max == b->connections_max && a->item_bytes_max == b->item_bytes_max &&
           texts_equal(a->extra_args, a->extra_args_count, b->extra_args, b->extra_args_count);
}

bool node_settings_equal(const struct node_settings *a, const struct node_settings *b)
{
    return are_alike(a, b) && a->restart_ms == b->restart_ms;
}

bool node_settings_meet(const struct node_settings *have, const struct node_settings *wanted)
{
    return are_alike(have, wanted) && wanted->restart_ms <= have->restart_ms;
}

uint32_t spec_placed(const struct spec *spec)
{
    return spec->membership == SPEC_MEMBERSHIP_JOINED ? 0 : spec->nodes;
}

bool spec_is_open(const struct spec *spec)
{
    return spec->membership != SPEC_MEMBERSHIP_MANAGED;
}

bool spec_equal(const struct spec *a, const struct spec *b)
{
    return strcmp(a->name, b->name) == 0 &&
           labels_equal(a->labels, a->labels_count, b->labels, b->labels_count) &&
           a->nodes == b->nodes && a->membership == b->membership && a->nodes_max == b->nodes_max &&
           node_settings_equal(&a->settings, &b->settings) && a->spread_by == b->spread_by &&
           texts_equal(a->hosts, a->hosts_count, b->hosts, b->hosts_count) &&
           labels_equal(a->host_labels, a->host_labels_count, b->host_labels,
                        b->host_labels_count) &&
           a->unavailable_max == b->unavailable_max && a->surge_max == b->surge_max &&
           a->drain_ms == b->drain_ms && a->drain_ends == b->drain_ends &&
           a->converge_timeout_ms == b->converge_timeout_ms &&
           a->progress_deadline_ms == b->progress_deadline_ms &&
           a->fail_after_ms == b->fail_after_ms && strcmp(a->domain, b->domain) == 0 &&
           a->hashing == b->hashing;
}
