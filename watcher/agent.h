/*
 * agent - what to do next with the node of one slot. Pure.
 *
 * Facts about the intent, the process and the clock are bits; the first rule of a table that fits
 * them names the state and the action. Level-triggered: asked again with the same facts it says the
 * same, and after a restart of the watcher it decides from what was found.
 *
 * A process runs on without an intent, and is started again when it dies: only the phase `stop`, a
 * change of what it must be started with, or long silence ends one. What did not run when the
 * watcher began is started for an intent only, or when etcd can't be heard.
 */
#ifndef WATCHER_AGENT_H
#define WATCHER_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long a process may take to end after SIGTERM before SIGKILL. */
#define AGENT_TERM_MS 5000U
/* Without any answer for so long it is reported down ... */
#define AGENT_SILENT_MS 5000U
/* ... and for so long it is killed and started again. */
#define AGENT_HUNG_MS 30000U
/* Both only when so many questions in a row had no answer: a watcher that was itself stopped, or
 * got no processor, has heard nothing because it has not asked. */
#define AGENT_SILENCES_MIN 3U
/* For the same reason a question without an answer counts for no longer than this: asking, and the
 * pause before it, take less. */
#define AGENT_QUESTION_MS 4000U
/* And before it kills, a watcher that was away asks so many times again: what hung may answer. */
#define AGENT_TIMELY_MIN 3U
/* What did not run when the watcher began waits so long for the intent to be heard. */
#define AGENT_HOLD_MS 5000U
/* A process that ran for so long before it died is started again at once. */
#define AGENT_STEADY_MS 10000U
#define AGENT_BACKOFF_FIRST_MS 500U
#define AGENT_BACKOFF_MAX_MS 30000U

/* clang-format off */
/* name, text in logs, what it says of the node */
#define AGENT_STATES(X)                                                      \
    X(WAITING, "waiting", "nothing runs; a start is due now or later")       \
    X(STARTING, "starting", "it runs and has not answered yet")              \
    X(UP, "up", "it runs and answers")                                       \
    X(SILENT, "silent", "it runs, and should answer, but does not")          \
    X(STOPPING, "stopping", "it was asked to end")                           \
    X(STOPPED, "stopped", "it does not run, as asked, or as nobody asks")    \
    X(GONE, "gone", "it is stopped, and no intent is left")

#define AGENT_ACTIONS(X)                                              \
    X(NOTHING, "nothing", "nothing")                                  \
    X(START, "start", "memcached is started")                         \
    X(TERM, "term", "memcached gets SIGTERM")                         \
    X(KILL, "kill", "memcached gets SIGKILL")                         \
    X(FORGET, "forget", "its report, directories and slot are removed")

/* fact, what it says about the node */
#define AGENT_FACTS(X)                                                       \
    X(PRESENT, "the intent's key exists, as far as etcd was heard")          \
    X(STOP, "the last known intent has the phase stop")                      \
    X(UNASKED, "there is no intent, and it has not run since the watcher did") \
    X(BYGONE, "its cluster is gone, and etcd knows of all versions that it has seen") \
    X(RUNNABLE, "there is a memcached that can be started")                  \
    X(PROCESS, "a process runs")                                             \
    X(MATCHES, "it was started with what the last known intent says")        \
    X(PROVEN, "it has answered since its start")                             \
    X(SILENT, "it was asked in vain for so long that it counts as down")    \
    X(HUNG, "it was asked in vain for so long that it is started again")     \
    X(ENDING, "it was sent SIGTERM or SIGKILL")                              \
    X(OVERDUE, "it had its time to end after SIGTERM, and no SIGKILL yet")    \
    X(DUE, "no backoff holds a start up")
/* clang-format on */

enum agent_state {
#define X(name, text, meaning) AGENT_##name,
    AGENT_STATES(X)
#undef X
};

enum agent_action {
#define X(name, text, meaning) AGENT_DO_##name,
    AGENT_ACTIONS(X)
#undef X
};

enum agent_fact {
#define X(name, text) AGENT_FACT_##name,
    AGENT_FACTS(X)
#undef X
        AGENT_FACT_COUNT
};

struct agent_rule {
    const char *name;
    uint32_t need; /* all of these facts */
    uint32_t deny; /* none of these */
    enum agent_state state;
    enum agent_action action;
    const char *sentence; /* why, for an operator */
};

/* What the meaning of the facts rules out: all of `need` and none of `deny`. */
struct agent_law {
    uint32_t need;
    uint32_t deny;
    const char *sentence; /* what is so instead */
};

/* What the agent remembers between two looks; times on the monotonic clock, 0: never. */
struct agent {
    enum agent_state state;
    bool process;
    bool ran; /* a process, ever */
    bool killed;
    uint64_t started_ms;
    uint64_t answered_ms; /* since the start */
    uint32_t silences;    /* questions without an answer, in a row */
    uint32_t timely;      /* the last so many of them were given up in time */
    uint64_t silence_ms;  /* when the last of them was given up */
    uint64_t silent_ms;   /* how long they count for together */
    uint64_t term_ms;
    uint64_t start_at_ms;  /* the next start is not before */
    uint32_t quick_deaths; /* in a row */
    bool asked_to_end;     /* by a signal of ours */
};

/* What the agent can't know by itself. */
struct agent_input {
    bool present;
    bool stop;
    bool bygone; /* counts for a node that nobody asks for */
    bool runnable;
    bool matches;
};

/* Nothing runs, a start is due. */
void agent_init(struct agent *agent);

/* The rules in their order; the last one fits always. */
const struct agent_rule *agent_rules(size_t *count);
/* agent_facts() yields nothing that breaks one of these. */
const struct agent_law *agent_laws(size_t *count);

uint32_t agent_facts(const struct agent *agent, const struct agent_input *input, uint64_t now_ms);

/* The first rule that fits `facts`. */
const struct agent_rule *agent_rule(uint32_t facts);

/* Take over the rule's state and note its action as done at `now_ms`. */
void agent_follow(struct agent *agent, const struct agent_rule *rule, uint64_t now_ms);

/* A running process was adopted: it counts as started now, and must answer anew. */
void agent_adopted(struct agent *agent, uint64_t now_ms);

void agent_answered(struct agent *agent, uint64_t now_ms);

/* A question had no answer. Returns whether that may have changed a fact. */
bool agent_silent(struct agent *agent, uint64_t now_ms);

/* Nothing runs, and who asks for it is not known yet: a start waits for that, but not for ever. */
void agent_hold(struct agent *agent, uint64_t now_ms);

/* The process ended, or could not be started. */
void agent_ended(struct agent *agent, uint64_t now_ms);

/* Something that kept the process from running has gone away: no backoff any more. */
void agent_hurry(struct agent *agent);

/* When time alone changes a fact next; UINT64_MAX: never. */
uint64_t agent_wake_ms(const struct agent *agent, uint64_t now_ms);

const char *agent_state_text(enum agent_state state);
const char *agent_action_text(enum agent_action action);

#endif
