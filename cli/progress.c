#include "cli/progress.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"

#define BAR_CELLS_MAX 32U
#define TEXT_BYTES_MAX (1U << 20)
#define LINES_PER_CLUSTER 7 /* its name, the stages, and what holds it up */
#define HINDRANCE_INDENT 10
#define COLUMNS_MIN 60
#define STAMP_SIZE 24

#define GREEN "\x1b[32m"
#define YELLOW "\x1b[33m"
#define PLAIN "\x1b[0m"
#define LINE_CLEAR "\x1b[K"

/* ---- What the output is ---- */

static bool is_set(const char *value)
{
    return value != NULL && value[0] != '\0';
}

/* The first of the variables that is set decides, as in setlocale(3). */
static bool locale_is_unicode(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(names); i++) {
        const char *value = getenv(names[i]);

        if (is_set(value)) {
            return strstr(value, "UTF-8") != NULL || strstr(value, "utf8") != NULL;
        }
    }
    return false;
}

void progress_init(struct progress *progress, FILE *out, uint64_t start_ms)
{
    struct winsize size = { .ws_row = 0 };
    const char *term = getenv("TERM");

    *progress = (struct progress){ .out = out, .start_ms = start_ms };
    progress->live = isatty(fileno(out)) && term != NULL && strcmp(term, "dumb") != 0 &&
                     !is_set(getenv("NO_COLOR")) && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 &&
                     COLUMNS_MIN <= size.ws_col;
    progress->rows = size.ws_row;
    progress->columns = size.ws_col;
    progress->colour = progress->live;
    progress->unicode = progress->live && locale_is_unicode();
}

void progress_deinit(struct progress *progress)
{
    free(progress->clusters);
    progress->clusters = NULL;
    progress->count = 0;
}

int progress_expect(struct progress *progress, const char *const *names, size_t count,
                    struct err *err)
{
    struct progress_cluster *clusters = mem_calloc(count + 1, sizeof(*clusters));
    size_t i;

    if (clusters == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    for (i = 0; i < count; i++) {
        (void)snprintf(clusters[i].name, sizeof(clusters[i].name), "%s", names[i]);
    }
    free(progress->clusters);
    progress->clusters = clusters;
    progress->count = count;
    return 0;
}

/* ---- Lines ---- */

static void stamp_format(const struct progress *progress, uint64_t now_ms, char out[STAMP_SIZE])
{
    uint64_t passed_ms = now_ms - progress->start_ms;

    (void)snprintf(out, STAMP_SIZE, "%4llu.%02llus", (unsigned long long)(passed_ms / 1000),
                   (unsigned long long)(passed_ms % 1000 / 10));
}

static void step_text(const struct cluster_facts *cluster, uint32_t slot, enum stage stage,
                      struct str *out)
{
    const struct node_facts *found = facts_slot(cluster, slot);
    const struct node_report *report = found == NULL ? NULL : found->report;
    const struct intent *intent = found == NULL ? NULL : found->intent;

