#include "discovery/rate.h"

#include <string.h>

#include "base/check.h"
#include "discovery/checksum.h"

void rate_init(struct rate *rate, uint32_t per_second)
{
    CHECK(1 <= per_second);
    CHECK(per_second <= RATE_PER_SECOND_MAX);
    *rate = (struct rate){ .per_second = per_second };
}

bool rate_take(struct rate *rate, uint64_t now_us)
{
    const uint64_t each_us = 1000000U / rate->per_second;
    const uint64_t burst = (uint64_t)rate->per_second * RATE_BURST_SECONDS;
    uint64_t full_us = rate->full_us < now_us ? now_us : rate->full_us;

    if ((burst - 1) * each_us < full_us - now_us) {
        return false;
    }
    rate->full_us = full_us + each_us;
    return true;
}

/* ---- By address ---- */

void rates_init(struct rates *rates, uint32_t per_second)
{
    const uint32_t all = RATE_PER_SECOND_MAX / RATES_ADDRESSES < per_second
                             ? RATE_PER_SECOND_MAX
                             : per_second * RATES_ADDRESSES;

    CHECK(1 <= per_second);
    CHECK(per_second <= RATE_PER_SECOND_MAX);
    memset(rates, 0, sizeof(*rates));
    rates->per_second = per_second;
    rate_init(&rates->all, all);
}

/* Who counts as one. */
static struct poller_peer payer_of(const struct poller_peer *peer)
{
    const size_t network_bytes = sizeof(peer->address) / 2;
    struct poller_peer payer = *peer;

    if (payer.family == POLLER_INET6) {
        memset(payer.address + network_bytes, 0, sizeof(payer.address) - network_bytes);
    }
    return payer;
}

static bool is_row_of(const struct rates_row *row, const struct poller_peer *peer)
{
    return row->full_us != 0 && poller_peer_equal(&row->peer, peer);
}

/* The row of `peer`, or else the one that it may take. */
static struct rates_row *find(struct rates *rates, const struct poller_peer *peer)
{
    struct rates_row *set = rates->rows[checksum64(peer, sizeof(*peer)) % RATES_SETS];
    struct rates_row *found = set;
    size_t i;

    for (i = 0; i < RATES_WAYS; i++) {
        if (is_row_of(&set[i], peer)) {
            return &set[i];
        }
        if (set[i].full_us < found->full_us) {
            found = &set[i];
        }
    }
    return found;
}

bool rates_take(struct rates *rates, const struct poller_peer *peer, uint64_t now_us)
{
    const struct poller_peer payer = payer_of(peer);
    struct rates_row *row = find(rates, &payer);
    struct rate own = { .per_second = rates->per_second,
                        .full_us = is_row_of(row, &payer) ? row->full_us : 0 };

    if (!rate_take(&own, now_us) || !rate_take(&rates->all, now_us)) {
        return false;
    }
    *row = (struct rates_row){ .peer = payer, .full_us = own.full_us };
    return true;
}
