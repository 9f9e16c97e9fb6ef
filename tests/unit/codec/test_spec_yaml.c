#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/units.h"
#include "codec/spec_yaml.h"
#include "gen.h"
#include "model/spec_field.h"
#include "support/scene.h"

#define ARENA_MAX (64U << 20)
#define MISTAKES_MAX (1U << 20)

/* What reading a text gave. */
struct reading {
    struct arena arena;
    struct str mistakes;
    const struct spec *specs;
    size_t count;
    struct err err;
    int rv;
};

static void reading_deinit(struct reading *reading)
{
    arena_deinit(&reading->arena);
    str_deinit(&reading->mistakes);
}

/* Read from memory of exactly that size, so that a read beyond it is seen. */
static void read_bytes(struct reading *reading, const char *bytes, size_t size)
{
    char *exact = malloc(size == 0 ? 1 : size);

    memcpy(exact, bytes, size);
    *reading = (struct reading){ .specs = NULL };
    arena_init(&reading->arena, ARENA_MAX);
    str_init(&reading->mistakes, MISTAKES_MAX);
    reading->rv = spec_yaml_parse("f.yaml", exact, size, &reading->arena, &reading->specs,
                                  &reading->count, &reading->mistakes, &reading->err);
    free(exact);
}

#define HEAD "apiVersion: muster/v1\nkind: MemcachedCluster\n"
#define NAMED HEAD "metadata:\n  name: web\n"

static void expect_mistakes(const char *text, const char *lines)
{
    CLEANUP(reading_deinit) struct reading reading;

    read_bytes(&reading, text, strlen(text));
    cr_expect_eq(reading.rv, ERR_SPEC, "%s", text);
    cr_expect_str_eq(str_text(&reading.mistakes), lines);
    cr_expect_eq(strncmp(reading.err.msg, lines, strcspn(lines, "\n")), 0, "the first one: %s",
                 reading.err.msg);
    cr_expect_null(reading.specs);
}

Test(spec_yaml, a_short_document_gets_every_default)
{
    static const char text[] = NAMED "spec:\n  nodes: 3\n";
    CLEANUP(reading_deinit) struct reading reading;

    read_bytes(&reading, text, strlen(text));
    cr_assert_eq(reading.rv, 0, "%s", reading.err.msg);
    cr_assert_eq(reading.count, 1);
    cr_expect_str_eq(reading.specs->name, "web");
    cr_expect_eq(reading.specs->nodes, 3);
    cr_expect_eq(reading.specs->settings.memory_bytes, SPEC_MEMORY_BYTES_DEFAULT);
    cr_expect_eq(reading.specs->settings.threads, SPEC_THREADS_DEFAULT);
    cr_expect_eq(reading.specs->drain_ms, SPEC_DRAIN_MS_DEFAULT);
    cr_expect_eq(reading.specs->fail_after_ms, SPEC_FAIL_AFTER_MS_DEFAULT);
    cr_expect_str_eq(reading.specs->domain, "");
}

