#include "apply/merge.h"

#include <string.h>

#include "apply/pieces.h"
#include "base/str.h"
#include "model/spec_field.h"

#define NAMES_BYTES_MAX (SPEC_MANAGERS_MAX * (SPEC_MANAGER_NAME_MAX + 4 + SPEC_MANAGED_BYTES_MAX))

/* What goes into a merge, taken apart, and the lists that come out of it. */
struct merging {
    const struct spec_record *live;
    const struct merge_wish *wish;
    struct arena *arena;
    struct pieces lives; /* all of what lives */
    struct pieces mine;  /* what the document sets */
    struct pieces base;  /* what this source's last document set */
    struct merge_other conflicts[SPEC_MANAGED_MAX];
    struct merge_other drift[SPEC_MANAGED_MAX];
    struct merge out;
};

static int no_memory(const char *name, struct err *err)
{
    return err_set(err, ERR_NOMEM, "no memory to merge the spec of cluster '%s'", name);
}

/* ---- Managers ---- */

static const struct spec_manager *manager_find(const struct spec_record *record, const char *name)
{
    size_t i;

    for (i = 0; i < record->managers_count; i++) {
        if (strcmp(record->managers[i].name, name) == 0) {
            return &record->managers[i];
        }
    }
    return NULL;
}

/* What the manager has set the field to; NULL: it has not. */
static const char *manager_value(const struct spec_manager *manager, const char *path)
{
    size_t i;

    for (i = 0; i < manager->fields_count; i++) {
        if (strcmp(manager->fields[i].path, path) == 0) {
            return manager->fields[i].value;
        }
    }
    return NULL;
}

static bool is_applied(const struct spec_record *record)
{
    size_t i;

    for (i = 0; i < record->managers_count; i++) {
        if (record->managers[i].applies) {
            return true;
        }
    }
    return false;
}

/* Another manager than `name` by whom the field is as it lives; NULL: nobody. */
static const struct spec_manager *holder(const struct spec_record *record, const char *name,
                                         const char *path, const char *lives)
{
    size_t i;

    for (i = 0; lives != NULL && i < record->managers_count; i++) {
        const struct spec_manager *one = &record->managers[i];

        if (strcmp(one->name, name) != 0 && text_equal(manager_value(one, path), lives)) {
            return one;
        }
    }
    return NULL;
}

static bool is_managed(const struct spec_record *record, const char *path)
{
    size_t i;

    for (i = 0; i < record->managers_count; i++) {
        if (manager_value(&record->managers[i], path) != NULL) {
            return true;
        }
    }
    return false;
}

/* ---- The document ---- */

/* What this source said last; of a record that no source has applied, all that nobody manages. */
static void find_base(struct merging *merging)
{
    const struct spec_manager *own = manager_find(merging->live, merging->wish->source);
    size_t i;

    if (is_applied(merging->live)) {
        for (i = 0; own != NULL && own->applies && i < own->fields_count; i++) {
            merging->base.list[merging->base.count++] =
                (struct piece){ own->fields[i].path, own->fields[i].value };
        }
        return;
    }
    for (i = 0; i < merging->lives.count; i++) {
        if (!is_managed(merging->live, merging->lives.list[i].path)) {
            merging->base.list[merging->base.count++] = merging->lives.list[i];
        }
    }
}

static struct merge_other other_of(const struct piece *piece, const char *lives,
                                   const struct spec_manager *by)
{
    return (struct merge_other){ .path = piece->path,
                                 .wanted = piece->value,
                                 .live = lives == NULL ? "" : lives,
                                 .manager = by == NULL ? "" : by->name };
}

static int take_mine(struct merging *merging, const struct piece *piece, struct err *err)
{
    const struct merge_wish *wish = merging->wish;
    const char *lives = pieces_value(&merging->lives, piece->path);
    const struct spec_manager *by;

    if (text_equal(lives, piece->value)) {
        return 0;
    }
    by = holder(merging->live, wish->source, piece->path, lives);
    if (!wish->force && text_equal(pieces_value(&merging->base, piece->path), piece->value)) {
        merging->drift[merging->out.drift_count++] = other_of(piece, lives, by);
        return 0;
    }
    if (!wish->force && by != NULL) {
        merging->conflicts[merging->out.conflicts_count++] = other_of(piece, lives, by);
        return 0;
    }
    return piece_copy(piece->path, wish->spec, merging->arena, &merging->out.spec, err);
}

