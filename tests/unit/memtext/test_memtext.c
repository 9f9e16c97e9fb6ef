#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "memd/memtext.h"
#include "support/net.h"
#include "support/process.h"
#include "support/scene.h"
#include "support/wait.h"

#define PORT 21211
#define TIMEOUT_MS 10000 /* of tests in which no answer is missing */
#define SHORT_MS 100     /* of those in which one is */

struct fixture {
    struct loop *loop;
    struct memtext *memtext;
    struct scene_ip ip;
    size_t answers;
    size_t awaited;
    bool done;
    bool free_inside;
    char replies[8][4096];
    int codes[8];
};

static void on_reply(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct fixture *f = ctx;
    size_t i = f->answers++;

    if (i < ARRAY_COUNT(f->codes)) {
        f->codes[i] = reply == NULL ? err->code : 0;
        (void)snprintf(f->replies[i], sizeof(f->replies[i]), "%.*s", (int)reply_bytes,
                       reply == NULL ? "" : reply);
    }
    f->done = f->answers == f->awaited;
    if (f->free_inside) {
        memtext_free(TAKE(f->memtext));
        f->done = true;
    }
}

static void set_up(struct fixture *f, uint64_t timeout_ms)
{
    struct err err;

    memset(f, 0, sizeof(*f));
    f->ip = scene_ip(1);
    cr_assert_eq(loop_new(&f->loop, &err), 0);
    cr_assert_eq(memtext_new(f->loop, f->ip.text, PORT, timeout_ms, &f->memtext, &err), 0);
}

static void tear_down(struct fixture *f)
{
    memtext_free(f->memtext);
    loop_free(f->loop);
}

static void ask(struct fixture *f, const char *request, enum memtext_reply kind)
{
    struct err err;

    f->awaited++;
    f->done = false;
    cr_assert_eq(memtext_ask(f->memtext, request, strlen(request), kind, on_reply, f, &err), 0,
                 "%s", err.msg);
}

static void run(struct fixture *f)
{
    struct err err;

    cr_assert_eq(loop_run_until(f->loop, &f->done, WAIT_MS, &err), 0, "%s after %zu answers",
                 err.msg, f->answers);
}

static bool answers(void *ctx)
{
    return net_answers(ctx, PORT);
}

static struct process *start_memcached(struct fixture *f)
{
    struct process *process = process_startl("memcached", "memcached", "-l", f->ip.text, "-p",
                                             "21211", "-U", "0", "-u", "root", NULL);

    cr_assert(wait_until(answers, f->ip.text, WAIT_MS));
    return process;
}

Test(memtext, memcached_answers_in_order)
{
    struct fixture f;

    set_up(&f, TIMEOUT_MS);
    (void)start_memcached(&f);
    ask(&f, "version\r\n", MEMTEXT_LINE);
    ask(&f, "set k 0 0 5\r\nEND\r\n\r\n", MEMTEXT_LINE);
    ask(&f, "get k\r\n", MEMTEXT_END);
    ask(&f, "get missing\r\n", MEMTEXT_END);
    ask(&f, "config get cluster\r\n", MEMTEXT_END);
    ask(&f, "stats\r\n", MEMTEXT_END);
    run(&f);
    cr_expect_eq(strncmp(f.replies[0], "VERSION 1.", 10), 0, "%s", f.replies[0]);
    cr_expect_str_eq(f.replies[1], "STORED");
    cr_expect_str_eq(f.replies[2], "VALUE k 0 5\r\nEND\r\n\r\nEND");
    cr_expect_str_eq(f.replies[3], "END");
    cr_expect_str_eq(f.replies[4], "ERROR");
    cr_expect_not_null(strstr(f.replies[5], "STAT curr_connections "));
    tear_down(&f);
}

Test(memtext, a_large_value_comes_whole)
{
    const size_t size = 1000000;
    char *request = malloc(size + 64);
    struct fixture f;
    int head;

    set_up(&f, TIMEOUT_MS);
    (void)start_memcached(&f);
    head = sprintf(request, "set k 0 0 %zu\r\n", size);
    memset(request + head, 'v', size);
    strcpy(request + (size_t)head + size, "\r\n");
    ask(&f, request, MEMTEXT_LINE);
    ask(&f, "get k\r\n", MEMTEXT_END);
    ask(&f, "version\r\n", MEMTEXT_LINE);
    run(&f);
    cr_expect_str_eq(f.replies[0], "STORED");
    cr_expect_eq(strncmp(f.replies[1], "VALUE k 0 1000000\r\nvvvv", 23), 0);
    cr_expect_eq(strncmp(f.replies[2], "VERSION", 7), 0);
    free(request);
    tear_down(&f);
}

Test(memtext, it_connects_again_after_memcached_was_started_again)
{
    struct process *process;
    struct fixture f;

    set_up(&f, TIMEOUT_MS);
    ask(&f, "version\r\n", MEMTEXT_LINE);
    run(&f);
    cr_expect_eq(f.codes[0], ERR_IO, "nobody listens yet");

    process = start_memcached(&f);
    ask(&f, "version\r\n", MEMTEXT_LINE);
    run(&f);
    cr_expect_eq(f.codes[1], 0);

    process_kill(process);
    ask(&f, "version\r\n", MEMTEXT_LINE);
    run(&f);
    cr_expect_eq(f.codes[2], ERR_IO);

    (void)start_memcached(&f);
    ask(&f, "version\r\n", MEMTEXT_LINE);
    run(&f);
    cr_expect_eq(f.codes[3], 0);
    tear_down(&f);
}