Test(spec_yaml, every_field_is_read)
{
    static const char text[] =
        NAMED "  labels: {tier: cache, app: 1.10}\n"
              "spec:\n"
              "  nodes: 12\n"
              "  memory: 1Gi\n"
              "  threads: 8\n"
              "  maxConnections: 4096\n"
              "  maxItemSize: \"2Mi\"\n"
              "  extraArgs: [-o, 'modern', \"-C\"]\n"
              "  placement: {spreadBy: host, hosts: [b, a], labels: {zoo: 1, disk: ssd}}\n"
              "  rollout: {maxUnavailable: 2, maxSurge: 0, drain: 10s, convergeTimeout: 1m,\n"
              "    progressDeadline: 1h}\n"
              "  repair: {failAfter: 1500ms}\n"
              "  endpoint: {domain: cache.local}\n";
    CLEANUP(reading_deinit) struct reading reading;
    const struct spec *spec;

    read_bytes(&reading, text, strlen(text));
    cr_assert_eq(reading.rv, 0, "%s", reading.err.msg);
    spec = reading.specs;
    cr_assert_eq(spec->labels_count, 2);
    cr_expect_str_eq(spec->labels[0].name, "app");
    cr_expect_str_eq(spec->labels[0].value, "1.10", "as it is written");
    cr_expect_str_eq(spec->labels[1].name, "tier");
    cr_expect_eq(spec->nodes, 12);
    cr_expect_eq(spec->settings.memory_bytes, 1U << 30);
    cr_expect_eq(spec->settings.threads, 8);
    cr_expect_eq(spec->settings.connections_max, 4096);
    cr_expect_eq(spec->settings.item_bytes_max, 2U << 20);
    cr_assert_eq(spec->settings.extra_args_count, 3);
    cr_expect_str_eq(spec->settings.extra_args[0], "-o");
    cr_expect_str_eq(spec->settings.extra_args[2], "-C");
    cr_expect_eq(spec->spread_by, SPEC_SPREAD_HOST);
    cr_assert_eq(spec->hosts_count, 2);
    cr_expect_str_eq(spec->hosts[0], "b", "in the order of the document");
    cr_assert_eq(spec->host_labels_count, 2);
    cr_expect_str_eq(spec->host_labels[0].name, "disk");
    cr_expect_str_eq(spec->host_labels[0].value, "ssd");
    cr_expect_str_eq(spec->host_labels[1].name, "zoo");
    cr_expect_eq(spec->unavailable_max, 2);
    cr_expect_eq(spec->surge_max, 0);
    cr_expect_eq(spec->drain_ms, 10000);
    cr_expect_eq(spec->converge_timeout_ms, 60000);
    cr_expect_eq(spec->progress_deadline_ms, 3600000);
    cr_expect_eq(spec->fail_after_ms, 1500);
    cr_expect_str_eq(spec->domain, "cache.local");
}

Test(spec_yaml, all_mistakes_of_a_file_are_told_in_its_order)
{
    expect_mistakes(
        "# comment\n" HEAD "metadata:\n"
        "  name: Web_1\n"
        "  labels: {b: x, a: \"y z\", b: 2}\n"
        "spec:\n"
        "  replicas: 3\n"
        "  nodse: 4\n"
        "  memory: 64MB\n"
        "  threads: \"4\"\n"
        "  extraArgs: [-o, modern, -p, 11222, \"-I\", 4m, -f]\n"
        "  placement:\n"
        "    spreadBy: rack\n"
        "    hosts: [a, b, a, B]\n"
        "  rollout:\n"
        "    maxUnavailable: 0\n"
        "    maxSurge: 0\n"
        "    drain: 10\n"
        "  endpoint:\n"
        "    domain: [x]\n"
        "  repair:\n"
        "---\n"
        "apiVersion: muster/v2\n"
        "kind: Memcached\n"
        "spec: {whatever: true}\n"
        "---\n" NAMED "spec: {nodes: 0}\n",
        "f.yaml:5:9: metadata.name: must be 1 to 40 lower case letters, digits or inner hyphens, "
        "got \"Web_1\"\n"
        "f.yaml:6:21: metadata.labels.a: a label's value must be at most 63 letters, digits, '-', "
        "'_' or '.', got \"y z\"\n"
        "f.yaml:6:28: \"b\" is there already, in line 6\n"
        "f.yaml:7:1: spec.nodes: is missing\n"
        "f.yaml:8:3: spec: unknown field \"replicas\", did you mean \"nodes\"?\n"
        "f.yaml:9:3: spec: unknown field \"nodse\", did you mean \"nodes\"?\n"
        "f.yaml:10:11: spec.memory: must be a size such as 64Mi, got \"64MB\"\n"
        "f.yaml:11:12: spec.threads: must be a whole number without quotes, got \"4\"\n"
        "f.yaml:12:27: spec.extraArgs[2]: \"-p\" is not allowed: muster assigns the port\n"
        "f.yaml:12:38: spec.extraArgs[4]: \"-I\" is not allowed: use spec.maxItemSize\n"
        "f.yaml:12:48: spec.extraArgs[6]: -f needs a value\n"
        "f.yaml:14:15: spec.placement.spreadBy: must be \"zone\" or \"host\", got \"rack\"\n"
        "f.yaml:15:19: spec.placement.hosts[2]: \"a\" is in the list already\n"
        "f.yaml:15:22: spec.placement.hosts[3]: must be 1 to 63 lower case letters, digits or "
        "inner hyphens, got \"B\"\n"
        "f.yaml:17:21: spec.rollout.maxUnavailable: must not be 0 while spec.rollout.maxSurge is "
        "0: nothing could ever change\n"
        "f.yaml:19:12: spec.rollout.drain: must be a duration such as 30s, got \"10\"\n"
        "f.yaml:21:13: spec.endpoint.domain: must be a text, got a list\n"
        "f.yaml:24:13: apiVersion: must be \"muster/v1\", got \"muster/v2\"\n"
        "f.yaml:25:7: kind: must be \"MemcachedCluster\", got \"Memcached\"\n"
        "f.yaml:32:15: spec.nodes: must be between 1 and 1024, got 0\n");
}