/* A field that left the document. */
static int drop_mine(struct merging *merging, const struct spec *preset, const struct piece *piece,
                     struct err *err)
{
    const char *lives = pieces_value(&merging->lives, piece->path);

    if (pieces_value(&merging->mine, piece->path) != NULL ||
        holder(merging->live, merging->wish->source, piece->path, lives) != NULL) {
        return 0;
    }
    return piece_copy(piece->path, preset, merging->arena, &merging->out.spec, err);
}

static int merge_pieces(struct merging *merging, struct err *err)
{
    struct spec preset;
    size_t i;
    int rv = 0;

    spec_init(&preset);
    for (i = 0; 0 <= rv && i < merging->base.count; i++) {
        rv = drop_mine(merging, &preset, &merging->base.list[i], err);
    }
    for (i = 0; 0 <= rv && i < merging->mine.count; i++) {
        rv = take_mine(merging, &merging->mine.list[i], err);
    }
    return rv;
}

/* ---- Managers of the outcome ---- */

/* Managers as they are put together. */
struct roster {
    struct arena *arena;
    struct spec_manager *list;
    size_t count;
};

static int roster_new(const struct spec_record *live, const char *name, struct arena *arena,
                      struct roster *out, struct err *err)
{
    *out = (struct roster){ .arena = arena };
    out->list = arena_calloc(arena, live->managers_count + 1, sizeof(*out->list));
    return out->list == NULL ? no_memory(name, err) : 0;
}

static int as_managed(const struct pieces *pieces, struct arena *arena, const char *cluster,
                      struct spec_manager *out, struct err *err)
{
    struct managed_field *fields = arena_calloc(arena, pieces->count + 1, sizeof(*fields));
    size_t i;

    if (fields == NULL) {
        return no_memory(cluster, err);
    }
    for (i = 0; i < pieces->count; i++) {
        fields[i] = (struct managed_field){ pieces->list[i].path, pieces->list[i].value };
    }
    out->fields = fields;
    out->fields_count = pieces->count;
    return 0;
}

/* Whether a document says of the field what it is. */
static bool is_said(const struct roster *roster, const char *path, const char *value)
{
    size_t i;

    for (i = 0; i < roster->count; i++) {
        if (roster->list[i].applies && text_equal(manager_value(&roster->list[i], path), value)) {
            return true;
        }
    }
    return false;
}

/*
 * Leave to those who apply nothing what they still hold: neither what somebody else has changed
 * since, nor what a document says by now. Who holds nothing goes.
 */
static int roster_trim(struct roster *roster, const struct spec *after, struct err *err)
{
    struct pieces lives;
    size_t kept = 0;
    size_t i;
    size_t j;
    int rv = pieces_of(after, PIECES_ALL, roster->arena, &lives, err);

    for (i = 0; 0 <= rv && i < roster->count; i++) {
        struct spec_manager one = roster->list[i];
        struct pieces held = { .count = 0 };

        for (j = 0; !one.applies && j < one.fields_count; j++) {
            const char *path = one.fields[j].path;
            const char *value = pieces_value(&lives, path);

            if (value != NULL && text_equal(value, one.fields[j].value) &&
                !is_said(roster, path, value)) {
                held.list[held.count++] = (struct piece){ path, value };
            }
        }
        if (!one.applies) {
            rv = as_managed(&held, roster->arena, after->name, &one, err);
        }
        if (one.applies || 0 < held.count) {
            roster->list[kept++] = one;
        }
    }
    roster->count = kept;
    return rv;
}

/* The place of `name`, at the end if it is new. */
static struct spec_manager *roster_place(struct roster *roster, const struct spec_record *live,
                                         const char *name)
{
    struct spec_manager *found = NULL;
    size_t i;

    roster->count = live->managers_count;
    for (i = 0; i < live->managers_count; i++) {
        roster->list[i] = live->managers[i];
        found = strcmp(live->managers[i].name, name) == 0 ? &roster->list[i] : found;
    }
    if (found == NULL) {
        found = &roster->list[roster->count++];
        found->name = name;
    }
    return found;
}

