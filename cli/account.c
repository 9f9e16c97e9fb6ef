#include "cli/account_parts.h"

#include <string.h>

#include "reconciler/push.h"

int account_make(const struct view *view, bool led, struct arena *arena, struct account *out,
                 struct err *err)
{
    struct account account = { .view = view, .led = led };
    struct explanation *explanation = arena_alloc(arena, sizeof(*explanation));
    int rv;

    if (explanation == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for an account of cluster %s", view->cluster);
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
    *out = account;
    return 0;
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
