#include "watcher/agent.h"

#include "base/check.h"
#include "base/cleanup.h"

#define FACT(name) (1U << AGENT_FACT_##name)

/* clang-format off */
static const struct agent_rule rules[] = {
    /* name              need                              deny                      state           action */
    { "kill-overdue",    FACT(PROCESS)|FACT(OVERDUE),      0,                        AGENT_STOPPING, AGENT_DO_KILL,
      "it had its time to end" },
    { "await-the-end",   FACT(PROCESS)|FACT(ENDING),       0,                        AGENT_STOPPING, AGENT_DO_NOTHING,
      "it was asked to end" },
    { "stop-as-asked",   FACT(PROCESS)|FACT(STOP),         0,                        AGENT_STOPPING, AGENT_DO_TERM,
      "its intent has the phase stop" },
    { "stop-changed",    FACT(PROCESS)|FACT(RUNNABLE),     FACT(MATCHES),            AGENT_STOPPING, AGENT_DO_TERM,
      "its intent asks for other settings or another address" },
    { "kill-hung",       FACT(PROCESS)|FACT(HUNG)|FACT(RUNNABLE), 0,                 AGENT_SILENT,   AGENT_DO_KILL,
      "it has been silent for so long that a new start is better" },
    { "silent",          FACT(PROCESS)|FACT(SILENT),       0,                        AGENT_SILENT,   AGENT_DO_NOTHING,
      "it does not answer" },
    { "up",              FACT(PROCESS)|FACT(PROVEN),       0,                        AGENT_UP,       AGENT_DO_NOTHING,
      "it answers" },
    { "starting",        FACT(PROCESS),                    0,                        AGENT_STARTING, AGENT_DO_NOTHING,
      "it has yet to answer" },
    { "stopped",         FACT(STOP)|FACT(PRESENT),         0,                        AGENT_STOPPED,  AGENT_DO_NOTHING,
      "nothing runs, as its intent asks" },
    { "forget",          FACT(STOP),                       0,                        AGENT_GONE,     AGENT_DO_FORGET,
      "it is stopped, and its intent has gone" },
    { "forget-bygone",   FACT(UNASKED)|FACT(BYGONE),       FACT(PRESENT),            AGENT_GONE,     AGENT_DO_FORGET,
      "nothing runs, and its cluster is gone" },
    { "unasked",         FACT(UNASKED),                    0,                        AGENT_STOPPED,  AGENT_DO_NOTHING,
      "nothing runs, and nobody asks for it" },
    { "start",           FACT(RUNNABLE)|FACT(DUE),         0,                        AGENT_STARTING, AGENT_DO_START,
      "nothing runs, and its intent asks for it" },
    { "wait",            0,                                0,                        AGENT_WAITING,  AGENT_DO_NOTHING,
      "it can't be started yet" },
};

static const struct agent_law laws[] = {
    { FACT(UNASKED)|FACT(PRESENT), 0,         "an intent asks for it" },
    { FACT(UNASKED)|FACT(PROCESS), 0,         "what runs has run" },
    { FACT(BYGONE),      FACT(UNASKED),       "what was a cluster's is looked at when nobody asks for it" },
    { FACT(MATCHES),     FACT(PROCESS),       "what does not run was not started with anything" },
    { FACT(PROVEN),      FACT(PROCESS),       "only what runs answers" },
    { FACT(SILENT),      FACT(PROCESS),       "only what runs is asked" },
    { FACT(HUNG),        FACT(SILENT),        "what is silent for long is silent" },
    { FACT(ENDING),      FACT(PROCESS),       "only what runs can be sent a signal" },
    { FACT(OVERDUE),     FACT(ENDING),        "only what was asked to end can be late with it" },
};
/* clang-format on */

static void set_state(struct agent *agent, enum agent_state state)
{
    agent->state = state;
}

void agent_init(struct agent *agent)
{
    *agent = (struct agent){ 0 };
    set_state(agent, AGENT_WAITING);
}

const struct agent_rule *agent_rules(size_t *count)
{
    *count = ARRAY_COUNT(rules);
    return rules;
}

const struct agent_law *agent_laws(size_t *count)
{
    *count = ARRAY_COUNT(laws);
    return laws;
}

const struct agent_rule *agent_rule(uint32_t facts)
{
    size_t i = 0;

    while ((facts & rules[i].need) != rules[i].need || (facts & rules[i].deny) != 0) {
        i++;
        CHECK(i < ARRAY_COUNT(rules));
    }
    return &rules[i];
}

static bool is_silent(const struct agent *agent, uint64_t for_ms)
{
    return AGENT_SILENCES_MIN <= agent->silences && for_ms <= agent->silent_ms;
}

static void end_silence(struct agent *agent)
{
    agent->silences = 0;
    agent->timely = 0;
    agent->silence_ms = 0;
    agent->silent_ms = 0;
}

static uint32_t bit(bool value, uint32_t fact)
{
    return value ? fact : 0;
}

