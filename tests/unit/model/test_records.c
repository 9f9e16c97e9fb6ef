#include <criterion/criterion.h>
#include <string.h>

#include "model/config.h"
#include "model/effect.h"
#include "model/name.h"
#include "model/node.h"
#include "model/status.h"

static void expect_endpoint(const struct host *host, uint32_t i, const char *ip, uint16_t port)
{
    uint32_t got_ip = 0;
    uint16_t got_port = 0;
    uint32_t want_ip = 0;

    cr_assert(host_endpoint(host, i, &got_ip, &got_port), "index %u", i);
    cr_assert(ipv4_parse(ip, &want_ip));
    cr_expect_eq(got_ip, want_ip);
    cr_expect_eq(got_port, port);
}

Test(host, several_addresses_share_the_port)
{
    struct host host = {
        .nodes_max = 4, .ip_first = "127.0.0.254", .ip_count = 3, .data_port = 11211
    };
    uint32_t ip = 7;
    uint16_t port = 7;

    expect_endpoint(&host, 0, "127.0.0.254", 11211);
    expect_endpoint(&host, 2, "127.0.1.0", 11211);
    cr_expect_not(host_endpoint(&host, 3, &ip, &port), "no such address");
    host.ip_count = 10;
    cr_expect_not(host_endpoint(&host, 4, &ip, &port), "beyond nodes_max");
    host.ip_first = "255.255.255.255";
    cr_expect_not(host_endpoint(&host, 1, &ip, &port), "addresses end");
    host.ip_first = "";
    cr_expect_not(host_endpoint(&host, 0, &ip, &port), "no address");
    cr_expect_eq(ip, 7);
    cr_expect_eq(port, 7);
}

Test(host, one_address_has_every_other_port)
{
    struct host host = {
        .nodes_max = HOST_NODES_MAX, .ip_first = "10.0.0.1", .ip_count = 1, .data_port = 65531
    };
    uint32_t ip;
    uint16_t port;

    expect_endpoint(&host, 0, "10.0.0.1", 65531);
    expect_endpoint(&host, 2, "10.0.0.1", 65535);
    cr_expect_not(host_endpoint(&host, 3, &ip, &port), "ports end");
    host.ip_count = 0;
    cr_expect_not(host_endpoint(&host, 0, &ip, &port));
}

Test(node, every_word_is_read_back)
{
    enum intent_phase phase;
    enum node_state state;
    enum partition_mode mode;
    enum condition_type type;
    int i;

    for (i = 0; i <= INTENT_STOP; i++) {
        cr_assert(intent_phase_parse(intent_phase_text((enum intent_phase)i), &phase));
        cr_expect_eq((int)phase, i);
    }
    for (i = 0; i <= NODE_STOPPED; i++) {
        cr_assert(node_state_parse(node_state_text((enum node_state)i), &state));
        cr_expect_eq((int)state, i);
    }
    for (i = 0; i <= PARTITION_BESIDE; i++) {
        cr_assert(partition_mode_parse(partition_mode_text((enum partition_mode)i), &mode));
        cr_expect_eq((int)mode, i);
    }
    for (i = 0; i < CONDITION_COUNT; i++) {
        cr_assert(condition_type_parse(condition_type_text((enum condition_type)i), &type));
        cr_expect_eq((int)type, i);
    }
    cr_expect_not(intent_phase_parse("Run", &phase));
    cr_expect_not(node_state_parse("", &state));
    cr_expect_not(partition_mode_parse("in_process", &mode));
    cr_expect_not(condition_type_parse("ready", &type));
    cr_expect_str_eq(effect_kind_text(EFFECT_WAKE_AT), "wake-at");
}

Test(config, members_are_compared_in_all_fields)
{
    static const struct member members[] = { { 1, "a", "10.0.0.1", 11211 },
                                             { 2, "b", "10.0.0.2", 11211 } };
    struct member changed[] = { { 1, "a", "10.0.0.1", 11211 }, { 2, "b", "10.0.0.2", 11211 } };
    struct config config = { .head = { .members = members, .members_count = 2 } };

    cr_expect(members_equal(members, 2, changed, 2));
    cr_expect_not(members_equal(members, 2, changed, 1));
    cr_expect(members_equal(members, 0, NULL, 0));
    changed[1].slot = 3;
    cr_expect_not(members_equal(members, 2, changed, 2));
    changed[1] = members[1];
    changed[1].hostname = "c";
    cr_expect_not(members_equal(members, 2, changed, 2));
    changed[1] = members[1];
    changed[1].ip = "10.0.0.3";
    cr_expect_not(members_equal(members, 2, changed, 2));
    changed[1] = members[1];
    changed[1].port = 1;
    cr_expect_not(members_equal(members, 2, changed, 2));

    cr_expect_eq(config_member(&config, 2), &members[1]);
    cr_expect_null(config_member(&config, 3));
}

Test(status, times_make_no_difference_and_everything_else_does)
{
    static const struct slot_status slot = { .slot = 1,
                                             .host = "h",
                                             .ip = "10.0.0.1",
                                             .data_port = 11211,
                                             .phase = "run",
                                             .state = "up",
                                             .partition = "in-process",
                                             .version = 7,
                                             .listed = true,
                                             .rule = "settled" };
    struct slot_status other = slot;
    struct status a = { .uid = "u", .slots = &slot, .slots_count = 1 };
    struct status b = { .uid = "u", .slots = &other, .slots_count = 1 };
    size_t i;

    a.conditions[CONDITION_READY] = (struct condition){ true, "Served", "all serve", 1 };
    b.conditions[CONDITION_READY] = (struct condition){ true, "Served", "all serve", 2 };
    a.conditions[CONDITION_STALLED] = (struct condition){ false, "", "hidden", 1 };
    cr_expect(status_equal(&a, &b));

    b.conditions[CONDITION_READY].message = "none serves";
    cr_expect_not(status_equal(&a, &b));
    b.conditions[CONDITION_READY] = (struct condition){ false, "Served", "all serve", 1 };
    cr_expect_not(status_equal(&a, &b));
    b.conditions[CONDITION_READY] = (struct condition){ true, "Other", "all serve", 1 };
    cr_expect_not(status_equal(&a, &b));
    b.conditions[CONDITION_READY] = a.conditions[CONDITION_READY];

    for (i = 0; i < 10; i++) {
        other = slot;
        other.slot += i == 0 ? 1 : 0;
        other.host = i == 1 ? "x" : slot.host;
        other.ip = i == 2 ? "x" : slot.ip;
        other.data_port = i == 3 ? 1 : slot.data_port;
        other.phase = i == 4 ? "x" : slot.phase;
        other.state = i == 5 ? "x" : slot.state;
        other.partition = i == 6 ? "x" : slot.partition;
        other.version += i == 7 ? 1 : 0;
        other.listed = i != 8;
        other.rule = i == 9 ? "x" : slot.rule;
        cr_expect_not(status_equal(&a, &b), "field %zu", i);
    }
    other = slot;
    cr_expect(status_equal(&a, &b));
    b.slots_count = 0;
    cr_expect_not(status_equal(&a, &b));
}
