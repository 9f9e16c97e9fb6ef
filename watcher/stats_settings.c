#include "watcher/stats_settings.h"

#include <string.h>

#include "base/str.h"

static bool number_in(const char *text, const char *name, uint64_t *out)
{
    const char *at = strstr(text, name);

    if (at == NULL) {
        return false;
    }
    at += strlen(name);
    return bytes_to_u64(at, strcspn(at, "\r\n"), 0, INT64_MAX, out);
}

static uint64_t within(uint64_t number, uint64_t min, uint64_t max)
{
    if (number < min) {
        return min;
    }
    return max < number ? max : number;
}

static uint64_t in_steps(uint64_t bytes, uint64_t step)
{
    return bytes / step * step;
}

static uint64_t connections_min(uint64_t threads)
{
    return SPEC_CONNECTIONS_MIN + (threads - 1) * SPEC_CONNECTIONS_PER_THREAD_MIN;
}

bool stats_settings(const char *text, struct node_settings *out)
{
    uint64_t memory_bytes;
    uint64_t connections;
    uint64_t threads;
    uint64_t item_bytes;

    if (!number_in(text, "STAT maxbytes ", &memory_bytes) ||
        !number_in(text, "STAT maxconns ", &connections) ||
        !number_in(text, "STAT num_threads ", &threads) ||
        !number_in(text, "STAT item_size_max ", &item_bytes)) {
        return false;
    }
    memory_bytes = within(in_steps(memory_bytes, SPEC_MEMORY_BYTES_STEP), SPEC_MEMORY_BYTES_MIN,
                          SPEC_MEMORY_BYTES_MAX);
    threads = within(threads, 1, SPEC_THREADS_MAX);
    item_bytes = within(item_bytes, SPEC_ITEM_BYTES_MIN,
                        within(memory_bytes / 2, SPEC_ITEM_BYTES_MIN, SPEC_ITEM_BYTES_MAX));
    *out = (struct node_settings){
        .memory_bytes = memory_bytes,
        .threads = (uint32_t)threads,
        .connections_max =
            (uint32_t)within(connections, connections_min(threads), SPEC_CONNECTIONS_MAX),
        .item_bytes_max = in_steps(item_bytes, SPEC_ITEM_BYTES_STEP),
    };
    return true;
}
