/* An account as text for people. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/account_parts.h"
#include "cli/preview_words.h"
#include "model/name.h"
#include "reconciler/push.h"
#include "show/table.h"

#define CELL_BYTES_MAX 65536
#define SPAN_TEXT_SIZE 32
#define WAKES_TOLD_MAX 16

/* Seconds with tenths below a minute, then minutes and hours: "12.3s", "4m10s", "2h05m". */
static void span_text(uint64_t ms, char out[SPAN_TEXT_SIZE])
{
    unsigned long long s = (unsigned long long)(ms / 1000);

    if (s < 60) {
        (void)snprintf(out, SPAN_TEXT_SIZE, "%llu.%llus", s, (unsigned long long)(ms % 1000 / 100));
    } else if (s < 3600) {
        (void)snprintf(out, SPAN_TEXT_SIZE, "%llum%02llus", s / 60, s % 60);
    } else {
        (void)snprintf(out, SPAN_TEXT_SIZE, "%lluh%02llum", s / 3600, s % 3600 / 60);
    }
}

/* "in 12.3s", or "now". */
static void until_text(uint64_t now_ms, uint64_t at_ms, char out[SPAN_TEXT_SIZE + 4])
{
    char span[SPAN_TEXT_SIZE];

    if (at_ms <= now_ms) {
        (void)snprintf(out, SPAN_TEXT_SIZE + 4, "now");
    } else {
        span_text(at_ms - now_ms, span);
        (void)snprintf(out, SPAN_TEXT_SIZE + 4, "in %s", span);
    }
}

/* ---- The verdict ---- */

static void text_generation(const struct account *account, struct str *out)
{
    const struct spec_record *record = account->view->spec;
    const struct status *status = account->view->status;

    if (!account->led) {
        str_append_text(out, "  ! No controller leads: nothing changes until one does.\n");
    }
    if (record != NULL && (status == NULL || status->observed_generation != record->generation)) {
        str_appendf(out, "  ~ The controller has not said anything about generation %llu yet.\n",
                    (unsigned long long)record->generation);
    }
}

static void text_verdict(const struct account *account, struct str *out)
{
    static const char *const heads[] = { "+ Converged", "~ Held", "~ On its way", "! Stalled" };
    const struct explanation *explanation = account->explanation;
    const struct obstacle *obstacle = &explanation->obstacle;
    const struct status *status = explanation->status;

    str_appendf(out, "Cluster %s", account->view->cluster);
    if (account->view->spec != NULL) {
        str_appendf(out, ", generation %llu", (unsigned long long)account->view->spec->generation);
    }
    str_append_text(out, "\n\n");
    text_generation(account, out);
    if (obstacle->kind == OBSTACLE_NONE) {
        str_appendf(out, "  %s: %s.\n", heads[OBSTACLE_NONE],
                    status == NULL ? "" : status->conditions[CONDITION_CONVERGED].message);
    } else {
        str_appendf(out, "  %s (%s): %s.\n", heads[obstacle->kind], obstacle->reason,
                    obstacle->message);
    }
    if (explanation->mass) {
        str_append_text(out, "  ! So much looks dead at once that nothing is replaced.\n");
    }
    if (explanation->no_place != NULL && strcmp(explanation->no_place, obstacle->message) != 0) {
        str_appendf(out, "  ! No host fits: %s.\n", explanation->no_place);
    }
}

/* ---- Nodes ---- */

static const char *state_text(const struct explained_node *node)
{
    if (node->report != NULL) {
        return node_state_text(node->report->state);
    }
    return node->intent == NULL ? "" : "silent";
}

static void add_node(struct table *table, const struct account *account,
                     const struct explained_node *node)
{
    const struct slot_status *told = account_told(account, node);
    char next[SPAN_TEXT_SIZE + 4] = "";
    char slot[SLOT_TEXT_SIZE];

    slot_format(node->slot, slot);
    if (node->next_ms != UINT64_MAX) {
        until_text(account->view->now_ms, node->next_ms, next);
    }
    table_add(table, account_is_in_order(account, node) ? " " : "~");
    table_add(table, slot);
    table_add(table, node->host);
    table_add(table, state_text(node));
    table_add(table, node->decision.rule->name);
    table_add(table, node->decision.rule->sentence);
    table_add(table, next);
    table_add(table, told == NULL                                         ? "nothing"
                     : strcmp(told->rule, node->decision.rule->name) == 0 ? "the same"
                                                                          : told->rule);
}