static int roster_check(const struct roster *roster, const char *cluster, struct err *err)
{
    size_t sources = 0;
    size_t i;

    for (i = 0; i < roster->count; i++) {
        sources += roster->list[i].applies ? 1 : 0;
    }
    if (SPEC_SOURCES_MAX < sources || SPEC_MANAGERS_MAX < roster->count) {
        return err_set(err, ERR_LIMIT,
                       "cluster '%s' has %d sources or %d managers already, there is no place for "
                       "'%s'",
                       cluster, SPEC_SOURCES_MAX, SPEC_MANAGERS_MAX,
                       roster->list[roster->count - 1].name);
    }
    return 0;
}

static int end_roster(struct roster *roster, const struct spec *after, struct merge *out,
                      struct err *err)
{
    int rv = roster_trim(roster, after, err);

    if (0 <= rv) {
        rv = roster_check(roster, after->name, err);
    }
    if (rv < 0) {
        return rv;
    }
    out->managers = roster->list;
    out->managers_count = roster->count;
    return 0;
}

/* The source's fields are what its document says. */
static int note_source(struct merging *merging, struct err *err)
{
    const struct merge_wish *wish = merging->wish;
    struct spec_manager *own;
    struct roster roster;
    int rv = roster_new(merging->live, wish->spec->name, merging->arena, &roster, err);

    if (rv < 0) {
        return rv;
    }
    own = roster_place(&roster, merging->live, wish->source);
    own->applies = true;
    rv = as_managed(&merging->mine, merging->arena, wish->spec->name, own, err);
    return rv < 0 ? rv : end_roster(&roster, &merging->out.spec, &merging->out, err);
}

static int check_outcome(const struct merging *merging, struct err *err)
{
    struct err why;

    if (spec_check(&merging->out.spec, &why) == 0) {
        return 0;
    }
    return err_set(err, ERR_CONFLICT,
                   "cluster '%s': together with what others manage: %.300s (--force-conflicts "
                   "takes over what the document sets)",
                   merging->wish->spec->name, why.msg);
}

static int keep_lists(struct merging *merging, struct err *err)
{
    size_t conflicts = merging->out.conflicts_count;
    size_t drift = merging->out.drift_count;
    struct merge_other *list =
        arena_calloc(merging->arena, conflicts + drift + 1, sizeof(struct merge_other));

    if (list == NULL) {
        return no_memory(merging->wish->spec->name, err);
    }
    memcpy(list, merging->conflicts, conflicts * sizeof(*list));
    memcpy(list + conflicts, merging->drift, drift * sizeof(*list));
    merging->out.conflicts = list;
    merging->out.drift = list + conflicts;
    return 0;
}

int merge_document(const struct spec_record *live, const struct merge_wish *wish,
                   struct arena *arena, struct merge *out, struct err *err)
{
    static const struct spec_record nothing = { .managers_count = 0 };
    struct merging merging = { .live = live == NULL ? &nothing : live,
                               .wish = wish,
                               .arena = arena };
    int rv;