uint32_t agent_facts(const struct agent *agent, const struct agent_input *input, uint64_t now_ms)
{
    bool unasked = !input->present && !agent->process && !agent->ran;
    uint32_t facts = 0;

    facts |= bit(input->present, FACT(PRESENT));
    facts |= bit(input->stop, FACT(STOP));
    facts |= bit(unasked, FACT(UNASKED));
    facts |= bit(unasked && input->bygone, FACT(BYGONE));
    facts |= bit(input->runnable, FACT(RUNNABLE));
    facts |= bit(agent->start_at_ms <= now_ms, FACT(DUE));
    if (!agent->process) {
        return facts;
    }
    facts |= FACT(PROCESS);
    facts |= bit(input->matches, FACT(MATCHES));
    facts |= bit(agent->answered_ms != 0, FACT(PROVEN));
    facts |= bit(is_silent(agent, AGENT_SILENT_MS), FACT(SILENT));
    facts |= bit(is_silent(agent, AGENT_HUNG_MS) && AGENT_TIMELY_MIN <= agent->timely, FACT(HUNG));
    facts |= bit(agent->asked_to_end, FACT(ENDING));
    facts |= bit(agent->asked_to_end && !agent->killed && agent->term_ms + AGENT_TERM_MS <= now_ms,
                 FACT(OVERDUE));
    return facts;
}

void agent_follow(struct agent *agent, const struct agent_rule *rule, uint64_t now_ms)
{
    set_state(agent, rule->state);
    switch (rule->action) {
    case AGENT_DO_START:
        agent->process = true;
        agent->ran = true;
        agent->killed = false;
        agent->asked_to_end = false;
        agent->started_ms = now_ms;
        agent->answered_ms = 0;
        end_silence(agent);
        agent->term_ms = 0;
        break;
    case AGENT_DO_TERM:
        agent->asked_to_end = true;
        agent->term_ms = now_ms;
        break;
    case AGENT_DO_KILL:
        agent->asked_to_end = true;
        agent->killed = true;
        break;
    case AGENT_DO_NOTHING:
    case AGENT_DO_FORGET:
        break;
    }
}

void agent_adopted(struct agent *agent, uint64_t now_ms)
{
    agent_init(agent);
    agent->process = true;
    agent->ran = true;
    agent->started_ms = now_ms;
    set_state(agent, AGENT_STARTING);
}

void agent_hold(struct agent *agent, uint64_t now_ms)
{
    agent->start_at_ms = now_ms + AGENT_HOLD_MS;
}

void agent_answered(struct agent *agent, uint64_t now_ms)
{
    agent->answered_ms = now_ms;
    end_silence(agent);
}

/* Since when the process owes an answer to the question that was given up now. */
static uint64_t owing_since_ms(const struct agent *agent)
{
    if (agent->silence_ms != 0) {
        return agent->silence_ms;
    }
    return agent->answered_ms == 0 ? agent->started_ms : agent->answered_ms;
}

bool agent_silent(struct agent *agent, uint64_t now_ms)
{
    uint64_t owed_ms = now_ms - owing_since_ms(agent);

    if (agent->silences < AGENT_SILENCES_MIN) {
        agent->silences++;
    }
    if (AGENT_QUESTION_MS < owed_ms) {
        agent->timely = 0;
    } else if (agent->timely < AGENT_TIMELY_MIN) {
        agent->timely++;
    }
    agent->silent_ms += owed_ms < AGENT_QUESTION_MS ? owed_ms : AGENT_QUESTION_MS;
    agent->silence_ms = now_ms;
    return is_silent(agent, AGENT_SILENT_MS);
}

static uint64_t backoff_ms(uint32_t quick_deaths)
{
    uint64_t delay_ms = AGENT_BACKOFF_FIRST_MS;
    uint32_t i;

    if (quick_deaths <= 1) {
        return 0;
    }
    for (i = 2; i < quick_deaths && delay_ms < AGENT_BACKOFF_MAX_MS; i++) {
        delay_ms *= 2;
    }
    return delay_ms < AGENT_BACKOFF_MAX_MS ? delay_ms : AGENT_BACKOFF_MAX_MS;
}

/* An end that we asked for is no death: what follows it follows at once. */
void agent_ended(struct agent *agent, uint64_t now_ms)
{
    bool quick = agent->answered_ms == 0 || now_ms < agent->started_ms + AGENT_STEADY_MS;

    if (agent->asked_to_end) {
        agent->quick_deaths = 0;
    } else {
        agent->quick_deaths = quick ? agent->quick_deaths + 1 : 1;
    }
    agent->start_at_ms = now_ms + backoff_ms(agent->quick_deaths);
    agent->process = false;
    agent->asked_to_end = false;
    agent->killed = false;
    agent->answered_ms = 0;
    end_silence(agent);
    set_state(agent, AGENT_WAITING);
}

void agent_hurry(struct agent *agent)
{
    agent->quick_deaths = 0;
    agent->start_at_ms = 0;
}

uint64_t agent_wake_ms(const struct agent *agent, uint64_t now_ms)
{
    if (!agent->process) {
        return now_ms < agent->start_at_ms ? agent->start_at_ms : UINT64_MAX;
    }
    if (!agent->asked_to_end || agent->killed || agent->term_ms + AGENT_TERM_MS <= now_ms) {
        return UINT64_MAX;
    }
    return agent->term_ms + AGENT_TERM_MS;
}

const char *agent_state_text(enum agent_state state)
{
    static const char *const texts[] = {
#define X(name, text, meaning) text,
        AGENT_STATES(X)
#undef X
    };

    return texts[state];
}

const char *agent_action_text(enum agent_action action)
{
    static const char *const texts[] = {
#define X(name, text, meaning) text,
        AGENT_ACTIONS(X)
#undef X
    };

    return texts[action];
}