Test(spec_yaml, each_mistake_has_its_words)
{
    static const struct {
        const char *text;
        const char *lines;
    } rows[] = {
        { "", "f.yaml: holds no document\n" },
        { "# nothing\n---\n---\n", "f.yaml: holds no document\n" },
        { "- a\n", "f.yaml:1:1: document: must be a mapping, got a list\n" },
        { "text\n", "f.yaml:1:1: document: must be a mapping, got \"text\"\n" },
        { "{}\n", "f.yaml:1:1: apiVersion: is missing, must be \"muster/v1\"\n"
                  "f.yaml:1:1: kind: is missing, must be \"MemcachedCluster\"\n" },
        { HEAD, "f.yaml:1:1: metadata.name: is missing\n"
                "f.yaml:1:1: spec.nodes: is missing\n" },
        { HEAD "metadata:\nspec:\n", "f.yaml:3:1: metadata.name: is missing\n"
                                     "f.yaml:4:1: spec.nodes: is missing\n" },
        { HEAD "metadata: x\nspec: [1]\n", "f.yaml:3:11: metadata: must be a mapping, got \"x\"\n"

                                           "f.yaml:4:7: spec: must be a mapping, got a list\n" },
        { NAMED "spec:\n  nodes:\n",
          "f.yaml:6:3: spec.nodes: must be a whole number without quotes, got nothing\n" },
        { NAMED "spec: {nodes: 3.0}\n",
          "f.yaml:5:15: spec.nodes: must be a whole number without quotes, got \"3.0\"\n" },
        { NAMED "spec: {nodes: -1}\n",
          "f.yaml:5:15: spec.nodes: must be a whole number without quotes, got \"-1\"\n" },
        { NAMED "spec: {nodes: 4294967297}\n",
          "f.yaml:5:15: spec.nodes: must be between 1 and 1024, got 4294967295\n" },
        { NAMED "spec: {nodes: {a: 1}}\n",
          "f.yaml:5:15: spec.nodes: must be a whole number without quotes, got a mapping\n" },
        { NAMED "spec: {nodes: 3, maxItemSize: 40Mi}\n",
          "f.yaml:5:31: spec.maxItemSize: must be at most half of spec.memory (32Mi), got "
          "40Mi\n" },
        { NAMED "spec: {nodes: 3, extraArgs: -C}\n",
          "f.yaml:5:29: spec.extraArgs: must be a list, got \"-C\"\n" },
        { NAMED "spec: {nodes: 3, extraArgs: [-C, [x]]}\n",
          "f.yaml:5:34: spec.extraArgs[1]: must be a text, got a list\n" },
        { HEAD "metadata: {name: web, labels: {a: {}}}\nspec: {nodes: 3}\n",
          "f.yaml:3:35: metadata.labels.a: must be a text, got a mapping\n" },
        { HEAD "metadata: {name: web, labels: {a.b/c: x}}\nspec: {nodes: 3}\n",
          "f.yaml:3:39: metadata.labels.a.b/c: a label's name must be 1 to 63 lower case letters, "
          "digits or inner hyphens\n" },
        { NAMED "spec: {nodes: 3}\nstatus: {}\nsepc: 1\n",
          "f.yaml:6:1: unknown field \"status\"\n"
          "f.yaml:7:1: unknown field \"sepc\", did you mean \"spec\"?\n" },
        { NAMED "spec: {nodes: 3, rollout: {maxsurge: 1, nodes: 2}}\n",
          "f.yaml:5:28: spec.rollout: unknown field \"maxsurge\", did you mean \"maxSurge\"?\n"
          "f.yaml:5:41: spec.rollout: unknown field \"nodes\"\n" },
        { NAMED "spec: {nodes: 3, rollout.drain: 1s}\n",
          "f.yaml:5:18: spec: unknown field \"rollout.drain\"\n" },
        { NAMED "spec: {nodes: 3}\nspec: {nodes: 4}\n",
          "f.yaml:6:1: \"spec\" is there already, in line 5\n" },
        { HEAD "metadata: &m {name: web}\nspec: {nodes: !!int 3}\n",
          "f.yaml:3:14: anchors are not supported\n"
          "f.yaml:4:21: tags are not supported\n" },
        { HEAD "metadata: {name: &n web}\nspec: {nodes: 3, endpoint: {domain: *n}}\n",
          "f.yaml:3:21: anchors are not supported\n"
          "f.yaml:4:38: aliases are not supported\n" },
        { NAMED "spec:\n  <<: {nodes: 3}\n", "f.yaml:5:1: spec.nodes: is missing\n"
                                             "f.yaml:6:3: spec: unknown field \"<<\"\n" },
        { NAMED "spec: {nodes: 3, ? [a] : b}\n", "f.yaml:5:20: a key must be a text\n" },
        { HEAD "metadata: {name: \"a\\0b\"}\nspec: {nodes: 3}\n",
          "f.yaml:3:18: a text must not hold a NUL\n" },
        { HEAD "metadata: {name: \"a\\e[2Jb\"}\nspec: {nodes: 3}\n",
          "f.yaml:3:18: metadata.name: must be 1 to 40 lower case letters, digits or inner "
          "hyphens, got \"a?[2Jb\"\n" },
        { NAMED "spec: {nodes: 3}\n---\n" NAMED "spec: {nodes: 4}\n",
          "f.yaml:10:9: metadata.name: the document of line 1 has the same name\n" },
        { NAMED "spec: {nodes: 3\n", "f.yaml:6:1: missing comma in flow mapping\n" },
        { NAMED "\tspec: 3\n", "f.yaml:5:2: invalid tab used as indentation\n" },
        { "a: b: c\n", "f.yaml:1:5: invalid nested block mapping on the same line\n" },
        { NAMED "spec: {nodes: 3} # \x07\n", "f.yaml:5:20: byte 0x07: not a text in UTF-8\n" },
        { NAMED "spec: {nodes: 3} # \xC3\xBC\xFF\n",
          "f.yaml:5:21: byte 0xff: not a text in UTF-8\n" },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        expect_mistakes(rows[i].text, rows[i].lines);
    }
}

