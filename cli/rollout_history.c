#include "cli/rollout_history.h"

#include <string.h>

#include "apply/spec_diff.h"
#include "base/units.h"
#include "codec/model_json.h"
#include "show/output.h"
#include "show/table.h"

#define CHANGE_BYTES_MAX (1U << 20)

/* Those of a former cluster of this name tell nothing about this one. */
static const struct generation_facts *next_own(const struct cluster_facts *cluster,
                                               const struct generation_facts *from)
{
    while (from != NULL && strcmp(from->record.uid, cluster->spec->uid) != 0) {
        from = from->next;
    }
    return from;
}

static int put_change(const struct spec_record *before, const struct spec_record *record,
                      struct arena *arena, struct str *out, struct err *err)
{
    char memory[UNITS_TEXT_SIZE];
    struct spec_diff diff;
    int rv;

    if (before == NULL || before->generation + 1 != record->generation) {
        size_format(record->spec.settings.memory_bytes, memory);
        str_appendf(out, "%s%u node%s of %s", record->generation == 1 ? "created: " : "",
                    record->spec.nodes, record->spec.nodes == 1 ? "" : "s", memory);
        return 0;
    }
    rv = spec_diff(&before->spec, &record->spec, arena, &diff, err);
    if (0 <= rv) {
        spec_diff_line(&diff, out);
    }
    if (before->spec.settings.restart_ms < record->spec.settings.restart_ms) {
        str_append_text(out, out->size == 0 ? "restarted" : ", restarted");
    }
    return rv;
}

static int add_row(struct table *table, const struct cluster_facts *cluster,
                   const struct spec_record *before, const struct spec_record *record,
                   const struct show_request *request, struct err *err)
{
    CLEANUP(str_deinit) struct str change;
    char age[24] = "";
    int rv;

    str_init(&change, CHANGE_BYTES_MAX);
    rv = put_change(before, record, request->arena, &change, err);
    if (record->changed_ms != 0) {
        output_age(request->now_ms, record->changed_ms, age, sizeof(age));
    }
    table_addf(table, "%llu%s", (unsigned long long)record->generation,
               record->generation == cluster->spec->generation ? " (current)" : "");
    table_add(table, age);
    table_add(table, str_text(&change));
    return rv;
}

int rollout_history_table(const struct cluster_facts *cluster, const struct show_request *request,
                          struct str *out, struct err *err)
{
    static const char *const headings[] = { "GENERATION", "AGE", "CHANGE", NULL };
    const struct generation_facts *at = next_own(cluster, cluster->generations);
    const struct spec_record *before = NULL;
    struct table table;
    int rv = 0;

    table_init(&table, request->arena, headings);
    for (; at != NULL && 0 <= rv; at = next_own(cluster, at->next)) {
        rv = add_row(&table, cluster, before, &at->record, request, err);
        before = &at->record;
    }
    return rv < 0 ? rv : table_render(&table, 0, out, err);
}

int rollout_history_json(const struct cluster_facts *cluster, struct str *out, struct err *err)
{
    const struct generation_facts *at = next_own(cluster, cluster->generations);
    const char *separator = "";
    int rv = 0;

    str_append_text(out, "[");
    for (; at != NULL && 0 <= rv; at = next_own(cluster, at->next)) {
        str_append_text(out, separator);
        separator = ",";
        rv = json_encode_spec_record(&at->record, out, err);
    }
    str_append_text(out, "]");
    return rv;
}
