#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "model/config.h"
#include "model/spec.h"
#include "model/spec_field.h"

#define MISTAKES_MAX 64

/* All mistakes of a spec as "path: text" lines. */
struct told {
    char text[16384];
    size_t count;
};

static void tell(void *ctx, const char *path, const char *text)
{
    struct told *told = ctx;
    size_t used = strlen(told->text);

    told->count++;
    (void)snprintf(told->text + used, sizeof(told->text) - used, "%s: %s\n", path, text);
}

static struct spec good_spec(void)
{
    struct spec spec;

    spec_init(&spec);
    spec.name = "web";
    spec.nodes = 3;
    return spec;
}

static void expect_told(const struct spec *spec, const char *lines)
{
    struct told told = { "", 0 };
    struct err err;

    spec_check_each(spec, tell, &told);
    cr_expect_str_eq(told.text, lines);
    cr_expect_eq(spec_check(spec, &err), lines[0] == '\0' ? 0 : ERR_INVALID);
    if (lines[0] != '\0') {
        cr_expect_eq(strncmp(lines, err.msg, strlen(err.msg)), 0, "the first mistake: %s", err.msg);
    }
}

Test(spec, defaults_with_a_name_and_nodes_are_complete)
{
    struct spec spec = good_spec();

    expect_told(&spec, "");
    cr_expect_eq(spec.settings.memory_bytes, 64U << 20);
    cr_expect_eq(spec.drain_ms, 120000);
    cr_expect_eq(spec.spread_by, SPEC_SPREAD_ZONE);
    cr_expect_str_eq(spec.domain, "");
}

/* Every number takes its bounds and nothing beyond them. */
Test(spec, numbers_stay_within_their_bounds)
{
    size_t i;

    for (i = 0; i < SPEC_FIELDS_COUNT; i++) {
        const struct spec_field *field = &spec_fields[i];
        struct spec spec = good_spec();
        struct told told;

        if (field->type != SPEC_FIELD_COUNT && field->type != SPEC_FIELD_SIZE &&
            field->type != SPEC_FIELD_DURATION) {
            continue;
        }
        spec_field_set_number(field, field->max + 1, &spec);
        told = (struct told){ "", 0 };
        spec_check_each(&spec, tell, &told);
        cr_expect_eq(strncmp(told.text, field->path, strlen(field->path)), 0, "%s", told.text);
        cr_expect_not_null(strstr(told.text, "must be between"));
        if (0 < field->min) {
            spec_field_set_number(field, field->min - 1, &spec);
            told = (struct told){ "", 0 };
            spec_check_each(&spec, tell, &told);
            cr_expect_not_null(strstr(told.text, "must be between"), "%s", field->path);
        }
        spec_field_set_number(field, field->min, &spec);
        told = (struct told){ "", 0 };
        spec_check_each(&spec, tell, &told);
        cr_expect_null(strstr(told.text, "must be between"), "%s", told.text);
        spec_field_set_number(field, field->max, &spec);
        told = (struct told){ "", 0 };
        spec_check_each(&spec, tell, &told);
        cr_expect_null(strstr(told.text, "must be between"), "%s", told.text);
    }
}

/* How many may join is said with joinable, and only then. */
Test(spec, room_for_those_who_join_is_said_where_they_may)
{
    struct spec spec = good_spec();

    spec.membership = SPEC_MEMBERSHIP_JOINABLE;
    spec.nodes_max = spec.nodes;
    expect_told(&spec, "");
    spec.nodes_max = spec.nodes - 1;
    expect_told(&spec, "spec.maxNodes: must be at least spec.nodes (3) with spec.membership "
                       "joinable or joined, got 2\n");
    spec.membership = SPEC_MEMBERSHIP_JOINED;
    expect_told(&spec, "spec.maxNodes: must be at least spec.nodes (3) with spec.membership "
                       "joinable or joined, got 2\n");
    spec.membership = SPEC_MEMBERSHIP_MANAGED;
    expect_told(&spec, "spec.maxNodes: has a meaning only with spec.membership joinable or joined: "
                       "else spec.nodes says it all\n");
}

