/* Plans as JSON. */
#include "cli/preview.h"

static void json_spec(struct json_out *json, const struct preview *plan)
{
    size_t i;

    json_out_open(json, "spec", '[');
    for (i = 0; i < plan->diff.count; i++) {
        json_out_open(json, NULL, '{');
        json_out_text(json, "field", plan->diff.lines[i].name);
        json_out_text(json, "before", plan->diff.lines[i].before);
        json_out_text(json, "after", plan->diff.lines[i].after);
        json_out_close(json, '}');
    }
    json_out_close(json, ']');
}

static void json_node(struct json_out *json, const char *name, const struct intent *intent)
{
    if (intent == NULL) {
        json_out_null(json, name);
        return;
    }
    json_out_open(json, name, '{');
    json_out_text(json, "host", intent->host);
    json_out_address(json, "address", intent->ip, intent->data_port);
    json_out_number(json, "memoryBytes", intent->settings.memory_bytes);
    json_out_close(json, '}');
}

static void json_slots(struct json_out *json, const struct forecast *forecast)
{
    size_t i;

    json_out_open(json, "slots", '[');
    for (i = 0; i < forecast->slots_count; i++) {
        const struct forecast_slot *slot = &forecast->slots[i];

        json_out_open(json, NULL, '{');
        json_out_slot(json, "slot", slot->slot);
        json_out_text(json, "change", forecast_change_text(slot->change));
        json_node(json, "before", slot->before);
        json_node(json, "after", slot->after);
        json_out_bool(json, "emptied", slot->emptied);
        json_out_text(json, "rule", slot->rule);
        json_out_text(json, "why", slot->sentence);
        json_out_close(json, '}');
    }
    json_out_close(json, ']');
}

static void json_numbers(struct json_out *json, const char *name,
                         const struct forecast_slots *slots)
{
    size_t i;

    json_out_open(json, name, '[');
    for (i = 0; i < slots->count; i++) {
        json_out_slot(json, NULL, slots->list[i]);
    }
    json_out_close(json, ']');
}

static void json_step(struct json_out *json, const struct forecast_step *step)
{
    json_out_open(json, NULL, '{');
    json_out_text(json, "act", forecast_act_text(step->act));
    if (step->slot != 0) {
        json_out_slot(json, "slot", step->slot);
    }
    if (step->before != NULL || step->after != NULL) {
        json_node(json, "before", step->before);
        json_node(json, "after", step->after);
    }
    if (step->alias != NULL) {
        json_out_address(json, "endpoint", step->alias->ip, step->alias->port);
        json_out_number(json, "version", step->alias->version);
    }
    if (step->version != 0) {
        json_out_number(json, "version", step->version);
        json_out_number(json, "nodes", step->nodes);
    }
    if (step->act == FORECAST_COMMIT) {
        json_numbers(json, "joined", &step->joined);
        json_numbers(json, "left", &step->left);
        json_numbers(json, "moved", &step->moved);
    }
    if (step->act == FORECAST_WAIT) {
        json_out_number(json, "waitMs", step->wait_ms);
    }
    json_out_text(json, "rule", step->rule);
    json_out_text(json, "why", step->sentence);
    json_out_close(json, '}');
}

void preview_json_steps(struct json_out *json, const struct forecast *forecast)
{
    size_t i;

    json_out_open(json, "steps", '[');
    for (i = 0; i < forecast->steps_count; i++) {
        json_step(json, &forecast->steps[i]);
    }
    json_out_close(json, ']');
}

static void json_summary(struct json_out *json, const struct forecast *forecast)
{
    json_out_open(json, "summary", '{');
    json_out_number(json, "starts", forecast->starts);
    json_out_number(json, "stops", forecast->stops);
    json_out_number(json, "restarts", forecast->restarts);
    json_out_number(json, "moves", forecast->moves);
    json_out_number(json, "versions", forecast->versions);
    json_out_number(json, "pushes", forecast->pushes);
    json_out_number(json, "endpointMoves", forecast->endpoint_moves);
    json_out_number(json, "versionBefore", forecast->version_before);
    json_out_number(json, "versionAfter", forecast->version_after);
    json_out_number(json, "memoryUpBytes", forecast->memory_up);
    json_out_number(json, "memoryLostBytes", forecast->memory_lost);
    json_out_close(json, '}');
}

static void json_keys(struct json_out *json, const struct preview_keys *keys)
{
    size_t way;

    if (!keys->known) {
        json_out_null(json, "keys");
        return;
    }
    json_out_open(json, "keys", '{');
    for (way = 0; way < PREVIEW_KEYS_WAY_COUNT; way++) {
        const struct preview_keys_share *share = &keys->shares[way];

        json_out_open(json, preview_keys_way_text((enum preview_keys_way)way), '{');
        json_out_thousandths(json, "moved", share->moved);
        json_out_thousandths(json, "missed", share->missed);
        json_out_number(json, "tried", share->tried ? PREVIEW_KEYS_TRIED : 0);
        json_out_close(json, '}');
    }
    json_out_close(json, '}');
}

static void json_blocks(struct json_out *json, const struct preview *plan)
{
    enum condition_type types[PREVIEW_BLOCKS_MAX];
    size_t count = preview_blocks(plan, types);
    size_t i;

    json_out_open(json, "inTheWay", '[');
    for (i = 0; i < count; i++) {
        const struct condition *one = &plan->forecast.status->conditions[types[i]];

        json_out_open(json, NULL, '{');
        json_out_text(json, "condition", condition_type_text(types[i]));
        json_out_text(json, "reason", one->reason);
        json_out_text(json, "message", one->message);
        json_out_close(json, '}');
    }
    json_out_close(json, ']');
}

static const char *wish_text(const struct preview *plan)
{
    if (plan->wish.kind == PREVIEW_DELETE) {
        return "delete";
    }
    if (plan->wish.kind == PREVIEW_DRAIN) {
        return "drain";
    }
    if (!plan->writes) {
        return "none";
    }
    return plan->before == NULL ? "create" : "change";
}

static void json_cluster(struct json_out *json, const struct preview *plan)
{
    json_out_open(json, NULL, '{');
    json_out_text(json, "name", plan->name);
    json_out_text(json, "action", wish_text(plan));
    json_out_bool(json, "changes", preview_changes(plan));
    json_out_number(json, "generation", plan->after->generation);
    json_spec(json, plan);
    json_summary(json, &plan->forecast);
    json_slots(json, &plan->forecast);
    preview_json_steps(json, &plan->forecast);
    json_keys(json, &plan->keys);
    json_blocks(json, plan);
    json_out_bool(json, "converges", plan->forecast.converged);
    json_out_bool(json, "settled", plan->forecast.settled);
    json_out_close(json, '}');
}

int preview_json(const struct previews *plans, struct str *out, struct err *err)
{
    struct json_out json = { .out = out };
    size_t i;

    json_out_open(&json, NULL, '{');
    json_out_open(&json, "clusters", '[');
    for (i = 0; i < plans->count; i++) {
        json_cluster(&json, &plans->list[i]);
    }
    json_out_close(&json, ']');
    json_out_bool(&json, "changes", previews_change(plans));
    json_out_bool(&json, "led", plans->led);
    json_out_close(&json, '}');
    return str_check(out, err);
}
