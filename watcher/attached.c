#include "watcher/attached.h"

#include "base/check.h"
#include "base/cleanup.h"

#define FACT(name) (1U << ATTACHED_FACT_##name)

/* clang-format off */
static const struct agent_rule rules[] = {
    /* name              need                          deny                        state          action */
    { "let-go",          FACT(STOP)|FACT(PRESENT),     0,                          AGENT_STOPPED, AGENT_DO_NOTHING,
      "its intent has the phase stop: it is a node no longer" },
    { "forget-let-go",   FACT(STOP),                   0,                          AGENT_GONE,    AGENT_DO_FORGET,
      "it is a node no longer, and its intent has gone" },
    { "joined-silent",   FACT(HEARD)|FACT(SILENT),     0,                          AGENT_SILENT,  AGENT_DO_NOTHING,
      "it does not answer" },
    { "joined-up",       FACT(HEARD)|FACT(PROVEN),     0,                          AGENT_UP,      AGENT_DO_NOTHING,
      "it answers" },
    { "joined-starting", FACT(HEARD),                  0,                          AGENT_STARTING, AGENT_DO_NOTHING,
      "it has yet to answer" },
    { "forget-joined",   FACT(BYGONE),                 FACT(PRESENT),              AGENT_GONE,    AGENT_DO_FORGET,
      "it does not run, and its cluster is gone" },
    { "await-joined",    0,                            0,                          AGENT_WAITING, AGENT_DO_NOTHING,
      "it does not run; whoever runs it may start it again" },
};

static const struct agent_law laws[] = {
    { FACT(PROVEN),              FACT(HEARD), "only what runs answers" },
    { FACT(SILENT),              FACT(HEARD), "only what runs is asked" },
    { FACT(BYGONE)|FACT(PRESENT), 0,          "an intent asks for it" },
};
/* clang-format on */

const struct agent_rule *attached_rules(size_t *count)
{
    *count = ARRAY_COUNT(rules);
    return rules;
}

const struct agent_law *attached_laws(size_t *count)
{
    *count = ARRAY_COUNT(laws);
    return laws;
}

static uint32_t bit(bool value, uint32_t fact)
{
    return value ? fact : 0;
}

uint32_t attached_facts(const struct agent *agent, const struct agent_input *input)
{
    bool silent = AGENT_SILENCES_MIN <= agent->silences && AGENT_SILENT_MS <= agent->silent_ms;
    uint32_t facts = 0;

    facts |= bit(input->present, FACT(PRESENT));
    facts |= bit(input->stop, FACT(STOP));
    facts |= bit(!input->present && input->bygone, FACT(BYGONE));
    facts |= bit(agent->process, FACT(HEARD));
    facts |= bit(agent->process && agent->answered_ms != 0, FACT(PROVEN));
    facts |= bit(agent->process && silent, FACT(SILENT));
    return facts;
}

const struct agent_rule *attached_rule(uint32_t facts)
{
    size_t i = 0;

    while ((facts & rules[i].need) != rules[i].need || (facts & rules[i].deny) != 0) {
        i++;
        CHECK(i < ARRAY_COUNT(rules));
    }
    return &rules[i];
}