Test(memtext, a_frozen_memcached_is_a_timeout_for_all_who_wait)
{
    struct process *process;
    struct fixture f;

    set_up(&f, SHORT_MS);
    process = start_memcached(&f);
    process_signal(process, SIGSTOP);
    ask(&f, "version\r\n", MEMTEXT_LINE);
    ask(&f, "stats\r\n", MEMTEXT_END);
    run(&f);
    cr_expect_eq(f.codes[0], ERR_TIMEOUT);
    cr_expect_eq(f.codes[1], ERR_TIMEOUT);
    tear_down(&f);
}

Test(memtext, freed_inside_its_callback_it_calls_nobody_any_more)
{
    struct fixture f;

    set_up(&f, TIMEOUT_MS);
    (void)start_memcached(&f);
    f.free_inside = true;
    ask(&f, "version\r\n", MEMTEXT_LINE);
    ask(&f, "version\r\n", MEMTEXT_LINE);
    run(&f);
    cr_expect_eq(f.answers, 1);
    tear_down(&f);
}

Test(memtext, freed_inside_a_failure_it_calls_nobody_any_more)
{
    struct fixture f;

    set_up(&f, TIMEOUT_MS);
    f.free_inside = true;
    ask(&f, "version\r\n", MEMTEXT_LINE);
    ask(&f, "version\r\n", MEMTEXT_LINE);
    run(&f);
    cr_expect_eq(f.answers, 1);
    tear_down(&f);
}

Test(memtext, unanswered_requests_are_limited)
{
    struct fixture f;
    struct err err;
    size_t i;

    set_up(&f, TIMEOUT_MS);
    (void)start_memcached(&f);
    for (i = 0; i < MEMTEXT_PENDING_MAX; i++) {
        ask(&f, "version\r\n", MEMTEXT_LINE);
    }
    cr_expect_eq(memtext_ask(f.memtext, "version\r\n", 9, MEMTEXT_LINE, on_reply, &f, &err),
                 ERR_LIMIT);
    run(&f);
    cr_expect_eq(f.answers, MEMTEXT_PENDING_MAX);
    tear_down(&f);
}

/* ---- A server that says what it is told to, in pieces ---- */

struct script {
    int listener;
    const char *const *pieces; /* NULL-terminated; the connection is closed behind them */
    pthread_t thread;
};

static void *play(void *ctx)
{
    const struct script *script = ctx;
    char request[256];
    int fd = accept(script->listener, NULL, NULL);
    size_t i;

    if (recv(fd, request, sizeof(request), 0) > 0) {
        for (i = 0; script->pieces[i] != NULL; i++) {
            (void)send(fd, script->pieces[i], strlen(script->pieces[i]), MSG_NOSIGNAL);
            (void)usleep(2000); /* so that the pieces arrive as pieces */
        }
    }
    (void)close(fd);
    return NULL;
}

static void serve(struct fixture *f, struct script *script, const char *const *pieces)
{
    script->listener = net_listen(f->ip.text, PORT);
    script->pieces = pieces;
    cr_assert_eq(pthread_create(&script->thread, NULL, play, script), 0);
}

static void serve_to_the_end(struct script *script)
{
    (void)pthread_join(script->thread, NULL);
    (void)close(script->listener);
}

Test(memtext, pieces_are_put_together)
{
    static const char *const pieces[] = { "V",    "ALUE k 0 ", "5\r", "\nEN",      "D\r\n\r",
                                          "\nEN", "D\r\nVER",  "S",   "ION 1\r\n", NULL };
    struct script script;
    struct fixture f;

    set_up(&f, TIMEOUT_MS);
    serve(&f, &script, pieces);
    ask(&f, "get k\r\n", MEMTEXT_END);
    ask(&f, "version\r\n", MEMTEXT_LINE);
    run(&f);
    cr_expect_str_eq(f.replies[0], "VALUE k 0 5\r\nEND\r\n\r\nEND");
    cr_expect_str_eq(f.replies[1], "VERSION 1");
    serve_to_the_end(&script);
    tear_down(&f);
}

Test(memtext, a_connection_that_closes_in_the_middle_is_a_failure)
{
    static const char *const pieces[] = { "VALUE k 0 5\r\nEN", NULL };
    struct script script;
    struct fixture f;

    set_up(&f, TIMEOUT_MS);
    serve(&f, &script, pieces);
    ask(&f, "get k\r\n", MEMTEXT_END);
    run(&f);
    cr_expect_eq(f.codes[0], ERR_IO);
    serve_to_the_end(&script);
    tear_down(&f);
}

Test(memtext, an_answer_that_is_none_is_a_failure)
{
    static const char *const pieces[] = { "VALUE k 0 many\r\nEND\r\n", NULL };
    struct script script;
    struct fixture f;

    set_up(&f, TIMEOUT_MS);
    serve(&f, &script, pieces);
    ask(&f, "get k\r\n", MEMTEXT_END);
    run(&f);
    cr_expect_eq(f.codes[0], ERR_PROTOCOL);
    serve_to_the_end(&script);
    tear_down(&f);
}
