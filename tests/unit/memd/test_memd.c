/* Single keys at real memcacheds. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop/loop.h"
#include "memd/memd.h"
#include "support/net.h"
#include "support/process.h"
#include "support/scene.h"
#include "support/wait.h"

#define PORT 11211
#define ANSWER_MS 10000

struct world {
    struct loop *loop;
    struct memd *memd;
};

struct answer {
    bool done;
    int calls;
    int code; /* 0: success */
    char text[ERR_MSG_MAX];
    char value[1024];
    size_t bytes;
};

/* Patient by default: the machine may be busy with other tests. */
static void world_start_with(struct world *w, uint64_t reply_timeout_ms)
{
    struct memd_options options = { .connect_timeout_ms = 5000,
                                    .reply_timeout_ms = reply_timeout_ms };
    struct err err;

    cr_assert_eq(loop_new(&w->loop, &err), 0);
    cr_assert_eq(memd_new(w->loop, &options, &w->memd, &err), 0);
}

static void world_start(struct world *w)
{
    world_start_with(w, 5000);
}

static void world_end(struct world *w)
{
    memd_free(w->memd);
    loop_free(w->loop);
}

static bool answers(void *ctx)
{
    return net_answers(ctx, PORT);
}

static struct process *memcached_start(const char *ip)
{
    struct process *process = process_startl("memcached", "memcached", "-u", "root", "-l", ip, "-p",
                                             "11211", "-U", "0", NULL);
    char address[SCENE_IP_SIZE];

    (void)snprintf(address, sizeof(address), "%s", ip);
    cr_assert(wait_until(answers, address, WAIT_MS));
    return process;
}

static void on_answer(void *ctx, const char *value, size_t value_bytes, const struct err *err)
{
    struct answer *answer = ctx;

    answer->done = true;
    answer->calls++;
    answer->code = err == NULL ? 0 : err->code;
    answer->bytes = value_bytes;
    if (err != NULL) {
        memcpy(answer->text, err->msg, sizeof(answer->text));
    }
    if (value != NULL && value_bytes < sizeof(answer->value)) {
        memcpy(answer->value, value, value_bytes);
        answer->value[value_bytes] = '\0';
    }
}

static struct answer set(struct world *w, const char *ip, const char *key, const char *value,
                         size_t bytes)
{
    struct answer answer = { .done = false };
    struct err err;

    cr_assert_eq(memd_set(w->memd, ip, PORT, key, value, bytes, on_answer, &answer, &err), 0);
    cr_assert_not(answer.done, "the callback came from inside the call");
    cr_assert_eq(loop_run_until(w->loop, &answer.done, ANSWER_MS, &err), 0);
    return answer;
}

static struct answer get(struct world *w, const char *ip, const char *key)
{
    struct answer answer = { .done = false };
    struct err err;

    cr_assert_eq(memd_get(w->memd, ip, PORT, key, on_answer, &answer, &err), 0);
    cr_assert_eq(loop_run_until(w->loop, &answer.done, ANSWER_MS, &err), 0);
    return answer;
}

Test(memd, a_value_that_was_set_is_read_back)
{
    struct scene_ip ip = scene_ip(1);
    struct answer answer;
    struct world w;

    world_start(&w);
    memcached_start(ip.text);
    cr_assert_eq(set(&w, ip.text, "muster:config", "a\r\nb\0c", 6).code, 0);
    answer = get(&w, ip.text, "muster:config");
    cr_assert_eq(answer.code, 0);
    cr_assert_eq(answer.bytes, 6);
    cr_assert_arr_eq(answer.value, "a\r\nb\0c", 6);
    cr_assert_eq(set(&w, ip.text, "empty", "", 0).code, 0);
    answer = get(&w, ip.text, "empty");
    cr_assert_eq(answer.code, 0);
    cr_assert_eq(answer.bytes, 0);
    world_end(&w);
}

Test(memd, a_missing_key_is_not_found)
{
    struct scene_ip ip = scene_ip(1);
    struct world w;

    world_start(&w);
    memcached_start(ip.text);
    cr_assert_eq(get(&w, ip.text, "nothing").code, ERR_NOT_FOUND);
    cr_assert_eq(set(&w, ip.text, "nothing", "x", 1).code, 0);
    world_end(&w);
}