Test(spec, bounds_are_told_in_the_units_of_the_field)
{
    struct spec spec = good_spec();

    spec.nodes = 0;
    spec.settings.memory_bytes = UINT64_C(4) << 20;
    spec.drain_ms = UINT64_C(90000000);
    expect_told(&spec, "spec.nodes: must be between 1 and 1024, got 0\n"
                       "spec.memory: must be between 8Mi and 4Ti, got 4Mi\n"
                       "spec.rollout.drain: must be between 0s and 1d, got 25h\n");
}

Test(spec, items_fit_in_half_of_the_memory_and_in_whole_chunks)
{
    struct spec spec = good_spec();

    spec.settings.item_bytes_max = UINT64_C(33) << 20;
    expect_told(&spec, "spec.maxItemSize: must be at most half of spec.memory (32Mi), got 33Mi\n");
    spec.settings.item_bytes_max = UINT64_C(32) << 20;
    expect_told(&spec, "");
    spec.settings.item_bytes_max = 1000000;
    expect_told(&spec, "spec.maxItemSize: must be a multiple of 512Ki, got 1000000\n");
}

Test(spec, memory_is_whole_and_threads_need_connections)
{
    struct spec spec = good_spec();

    spec.settings.memory_bytes = (UINT64_C(64) << 20) + 1;
    spec.settings.threads = 64;
    spec.settings.connections_max = 527;
    expect_told(&spec, "spec.memory: must be a multiple of 1Mi, got 67108865\n"
                       "spec.maxConnections: must be at least 528 with spec.threads 64 (memcached "
                       "counts its own descriptors), got 527\n");
    spec.settings.memory_bytes = UINT64_C(65) << 20;
    spec.settings.connections_max = 528;
    expect_told(&spec, "");
}

Test(spec, a_change_must_be_possible)
{
    struct spec spec = good_spec();

    spec.unavailable_max = 0;
    expect_told(&spec, "");
    spec.surge_max = 0;
    expect_told(&spec, "spec.rollout.maxUnavailable: must not be 0 while spec.rollout.maxSurge is "
                       "0: nothing could ever change\n");
    spec.unavailable_max = 1;
    expect_told(&spec, "");
}

Test(spec, names_hosts_labels_and_domain_are_names)
{
    static const char *const hosts[] = { "a", "B", "a" };
    static const struct label labels[] = { { "a", "x" }, { "b", "no space" }, { "b", "" } };
    struct spec spec = good_spec();

    spec.name = "Web";
    spec.hosts = hosts;
    spec.hosts_count = 3;
    spec.labels = labels;
    spec.labels_count = 3;
    spec.domain = "a..b";
    expect_told(
        &spec,
        "metadata.name: must be 1 to 40 lower case letters, digits or inner hyphens, got \"Web\"\n"
        "metadata.labels.b: a label's value must be at most 63 letters, digits, '-', '_' or '.', "
        "got \"no space\"\n"
        "metadata.labels.b: labels must be in order and without duplicates\n"
        "spec.placement.hosts[1]: must be 1 to 63 lower case letters, digits or inner hyphens, got "
        "\"B\"\n"
        "spec.placement.hosts[2]: \"a\" is in the list already\n"
        "spec.endpoint.domain: must be labels of lower case letters, digits and inner hyphens with "
        "dots between them, at most 128 bytes, got \"a..b\"\n");
    spec = good_spec();
    spec.domain = "10.0.0.1";
    expect_told(&spec, "spec.endpoint.domain: the last label must not be a number, got "
                       "\"10.0.0.1\"\n");
    spec.domain = "7.cache";
    expect_told(&spec, "");
}

