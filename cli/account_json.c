/* An account as JSON. */
#include "cli/account_parts.h"
#include "cli/preview.h"
#include "show/json_out.h"

static void json_rule(struct json_out *json, const struct explained_rule *decision)
{
    size_t i;

    json_out_text(json, "rule", decision->rule->name);
    json_out_text(json, "why", decision->rule->sentence);
    json_out_text(json, "act", decision->table->acts[decision->rule->act].text);
    json_out_open(json, "facts", '[');
    for (i = 0; i < decision->table->facts_count; i++) {
        if ((decision->facts & (UINT64_C(1) << i)) != 0) {
            json_out_open(json, NULL, '{');
            json_out_text(json, "name", decision->table->facts[i].name);
            json_out_text(json, "meaning", decision->table->facts[i].text);
            json_out_close(json, '}');
        }
    }
    json_out_close(json, ']');
}

/* A time, or null. */
static void json_time(struct json_out *json, const char *name, uint64_t at_ms)
{
    if (at_ms == 0 || at_ms == UINT64_MAX) {
        json_out_null(json, name);
    } else {
        json_out_number(json, name, at_ms);
    }
}

static void json_node(struct json_out *json, const struct account *account,
                      const struct explained_node *node)
{
    const struct slot_status *told = account_told(account, node);
    struct slot_observation seen = account_seen(account, node);

    json_out_open(json, NULL, '{');
    json_out_slot(json, "slot", node->slot);
    json_out_text(json, "host", node->host);
    json_out_text(json, "state",
                  node->report == NULL ? "silent" : node_state_text(node->report->state));
    json_rule(json, &node->decision);
    if (told == NULL) {
        json_out_null(json, "controllerRule");
    } else {
        json_out_text(json, "controllerRule", told->rule);
    }
    if (node->push.rule != NULL) {
        json_out_open(json, "push", '{');
        json_rule(json, &node->push);
        json_out_close(json, '}');
    }
    if (node->place != NULL) {
        json_out_open(json, "place", '{');
        json_out_text(json, "host", node->place->host);
        json_out_address(json, "address", node->place->ip, node->place->data_port);
        json_out_close(json, '}');
    }
    json_time(json, "silentSinceMs", seen.report_gone_since_ms);
    json_time(json, "unreachableSinceMs", seen.unreachable_since_ms);
    json_time(json, "nextMs", node->next_ms);
    json_out_close(json, '}');
}

static void json_nodes(struct json_out *json, const struct account *account,
                       const struct account_scope *scope)
{
    const struct explanation *explanation = account->explanation;
    size_t i;

    json_out_open(json, "nodes", '[');
    for (i = 0; i < explanation->nodes_count; i++) {
        if (scope->slot == 0 || scope->slot == explanation->nodes[i].slot) {
            json_node(json, account, &explanation->nodes[i]);
        }
    }
    json_out_close(json, ']');
}

static void json_obstacle(struct json_out *json, const struct obstacle *obstacle)
{
    static const char *const kinds[] = { "none", "held", "pending", "stalled" };

    json_out_open(json, "obstacle", '{');
    json_out_text(json, "kind", kinds[obstacle->kind]);
    json_out_text(json, "reason", obstacle->reason);
    json_out_text(json, "message", obstacle->message);
    json_out_close(json, '}');
}

static void json_budget(struct json_out *json, const struct explained_budget *budget)
{
    json_out_open(json, "budget", '{');
    json_out_number(json, "unavailable", budget->unavailable);
    json_out_number(json, "maxUnavailable", budget->unavailable_max);
    json_out_number(json, "surge", budget->surge);
    json_out_number(json, "maxSurge", budget->surge_max);
    json_out_close(json, '}');
}

static void json_progress(struct json_out *json, const struct account *account)
{
    const struct progress *progress = &account->explanation->progress;
    const struct spec_record *record = account->view->spec;

    json_out_open(json, "rollout", '{');
    json_out_bool(json, "active", progress->active);
    json_out_bool(json, "stalled", progress->stalled);
    json_out_bool(json, "paused", record != NULL && record->paused);
    json_out_number(json, "updated", progress->updated);
    json_time(json, "sinceMs", progress->active ? progress->since_ms : 0);
    json_time(json, "deadlineMs", progress->active ? progress->deadline_ms : 0);
    json_out_close(json, '}');
}

static void json_wakes(struct json_out *json, const struct account *account)
{
    const struct explanation *explanation = account->explanation;
    size_t i;

    json_out_open(json, "wakes", '[');
    for (i = 0; i < explanation->wakes_count; i++) {
        const struct explained_wake *wake = &explanation->wakes[i];

        json_out_open(json, NULL, '{');
        if (wake->slot != 0) {
            json_out_slot(json, "slot", wake->slot);
            json_out_text(json, "host", wake->host);
        }
        json_out_number(json, "atMs", wake->at_ms);
        json_out_text(json, "rule", wake->why);
        json_out_text(json, "why", account_wake_text(wake->why));
        json_out_text(json, "then", account_then(account, i)->rule);
        json_out_close(json, '}');
    }
    json_out_close(json, ']');
}

static void json_decision(struct json_out *json, const char *name,
                          const struct explained_rule *decision)
{
    json_out_open(json, name, '{');
    json_rule(json, decision);
    json_out_close(json, '}');
}

static void json_joins(struct json_out *json, const struct explanation *explanation)
{
    size_t i;

    json_out_open(json, "joins", '[');
    for (i = 0; i < explanation->joins_count; i++) {
        const struct explained_join *join = &explanation->joins[i];

        json_out_open(json, NULL, '{');
        json_out_text(json, "uid", join->view->join.uid);
        json_out_text(json, "host", join->view->join.host);
        json_out_address(json, "address", join->view->join.ip, join->view->join.data_port);
        json_out_number(json, "watchers", join->view->watchers);
        if (join->slot != 0) {
            json_out_slot(json, "slot", join->slot);
        }
        json_decision(json, "decision", &join->decision);
        json_out_close(json, '}');
    }
    json_out_close(json, ']');
}

int account_json(const struct account *account, const struct account_scope *scope, struct str *out,
                 struct err *err)
{
    const struct explanation *explanation = account->explanation;
    const struct spec_record *record = account->view->spec;
    const struct status *status = account->view->status;
    struct json_out json = { .out = out };

    json_out_open(&json, NULL, '{');
    json_out_text(&json, "name", account->view->cluster);
    json_out_number(&json, "nowMs", account->view->now_ms);
    json_out_number(&json, "generation", record == NULL ? 0 : record->generation);
    json_out_number(&json, "observedGeneration", status == NULL ? 0 : status->observed_generation);
    json_out_bool(&json, "led", account->led);
    json_out_bool(&json, "converged", explanation->obstacle.kind == OBSTACLE_NONE);
    json_obstacle(&json, &explanation->obstacle);
    json_out_bool(&json, "massFailure", explanation->mass);
    if (explanation->no_place != NULL) {
        json_out_text(&json, "noPlace", explanation->no_place);
    }
    json_nodes(&json, account, scope);
    json_joins(&json, explanation);
    json_decision(&json, "membership", &explanation->membership);
    json_decision(&json, "alias", &explanation->alias);
    json_out_number(&json, "nextVersion", explanation->version_next);
    json_out_number(&json, "acksMissing", explanation->acks_missing);
    json_out_number(&json, "acksUnknown", explanation->acks_unknown);
    json_budget(&json, &explanation->budget);
    json_progress(&json, account);
    json_wakes(&json, account);
    preview_json_steps(&json, &account->forecast);
    json_out_close(&json, '}');
    return str_check(out, err);
}
