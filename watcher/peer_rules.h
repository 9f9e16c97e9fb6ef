/*
 * peer_rules - what to do next about one peer. Pure.
 *
 * Facts about what it was seen to serve and about the clock are bits; the first rule of a table
 * that fits them names the action. Level-triggered: asked again with the same facts it says the
 * same. What was seen is compared by content and by verified versions; times only pace.
 *
 * Each peer is watched by RING_SUCCESSORS nodes. The nearest one mends first; the others wait so
 * much longer that they find it mended.
 */
#ifndef WATCHER_PEER_RULES_H
#define WATCHER_PEER_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long a peer may lag before the nearest node writes to it: a push is under way to it, too.
 * The second waits twice as long, the third three times. */
#define PEER_GRACE_MS 2000U
/* Its data port is read so often, as the proof; */
#define PEER_POLL_MS 10000U
/* so often while it does not answer, */
#define PEER_POLL_SILENT_MS 1000U
/* and so often when it has been silent for so long, and was asked so many times, that it counts as
 * unreachable. */
#define PEER_POLL_GONE_MS 5000U
#define PEER_SILENT_MS 5000U
#define PEER_SILENCES_MIN 3U
/* What its subscription tells makes for a look at once, but for no more than one in so long. */
#define PEER_LOOK_PAUSE_MS 100U
/* After a write its effect is looked for. */
#define PEER_CHECK_MS 300U
/* A write that did not help is repeated after so long, doubling. */
#define PEER_WRITE_RETRY_FIRST_MS 2000U
#define PEER_WRITE_RETRY_MAX_MS 60000U

/* What it was seen to serve, next to the record in force here. */
enum peer_sight {
    PEER_UNSEEN,  /* not known */
    PEER_SAME,    /* the record in force here */
    PEER_BEHIND,  /* an older one, nothing, or what is no record */
    PEER_TWIN,    /* another content of the version in force: an alarm, nothing is written */
    PEER_FOREIGN, /* of another cluster or incarnation, whose affair it is */
};

/* clang-format off */
/* fact, what it says about the peer */
#define PEER_FACTS(X)                                                       \
    X(BUSY, "a question to it is on its way")                               \
    X(DUE, "the time of its next look has come")                            \
    X(BEHIND, "it serves an older record, none, or what is no record")      \
    X(LATE, "it has for longer than the grace")                             \
    X(HELD, "it was asked or written to in vain, and the pause goes on")     \
    X(FRESH, "what is known of it was read just now")

#define PEER_ACTIONS(X)                                            \
    X(WAIT, "wait", "nothing")                                     \
    X(LOOK, "look", "what it serves is read")                      \
    X(WRITE, "write", "the record in force is written to it")
/* clang-format on */

enum peer_fact {
#define X(name, text) PEER_FACT_##name,
    PEER_FACTS(X)
#undef X
        PEER_FACT_COUNT
};

enum peer_action {
#define X(name, text, meaning) PEER_DO_##name,
    PEER_ACTIONS(X)
#undef X
};

struct peer_rule {
    const char *name;
    uint32_t need; /* all of these facts */
    uint32_t deny; /* none of these */
    enum peer_action action;
    const char *sentence; /* why */
};

/* What is remembered about a peer; times on the monotonic clock, 0: never. */
struct peer_mind {
    enum peer_sight sight;
    bool busy;
    bool fresh;
    uint64_t grace_ms;
    uint64_t look_at_ms; /* the next look */
    uint64_t looked_ms;  /* the end of the last one */
    uint64_t behind_ms;  /* since when it is behind */
    uint64_t hold_ms;    /* the pause after the next write that does not help */
    uint64_t held_until_ms;
    bool written; /* since it was last the same, at version `written_from` */
    uint32_t written_from;
    uint32_t hinted;    /* the last version beyond the own one that was hinted at and looked for */
    uint32_t silences;  /* looks in a row that its data port did not answer */
    uint64_t silent_ms; /* since when */
    bool unreachable;
    uint32_t version;    /* seen last; 0: none */
    uint64_t changed_ms; /* when that was seen first */
    uint64_t lag_ms;     /* behind the own partition */
    uint32_t repairs;
};

/* What a look has shown. */
struct peer_look {
    enum peer_sight sight; /* PEER_UNSEEN: nobody answered */
    uint32_t version;      /* 0: none, or no record */
    bool answered;         /* the data port did */
};

/* The own partition. */
struct peer_own {
    uint32_t version;
    uint64_t since_ms; /* when it came in force */
};

/* The peer at place `place` of the successors, nearest 0; its first look is due at `look_at_ms`. */
void peer_mind_init(struct peer_mind *mind, size_t place, uint64_t look_at_ms);

/* It stands at another place now. */
void peer_mind_place(struct peer_mind *mind, size_t place);

/* Another record is in force here. */
void peer_mind_follow(struct peer_mind *mind, const struct peer_own *own, uint64_t now_ms);

/* Its subscription tells that it serves `version`. */
void peer_mind_hint(struct peer_mind *mind, uint32_t version, const struct peer_own *own,
                    uint64_t now_ms);

/* Its subscription has ended: perhaps it is gone. */
void peer_mind_lost(struct peer_mind *mind, uint64_t now_ms);

/* A look or a write has begun. */
void peer_mind_began(struct peer_mind *mind);

/* A look has ended; what it showed is fresh until peer_mind_stale(). Returns whether it has caught
 * up after a write. */
bool peer_mind_looked(struct peer_mind *mind, const struct peer_look *look,
                      const struct peer_own *own, uint64_t now_ms);
void peer_mind_stale(struct peer_mind *mind);

/* A write has ended; `taken` when it was answered with STORED. */
void peer_mind_wrote(struct peer_mind *mind, bool taken, uint64_t now_ms);

/* The rules in their order; the last one fits always. */
const struct peer_rule *peer_rules(size_t *count);
uint32_t peer_facts(const struct peer_mind *mind, uint64_t now_ms);
/* The first rule that fits `facts`. */
const struct peer_rule *peer_rule(uint32_t facts);

/* When time alone changes a fact next; UINT64_MAX: never. */
uint64_t peer_wake_ms(const struct peer_mind *mind, uint64_t now_ms);

#endif
