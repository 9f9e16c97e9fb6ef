#include "cli/applied.h"

#include <stdio.h>

#include "base/str.h"
#include "show/json_out.h"

static const char *or_none(const char *value)
{
    return value[0] == '\0' ? "none" : value;
}

static void note_drift(const struct batch_result *result)
{
    size_t i;

    for (i = 0; i < result->drift_count; i++) {
        const struct merge_other *one = &result->drift[i];

        (void)fflush(stdout);
        (void)fprintf(stderr, "cluster/%s: %s stays %s, %s%s; the document says %s\n", result->name,
                      one->path, or_none(one->live),
                      one->manager[0] == '\0' ? "changed by hand" : "set by ", one->manager,
                      or_none(one->wanted));
    }
}

/* The first one stands in `problem`, with what to do. */
static void print_conflict(const struct batch_result *result)
{
    size_t i;

    (void)fprintf(stderr, "muster: %s\n", result->problem);
    for (i = 1; i < result->conflicts_count; i++) {
        const struct merge_other *one = &result->conflicts[i];

        (void)fprintf(stderr, "muster: cluster '%s': %s is to be %s as well, but '%s' has set %s\n",
                      result->name, one->path, or_none(one->wanted), one->manager,
                      or_none(one->live));
    }
}

void applied_print_conflicts(const struct batch_results *results, struct err *err)
{
    size_t i;

    for (i = 0; i < results->count; i++) {
        if (results->list[i].outcome == BATCH_CONFLICT) {
            print_conflict(&results->list[i]);
            err->msg[0] = '\0';
        }
    }
}

static void put_others(struct json_out *json, const char *name, const struct merge_other *list,
                       size_t count)
{
    size_t i;

    json_out_open(json, name, '[');
    for (i = 0; i < count; i++) {
        json_out_open(json, NULL, '{');
        json_out_text(json, "path", list[i].path);
        json_out_text(json, "wanted", list[i].wanted);
        json_out_text(json, "live", list[i].live);
        json_out_text(json, "manager", list[i].manager);
        json_out_close(json, '}');
    }
    json_out_close(json, ']');
}

static void put_result(struct json_out *json, const struct batch_result *result)
{
    json_out_open(json, NULL, '{');
    json_out_text(json, "name", result->name);
    json_out_text(json, "outcome", batch_outcome_text(result->outcome));
    json_out_number(json, "generation", result->after == NULL ? 0 : result->after->generation);
    put_others(json, "drift", result->drift, result->drift_count);
    put_others(json, "conflicts", result->conflicts, result->conflicts_count);
    json_out_text(json, "problem", result->problem == NULL ? "" : result->problem);
    json_out_close(json, '}');
}

static int print_objects(const struct batch_results *results, bool dry_run,
                         enum output_format format, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    struct json_out json = { .out = &text };
    size_t i;
    int rv;

    str_init(&text, OUTPUT_BYTES_MAX);
    json_out_open(&json, NULL, '{');
    json_out_bool(&json, "dryRun", dry_run);
    json_out_open(&json, "clusters", '[');
    for (i = 0; i < results->count; i++) {
        put_result(&json, &results->list[i]);
    }
    json_out_close(&json, ']');
    json_out_close(&json, '}');
    rv = str_check(&text, err);
    return rv < 0 ? rv : output_json(&text, format, err);
}

int applied_print(const struct batch_results *results, bool dry_run, enum output_format format,
                  struct err *err)
{
    size_t i;

    if (format == OUTPUT_JSON || format == OUTPUT_YAML) {
        return print_objects(results, dry_run, format, err);
    }
    for (i = 0; i < results->count; i++) {
        const struct batch_result *result = &results->list[i];

        if (format == OUTPUT_NAME) {
            (void)printf("%s\n", result->name);
            continue;
        }
        (void)printf("cluster/%s %s%s\n", result->name, batch_outcome_text(result->outcome),
                     dry_run ? " (dry run)" : "");
        note_drift(result);
    }
    return 0;
}