static bool is_told(const struct account_scope *scope, const struct explained_node *node)
{
    return scope->slot == 0 || scope->slot == node->slot;
}

static int text_nodes(const struct account *account, const struct account_scope *scope,
                      struct arena *arena, struct str *out, struct err *err)
{
    static const char *const headings[] = { " ",    "SLOT", "HOST", "STATE",
                                            "RULE", "WHY",  "NEXT", "CONTROLLER SAYS",
                                            NULL };
    const struct explanation *explanation = account->explanation;
    struct table table;
    size_t i;

    table_init(&table, arena, headings);
    for (i = 0; i < explanation->nodes_count; i++) {
        if (is_told(scope, &explanation->nodes[i])) {
            add_node(&table, account, &explanation->nodes[i]);
        }
    }
    str_append_text(out, "\n  Nodes\n");
    if (table.count == 1) {
        str_append_text(out, "    there are none\n");
        return 0;
    }
    return table_render(&table, 2, out, err);
}

/* ---- Facts ---- */

static size_t name_width(const struct rule_table *table, uint64_t facts)
{
    size_t width = 0;
    size_t i;

    for (i = 0; i < table->facts_count; i++) {
        size_t size = strlen(table->facts[i].name);

        width = (facts & (UINT64_C(1) << i)) != 0 && width < size ? size : width;
    }
    return width;
}

static void text_facts(const struct rule_table *table, uint64_t facts, struct str *out)
{
    size_t width = name_width(table, facts);
    size_t i;

    for (i = 0; i < table->facts_count; i++) {
        if ((facts & (UINT64_C(1) << i)) != 0) {
            str_appendf(out, "      %-*s  %s\n", (int)width, table->facts[i].name,
                        table->facts[i].text);
        }
    }
}

static void text_seen(const struct account *account, const struct explained_node *node,
                      struct str *out)
{
    struct slot_observation seen = account_seen(account, node);
    uint64_t now_ms = account->view->now_ms;
    char span[SPAN_TEXT_SIZE];

    if (seen.report_gone_since_ms != 0 && seen.report_gone_since_ms < now_ms) {
        span_text(now_ms - seen.report_gone_since_ms, span);
        str_appendf(out, "      it has been silent for %s\n", span);
    }
    if (seen.unreachable_since_ms != 0 && seen.unreachable_since_ms < now_ms) {
        span_text(now_ms - seen.unreachable_since_ms, span);
        str_appendf(out, "      its data port has not answered for %s\n", span);
    }
    if (node->report != NULL && node->report->problem[0] != '\0') {
        str_appendf(out, "      its host says: %s\n", node->report->problem);
    }
}

static void text_node(const struct account *account, const struct explained_node *node,
                      struct str *out)
{
    char slot[SLOT_TEXT_SIZE];
    char until[SPAN_TEXT_SIZE + 4];

    slot_format(node->slot, slot);
    str_appendf(out, "    %s", slot);
    if (node->host[0] != '\0') {
        str_appendf(out, " on %s", node->host);
    }
    str_appendf(out, ": %s (%s)\n", node->decision.rule->name,
                node->decision.table->acts[node->decision.rule->act].text);
    text_facts(node->decision.table, node->decision.facts, out);
    text_seen(account, node, out);
    if (node->place != NULL) {
        str_appendf(out, "      the new node's place: %s at %s:%u\n", node->place->host,
                    node->place->ip, (unsigned int)node->place->data_port);
    }
    if (node->push.rule != NULL && node->push.rule->act != PUSH_KEEP) {
        str_appendf(out, "      configuration: %s, %s\n", node->push.rule->name,
                    node->push.rule->sentence);
    }
    if (node->next_ms != UINT64_MAX) {
        until_text(account->view->now_ms, node->next_ms, until);
        str_appendf(out, "      looked at again %s: %s\n", until, node->next_why);
    }
}