Test(memd, bad_keys_addresses_and_sizes_are_refused_at_once)
{
    static char huge[MEMD_VALUE_BYTES_MAX + 1];
    char long_key[252];
    struct answer answer = { .done = false };
    struct world w;
    struct err err;

    memset(long_key, 'k', sizeof(long_key) - 1);
    long_key[sizeof(long_key) - 1] = '\0';
    world_start(&w);
    cr_assert_eq(memd_get(w.memd, "127.0.0.1", PORT, "a key", on_answer, &answer, &err),
                 ERR_INVALID);
    cr_assert_eq(memd_get(w.memd, "127.0.0.1", PORT, "", on_answer, &answer, &err), ERR_INVALID);
    cr_assert_eq(memd_get(w.memd, "127.0.0.1", PORT, long_key, on_answer, &answer, &err),
                 ERR_INVALID);
    cr_assert_eq(memd_get(w.memd, "localhost", PORT, "k", on_answer, &answer, &err), ERR_INVALID);
    cr_assert_eq(memd_get(w.memd, "127.0.0.1", 0, "k", on_answer, &answer, &err), ERR_INVALID);
    cr_assert_eq(
        memd_set(w.memd, "127.0.0.1", PORT, "k", huge, sizeof(huge), on_answer, &answer, &err),
        ERR_LIMIT);
    world_end(&w);
    cr_assert_eq(answer.calls, 0);
}

Test(memd, a_refusal_comes_with_the_words_of_the_node)
{
    static char large[MEMD_VALUE_BYTES_MAX]; /* an item of memcached holds a little less */
    struct scene_ip ip = scene_ip(1);
    struct answer answer;
    struct world w;

    world_start(&w);
    memcached_start(ip.text);
    answer = set(&w, ip.text, "large", large, sizeof(large));
    cr_assert_eq(answer.code, ERR_PROTOCOL, "%d %s", answer.code, answer.text);
    cr_assert_not_null(strstr(answer.text, "TOO BIG"), "%s", answer.text);
    cr_assert_eq(set(&w, ip.text, "small", "x", 1).code, 0);
    world_end(&w);
}

Test(memd, an_absent_node_does_not_spoil_the_next_call)
{
    struct scene_ip ip = scene_ip(1);
    struct world w;

    world_start(&w);
    cr_assert_eq(set(&w, ip.text, "k", "v", 1).code, ERR_IO);
    memcached_start(ip.text);
    cr_assert_eq(set(&w, ip.text, "k", "v", 1).code, 0, "the failed connection was kept");
    world_end(&w);
}

Test(memd, a_restarted_node_is_reached_at_the_first_try)
{
    struct scene_ip ip = scene_ip(1);
    struct process *process;
    struct world w;

    world_start(&w);
    process = memcached_start(ip.text);
    cr_assert_eq(set(&w, ip.text, "k", "v", 1).code, 0);
    process_kill(process);
    memcached_start(ip.text);
    cr_assert_eq(set(&w, ip.text, "k", "v", 1).code, 0);
    world_end(&w);
}

Test(memd, a_silent_node_times_out_and_holds_up_nobody_else)
{
    struct scene_ip ip = scene_ip(1);
    struct scene_ip silent_ip = scene_ip(2);
    struct answer silent = { .done = false };
    struct world w;
    struct err err;
    int fd;

    world_start_with(&w, 1000);
    memcached_start(ip.text);
    fd = net_listen(silent_ip.text, PORT);
    cr_assert_eq(memd_get(w.memd, silent_ip.text, PORT, "k", on_answer, &silent, &err), 0);
    cr_assert_eq(set(&w, ip.text, "k", "v", 1).code, 0);
    cr_assert_not(silent.done, "the other one waited for the silent one");
    cr_assert_eq(loop_run_until(w.loop, &silent.done, ANSWER_MS, &err), 0);
    cr_assert_eq(silent.code, ERR_TIMEOUT, "%d %s", silent.code, silent.text);
    close(fd);
    world_end(&w);
}

