#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "memd/subscription.h"
#include "support/loop_wait.h"
#include "support/net.h"
#include "support/scene.h"

#define PORT 21210
#define UID "0123456789abcdef"

/* A subscription, and the test in the server's place. */
struct fixture {
    struct loop *loop;
    struct subscription *subscription;
    struct scene_ip ip;
    int listener;
    int fd; /* the last connection that was accepted */
    char asked[64];
    size_t asked_bytes;
    char news[256];
    size_t changes;
    size_t losses;
    bool free_inside;
};

static void note(struct fixture *f, const char *mark, const char *text)
{
    size_t used = strlen(f->news);

    (void)snprintf(f->news + used, sizeof(f->news) - used, "%s%s ", mark, text);
    if (f->free_inside) {
        subscription_free(TAKE(f->subscription));
    }
}

static void on_changed(void *ctx, uint32_t version)
{
    struct fixture *f = ctx;
    char text[16];

    f->changes++;
    (void)snprintf(text, sizeof(text), "%u", version);
    note(f, "", text);
}

static void on_joining(void *ctx, const char *uid)
{
    note(ctx, "+", uid);
}

static void on_lost(void *ctx, const struct err *err)
{
    struct fixture *f = ctx;

    cr_expect_neq(err->msg[0], '\0');
    f->losses++;
    note(f, "", "lost");
}

static void begin(struct fixture *f, const struct subscription_events *events)
{
    struct err err;

    cr_assert_eq(subscription_new(f->loop, f->ip.text, PORT, events, f, &f->subscription, &err), 0,
                 "%s", err.msg);
}

static void listen_there(struct fixture *f)
{
    f->listener = net_listen(f->ip.text, PORT);
    cr_assert_eq(fcntl(f->listener, F_SETFL, O_NONBLOCK), 0);
}

static void set_up(struct fixture *f)
{
    static const struct subscription_events events = { on_changed, on_joining, on_lost };
    struct err err;

    memset(f, 0, sizeof(*f));
    f->ip = scene_ip(2);
    f->fd = -1;
    f->listener = -1;
    cr_assert_eq(loop_new(&f->loop, &err), 0);
    begin(f, &events);
}

static void tear_down(struct fixture *f)
{
    subscription_free(f->subscription);
    loop_free(f->loop);
    (void)close(f->fd);
    (void)close(f->listener);
}

/* Whether it has connected and asked. */
static bool has_asked(void *ctx)
{
    struct fixture *f = ctx;
    ssize_t got;

    if (f->fd < 0) {
        f->fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK);
        f->asked_bytes = 0;
        return false;
    }
    got = recv(f->fd, f->asked + f->asked_bytes, sizeof(f->asked) - 1 - f->asked_bytes, 0);
    f->asked_bytes += 0 < got ? (size_t)got : 0;
    f->asked[f->asked_bytes] = '\0';
    return strchr(f->asked, '\n') != NULL;
}

static void await_question(struct fixture *f)
{
    f->fd = -1;
    memset(f->asked, 0, sizeof(f->asked));
    cr_assert(loop_wait_until(f->loop, has_asked, f, WAIT_MS));
    cr_expect_str_eq(f->asked, "config watch cluster\r\n");
}

