/*
 * A session answers the same whether its input comes whole or byte by byte, and holds no more
 * values than it may.
 */
#include <string.h>

#include "base/check.h"
#include "discovery/session.h"
#include "tests/fuzz/target.h"

#define ANSWER_BYTES_MAX (8U << 20)

static const struct segment_cell cell = { 7, "7\na|127.0.0.1|1\n", 16, "{}", 2 };

static bool add_rows(void *ctx, const char *group, struct rows *rows)
{
    (void)ctx;
    rows_add(rows, "group", group);
    rows_add_number(rows, "rows", rows->size);
    return group[0] == 'p';
}

static bool join_at(void *ctx, size_t index, struct session_join *out)
{
    (void)ctx;
    *out = (struct session_join){ "0123456789abcdef", "{}", 2 };
    return index == 0;
}

struct heard {
    char *bytes;
    size_t size;
    enum session_event last;
};

static void converse(const char *bytes, size_t size, size_t step_max, struct heard *heard)
{
    struct session_values values = { .held_max = 1 };
    struct session_env env = { .cell = &cell,
                               .inbox = "/nonexistent",
                               .source = { .stats = add_rows, .join_at = join_at },
                               .values = &values };
    enum session_event event = SESSION_MORE;
    static struct session session;
    size_t step;
    size_t used;

    session_init(&session);
    while (0 < size && event != SESSION_CLOSE) {
        step = size < step_max ? size : step_max;
        event = session_feed(&session, &env, bytes, step, &used);
        CHECK(used <= step);
        CHECK(values.held <= values.held_max);
        CHECK(event != SESSION_MORE || env.costly || used == step);
        CHECK((session.head != NULL) == (session.head_bytes != 0));
        CHECK(session.body == NULL || session_incomplete(&session));
        CHECK(reply_bytes(&env.reply) <= ANSWER_BYTES_MAX - heard->size);
        reply_copy(&env.reply, heard->bytes + heard->size);
        heard->size += reply_bytes(&env.reply);
        bytes += used;
        size -= used;
    }
    heard->last = event;
    session_deinit(&session, &env);
    session_env_deinit(&env);
    CHECK(values.held == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char buffers[2][ANSWER_BYTES_MAX];
    struct heard whole = { .bytes = buffers[0] };
    struct heard pieces = { .bytes = buffers[1] };

    if (65536 < size) {
        return 0;
    }
    converse((const char *)data, size, size, &whole);
    converse((const char *)data, size, 1, &pieces);
    CHECK(whole.size == pieces.size);
    CHECK(memcmp(whole.bytes, pieces.bytes, whole.size) == 0);
    CHECK((whole.last == SESSION_CLOSE) == (pieces.last == SESSION_CLOSE));
    return 0;
}
