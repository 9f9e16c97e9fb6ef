#include "metrics/scrape.h"

#include <math.h>
#include <string.h>

#include "base/check.h"

#define EXACT_MAX 9007199254740992.0 /* 2^53: whole numbers below it are exact */

struct sample {
    struct sample *next;
    const char *labels[METRIC_LABELS_MAX];
    double value;
    const struct histogram *histogram; /* in the arena; NULL: `value` counts */
};

void scrape_init(struct scrape *scrape, const struct metric_table *table, struct arena *arena)
{
    *scrape = (struct scrape){ .table = table, .arena = arena };
    scrape->lists = arena_calloc(arena, table->count, sizeof(*scrape->lists));
    scrape->failed = scrape->lists == NULL;
}

static struct sample *add(struct scrape *scrape, size_t place, const char *const *labels)
{
    const struct metric *metric;
    struct sample_list *list;
    struct sample *sample;
    size_t count;
    size_t i;

    CHECK(place < scrape->table->count);
    metric = &scrape->table->metrics[place];
    count = metric_labels_count(metric);
    CHECK(count <= METRIC_LABELS_MAX);
    sample = scrape->failed || scrape->count == SCRAPE_SAMPLES_MAX
                 ? NULL
                 : arena_alloc(scrape->arena, sizeof(*sample));
    if (sample == NULL) {
        scrape->failed = true;
        return NULL;
    }
    for (i = 0; i < count; i++) {
        CHECK(labels != NULL && labels[i] != NULL);
        sample->labels[i] = labels[i];
    }
    CHECK(labels == NULL || labels[count] == NULL);
    list = &scrape->lists[place];
    if (list->last == NULL) {
        list->first = sample;
    } else {
        list->last->next = sample;
    }
    list->last = sample;
    scrape->count++;
    return sample;
}

void scrape_put(struct scrape *scrape, size_t metric, double value, const char *const *labels)
{
    struct sample *sample = add(scrape, metric, labels);

    CHECK(scrape->table->metrics[metric].type != METRIC_TYPE_HISTOGRAM);
    if (sample != NULL) {
        sample->value = value;
    }
}

void scrape_put_histogram(struct scrape *scrape, size_t metric, const struct histogram *value,
                          const char *const *labels)
{
    struct sample *sample = add(scrape, metric, labels);
    struct histogram *copy = arena_alloc(scrape->arena, sizeof(*copy));

    CHECK(scrape->table->metrics[metric].type == METRIC_TYPE_HISTOGRAM);
    if (sample == NULL || copy == NULL) {
        scrape->failed = true;
        return;
    }
    *copy = *value;
    sample->histogram = copy;
}

/* ---- Text ---- */

static void put_value(struct str *out, double value)
{
    if (isnan(value)) {
        str_append_text(out, "NaN");
    } else if (isinf(value)) {
        str_append_text(out, value < 0 ? "-Inf" : "+Inf");
    } else if (-EXACT_MAX < value && value < EXACT_MAX && value == floor(value)) {
        str_appendf(out, "%.0f", value);
    } else {
        str_appendf(out, "%.12g", value);
    }
}

/* Backslash and line feed are escaped everywhere, quotes in the values of labels. */
static void put_escaped(struct str *out, const char *text, bool quotes)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\' || (quotes && *text == '"')) {
            str_append_char(out, '\\');
        }
        if (*text == '\n') {
            str_append_text(out, "\\n");
        } else {
            str_append_char(out, *text);
        }
    }
}

/* {a="b",c="d",le="0.1"}; `bound` NULL: no "le". */
static void put_labels(struct str *out, const struct metric *metric, const struct sample *sample,
                       const char *bound)
{
    size_t count = metric_labels_count(metric);
    size_t size;
    size_t i;

    if (count == 0 && bound == NULL) {
        return;
    }
    for (i = 0; i < count; i++) {
        const char *name = metric_label(metric, i, &size);

        str_append_char(out, i == 0 ? '{' : ',');
        str_append(out, name, size);
        str_append_text(out, "=\"");
        put_escaped(out, sample->labels[i], true);
        str_append_char(out, '"');
    }
    if (bound != NULL) {
        str_appendf(out, "%cle=\"%s\"", count == 0 ? '{' : ',', bound);
    }
    str_append_char(out, '}');
}

static void put_line(struct str *out, const struct metric *metric, const char *suffix,
                     const struct sample *sample, double value)
{
    str_appendf(out, "%s%s", metric->name, suffix);
    put_labels(out, metric, sample, NULL);
    str_append_char(out, ' ');
    put_value(out, value);
    str_append_char(out, '\n');
}

static void put_bucket(struct str *out, const struct metric *metric, const struct sample *sample,
                       const char *bound, uint64_t count)
{
    str_appendf(out, "%s_bucket", metric->name);
    put_labels(out, metric, sample, bound);
    str_appendf(out, " %llu\n", (unsigned long long)count);
}

static void put_histogram(struct str *out, const struct metric *metric, const struct sample *sample)
{
    const struct histogram_bounds *bounds = metric->bounds;
    uint64_t count = 0;
    size_t i;

    for (i = 0; i < bounds->count; i++) {
        CLEANUP(str_deinit) struct str bound;

        str_init(&bound, 64);
        put_value(&bound, bounds->upper[i]);
        count += sample->histogram->counts[i];
        put_bucket(out, metric, sample, str_text(&bound), count);
    }
    count += sample->histogram->counts[bounds->count];
    put_bucket(out, metric, sample, "+Inf", count);
    put_line(out, metric, "_sum", sample, sample->histogram->sum);
    put_line(out, metric, "_count", sample, (double)count);
}

static void put_metric(struct str *out, const struct metric *metric, const struct sample *sample)
{
    str_appendf(out, "# HELP %s ", metric->name);
    put_escaped(out, metric->help, false);
    str_appendf(out, "\n# TYPE %s %s\n", metric->name, metric_type_text(metric->type));
    for (; sample != NULL; sample = sample->next) {
        if (metric->type == METRIC_TYPE_HISTOGRAM) {
            put_histogram(out, metric, sample);
        } else {
            put_line(out, metric, "", sample, sample->value);
        }
    }
}

int scrape_text(const struct scrape *scrape, struct str *out, struct err *err)
{
    size_t i;

    if (scrape->failed) {
        return err_set(err, ERR_LIMIT, "no room for %zu samples", scrape->count);
    }
    for (i = 0; i < scrape->table->count; i++) {
        if (scrape->lists[i].first != NULL) {
            put_metric(out, &scrape->table->metrics[i], scrape->lists[i].first);
        }
    }
    return str_check(out, err);
}