Test(spec_yaml, json_is_yaml)
{
    static const char text[] =
        "{\"apiVersion\": \"muster/v1\", \"kind\": \"MemcachedCluster\",\n"
        "\t\"metadata\": {\"name\": \"web\"}, \"spec\": {\"nodes\": 2, \"memory\": \"8Mi\"}}";
    CLEANUP(reading_deinit) struct reading reading;

    read_bytes(&reading, text, strlen(text));
    cr_assert_eq(reading.rv, 0, "%s", reading.err.msg);
    cr_expect_eq(reading.specs->nodes, 2);
}

Test(spec_yaml, several_documents_keep_their_order)
{
    static const char text[] = "---\n" NAMED "spec: {nodes: 1}\n---\n# empty\n---\n" HEAD
                               "metadata: {name: b}\nspec: {nodes: 2}\n...\n---\n" HEAD
                               "metadata: {name: a}\nspec: {nodes: 3}\n";
    CLEANUP(reading_deinit) struct reading reading;

    read_bytes(&reading, text, strlen(text));
    cr_assert_eq(reading.rv, 0, "%s", reading.err.msg);
    cr_assert_eq(reading.count, 3);
    cr_expect_str_eq(reading.specs[0].name, "web");
    cr_expect_str_eq(reading.specs[1].name, "b");
    cr_expect_str_eq(reading.specs[2].name, "a");
}