Test(memd, calls_to_one_node_are_done_in_their_order)
{
    struct scene_ip ip = scene_ip(1);
    struct answer answers_of[50] = { { .done = false } };
    struct answer last;
    struct world w;
    struct err err;
    size_t i;

    world_start(&w);
    memcached_start(ip.text);
    for (i = 0; i < 50; i++) {
        char value[8];
        int size = snprintf(value, sizeof(value), "%zu", i);

        cr_assert_eq(memd_set(w.memd, ip.text, PORT, "k", value, (size_t)size, on_answer,
                              &answers_of[i], &err),
                     0);
    }
    last = get(&w, ip.text, "k");
    cr_assert_str_eq(last.value, "49");
    for (i = 0; i < 50; i++) {
        cr_assert_eq(answers_of[i].calls, 1);
        cr_assert_eq(answers_of[i].code, 0);
    }
    world_end(&w);
}

Test(memd, after_free_no_call_comes_back)
{
    struct scene_ip silent_ip = scene_ip(2);
    struct answer answer = { .done = false };
    struct world w;
    struct err err;
    int fd = net_listen(silent_ip.text, PORT);

    world_start_with(&w, 300);
    cr_assert_eq(memd_get(w.memd, silent_ip.text, PORT, "k", on_answer, &answer, &err), 0);
    cr_assert_eq(memd_get(w.memd, silent_ip.text, PORT, "k", on_answer, &answer, &err), 0);
    world_end(&w);
    close(fd);
    cr_assert_eq(answer.calls, 0);
}

struct last_call {
    struct memd *memd;
    bool done;
};

static void free_inside(void *ctx, const char *value, size_t value_bytes, const struct err *err)
{
    struct last_call *call = ctx;

    (void)value;
    (void)value_bytes;
    (void)err;
    memd_free(call->memd);
    call->done = true;
}

Test(memd, it_may_be_freed_inside_a_callback)
{
    struct scene_ip ip = scene_ip(1);
    struct answer answer = { .done = false };
    struct last_call call;
    struct world w;
    struct err err;

    world_start(&w);
    memcached_start(ip.text);
    call = (struct last_call){ .memd = w.memd };
    cr_assert_eq(memd_get(w.memd, ip.text, PORT, "k", free_inside, &call, &err), 0);
    cr_assert_eq(memd_get(w.memd, ip.text, PORT, "k", on_answer, &answer, &err), 0);
    cr_assert_eq(loop_run_until(w.loop, &call.done, ANSWER_MS, &err), 0);
    loop_free(w.loop);
    cr_assert_eq(answer.calls, 0);
}

static bool one_connection(void *ctx)
{
    char *stats = net_ask(ctx, PORT, "stats\r\nquit\r\n", NULL);
    const char *found = strstr(stats, "STAT curr_connections ");
    bool alone = found != NULL && strtoul(found + strlen("STAT curr_connections "), NULL, 10) == 1;

    free(stats);
    return alone;
}

Test(memd, a_forgotten_node_is_disconnected_after_its_calls)
{
    struct scene_ip ip = scene_ip(1);
    struct answer answer = { .done = false };
    struct world w;
    struct err err;

    world_start(&w);
    memcached_start(ip.text);
    cr_assert(wait_until(one_connection, ip.text, WAIT_MS)); /* who looked at it has gone */
    cr_assert_eq(set(&w, ip.text, "k", "v", 1).code, 0);
    cr_assert_not(one_connection(ip.text));
    cr_assert_eq(memd_get(w.memd, ip.text, PORT, "k", on_answer, &answer, &err), 0);
    memd_forget(w.memd, ip.text, PORT);
    cr_assert_eq(loop_run_until(w.loop, &answer.done, ANSWER_MS, &err), 0);
    cr_assert_eq(answer.code, 0);
    loop_run(w.loop); /* the closing ends by itself */
    cr_assert(wait_until(one_connection, ip.text, WAIT_MS));
    cr_assert_eq(set(&w, ip.text, "k", "v", 1).code, 0, "it may be used again");
    world_end(&w);
}