Test(spec, the_list_of_all_nodes_fits_in_what_clients_get)
{
    struct spec spec = good_spec();

    spec.nodes = SPEC_NODES_MAX;
    spec.domain = "cache.example.com";
    expect_told(&spec, "");
    spec.domain = "a-rather-long-domain.of-a-department.of-a-company.example.com";
    expect_told(&spec, "spec.endpoint.domain: is too long for 1024 nodes: their list would take "
                       "95244 bytes, at most 65536 fit\n");
    spec.nodes = 700;
    expect_told(&spec, "");
}

Test(spec, extra_arguments_come_from_the_allow_list)
{
    static const struct {
        const char *args[4];
        size_t count;
        const char *told;
    } rows[] = {
        { { "-C", "-F", "-M" }, 3, "" },
        { { "-f", "1.25", "-n", "48" }, 4, "" },
        { { "-o", "modern,no_lru_crawler,hashpower=20" }, 2, "" },
        { { "-p", "11222", "-C" }, 3, "[0]: \"-p\" is not allowed: muster assigns the port\n" },
        { { "-m", "1024" }, 2, "[0]: \"-m\" is not allowed: use spec.memory\n" },
        { { "-e", "/tmp/x" }, 2, "[0]: \"-e\" is not on the list of allowed options\n" },
        { { "-Cp", "11222" },
          2,
          "[0]: \"-Cp\" is not allowed: write an option and its value as two arguments\n" },
        { { "-f1.25" },
          1,
          "[0]: \"-f1.25\" is not allowed: write an option and its value as two arguments\n" },
        { { "--port=1" }, 1, "[0]: \"--port=1\" is not on the list of allowed options\n" },
        { { "--" }, 1, "[0]: \"--\" is not on the list of allowed options\n" },
        { { "" }, 1, "[0]: \"\" is not on the list of allowed options\n" },
        { { "x", "-C" }, 2, "[0]: \"x\" is not on the list of allowed options\n" },
        { { "-C", "x" }, 2, "[1]: \"x\" is not on the list of allowed options\n" },
        { { "-f" }, 1, "[0]: -f needs a value\n" },
        { { "-f", "1" }, 2, "[0]: -f: must be between 1.001 and 100, got \"1\"\n" },
        { { "-f", "1e3" }, 2, "[0]: -f: must be between 1.001 and 100, got \"1e3\"\n" },
        { { "-f", "-C" }, 2, "[0]: -f: must be between 1.001 and 100, got \"-C\"\n" },
        { { "-f", "1.", "-C" }, 3, "[0]: -f: must be between 1.001 and 100, got \"1.\"\n" },
        { { "-R", "0" }, 2, "[0]: -R: must be between 1 and 100000, got \"0\"\n" },
        { { "-B", "binary" }, 2, "[0]: -B: must be one of auto|ascii, got \"binary\"\n" },
        { { "-B", "auto|ascii" }, 2, "[0]: -B: must be one of auto|ascii, got \"auto|ascii\"\n" },
        { { "-B", "" }, 2, "[0]: -B: must be one of auto|ascii, got \"\"\n" },
        { { "-D", "::" }, 2, "[0]: -D: must be one character of :/.,;_|#%+=-\n" },
        { { "-o", "" }, 2, "[0]: suboption \"\" of -o is not allowed\n" },
        { { "-o", "modern,,modern" }, 2, "[0]: suboption \"\" of -o is not allowed\n" },
        { { "-o", "ext_path=/x:1G" }, 2, "[0]: suboption \"ext_path\" of -o is not allowed\n" },
        { { "-o", "modern,ssl_key=/x" }, 2, "[0]: suboption \"ssl_key\" of -o is not allowed\n" },
        { { "-o", "slab_chunk_max=64" },
          2,
          "[0]: suboption \"slab_chunk_max\" of -o is not allowed\n" },
        { { "-o", "modern=1" }, 2, "[0]: modern takes no value\n" },
        { { "-o", "hashpower" }, 2, "[0]: hashpower needs a value\n" },
        { { "-o", "hashpower=" }, 2, "[0]: hashpower: must be between 17 and 27, got \"\"\n" },
        { { "-o", "hashpower=64" }, 2, "[0]: hashpower: must be between 17 and 27, got \"64\"\n" },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        struct spec spec = good_spec();
        char lines[512] = "";

        spec.settings.extra_args = rows[i].args;
        spec.settings.extra_args_count = rows[i].count;
        if (rows[i].told[0] != '\0') {
            (void)snprintf(lines, sizeof(lines), "spec.extraArgs%s", rows[i].told);
        }
        expect_told(&spec, lines);
    }
}