static void text_details(const struct account *account, const struct account_scope *scope,
                         struct str *out)
{
    const struct explanation *explanation = account->explanation;
    const char *head = "\n  What holds of them\n";
    size_t i;

    for (i = 0; i < explanation->nodes_count; i++) {
        const struct explained_node *node = &explanation->nodes[i];

        if (is_told(scope, node) &&
            (scope->facts || scope->slot != 0 || !account_is_in_order(account, node))) {
            str_append_text(out, head);
            head = "";
            text_node(account, node, out);
        }
    }
}

/* ---- The cluster ---- */

static void text_rule(const char *what, const struct explained_rule *decision, bool facts,
                      struct str *out)
{
    str_appendf(out, "    %-14s %s: %s\n", what, decision->rule->name, decision->rule->sentence);
    if (facts) {
        text_facts(decision->table, decision->facts, out);
    }
}

static void text_progress(const struct account *account, struct str *out)
{
    const struct progress *progress = &account->explanation->progress;
    char until[SPAN_TEXT_SIZE + 4];

    if (!progress->active) {
        str_append_text(out, "    Rollout        none is under way\n");
        return;
    }
    until_text(account->view->now_ms, progress->deadline_ms, until);
    str_appendf(out, "    Rollout        %u nodes are as they should be; %s %s\n",
                progress->updated,
                progress->stalled ? "it has stopped for want of progress, since its deadline is"
                                  : "its deadline is",
                progress->stalled ? "over" : until);
}

void account_text_budgets(const struct account *account, struct str *out)
{
    const struct explained_budget *budget = &account->explanation->budget;
    const struct spec_record *record = account->view->spec;

    str_appendf(out, "    Budgets        %u of %u unavailable, %u of %u surge%s\n",
                budget->unavailable, budget->unavailable_max, budget->surge, budget->surge_max,
                record != NULL && record->paused ? "; the rollout is paused" : "");
}

static void text_cluster(const struct account *account, const struct account_scope *scope,
                         struct str *out)
{
    const struct explanation *explanation = account->explanation;

    str_append_text(out, "\n  Cluster\n");
    text_rule("Configuration", &explanation->membership, scope->facts, out);
    text_rule("Endpoint", &explanation->alias, scope->facts, out);
    str_appendf(out, "    Acknowledged   %zu member%s yet to, %zu may answer with an older list\n",
                explanation->acks_missing, explanation->acks_missing == 1 ? " has" : "s have",
                explanation->acks_unknown);
    account_text_budgets(account, out);
    text_progress(account, out);
}

/* ---- Requests to join ---- */

static int text_joins(const struct account *account, struct arena *arena, struct str *out,
                      struct err *err)
{
    static const char *const headings[] = { "UID", "HOST", "ADDRESS", "SLOT", "RULE", "WHY", NULL };
    const struct explanation *explanation = account->explanation;
    struct table table;
    size_t i;

    if (explanation->joins_count == 0) {
        return 0;
    }
    table_init(&table, arena, headings);
    for (i = 0; i < explanation->joins_count; i++) {
        const struct explained_join *join = &explanation->joins[i];
        const struct join *asked = &join->view->join;

        table_add(&table, asked->uid);
        table_add(&table, asked->host);
        table_addf(&table, "%s:%u", asked->ip, (unsigned int)asked->data_port);
        if (join->slot == 0) {
            table_add(&table, "");
        } else {
            table_addf(&table, "%04u", join->slot);
        }
        table_add(&table, join->decision.rule->name);
        table_add(&table, join->decision.rule->sentence);
    }
    str_append_text(out, "\n  Requests to join\n");
    return table_render(&table, 4, out, err);
}

/* ---- What comes next ---- */

static int compare_wakes(const void *a, const void *b)
{
    const struct explained_wake *x = *(const struct explained_wake *const *)a;
    const struct explained_wake *y = *(const struct explained_wake *const *)b;

    return x->at_ms < y->at_ms ? -1 : x->at_ms > y->at_ms;
}