Test(spec_yaml, mistakes_before_a_syntax_error_are_told_too)
{
    expect_mistakes(NAMED "spec: {nodes: 0}\n---\na: [\n",
                    "f.yaml:5:15: spec.nodes: must be between 1 and 1024, got 0\n"
                    "f.yaml:8:1: flow sequence without a closing bracket\n");
}

Test(spec_yaml, more_mistakes_than_are_shown_are_counted)
{
    CLEANUP(str_deinit) struct str text = { 0 };
    CLEANUP(reading_deinit) struct reading reading;
    const char *at;
    size_t lines = 0;
    int i;

    str_init(&text, 1U << 20);
    str_append_text(&text, NAMED "spec:\n  nodes: 3\n");
    for (i = 0; i < 120; i++) {
        str_appendf(&text, "  x%d: 1\n", i);
    }
    read_bytes(&reading, text.bytes, text.size);
    cr_assert_eq(reading.rv, ERR_SPEC);
    for (at = str_text(&reading.mistakes); *at != '\0'; at++) {
        lines += *at == '\n' ? 1 : 0;
    }
    cr_expect_eq(lines, SPEC_YAML_MISTAKES_MAX + 1);
    cr_expect_not_null(strstr(str_text(&reading.mistakes), "\nf.yaml: and 20 more\n"));
}

/* Append `text` `count` times. */
static void repeat(struct str *out, const char *text, size_t count)
{
    while (0 < count--) {
        str_append_text(out, text);
    }
}

Test(spec_yaml, hostile_files_meet_limits, .timeout = 30)
{
    CLEANUP(str_deinit) struct str text = { 0 };
    size_t kind;

    str_init(&text, 2U << 20);
    for (kind = 0; kind < 7; kind++) {
        CLEANUP(reading_deinit) struct reading reading;
        static const char *const says[] = {
            "is larger than 1048576 bytes",
            "nested deeper than 16",
            "more than 1024 elements",
            "more than 1024 elements",
            "more than 1000 documents",
            "nested deeper than 16",
            "must be at most 256 hosts, got 300",
        };

        str_clear(&text);
        str_append_text(&text, kind == 4 ? "" : NAMED "spec:\n  nodes: 3\n");
        if (kind == 0) {
            repeat(&text, "#\n", 600000);
        } else if (kind == 1) {
            str_append_text(&text, "  x: ");
            repeat(&text, "[", 100000);
        } else if (kind == 2) {
            str_append_text(&text, "  extraArgs: [");
            repeat(&text, "x, ", 100000);
            str_append_text(&text, "x]\n");
        } else if (kind == 3) {
            size_t i;

            for (i = 0; i < 50000; i++) {
                str_appendf(&text, "  k%zu: x\n", i);
            }
        } else if (kind == 4) {
            size_t i;

            for (i = 0; i < 1010; i++) {
                str_appendf(&text, "---\n" HEAD "metadata: {name: n%zu}\nspec: {nodes: 1}\n", i);
            }
        } else if (kind == 5) {
            str_append_text(&text, "  x: ");
            repeat(&text, "[", 20);
            repeat(&text, "]", 20);
        } else {
            size_t i;

            str_append_text(&text, "  placement: {hosts: [");
            for (i = 0; i < 300; i++) {
                str_appendf(&text, "h%zu, ", i);
            }
            str_append_text(&text, "]}\n");
        }
        cr_assert_not(str_failed(&text));
        read_bytes(&reading, text.bytes, text.size);
        cr_expect_eq(reading.rv, ERR_SPEC, "kind %zu: %d %s", kind, reading.rv, reading.err.msg);
        cr_expect_not_null(strstr(str_text(&reading.mistakes), says[kind]), "kind %zu: %.300s",
                           kind, str_text(&reading.mistakes));
    }
}

