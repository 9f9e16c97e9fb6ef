#include "watcher/peer_rules.h"

#include "base/check.h"
#include "base/cleanup.h"

#define FACT(name) (1U << PEER_FACT_##name)

/* clang-format off */
static const struct peer_rule rules[] = {
    /* name                   need                                 deny                     action */
    { "await-answer",         FACT(BUSY),                          0,                       PEER_DO_WAIT,
      "it is being asked" },
    { "mend",                 FACT(FRESH)|FACT(BEHIND)|FACT(LATE), FACT(HELD),              PEER_DO_WRITE,
      "it has not caught up by itself" },
    { "rest",                 FACT(FRESH),                         0,                       PEER_DO_WAIT,
      "it was looked at just now" },
    { "look-before-mending",  FACT(BEHIND)|FACT(LATE),             FACT(HELD),              PEER_DO_LOOK,
      "somebody else may have mended it" },
    { "look",                 FACT(DUE),                           0,                       PEER_DO_LOOK,
      "its time has come" },
    { "wait",                 0,                                   0,                       PEER_DO_WAIT,
      "nothing is to be done" },
};
/* clang-format on */

const struct peer_rule *peer_rules(size_t *count)
{
    *count = ARRAY_COUNT(rules);
    return rules;
}

const struct peer_rule *peer_rule(uint32_t facts)
{
    size_t i = 0;

    while ((facts & rules[i].need) != rules[i].need || (facts & rules[i].deny) != 0) {
        i++;
        CHECK(i < ARRAY_COUNT(rules));
    }
    return &rules[i];
}

static uint32_t bit(bool value, uint32_t fact)
{
    return value ? fact : 0;
}

uint32_t peer_facts(const struct peer_mind *mind, uint64_t now_ms)
{
    bool behind = mind->sight == PEER_BEHIND;

    return bit(mind->busy, FACT(BUSY)) | bit(mind->look_at_ms <= now_ms, FACT(DUE)) |
           bit(behind, FACT(BEHIND)) |
           bit(behind && mind->behind_ms + mind->grace_ms <= now_ms, FACT(LATE)) |
           bit(now_ms < mind->held_until_ms, FACT(HELD)) | bit(mind->fresh, FACT(FRESH));
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a < b ? b : a;
}

uint64_t peer_wake_ms(const struct peer_mind *mind, uint64_t now_ms)
{
    uint64_t mend_ms = later(mind->behind_ms + mind->grace_ms, mind->held_until_ms);

    if (mind->busy) {
        return UINT64_MAX;
    }
    if (mind->sight == PEER_BEHIND && now_ms < mend_ms && mend_ms < mind->look_at_ms) {
        return mend_ms;
    }
    return mind->look_at_ms;
}

/* ---- What is remembered ---- */

/* `behind_ms` is when it was first seen to be behind what is in force here. */
static void set_sight(struct peer_mind *mind, enum peer_sight sight, uint64_t now_ms)
{
    if (sight == PEER_BEHIND && mind->sight != PEER_BEHIND) {
        mind->behind_ms = now_ms;
    }
    mind->sight = sight;
}

static void look_by(struct peer_mind *mind, uint64_t at_ms)
{
    if (at_ms < mind->look_at_ms) {
        mind->look_at_ms = at_ms;
    }
}

static void let_go(struct peer_mind *mind)
{
    mind->hold_ms = PEER_WRITE_RETRY_FIRST_MS;
    mind->held_until_ms = 0;
}

static void note_version(struct peer_mind *mind, uint32_t version, const struct peer_own *own,
                         uint64_t now_ms)
{
    if (mind->version == version && mind->changed_ms != 0) {
        return;
    }
    mind->version = version;
    mind->changed_ms = now_ms;
    mind->lag_ms = version == own->version && version != 0 ? now_ms - own->since_ms : 0;
}

/* Returns whether that ends a repair. */
static bool settle(struct peer_mind *mind)
{
    bool repaired = mind->written;

    let_go(mind);
    mind->written = false;
    mind->repairs += repaired ? 1 : 0;
    return repaired;
}