    str_append_text(out, stage_text(stage));
    if (stage == STAGE_PLACED && intent != NULL) {
        str_appendf(out, " on %s at %s:%u", intent->host, intent->ip, intent->data_port);
    } else if (stage == STAGE_STARTED && report != NULL) {
        str_appendf(out, " as pid %lld", (long long)report->pid);
    } else if (stage == STAGE_PUSHED && cluster->config != NULL) {
        str_appendf(out, " version %u", cluster->config->head.version);
    } else if (stage == STAGE_ACKNOWLEDGED && report != NULL) {
        str_appendf(out, " version %u", report->served.version);
    }
    str_append_char(out, '\n');
}

static void node_steps(const struct cluster_facts *cluster, const struct stages *before,
                       const struct stages *after, const char *stamp, struct str *out)
{
    uint32_t slot;
    int stage;

    for (slot = 1; slot <= after->wanted; slot++) {
        for (stage = (int)before->slots[slot] + 1; stage <= (int)after->slots[slot]; stage++) {
            str_appendf(out, "%s  %s/%04u  ", stamp, cluster->name, slot);
            step_text(cluster, slot, (enum stage)stage, out);
        }
        /* Behind a configuration that has just changed is no step back. */
        if (after->slots[slot] < STAGE_STARTED && STAGE_STARTED <= before->slots[slot]) {
            str_appendf(out, "%s  %s/%04u  not up\n", stamp, cluster->name, slot);
        }
    }
}

static void stage_steps(const struct cluster_facts *cluster, const struct stages *before,
                        const struct stages *after, const char *stamp, struct str *out)
{
    int stage;

    for (stage = STAGE_PLACED; stage < STAGE_ALIAS; stage++) {
        if (after->reached[stage] == after->wanted &&
            before->reached[stage] != after->reached[stage]) {
            str_appendf(out, "%s  %s  %s %u of %u nodes\n", stamp, cluster->name,
                        stage_text((enum stage)stage), after->reached[stage], after->wanted);
        }
    }
}

void progress_steps(const struct cluster_facts *cluster, const struct stages *before,
                    const struct stages *after, const char *stamp, struct str *out)
{
    if (after->wanted <= PROGRESS_NODE_LINES_MAX) {
        node_steps(cluster, before, after, stamp, out);
    } else {
        stage_steps(cluster, before, after, stamp, out);
    }
    if (before->reached[STAGE_ALIAS] < after->reached[STAGE_ALIAS]) {
        str_appendf(out, "%s  %s  alias set to %s:%u\n", stamp, cluster->name, cluster->alias->host,
                    cluster->alias->port);
    }
    if (before->converged != after->converged) {
        str_appendf(out, "%s  %s  %s\n", stamp, cluster->name,
                    after->converged ? "converged" : "no longer converged");
    }
}

void progress_begin(const struct cluster_facts *cluster, const struct stages *now,
                    const char *stamp, struct str *out)
{
    if (now->converged) {
        str_appendf(out, "%s  %s  converged\n", stamp, cluster->name);
    } else {
        str_appendf(out, "%s  %s  %u of %u nodes serve version %u\n", stamp, cluster->name,
                    now->reached[STAGE_ACKNOWLEDGED], now->wanted, cluster->config->head.version);
    }
}

void progress_hindrance(const char *name, const char *before, const char *after, const char *stamp,
                        struct str *out)
{
    if (strcmp(before, after) == 0) {
        return;
    }
    if (after[0] != '\0') {
        str_appendf(out, "%s  %s  is held up: %s\n", stamp, name, after);
    } else {
        str_appendf(out, "%s  %s  is no longer held up\n", stamp, name);
    }
}

/* ---- The block on a terminal ---- */

void progress_bar(uint32_t reached, uint32_t wanted, bool unicode, struct str *out)
{
    uint32_t cells = wanted < BAR_CELLS_MAX ? wanted : BAR_CELLS_MAX;
    uint32_t full = wanted == 0 ? 0 : (uint32_t)((uint64_t)reached * cells / wanted);
    uint32_t i;

    for (i = 0; i < cells; i++) {
        if (unicode) {
            str_append_text(out, i < full ? "\u25a0" : "\u25a1");
        } else {
            str_append_char(out, i < full ? '#' : '.');
        }
    }
}

static void put_colour(const struct progress *progress, bool done, struct str *out)
{
    if (progress->colour) {
        str_append_text(out, done ? GREEN : YELLOW);
    }
}

static void put_plain(const struct progress *progress, struct str *out)
{
    str_append_text(out, progress->colour ? PLAIN : "");
}

static void end_line(struct str *out, unsigned *lines)
{
    str_append_text(out, LINE_CLEAR "\n");
    (*lines)++;
}

/* One line, cut where the terminal ends: a line that wraps would not be drawn over. */
static void draw_hindrance(const struct progress *progress, const char *hindrance, struct str *out)
{
    static const char cut[] = "...";
    size_t room = progress->columns - HINDRANCE_INDENT - 1;
    size_t size = strlen(hindrance);
    bool fits = size <= room;

    if (!fits) {
        size = room - (sizeof(cut) - 1);
        while (0 < size && ((unsigned char)hindrance[size] & 0xc0) == 0x80) {
            size--; /* no half of a character */
        }
    }
    str_appendf(out, "%*s", HINDRANCE_INDENT, "");
    put_colour(progress, false, out);
    str_append(out, hindrance, size);
    str_append_text(out, fits ? "" : cut);
    put_plain(progress, out);
}

static void draw_cluster(const struct progress *progress, const struct cluster_facts *cluster,
                         const struct progress_cluster *shown, const char *stamp, struct str *out,
                         unsigned *lines)
{
    const struct stages *stages = &shown->seen;
    int stage;

    str_appendf(out, "%s  %s", stamp, shown->name);
    str_append_text(out, stages->converged ? " converged" : "");
    end_line(out, lines);
    for (stage = STAGE_PLACED; stage < STAGE_ALIAS; stage++) {
        bool done = 0 < stages->wanted && stages->reached[stage] == stages->wanted;

        str_appendf(out, "          %-12s  ", stage_text((enum stage)stage));
        put_colour(progress, done, out);
        progress_bar(stages->reached[stage], stages->wanted, progress->unicode, out);
        put_plain(progress, out);
        str_appendf(out, "  %u/%u", stages->reached[stage], stages->wanted);
        end_line(out, lines);
    }
    str_appendf(out, "          %-12s  ", stage_text(STAGE_ALIAS));
    if (stages->reached[STAGE_ALIAS] != 0 && cluster != NULL) {
        put_colour(progress, true, out);
        str_appendf(out, "%s:%u", cluster->alias->host, cluster->alias->port);
        put_plain(progress, out);
    } else {
        str_append_char(out, '-');
    }
    end_line(out, lines);
    draw_hindrance(progress, shown->hindrance, out);
    end_line(out, lines);
}

static void draw(struct progress *progress, const struct facts *facts, size_t converged,
                 uint64_t now_ms)
{
    CLEANUP(str_deinit) struct str out;
    char stamp[STAMP_SIZE];
    unsigned lines = 0;
    size_t i;

    str_init(&out, TEXT_BYTES_MAX);
    stamp_format(progress, now_ms, stamp);
    if (0 < progress->drawn) {
        str_appendf(&out, "\x1b[%uA\r", progress->drawn);
    }
    if (progress->count * LINES_PER_CLUSTER + 1 < progress->rows) {
        for (i = 0; i < progress->count; i++) {
            draw_cluster(progress, facts_cluster(facts, progress->clusters[i].name),
                         &progress->clusters[i], stamp, &out, &lines);
        }
    } else {
        str_appendf(&out, "%s  %zu of %zu clusters converged", stamp, converged, progress->count);
        end_line(&out, &lines);
    }
    progress->drawn = lines;
    (void)fputs(str_text(&out), progress->out);
    (void)fflush(progress->out);
}

/* ---- Together ---- */

static void print_steps(const struct progress *progress, const struct cluster_facts *cluster,
                        const struct progress_cluster *shown, const struct stages *now,
                        const char *hindrance, uint64_t now_ms)
{
    CLEANUP(str_deinit) struct str text;
    char stamp[STAMP_SIZE];

    str_init(&text, TEXT_BYTES_MAX);
    stamp_format(progress, now_ms, stamp);
    if (!shown->looked && cluster->config != NULL) {
        progress_begin(cluster, now, stamp, &text);
    } else {
        progress_steps(cluster, &shown->seen, now, stamp, &text);
    }
    progress_hindrance(shown->name, shown->hindrance, hindrance, stamp, &text);
    (void)fputs(str_text(&text), progress->out);
    (void)fflush(progress->out);
}

size_t progress_show(struct progress *progress, const struct facts *facts, uint64_t now_ms)
{
    char hindrance[STAGES_WHY_SIZE];
    struct stages now;
    size_t converged = 0;
    size_t i;

    for (i = 0; i < progress->count; i++) {
        struct progress_cluster *shown = &progress->clusters[i];
        const struct cluster_facts *cluster = facts_cluster(facts, shown->name);

        stages_of(cluster, &now);
        stages_hindrance(cluster, hindrance);
        if (cluster != NULL && !progress->live) {
            print_steps(progress, cluster, shown, &now, hindrance, now_ms);
        }
        shown->looked = true;
        shown->seen = now;
        memcpy(shown->hindrance, hindrance, sizeof(hindrance));
        converged += now.converged ? 1 : 0;
    }
    if (progress->live) {
        draw(progress, facts, converged, now_ms);
    }
    return converged;
}

/* The size of as many whole characters as fit in so many columns, one each. */
static size_t fitting(const char *text, unsigned columns)
{
    size_t size = 0;

    while (text[size] != '\0' && 0 < columns) {
        size_t step = utf8_sequence(text + size, strlen(text + size));

        size += step == 0 ? 1 : step;
        columns--;
    }
    return size;
}

void progress_line(struct progress *progress, const char *text)
{
    if (progress->live) {
        (void)fprintf(progress->out, "\r\x1b[K%.*s", (int)fitting(text, progress->columns - 1),
                      text);
    } else {
        (void)fprintf(progress->out, "%s\n", text);
    }
    (void)fflush(progress->out);
}

void progress_line_end(struct progress *progress)
{
    if (progress->live) {
        (void)fputs("\r\x1b[K", progress->out);
        (void)fflush(progress->out);
    }
}

void progress_note(struct progress *progress, uint64_t now_ms, const char *fmt, ...)
{
    char stamp[STAMP_SIZE];
    va_list args;

    if (0 < progress->drawn) {
        (void)fprintf(progress->out, "\x1b[%uA\r\x1b[J", progress->drawn);
        progress->drawn = 0;
    }
    stamp_format(progress, now_ms, stamp);
    (void)fprintf(progress->out, "%s  ", stamp);
    va_start(args, fmt);
    (void)vfprintf(progress->out, fmt, args);
    va_end(args);
    (void)fputc('\n', progress->out);
    (void)fflush(progress->out);
}

void progress_settle(struct progress *progress)
{
    progress->drawn = 0;
}