Test(spec_yaml, what_is_written_is_read_back, .timeout = 60)
{
    uint64_t seed;

    for (seed = 0; seed < 500; seed++) {
        CLEANUP(arena_deinit) struct arena arena = { 0 };
        CLEANUP(str_deinit) struct str first = { 0 };
        CLEANUP(str_deinit) struct str second = { 0 };
        CLEANUP(reading_deinit) struct reading reading;
        struct gen gen = { seed, &arena };
        struct spec spec;
        struct err err;

        arena_init(&arena, ARENA_MAX);
        str_init(&first, SPEC_YAML_BYTES_MAX);
        str_init(&second, SPEC_YAML_BYTES_MAX);
        gen_spec(&gen, &spec);
        cr_assert_eq(spec_yaml_render(&spec, &first, &err), 0, "%s", err.msg);
        read_bytes(&reading, first.bytes, first.size);
        cr_assert_eq(reading.rv, 0, "%s in\n%s", reading.err.msg, first.bytes);
        cr_assert_eq(reading.count, 1);
        cr_assert(spec_equal(&spec, reading.specs), "%s", first.bytes);
        cr_assert_eq(spec_yaml_render(reading.specs, &second, &err), 0);
        cr_assert_str_eq(first.bytes, second.bytes);
    }
}

Test(spec_yaml, the_canonical_document_is_this)
{
    static const char text[] = "apiVersion: muster/v1\n"
                               "kind: MemcachedCluster\n"
                               "metadata:\n"
                               "  name: \"no\"\n"
                               "  labels:\n"
                               "    app: \"1\"\n"
                               "    tier: cache\n"
                               "spec:\n"
                               "  nodes: 3\n"
                               "  membership: joinable\n"
                               "  maxNodes: 5\n"
                               "  memory: 64Mi\n"
                               "  threads: 4\n"
                               "  maxConnections: 1024\n"
                               "  maxItemSize: 1Mi\n"
                               "  extraArgs: [\"-C\"]\n"
                               "  placement:\n"
                               "    spreadBy: zone\n"
                               "    hosts: [\"h1\"]\n"
                               "    labels:\n"
                               "      disk: ssd\n"
                               "      rack: \"7\"\n"
                               "  rollout:\n"
                               "    maxUnavailable: 1\n"
                               "    maxSurge: 1\n"
                               "    drain: 2m\n"
                               "    drainEnds: evidence\n"
                               "    convergeTimeout: 30s\n"
                               "    progressDeadline: 10m\n"
                               "  repair:\n"
                               "    failAfter: 30s\n"
                               "  endpoint:\n"
                               "    domain: cache.local\n"
                               "  clients:\n"
                               "    hashing: rendezvous\n";
    CLEANUP(reading_deinit) struct reading reading;
    CLEANUP(str_deinit) struct str out = { 0 };
    struct err err;

    read_bytes(&reading, text, strlen(text));
    cr_assert_eq(reading.rv, 0, "%s", reading.err.msg);
    str_init(&out, SPEC_YAML_BYTES_MAX);
    cr_assert_eq(spec_yaml_render(reading.specs, &out, &err), 0, "%s", err.msg);
    cr_expect_str_eq(str_text(&out), text);
}