static void say(struct fixture *f, const char *text)
{
    cr_assert_eq(send(f->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

struct expected {
    const struct fixture *f;
    const char *news;
};

static bool is_told(void *ctx)
{
    const struct expected *expected = ctx;

    return strcmp(expected->f->news, expected->news) == 0;
}

static void expect(struct fixture *f, const char *news)
{
    struct expected expected = { f, news };

    cr_expect(loop_wait_until(f->loop, is_told, &expected, WAIT_MS), "'%s', not '%s'", f->news,
              news);
}

Test(subscription, tells_what_is_served_and_each_change)
{
    struct fixture f;

    set_up(&f);
    listen_there(&f);
    await_question(&f);
    say(&f, "CONFIG-CHANGED 0\r\n");
    expect(&f, "0 ");
    say(&f, "CONFIG-CHANGED 1\r\nCONFIG-CHA");
    expect(&f, "0 1 ");
    say(&f, "NGED 2\r\nJOIN-REQUESTED " UID "\r\n");
    expect(&f, "0 1 2 +" UID " ");
    cr_expect_eq(f.losses, 0);
    tear_down(&f);
}

Test(subscription, connects_again_after_each_end_and_tells_of_it_once)
{
    struct fixture f;

    set_up(&f);
    expect(&f, "lost ");
    listen_there(&f);
    await_question(&f);
    say(&f, "CONFIG-CHANGED 5\r\n");
    expect(&f, "lost 5 ");
    (void)close(f.fd);
    expect(&f, "lost 5 lost ");
    await_question(&f);
    say(&f, "CONFIG-CHANGED 6\r\n");
    expect(&f, "lost 5 lost 6 ");
    tear_down(&f);
}

Test(subscription, what_is_no_line_of_one_ends_it)
{
    struct fixture f;

    set_up(&f);
    listen_there(&f);
    await_question(&f);
    say(&f, "CONFIG-CHANGED 5\r\nERROR\r\nCONFIG-CHANGED 6\r\n");
    expect(&f, "5 lost ");
    (void)close(f.fd);
    await_question(&f);
    say(&f, "CONFIG-CHANGED 7\r\n");
    expect(&f, "5 lost 7 ");
    tear_down(&f);
}

/* Somebody listens, but nobody answers: a watcher that is stopped. */
Test(subscription, silence_after_connecting_is_a_loss)
{
    uint64_t began_ms = clock_mono_ms();
    struct fixture f;

    set_up(&f);
    listen_there(&f);
    expect(&f, "lost ");
    cr_expect_geq(clock_mono_ms() - began_ms, SUBSCRIPTION_CONNECT_MS);
    tear_down(&f);
}

/* A silent peer that once answered is not given up: nothing changes there. */
Test(subscription, silence_later_is_none)
{
    struct fixture f;

    set_up(&f);
    listen_there(&f);
    await_question(&f);
    say(&f, "CONFIG-CHANGED 5\r\n");
    expect(&f, "5 ");
    loop_wait_ms(f.loop, SUBSCRIPTION_CONNECT_MS + 200);
    cr_expect_eq(f.losses, 0);
    tear_down(&f);
}

static bool three_connects(void *ctx)
{
    struct fixture *f = ctx;
    int fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK);

    if (0 <= fd) {
        (void)close(fd);
        f->changes++;
    }
    return f->changes == 3;
}

Test(subscription, pauses_between_attempts_grow)
{
    uint64_t began_ms = clock_mono_ms();
    struct fixture f;

    set_up(&f);
    listen_there(&f);
    cr_assert(loop_wait_until(f.loop, three_connects, &f, WAIT_MS));
    cr_expect_geq(clock_mono_ms() - began_ms, 3U * SUBSCRIPTION_RETRY_FIRST_MS);
    cr_expect_eq(f.losses, 1);
    tear_down(&f);
}

Test(subscription, may_be_freed_inside_each_of_its_callbacks)
{
    static const char *const lines[] = { "CONFIG-CHANGED 5\r\nCONFIG-CHANGED 6\r\n",
                                         "JOIN-REQUESTED " UID "\r\nCONFIG-CHANGED 6\r\n",
                                         "nonsense\r\n" };
    static const char *const told[] = { "5 ", "+" UID " ", "lost " };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(lines); i++) {
        struct fixture f;

        set_up(&f);
        listen_there(&f);
        await_question(&f);
        f.free_inside = true;
        say(&f, lines[i]);
        expect(&f, told[i]);
        cr_expect_null(f.subscription);
        loop_wait_ms(f.loop, 20);
        cr_expect_str_eq(f.news, told[i]);
        tear_down(&f);
    }
}

Test(subscription, who_does_not_care_about_joins_is_not_told)
{
    static const struct subscription_events quiet = { on_changed, NULL, on_lost };
    struct fixture f;

    set_up(&f);
    subscription_free(TAKE(f.subscription));
    begin(&f, &quiet);
    listen_there(&f);
    await_question(&f);
    say(&f, "JOIN-REQUESTED " UID "\r\nCONFIG-CHANGED 6\r\n");
    expect(&f, "6 ");
    tear_down(&f);
}

Test(subscription, an_address_that_is_none_is_refused)
{
    static const struct subscription_events events = { on_changed, NULL, on_lost };
    struct subscription *subscription = NULL;
    struct loop *loop;
    struct err err;

    cr_assert_eq(loop_new(&loop, &err), 0);
    cr_expect_eq(subscription_new(loop, "localhost", PORT, &events, NULL, &subscription, &err),
                 ERR_INVALID);
    cr_expect_null(subscription);
    loop_free(loop);
}
