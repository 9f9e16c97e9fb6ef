#include <criterion/criterion.h>

#include "controller/dns.h"

static const struct dns_options options = { .prefix = "/skydns", .ttl_s = 5 };
static struct arena arena;

static void setup(void)
{
    arena_init(&arena, 1U << 20);
}

static void teardown(void)
{
    arena_deinit(&arena);
}

TestSuite(dns, .init = setup, .fini = teardown);

static struct config_draft draft(const struct member *members, size_t count)
{
    return (struct config_draft){ .cluster = "s", .members = members, .members_count = count };
}

Test(dns, a_name_becomes_a_key_with_its_labels_reversed)
{
    cr_assert_str_eq(dns_key(&options, "sessions.cfg.cache.local", &arena),
                     "/skydns/local/cache/cfg/sessions");
    cr_assert_str_eq(dns_key(&options, "local", &arena), "/skydns/local");
}

Test(dns, names_of_the_endpoint_and_of_nodes)
{
    cr_assert_str_eq(dns_alias_name("sessions", "cache.local", &arena), "sessions.cfg.cache.local");
    cr_assert_str_eq(dns_node_name(7, "sessions", "cache.local", &arena),
                     "0007.sessions.cache.local");
}

Test(dns, a_record_is_what_coredns_reads)
{
    struct dns_record record;
    struct err err;

    cr_assert_eq(dns_record(&options, "x.cfg.local", "10.0.0.1", 11211, &arena, &record, &err), 0);
    cr_assert_str_eq(record.key, "/skydns/local/cfg/x");
    cr_assert_str_eq(record.value, "{\"host\":\"10.0.0.1\",\"port\":11211,\"ttl\":5}");
}

Test(dns, the_first_commit_writes_all_members)
{
    const struct member members[] = { { 1, "0001.s.local", "10.0.0.1", 11211 },
                                      { 2, "0002.s.local", "10.0.0.2", 11211 } };
    struct config_draft next = draft(members, 2);
    const struct dns_step step = { .next = &next };
    struct dns_change change;
    struct err err;

    cr_assert_eq(dns_change(&options, &step, &arena, &change, &err), 0);
    cr_assert_eq(change.puts_count, 2);
    cr_assert_str_eq(change.puts[1].key, "/skydns/local/s/0002");
    cr_assert_eq(change.deletes_count, 0);
}

Test(dns, a_later_commit_writes_what_is_new_and_keeps_leavers)
{
    const struct member were[] = { { 1, "0001.s.local", "10.0.0.1", 11211 },
                                   { 2, "0002.s.local", "10.0.0.2", 11211 },
                                   { 3, "0003.s.local", "10.0.0.3", 11211 } };
    const struct member are[] = { { 1, "0001.s.local", "10.0.0.1", 11211 },
                                  { 2, "0002.s.local", "10.0.0.9", 11211 },
                                  { 4, "0004.s.local", "10.0.0.4", 11211 } };
    struct config_draft former = draft(were, 3);
    struct config_draft next = draft(are, 3);
    const uint32_t placed[] = { 1, 2, 3, 4 };
    const struct dns_step step = {
        .former = &former, .next = &next, .placed = placed, .placed_count = 4
    };
    struct dns_change change;
    struct err err;

    cr_assert_eq(dns_change(&options, &step, &arena, &change, &err), 0);
    cr_assert_eq(change.puts_count, 2);
    cr_assert_str_eq(change.puts[0].key, "/skydns/local/s/0002");
    cr_assert_str_eq(change.puts[1].key, "/skydns/local/s/0004");
    cr_assert_eq(change.deletes_count, 0, "the leaver's name goes when it is stopped");
}

/* Of the one that leaves at the same time neither, nor of one that left before and still drains. */
Test(dns, another_domain_leaves_no_record_in_the_former_one)
{
    const struct member were[] = { { 1, "0001.s.old", "10.0.0.1", 11211 },
                                   { 2, "0002.s.old", "10.0.0.2", 11211 } };
    const struct member are[] = { { 1, "0001.s.new", "10.0.0.1", 11211 } };
    struct config_draft former = draft(were, 2);
    struct config_draft next = draft(are, 1);
    const uint32_t placed[] = { 1, 2, 3 };
    const struct dns_step step = {
        .former = &former, .next = &next, .placed = placed, .placed_count = 3
    };
    struct dns_change change;
    struct err err;

    cr_assert_eq(dns_change(&options, &step, &arena, &change, &err), 0);
    cr_assert_eq(change.puts_count, 1);
    cr_assert_str_eq(change.puts[0].key, "/skydns/new/s/0001");
    cr_assert_eq(change.deletes_count, 3);
    cr_assert_str_eq(change.deletes[0], "/skydns/old/s/0001");
    cr_assert_str_eq(change.deletes[1], "/skydns/old/s/0002");
    cr_assert_str_eq(change.deletes[2], "/skydns/old/s/0003");
}

Test(dns, the_domain_stands_in_the_hostname)
{
    cr_assert_str_eq(dns_domain_of("0007.s.cache.local", 7, "s"), "cache.local");
    cr_assert_str_eq(dns_domain_of("10.0.0.7", 7, "s"), "");
    cr_assert_str_eq(dns_domain_of("0007.t.cache.local", 7, "s"), "");
}

Test(dns, without_a_domain_or_a_prefix_nothing_is_written)
{
    const struct dns_options off = { .prefix = "", .ttl_s = 5 };
    const struct member plain[] = { { 1, "10.0.0.1", "10.0.0.1", 11211 } };
    const struct member named[] = { { 1, "0001.s.local", "10.0.0.1", 11211 } };
    struct config_draft next = draft(plain, 1);
    const struct dns_step step = { .next = &next };
    struct dns_change change;
    struct err err;

    cr_assert_eq(dns_change(&options, &step, &arena, &change, &err), 0);
    cr_assert_eq(change.puts_count, 0);
    next = draft(named, 1);
    cr_assert_eq(dns_change(&off, &step, &arena, &change, &err), 0);
    cr_assert_eq(change.puts_count, 0);
}

Test(dns, a_prefix_is_empty_or_absolute)
{
    struct err err;

    cr_assert_eq(dns_prefix_check("", &err), 0);
    cr_assert_eq(dns_prefix_check("/skydns", &err), 0);
    cr_assert_eq(dns_prefix_check("skydns", &err), ERR_INVALID);
    cr_assert_eq(dns_prefix_check("/skydns/", &err), ERR_INVALID);
    cr_assert_eq(dns_prefix_check("/", &err), ERR_INVALID);
}