static void add_wake(struct table *table, const struct account *account,
                     const struct explained_wake *wake)
{
    const struct account_then *then =
        account_then(account, (size_t)(wake - account->explanation->wakes));
    char until[SPAN_TEXT_SIZE + 4];
    char slot[SLOT_TEXT_SIZE];

    until_text(account->view->now_ms, wake->at_ms, until);
    table_add(table, until);
    if (wake->slot == 0) {
        table_add(table, "cluster");
    } else {
        slot_format(wake->slot, slot);
        table_addf(table, "%s on %s", slot, wake->host);
    }
    table_add(table, wake->why);
    if (then->rule[0] == '\0') {
        table_add(table, "looked at again");
    } else {
        table_addf(table, "%s%s%s", then->rule, then->sentence[0] == '\0' ? "" : ": ",
                   then->sentence);
    }
}

static int text_wakes(const struct account *account, struct arena *arena, struct str *out,
                      struct err *err)
{
    static const char *const headings[] = { "WHEN", "ABOUT", "WHILE", "THEN", NULL };
    const struct explanation *explanation = account->explanation;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are sorted */
    const size_t size = sizeof(const struct explained_wake *);
    const struct explained_wake **sorted = arena_calloc(arena, explanation->wakes_count + 1, size);
    struct table table;
    size_t i;

    if (sorted == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for what comes next");
    }
    if (explanation->wakes_count == 0) {
        return 0;
    }
    for (i = 0; i < explanation->wakes_count; i++) {
        sorted[i] = &explanation->wakes[i];
    }
    qsort(sorted, explanation->wakes_count, size, compare_wakes);
    table_init(&table, arena, headings);
    for (i = 0; i < explanation->wakes_count && i < WAKES_TOLD_MAX; i++) {
        add_wake(&table, account, sorted[i]);
    }
    str_append_text(out, "\n  Times that run, should nothing change until then\n");
    return table_render(&table, 4, out, err);
}

/* What is left in the way when all that is done. */
static void text_end(const struct forecast *forecast, struct str *out)
{
    const struct condition *end;

    if (forecast->status != NULL && !forecast->converged) {
        end = &forecast->status->conditions[CONDITION_CONVERGED];
        str_appendf(out, "  ! in the end (%s): %s\n", end->reason, end->message);
    }
}

int account_text_next(const struct account *account, struct arena *arena, struct str *out,
                      struct err *err)
{
    static const char *const headings[] = { "STEP", "WHAT", "RULE", "WHY", NULL };
    const struct forecast *forecast = &account->forecast;
    CLEANUP(str_deinit) struct str cell;
    uint64_t drain_ms = account->view->spec == NULL ? 0 : account->view->spec->spec.drain_ms;
    struct table table;
    size_t i;
    int rv;

    str_init(&cell, CELL_BYTES_MAX);
    str_append_text(out, "\n  Next, while every host obeys\n");
    if (forecast->steps_count == 0) {
        str_append_text(out, "    nothing\n");
        text_end(forecast, out);
        return 0;
    }
    table_init(&table, arena, headings);
    for (i = 0; i < forecast->steps_count && i < ACCOUNT_STEPS_MAX; i++) {
        str_clear(&cell);
        preview_words_step(&cell, &forecast->steps[i], drain_ms);
        table_addf(&table, "%zu", i + 1);
        table_add(&table, str_text(&cell));
        table_add(&table, forecast->steps[i].rule);
        table_add(&table, forecast->steps[i].sentence);
    }
    rv = table_render(&table, 4, out, err);
    if (i < forecast->steps_count) {
        str_appendf(out, "    and %zu more\n", forecast->steps_count - i);
    }
    text_end(forecast, out);
    return rv;
}

int account_text(const struct account *account, const struct account_scope *scope,
                 struct arena *arena, struct str *out, struct err *err)
{
    int rv;

    text_verdict(account, out);
    rv = text_nodes(account, scope, arena, out, err);
    if (rv < 0) {
        return rv;
    }
    text_details(account, scope, out);
    if (scope->slot == 0) {
        text_cluster(account, scope, out);
        rv = text_joins(account, arena, out, err);
    }
    if (0 <= rv && scope->slot == 0) {
        rv = text_wakes(account, arena, out, err);
    }
    if (0 <= rv && scope->slot == 0) {
        rv = account_text_next(account, arena, out, err);
    }
    return rv < 0 ? rv : str_check(out, err);
}
