/*
 * How often something may be done, by everybody and by each address.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#include "discovery/rate.h"

Test(rate, a_burst_and_then_so_many_a_second)
{
    struct rate rate;
    unsigned taken = 0;
    uint64_t us;

    rate_init(&rate, 4);
    while (rate_take(&rate, 5000000)) {
        taken++;
    }
    cr_expect_eq(taken, 16);
    for (us = 5000000; us < 15000000; us += 1000) {
        taken += rate_take(&rate, us) ? 1 : 0;
    }
    cr_expect_geq(taken, 16 + 39);
    cr_expect_leq(taken, 16 + 40);
    for (taken = 0; rate_take(&rate, 60000000); taken++) { /* rested, it has no more than a burst */
    }
    cr_expect_eq(taken, 16);
}

Test(rate, the_largest_is_no_limit_that_anybody_meets)
{
    struct rate rate;
    unsigned i;

    rate_init(&rate, RATE_PER_SECOND_MAX);
    for (i = 0; i < 1000000; i++) {
        cr_assert(rate_take(&rate, 0));
    }
}

/* ---- By address ---- */

#define TAKES_MAX 5000

static const uint64_t start_us = 5000000;

static struct poller_peer peer_of(const char *text)
{
    struct poller_peer peer;

    cr_assert(poller_peer_parse(text, &peer), "%s", text);
    return peer;
}

/* How often `text` may do it at once. */
static unsigned take_all(struct rates *rates, const char *text, uint64_t now_us)
{
    const struct poller_peer peer = peer_of(text);
    unsigned taken = 0;

    while (taken < TAKES_MAX && rates_take(rates, &peer, now_us)) {
        taken++;
    }
    return taken;
}

Test(rates, who_asks_too_often_takes_nothing_from_others)
{
    struct rates rates;
    uint64_t us;

    rates_init(&rates, 4);
    cr_expect_eq(take_all(&rates, "10.0.0.1", start_us), 16);
    for (us = start_us; us < start_us + 20000000; us += 10000) { /* it never rests */
        (void)take_all(&rates, "10.0.0.1", us);
        if (us % 250000 == 0) {
            cr_assert(rates_take(&rates, &(struct poller_peer){ POLLER_INET, { 10, 0, 0, 2 } }, us),
                      "at %lu us", (unsigned long)us);
        }
    }
    cr_expect_eq(take_all(&rates, "10.0.0.3", us), 16);
}

Test(rates, all_addresses_together_are_bounded)
{
    struct rates rates;
    unsigned taken = 0;
    unsigned i;

    rates_init(&rates, 4);
    for (i = 0; i < 100000; i++) {
        const struct poller_peer peer = {
            POLLER_INET, { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i }
        };

        taken += rates_take(&rates, &peer, start_us + 10 * i) ? 1 : 0;
    }
    cr_expect_geq(taken, RATES_ADDRESSES * (16 + 3));
    cr_expect_leq(taken, RATES_ADDRESSES * (16 + 4) + 1);
}

/* What all may do is not used up by what one of them was refused. */
Test(rates, what_was_refused_does_not_count)
{
    struct rates rates;
    unsigned i;

    rates_init(&rates, 4);
    for (i = 0; i < 1000; i++) {
        (void)take_all(&rates, "10.0.0.1", start_us);
    }
    cr_expect_eq(take_all(&rates, "10.0.0.2", start_us), 16);
    cr_expect_eq(take_all(&rates, "10.0.0.3", start_us), 16);
    cr_expect_eq(take_all(&rates, "10.0.0.4", start_us), 16);
    cr_expect_eq(take_all(&rates, "10.0.0.5", start_us), 0);
    /* who was refused for what others did has its own whole: as much as all have got back */
    cr_expect_eq(take_all(&rates, "10.0.0.5", start_us + 1000000), 16);
}

Test(rates, a_budget_comes_back_with_time)
{
    struct rates rates;

    rates_init(&rates, 4);
    cr_expect_eq(take_all(&rates, "10.0.0.1", start_us), 16);
    cr_expect_eq(take_all(&rates, "10.0.0.1", start_us + 500000), 2);
    cr_expect_eq(take_all(&rates, "10.0.0.1", start_us + 60000000), 16);
}

Test(rates, an_ipv6_network_counts_as_one_and_so_do_unix_sockets_and_unknown_ones)
{
    const struct poller_peer unknown = { .family = POLLER_NONE };
    struct rates rates;
    unsigned i;

    rates_init(&rates, 4);
    cr_expect_eq(take_all(&rates, "fd00:0:0:1::1", start_us), 16);
    cr_expect_eq(take_all(&rates, "fd00:0:0:1:ffff::2", start_us), 0);
    cr_expect_eq(take_all(&rates, "fd00:0:0:2::1", start_us), 16);
    cr_expect_eq(take_all(&rates, "unix", start_us), 16);
    for (i = 0; i < 16; i++) {
        cr_expect(rates_take(&rates, &unknown, start_us));
    }
    cr_expect_not(rates_take(&rates, &unknown, start_us));
}

/* More addresses than there is room for: who has a row that another one takes begins anew. */
Test(rates, a_full_table_gives_the_place_of_the_quietest_away)
{
    struct rates rates;
    uint64_t us = start_us;
    unsigned i;

    rates_init(&rates, 1000);
    cr_expect_eq(take_all(&rates, "10.0.0.1", us), 4000);
    for (i = 0; i < 3000; i++) {
        const struct poller_peer peer = { POLLER_INET, { 11, 0, (uint8_t)(i >> 8), (uint8_t)i } };

        us += 1000;
        cr_assert(rates_take(&rates, &peer, us));
    }
    cr_expect_eq(take_all(&rates, "10.0.0.1", us), 3000, "as much as it has got back since");
}

Test(rates, the_largest_is_no_limit_that_anybody_meets)
{
    struct rates rates;
    unsigned i;

    rates_init(&rates, RATE_PER_SECOND_MAX);
    for (i = 0; i < 1000000; i++) {
        cr_assert(rates_take(&rates, &(struct poller_peer){ .family = POLLER_UNIX }, 0));
    }
}