Test(spec, settings_are_checked_without_a_spec)
{
    static const char *const args[] = { "-e", "/tmp/x" };
    struct spec spec = good_spec();
    struct err err;

    cr_expect_eq(node_settings_check(&spec.settings, &err), 0);
    spec.settings.threads = 0;
    cr_expect_eq(node_settings_check(&spec.settings, &err), ERR_INVALID);
    cr_expect_str_eq(err.msg, "spec.threads: must be between 1 and 64, got 0");
    spec.settings.threads = 4;
    spec.settings.extra_args = args;
    spec.settings.extra_args_count = 2;
    cr_expect_eq(node_settings_check(&spec.settings, &err), ERR_INVALID);
    spec.settings.extra_args_count = 0;
    spec.settings.item_bytes_max = 1000000;
    cr_expect_eq(node_settings_check(&spec.settings, &err), ERR_INVALID);
}

/* Each field of a spec makes two specs differ. */
Test(spec, equality_looks_at_every_field)
{
    static const char *const texts[] = { "a" };
    static const char *const other_texts[] = { "b" };
    static const struct label labels[] = { { "a", "x" } };
    static const struct label other_labels[] = { { "a", "y" } };
    struct spec spec = good_spec();
    struct spec changed[21];
    size_t i;

    spec.labels = labels;
    spec.labels_count = 1;
    spec.hosts = texts;
    spec.hosts_count = 1;
    spec.host_labels = labels;
    spec.host_labels_count = 1;
    spec.settings.extra_args = texts;
    spec.settings.extra_args_count = 1;
    for (i = 0; i < ARRAY_COUNT(changed); i++) {
        changed[i] = spec;
    }
    changed[0].name = "other";
    changed[1].labels = other_labels;
    changed[2].nodes++;
    changed[3].settings.memory_bytes++;
    changed[4].settings.threads++;
    changed[5].settings.connections_max++;
    changed[6].settings.item_bytes_max++;
    changed[7].settings.extra_args = other_texts;
    changed[8].spread_by = SPEC_SPREAD_HOST;
    changed[9].hosts_count = 0;
    changed[10].unavailable_max++;
    changed[11].surge_max++;
    changed[12].drain_ms++;
    changed[13].converge_timeout_ms++;
    changed[14].fail_after_ms++;
    changed[15].domain = "local";
    changed[16].progress_deadline_ms++;
    changed[17].host_labels = other_labels;
    changed[18].drain_ends = SPEC_DRAIN_TIME;
    changed[19].hashing = SPEC_HASHING_MODULO;
    changed[20].settings.restart_ms++;
    cr_expect(spec_equal(&spec, &spec));
    for (i = 0; i < ARRAY_COUNT(changed); i++) {
        cr_expect_not(spec_equal(&spec, &changed[i]), "change %zu", i);
        cr_expect_eq(node_settings_equal(&spec.settings, &changed[i].settings),
                     i < 3 || (7 < i && i != 20), "change %zu", i);
    }
}

Test(spec, a_later_start_than_is_wanted_will_do)
{
    struct node_settings wanted = { .memory_bytes = SPEC_MEMORY_BYTES_DEFAULT, .restart_ms = 7 };
    struct node_settings have = wanted;

    cr_expect(node_settings_meet(&have, &wanted));
    have.restart_ms++;
    cr_expect(node_settings_meet(&have, &wanted));
    cr_expect_not(node_settings_meet(&wanted, &have));
    have.threads++;
    cr_expect_not(node_settings_meet(&have, &wanted));
}