Test(spec_yaml, a_wrong_spec_is_not_written)
{
    CLEANUP(str_deinit) struct str out = { 0 };
    struct spec spec = { .name = "", .domain = "" };
    struct err err;

    str_init(&out, SPEC_YAML_BYTES_MAX);
    cr_expect_eq(spec_yaml_render(&spec, &out, &err), ERR_INVALID);
    cr_expect_eq(out.size, 0);
}

/* What operators are given to begin with must be right. */
Test(spec_yaml, every_example_is_good)
{
    struct scene_path folder = scene_source("examples");
    DIR *dir = opendir(folder.text);
    const struct dirent *entry;
    int found = 0;

    cr_assert_not_null(dir, "%s", folder.text);
    while ((entry = readdir(dir)) != NULL) {
        CLEANUP(reading_deinit) struct reading reading = { .specs = NULL };
        size_t size = strlen(entry->d_name);
        char path[512];
        char *text;

        if (size < 5 || strcmp(entry->d_name + size - 5, ".yaml") != 0) {
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/%s", folder.text, entry->d_name);
        text = scene_read(path);
        if (strstr(text, "kind: " SPEC_YAML_KIND) != NULL) {
            found++;
            read_bytes(&reading, text, strlen(text));
            cr_expect_eq(reading.rv, 0, "%s: %s", path, str_text(&reading.mistakes));
        }
        free(text);
    }
    cr_assert_eq(closedir(dir), 0);
    cr_expect_geq(found, 2);
}

/* The reference has a row for each field, with its default. */
Test(spec_yaml, every_field_is_in_the_reference)
{
    char *reference = scene_read(scene_source("docs/spec.md").text);
    size_t i;

    for (i = 0; i < SPEC_FIELDS_COUNT; i++) {
        const struct spec_field *field = &spec_fields[i];
        char row[128];
        char preset[UNITS_TEXT_SIZE + 2] = "";
        const char *at;

        (void)snprintf(row, sizeof(row), "\n| `%s` | ", field->path);
        at = strstr(reference, row);
        cr_assert_not_null(at, "%s", field->path);
        if (field->required) {
            (void)snprintf(preset, sizeof(preset), "required");
        } else if (field->type == SPEC_FIELD_WORD) {
            (void)snprintf(preset, sizeof(preset), "| `%s` |", field->words[0]);
        } else if (field->type == SPEC_FIELD_COUNT && field->preset == 0) {
            (void)snprintf(preset, sizeof(preset), "| none |");
        } else if (field->type == SPEC_FIELD_COUNT) {
            (void)snprintf(preset, sizeof(preset), " %u ", (unsigned)field->preset);
        } else if (field->type == SPEC_FIELD_SIZE) {
            size_format(field->preset, preset);
        } else if (field->type == SPEC_FIELD_DURATION) {
            duration_format(field->preset, preset);
        }
        (void)snprintf(row, sizeof(row), "%.*s", (int)strcspn(at + 1, "\n"), at + 1);
        cr_expect_not_null(strstr(row, preset), "%s: %s", row, preset);
    }
    free(reference);
}

Test(spec_yaml, survives_every_allocation_failure)
{
    static const char text[] = NAMED "  labels: {a: b}\nspec: {nodes: 3, extraArgs: [-C]}\n";
    int n = 0;
    bool again = true;

    while (again) {
        CLEANUP(reading_deinit) struct reading reading;

        mem_fail_after(n++);
        read_bytes(&reading, text, strlen(text));
        again = mem_has_failed();
        cr_assert_eq(reading.rv, again ? ERR_NOMEM : 0, "%d: %s", n, reading.err.msg);
    }
    mem_fail_after(-1);
    cr_expect_gt(n, 3);
}
