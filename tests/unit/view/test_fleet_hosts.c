#include <criterion/criterion.h>
#include <stdio.h>

#include "base/mem.h"
#include "view/fleet_hosts.h"

#define HOSTS 200

/* In an order that is neither that of the names nor its reverse. */
static void name_of(unsigned i, char out[16])
{
    (void)snprintf(out, 16, "h%u", (i * 7) % HOSTS);
}

Test(fleet_hosts, many_hosts_come_and_go_in_any_order)
{
    struct fleet_hosts hosts = { .list = NULL };
    struct err err;
    char name[16];
    unsigned i;

    for (i = 0; i < HOSTS; i++) {
        name_of(i, name);
        cr_assert_eq(fleet_hosts_tell(&hosts, name, &err), 0);
        cr_assert_eq(fleet_hosts_tell(&hosts, name, &err), 0);
        if (i % 2 == 0) {
            cr_assert_eq(fleet_hosts_arrive(&hosts, name, &err), 0);
        }
    }
    cr_assert_eq(hosts.count, HOSTS);
    cr_assert_eq(hosts.told, HOSTS);
    cr_assert_eq(hosts.gone, HOSTS / 2);
    for (i = 0; i < HOSTS; i++) {
        name_of(HOSTS - 1 - i, name);
        fleet_hosts_untell(&hosts, name);
        cr_assert_eq(hosts.told, HOSTS - i);
        fleet_hosts_untell(&hosts, name);
        cr_assert_eq(hosts.told, HOSTS - 1 - i);
    }
    cr_assert_eq(hosts.gone, 0);
    cr_assert_eq(hosts.count, HOSTS / 2, "those that are there stay");
    fleet_hosts_deinit(&hosts);
}

Test(fleet_hosts, a_key_without_memory_counts_nothing)
{
    struct fleet_hosts hosts = { .list = NULL };
    struct err err;
    int n = 0;
    int rv;

    do {
        mem_fail_after(n);
        rv = fleet_hosts_tell(&hosts, "h1", &err);
        if (mem_has_failed()) {
            cr_assert_eq(rv, ERR_NOMEM, "allocation %d", n);
            cr_assert_eq(hosts.told, 0);
            cr_assert_eq(hosts.count, 0);
        }
        n++;
    } while (mem_has_failed());
    cr_assert_eq(rv, 0);
    cr_assert_eq(hosts.told, 1);
    fleet_hosts_deinit(&hosts);
}
