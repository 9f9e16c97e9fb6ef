#include "show/join_verdicts.h"

#include "reconciler/explain.h"
#include "reconciler/joins.h"

#define PASS_BYTES_MAX (UINT64_C(256) << 20)

static const char *word_of(const struct explained_rule *decision)
{
    switch ((enum join_act)decision->rule->act) {
    case JOIN_KEEP:
        return (decision->facts & JOIN(KNOWN)) != 0 ? "admitted" : "waiting";
    case JOIN_AWAIT:
        return "waiting";
    case JOIN_REFUSE:
        return "refused";
    case JOIN_ADMIT:
    case JOIN_RETURN:
        break;
    }
    return "welcome";
}

static int keep(const struct explanation *explanation, struct arena *arena,
                const struct join_verdict **out, struct err *err)
{
    const struct join_verdict *list = NULL;
    size_t i;

    for (i = 0; i < explanation->joins_count; i++) {
        const struct explained_join *join = &explanation->joins[i];
        const bool refused = join->decision.rule->act == JOIN_REFUSE;
        struct join_verdict *made = arena_alloc(arena, sizeof(*made));
        const char *uid = arena_strdup(arena, join->view->join.uid);

        if (made == NULL || uid == NULL) {
            return err_set(err, ERR_NOMEM, "no memory for verdicts on requests to join");
        }
        *made = (struct join_verdict){ .next = list,
                                       .uid = uid,
                                       .slot = refused ? 0 : join->slot,
                                       .word = word_of(&join->decision),
                                       .rule = join->decision.rule->name,
                                       .why = join->decision.rule->sentence };
        list = made;
    }
    *out = list;
    return 0;
}

int join_verdicts_make(const struct view *view, struct arena *arena,
                       const struct join_verdict **out, struct err *err)
{
    CLEANUP(arena_deinit) struct arena pass;
    struct explanation explanation = { .known = false };
    struct plan plan;
    int rv;

    arena_init(&pass, PASS_BYTES_MAX);
    rv = reconcile_explained(view, &pass, &plan, &explanation, err);
    return rv < 0 ? rv : keep(&explanation, arena, out, err);
}
