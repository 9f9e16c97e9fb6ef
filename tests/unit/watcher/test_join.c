#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "watcher/join.h"

static const struct joiner_options options = { .own_ip = "10.0.0.1", .own_port = 11211 };

static struct resolve_ips pods(const char *const *ips)
{
    struct resolve_ips found = { .count = 0 };

    for (; *ips != NULL; ips++) {
        (void)snprintf(found.ip[found.count++], RESOLVE_IP_SIZE, "%s", *ips);
    }
    return found;
}

/* What is asked in a round, in words. */
static const char *order(struct resolve_ips ips, uint16_t port, size_t round)
{
    static char text[256];
    size_t i;

    joiner_order(&ips, &options, port, round);
    text[0] = '\0';
    for (i = 0; i < ips.count; i++) {
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ", ips.ip[i]);
    }
    return text;
}

/* A resolver names the machine itself before all others. */
Test(join_order, a_name_is_all_of_its_addresses_but_our_own)
{
    struct resolve_ips ips =
        pods((const char *const[]){ "10.0.0.1", "10.0.0.2", "10.0.0.3", NULL });

    cr_expect_str_eq(order(ips, 11211, 0), "10.0.0.2 10.0.0.3 ");
    cr_expect_str_eq(order(ips, 11311, 0), "10.0.0.1 10.0.0.2 10.0.0.3 ", "that is not our port");
    cr_expect_str_eq(order(pods((const char *const[]){ "10.0.0.1", NULL }), 11211, 0), "");
}

/* Each is the first one that is asked at some time, at its data port and at its discovery port:
 * those come first in turn. */
Test(join_order, each_address_is_asked_first_at_both_of_its_ports)
{
    static const char *const all[] = { "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", NULL };
    size_t count;

    for (count = 1; count <= 4; count++) {
        struct resolve_ips ips = pods(all);
        bool first[4][2] = { { false } };
        size_t round, i;

        ips.count = count;
        for (round = 0; round < 2 * count; round++) {
            const char *text = order(ips, 11211, round);

            for (i = 0; i < count; i++) {
                first[i][round % 2] |= strncmp(text, all[i], strlen(all[i])) == 0;
                cr_expect_not_null(strstr(text, all[i]));
            }
        }
        for (i = 0; i < count; i++) {
            cr_expect(first[i][0] && first[i][1], "%s of %zu", all[i], count);
        }
    }
}