    merging.out.spec = live == NULL ? *wish->spec : live->spec;
    rv = pieces_of(wish->spec, wish->set, arena, &merging.mine, err);
    if (0 <= rv && live != NULL) {
        rv = pieces_of(&live->spec, PIECES_ALL, arena, &merging.lives, err);
    }
    if (0 <= rv && live != NULL) {
        find_base(&merging);
        rv = merge_pieces(&merging, err);
    }
    if (0 <= rv) {
        rv = check_outcome(&merging, err);
    }
    if (0 <= rv) {
        rv = note_source(&merging, err);
    }
    if (0 <= rv) {
        rv = keep_lists(&merging, err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = merging.out;
    return 0;
}

/* ---- What a verb changes ---- */

/* What the manager has set before, and what it sets now. */
static int note_act(const struct spec_record *live, const struct spec *after,
                    struct spec_manager *own, struct arena *arena, struct err *err)
{
    struct pieces before;
    struct pieces now;
    struct pieces held = { .count = 0 };
    size_t i;
    int rv = pieces_of(&live->spec, PIECES_ALL, arena, &before, err);

    if (0 <= rv) {
        rv = pieces_of(after, PIECES_ALL, arena, &now, err);
    }
    for (i = 0; 0 <= rv && i < now.count; i++) {
        const struct piece *piece = &now.list[i];
        bool same = text_equal(pieces_value(&before, piece->path), piece->value);

        if (!same || text_equal(manager_value(own, piece->path), piece->value)) {
            held.list[held.count++] = *piece;
        }
    }
    return rv < 0 ? rv : as_managed(&held, arena, after->name, own, err);
}

int merge_act(const struct spec_record *live, const struct spec *after, const char *manager,
              struct arena *arena, struct merge *out, struct err *err)
{
    struct merge merge = { .spec = *after };
    struct spec_manager *own;
    struct roster roster;
    int rv = roster_new(live, after->name, arena, &roster, err);

    if (rv < 0) {
        return rv;
    }
    own = roster_place(&roster, live, manager);
    rv = note_act(live, after, own, arena, err);
    if (0 <= rv) {
        rv = end_roster(&roster, after, &merge, err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = merge;
    return 0;
}

/* ---- Telling ---- */

static void append_name(struct str *out, const char *name)
{
    str_append_text(out, out->size == 0 ? "" : ", ");
    str_append_text(out, name);
}

static int tell_piece(const struct spec_record *live, const char *path, const char *value,
                      struct arena *arena, struct merge_held *out, struct err *err)
{
    CLEANUP(str_deinit) struct str managers;
    CLEANUP(str_deinit) struct str others;
    size_t i;

    str_init(&managers, NAMES_BYTES_MAX);
    str_init(&others, NAMES_BYTES_MAX);
    for (i = 0; i < live->managers_count; i++) {
        const struct spec_manager *one = &live->managers[i];
        const char *said = manager_value(one, path);

        if (said != NULL && text_equal(said, value)) {
            append_name(&managers, one->name);
        } else if (said != NULL && one->applies) {
            append_name(&others, one->name);
            str_appendf(&others, ": %s", said);
        }
    }
    if (managers.size == 0 && !is_applied(live)) {
        append_name(&managers, MERGE_MANAGER_UNKNOWN);
    }
    *out = (struct merge_held){ .path = path,
                                .value = value == NULL ? "" : value,
                                .managers = arena_strdup(arena, str_text(&managers)),
                                .others = arena_strdup(arena, str_text(&others)) };
    return str_failed(&managers) || str_failed(&others) || out->managers == NULL ||
                   out->others == NULL
               ? no_memory(live->spec.name, err)
               : 0;
}

/* Labels that a source's document has, and that are not there any more. */
static void add_gone(const struct spec_record *live, struct pieces *lives)
{
    size_t i;
    size_t j;

    for (i = 0; i < live->managers_count; i++) {
        const struct spec_manager *one = &live->managers[i];

        for (j = 0; one->applies && j < one->fields_count; j++) {
            size_t at = 0;

            while (at < lives->count && strcmp(lives->list[at].path, one->fields[j].path) != 0) {
                at++;
            }
            if (at == lives->count && at < SPEC_MANAGED_MAX) {
                lives->list[lives->count++] = (struct piece){ one->fields[j].path, NULL };
            }
        }
    }
}

int merge_tell(const struct spec_record *live, struct arena *arena, const struct merge_held **out,
               size_t *count, struct err *err)
{
    struct merge_held *list = arena_calloc(arena, SPEC_MANAGED_MAX, sizeof(*list));
    struct spec preset;
    struct pieces presets;
    struct pieces lives;
    size_t used = 0;
    size_t i;
    int rv;

    if (list == NULL) {
        return no_memory(live->spec.name, err);
    }
    spec_init(&preset);
    rv = pieces_of(&preset, PIECES_ALL, arena, &presets, err);
    if (0 <= rv) {
        rv = pieces_of(&live->spec, PIECES_ALL, arena, &lives, err);
    }
    if (0 <= rv) {
        add_gone(live, &lives);
    }
    for (i = 0; 0 <= rv && i < lives.count; i++) {
        const struct piece *piece = &lives.list[i];

        if (is_managed(live, piece->path) ||
            !text_equal(pieces_value(&presets, piece->path), piece->value)) {
            rv = tell_piece(live, piece->path, piece->value, arena, &list[used++], err);
        }
    }
    if (rv < 0) {
        return rv;
    }
    *out = list;
    *count = used;
    return 0;
}

bool merge_is_source_alone(const struct spec_record *live, const char *source)
{
    bool applied = false;
    size_t i;

    for (i = 0; i < live->managers_count; i++) {
        if (!live->managers[i].applies) {
            continue;
        }
        if (strcmp(live->managers[i].name, source) != 0) {
            return false;
        }
        applied = true;
    }
    return applied;
}
