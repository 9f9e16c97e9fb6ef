#include "cli/account_parts.h"

#include <string.h>

#include "reconciler/push.h"

#define PASS_BYTES_MAX (UINT64_C(256) << 20)

static const struct explained_node *node_find(const struct explanation *explanation, uint32_t slot,
                                              const char *host)
{
    size_t i;

    for (i = 0; i < explanation->nodes_count; i++) {
        if (explanation->nodes[i].slot == slot && strcmp(explanation->nodes[i].host, host) == 0) {
            return &explanation->nodes[i];
        }
    }
    return NULL;
}

static struct account_then then_rule(const struct explained_rule *now,
                                     const struct explained_rule *then)
{
    if (now->rule == then->rule) {
        return (struct account_then){ .rule = "", .sentence = "" };
    }
    return (struct account_then){ .rule = then->rule->name, .sentence = then->rule->sentence };
}

/* What another time makes of the node, or of the cluster. */
static struct account_then compare(const struct explanation *now, const struct explanation *then,
                                   const struct explained_wake *wake)
{
    const struct explained_node *before = node_find(now, wake->slot, wake->host);
    const struct explained_node *after = node_find(then, wake->slot, wake->host);
    struct account_then found;

    if (before != NULL && after != NULL) {
        return then_rule(&before->decision, &after->decision);
    }
    found = then_rule(&now->membership, &then->membership);
    if (found.rule[0] == '\0') {
        found = then_rule(&now->alias, &then->alias);
    }
    if (found.rule[0] == '\0' && strcmp(now->obstacle.reason, then->obstacle.reason) != 0) {
        found.rule = then->obstacle.reason;
    }
    return found;
}

/* Let the time pass to each of the wake-ups, and ask again. Rules are constant texts. */
static int look_ahead(const struct account *account, struct account_then *out, struct err *err)
{
    const struct explanation *explanation = account->explanation;
    struct arena passes;
    size_t i;
    int rv = 0;

    arena_init(&passes, PASS_BYTES_MAX);
    for (i = 0; 0 <= rv && i < explanation->wakes_count && i < ACCOUNT_WAKES_MAX; i++) {
        struct view view = *account->view;
        struct explanation then;
        struct plan plan;

        arena_clear(&passes);
        view.now_ms = explanation->wakes[i].at_ms;
        rv = reconcile_explained(&view, &passes, &plan, &then, err);
        if (0 <= rv) {
            out[i] = compare(explanation, &then, &explanation->wakes[i]);
        }
    }
    arena_deinit(&passes);
    return rv;
}

static int no_memory(const struct view *view, struct err *err)
{
    return err_set(err, ERR_NOMEM, "no memory for an account of cluster %s", view->cluster);
}

int account_make(const struct view *view, bool led, struct arena *arena, struct account *out,
                 struct err *err)
{
    struct account account = { .view = view, .led = led };
    struct explanation *explanation = arena_alloc(arena, sizeof(*explanation));
    struct account_then *then;
    int rv;

    if (explanation == NULL) {
        return no_memory(view, err);
    }
    account.explanation = explanation;
    rv = reconcile_explained(view, arena, &account.plan, explanation, err);
    if (0 <= rv && !explanation->known) {
        return err_set(err, ERR_NOT_FOUND, "there is no cluster '%s'", view->cluster);
    }
    if (0 <= rv) {
        rv = forecast_make(view, arena, &account.forecast, err);
    }
    if (rv < 0) {
        return rv;
    }
    then = arena_calloc(arena, ACCOUNT_WAKES_MAX, sizeof(*then));
    if (then == NULL) {
        return no_memory(view, err);
    }
    account.then = then;
    rv = look_ahead(&account, then, err);
    if (0 <= rv) {
        *out = account;
    }
    return rv;
}

const struct account_then *account_then(const struct account *account, size_t i)
{
    static const struct account_then unknown = { .rule = "", .sentence = "" };

    return i < ACCOUNT_WAKES_MAX ? &account->then[i] : &unknown;
}

bool account_has_slot(const struct account *account, uint32_t slot)
{
    size_t i;

    for (i = 0; i < account->explanation->nodes_count; i++) {
        if (account->explanation->nodes[i].slot == slot) {
            return true;
        }
    }
    return false;
}

const struct slot_status *account_told(const struct account *account,
                                       const struct explained_node *node)
{
    const struct status *status = account->view->status;
    size_t i;

    for (i = 0; status != NULL && i < status->slots_count; i++) {
        const struct slot_status *told = &status->slots[i];

        if (told->slot == node->slot && strcmp(told->host, node->host) == 0) {
            return told;
        }
    }
    return NULL;
}

bool account_is_in_order(const struct account *account, const struct explained_node *node)
{
    const struct slot_status *told = account_told(account, node);

    return strcmp(node->decision.rule->name, "serve") == 0 && told != NULL &&
           strcmp(told->rule, "serve") == 0 &&
           (node->push.rule == NULL || node->push.rule->act == PUSH_KEEP);
}

struct slot_observation account_seen(const struct account *account,
                                     const struct explained_node *node)
{
    const struct view *view = account->view;
    size_t i;

    for (i = 0; i < view->observations_count; i++) {
        if (view->observations[i].slot == node->slot &&
            strcmp(view->observations[i].host, node->host) == 0) {
            return view->observations[i];
        }
    }
    return (struct slot_observation){ .slot = node->slot, .host = node->host };
}

const char *account_wake_text(const char *why)
{
    if (strcmp(why, "progress-deadline") == 0) {
        return "the rollout stops, unless it came nearer by then";
    }
    return forecast_sentence(why);
}