void peer_mind_init(struct peer_mind *mind, size_t place, uint64_t look_at_ms)
{
    *mind = (struct peer_mind){ .look_at_ms = look_at_ms };
    peer_mind_place(mind, place);
    let_go(mind);
}

void peer_mind_place(struct peer_mind *mind, size_t place)
{
    mind->grace_ms = (place + 1) * PEER_GRACE_MS;
}

void peer_mind_follow(struct peer_mind *mind, const struct peer_own *own, uint64_t now_ms)
{
    let_go(mind);
    mind->written = false;
    mind->fresh = false;
    mind->sight = PEER_UNSEEN;
    mind->hinted = 0;
    if (mind->changed_ms != 0 && mind->version < own->version) {
        set_sight(mind, PEER_BEHIND, now_ms);
    } else if (own->version < mind->version) {
        look_by(mind, later(now_ms, mind->looked_ms + PEER_LOOK_PAUSE_MS));
    }
}

void peer_mind_hint(struct peer_mind *mind, uint32_t version, const struct peer_own *own,
                    uint64_t now_ms)
{
    note_version(mind, version, own, now_ms);
    if (version < own->version) {
        set_sight(mind, PEER_BEHIND, now_ms);
    } else if (version == own->version) {
        /* Whether the content is the same, too, and whether a write has helped, a look shows. */
        if (mind->sight == PEER_BEHIND) {
            look_by(mind, later(now_ms, mind->looked_ms + PEER_LOOK_PAUSE_MS));
        }
    } else if (version != mind->hinted) {
        mind->hinted = version;
        look_by(mind, later(now_ms, mind->looked_ms + PEER_LOOK_PAUSE_MS));
    }
}

void peer_mind_lost(struct peer_mind *mind, uint64_t now_ms)
{
    look_by(mind, later(now_ms, mind->looked_ms + PEER_POLL_SILENT_MS));
}

void peer_mind_began(struct peer_mind *mind)
{
    mind->busy = true;
    mind->fresh = false;
}

static void note_silence(struct peer_mind *mind, uint64_t now_ms)
{
    if (mind->silences == 0) {
        mind->silent_ms = now_ms;
    }
    mind->silences++;
    if (PEER_SILENCES_MIN <= mind->silences && mind->silent_ms + PEER_SILENT_MS <= now_ms) {
        mind->unreachable = true;
    }
    mind->look_at_ms = now_ms + (mind->unreachable ? PEER_POLL_GONE_MS : PEER_POLL_SILENT_MS);
}

static void note_answer(struct peer_mind *mind, uint64_t now_ms)
{
    mind->silences = 0;
    mind->silent_ms = 0;
    mind->unreachable = false;
    mind->look_at_ms = now_ms + PEER_POLL_MS;
}

bool peer_mind_looked(struct peer_mind *mind, const struct peer_look *look,
                      const struct peer_own *own, uint64_t now_ms)
{
    mind->busy = false;
    mind->looked_ms = now_ms;
    if (look->answered) {
        note_answer(mind, now_ms);
    } else {
        note_silence(mind, now_ms);
    }
    if (look->sight == PEER_UNSEEN) {
        /* What was known of it may still be so, but nothing can be done about it now. */
        mind->held_until_ms = later(mind->held_until_ms, mind->look_at_ms);
        return false;
    }
    mind->fresh = true;
    note_version(mind, look->version, own, now_ms);
    set_sight(mind, look->sight, now_ms);
    return look->sight == PEER_SAME && settle(mind);
}

void peer_mind_stale(struct peer_mind *mind)
{
    mind->fresh = false;
}

void peer_mind_wrote(struct peer_mind *mind, bool taken, uint64_t now_ms)
{
    mind->busy = false;
    mind->held_until_ms = now_ms + mind->hold_ms;
    mind->hold_ms *= 2;
    if (PEER_WRITE_RETRY_MAX_MS < mind->hold_ms) {
        mind->hold_ms = PEER_WRITE_RETRY_MAX_MS;
    }
    if (!taken) {
        return;
    }
    if (!mind->written) {
        mind->written = true;
        mind->written_from = mind->version;
    }
    look_by(mind, now_ms + PEER_CHECK_MS);
}
