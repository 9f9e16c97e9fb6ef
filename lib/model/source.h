/*
 * source - what a program that applies specs from a repository says about it: which commit is in
 * force, why a newer one is not, and what was changed by hand.
 *
 * Plain data; texts belong to an arena.
 */
#ifndef MODEL_SOURCE_H
#define MODEL_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define SOURCE_NAME_MAX 40        /* a DNS label */
#define SOURCE_LOCATION_MAX 1024  /* repository, branch and path, each */
#define SOURCE_TITLE_MAX 200      /* a commit's first line; longer ones are cut */
#define SOURCE_DRIFT_MAX 64       /* listed; all are counted */
#define SOURCE_HEARTBEAT_MS 60000 /* `checked_ms` may be that much older than the last check */
#define SOURCE_REVISION_SIZE 65   /* of a commit's hex digits (40, with SHA-256 64) and NUL */

/* name, text, what it says */
#define SOURCE_STATES(X)                                                                       \
    X(SYNCED, "Synced", "the branch's head is in force")                                       \
    X(REFUSED, "Refused", "the head can't be taken; the last good commit stays in force")      \
    X(CONFLICT, "Conflict", "the head contradicts what others set; nothing of it is in force") \
    X(UNREACHABLE, "Unreachable", "the repository does not answer; what was in force stays so")

enum source_state {
#define X(name, text, meaning) SOURCE_##name,
    SOURCE_STATES(X)
#undef X
        SOURCE_STATE_COUNT
};

/* A field that lives with another value than the repository has. */
struct source_drift {
    const char *cluster;
    const char *field;   /* "nodes", "rollout.drain" */
    const char *wanted;  /* in the repository, as in YAML, in one line; "": left out */
    const char *found;   /* in force */
    const char *manager; /* who set it: "scale", another source; "": not known */
    uint64_t since_ms;   /* wall clock, when it was first seen */
};

/* `sources/<name>`; the only writer is `muster gitops`. */
struct source {
    const char *name;
    const char *repository; /* path or URL, without credentials */
    const char *branch;
    const char *path; /* directory in the repository; "": all of it */
    enum source_state state;
    uint64_t since_ms;    /* wall clock of the last change of `state` */
    const char *revision; /* the commit in force; "": none was yet */
    const char *title;    /* its first line */
    const char *signer;   /* who signed it; "": signatures were not asked for */
    uint64_t applied_ms;  /* when it came into force; 0: never */
    const char *head;     /* the branch's newest commit that was seen; "": none was yet */
    const char *error;    /* why `state` is not Synced; "file:line:column: …" one a line; "" */
    uint64_t checked_ms;  /* the repository last answered; 0: never */
    uint64_t interval_ms; /* between two checks */
    bool running;         /* false: the program has ended as it should */
    uint32_t clusters;    /* in `revision` */
    uint32_t drift_total;
    const struct source_drift *drift; /* the first of them, by cluster, then in a spec's order */
    size_t drift_count;
};

const char *source_state_text(enum source_state state);

/*
 * Whether nobody has looked at the repository for long: longer than three intervals, heartbeats
 * counted in. Then nobody follows it any more, or it is away.
 */
MUST_USE bool source_is_stale(const struct source *source, uint64_t now_ms);

/* Whether both say the same, `checked_ms` left aside. */
MUST_USE bool source_equal(const struct source *a, const struct source *b);

#endif
