#include "cli/moves.h"

#include <stdio.h>
#include <string.h>

/* ---- One node ---- */

/* The node that is to run in the place of this one, elsewhere; NULL: none yet. */
static const struct node_facts *successor_of(const struct cluster_facts *cluster,
                                             const struct node_facts *node)
{
    size_t i;

    for (i = 0; i < cluster->nodes_count; i++) {
        const struct node_facts *other = &cluster->nodes[i];

        if (other->slot == node->slot && other->intent != NULL &&
            other->intent->phase == INTENT_RUN &&
            strcmp(other->intent->uid, node->intent->uid) == 0 &&
            strcmp(other->host, node->host) != 0) {
            return other;
        }
    }
    return NULL;
}

static enum move_step step_of(const struct cluster_facts *cluster, const struct node_facts *node,
                              const struct node_facts **successor)
{
    *successor = NULL;
    if (node->intent == NULL) {
        return MOVE_UNASKED;
    }
    if (node->intent->phase == INTENT_STOP) {
        return MOVE_STOPS;
    }
    if (node->intent->phase == INTENT_DRAIN) {
        return MOVE_DRAINS;
    }
    *successor = successor_of(cluster, node);
    if (*successor == NULL) {
        return MOVE_STAYS;
    }
    if (facts_is_listed(cluster, *successor)) {
        return MOVE_TAKEN_OVER;
    }
    return (*successor)->report != NULL && (*successor)->report->state == NODE_UP ? MOVE_STARTED
                                                                                  : MOVE_PLACED;
}

static const char *step_text(enum move_step step)
{
    static const char *const texts[] = {
#define X(name, text) text,
        MOVE_STEPS(X)
#undef X
    };

    return texts[step];
}

static void put_step(const struct move_node *node, const struct node_facts *successor,
                     struct str *out)
{
    str_appendf(out, "%s/%04u  ", node->cluster, node->slot);
    if (successor == NULL) {
        str_appendf(out, "%s\n", step_text(node->step));
    } else if (node->step == MOVE_PLACED) {
        str_appendf(out, "gets a successor on %s at %s:%u\n", successor->host,
                    successor->intent->ip, successor->intent->data_port);
    } else if (node->step == MOVE_STARTED) {
        str_appendf(out, "its successor on %s is up\n", successor->host);
    } else {
        str_appendf(out, "its successor on %s is listed in its place\n", successor->host);
    }
}

/* ---- All of them ---- */

/* The node, or a place for it; NULL: no more are followed. */
static struct move_node *node_of(struct moves *moves, const char *cluster, uint32_t slot)
{
    struct move_node *free_place = NULL;
    size_t i;

    for (i = 0; i < moves->nodes_count; i++) {
        struct move_node *node = &moves->nodes[i];

        if (node->slot == slot && strcmp(node->cluster, cluster) == 0) {
            return node;
        }
        if (node->step == MOVE_GONE) {
            free_place = node;
        }
    }
    if (moves->nodes_count < MOVES_NODES_MAX) {
        free_place = &moves->nodes[moves->nodes_count++];
    }
    if (free_place != NULL) {
        *free_place = (struct move_node){ .slot = slot };
        (void)snprintf(free_place->cluster, sizeof(free_place->cluster), "%s", cluster);
    }
    return free_place;
}

static void look_at_node(struct moves *moves, const struct cluster_facts *cluster,
                         const struct node_facts *found, struct str *out)
{
    struct move_node *node = node_of(moves, cluster->name, found->slot);
    const struct node_facts *successor;
    enum move_step step = step_of(cluster, found, &successor);

    moves->left++;
    moves->stopped += step == MOVE_STOPS ? 1 : 0;
    if (node == NULL) {
        return;
    }
    node->seen = true;
    if (!node->told || node->step != step) {
        node->step = step;
        node->told = true;
        put_step(node, successor, out);
    }
}

/* What was stopped and is not asked for is there in a report only, until that ends. */
static bool is_left(const struct node_facts *node)
{
    return node->intent != NULL || (node->report != NULL && node->report->state != NODE_STOPPED);
}

static void tell_gone(struct moves *moves, struct str *out)
{
    size_t i;

    for (i = 0; i < moves->nodes_count; i++) {
        struct move_node *node = &moves->nodes[i];

        if (!node->seen && node->step != MOVE_GONE) {
            node->step = MOVE_GONE;
            put_step(node, NULL, out);
        }
    }
}

/* ---- What is in the way ---- */

static struct move_cluster *cluster_of(struct moves *moves, const char *name)
{
    struct move_cluster *cluster;
    size_t i;

    for (i = 0; i < moves->clusters_count; i++) {
        if (strcmp(moves->clusters[i].name, name) == 0) {
            return &moves->clusters[i];
        }
    }
    if (moves->clusters_count == MOVES_CLUSTERS_MAX) {
        return NULL;
    }
    cluster = &moves->clusters[moves->clusters_count++];
    *cluster = (struct move_cluster){ .hindrance = "" };
    (void)snprintf(cluster->name, sizeof(cluster->name), "%s", name);
    return cluster;
}

static void tell_hindrance(struct moves *moves, const struct facts *facts, const char *name,
                           struct str *out)
{
    struct move_cluster *cluster = cluster_of(moves, name);
    char hindrance[STAGES_WHY_SIZE];

    stages_hindrance(facts_cluster(facts, name), hindrance);
    if (cluster == NULL || strcmp(cluster->hindrance, hindrance) == 0) {
        return;
    }
    memcpy(cluster->hindrance, hindrance, sizeof(hindrance));
    if (hindrance[0] != '\0') {
        str_appendf(out, "%s  is held up: %s\n", name, hindrance);
    } else {
        str_appendf(out, "%s  is no longer held up\n", name);
    }
}

static void tell_leader(struct moves *moves, const struct facts *facts, struct str *out)
{
    bool first = moves->nodes_count == 0;

    if (!facts->led && (first || moves->led)) {
        str_append_text(out, "no controller leads: nothing goes on until one does\n");
    } else if (facts->led && !first && !moves->led) {
        str_append_text(out, "a controller leads again\n");
    }
    moves->led = facts->led;
}

void moves_look(struct moves *moves, const struct facts *facts, struct str *out)
{
    const struct cordon_facts *cordon = facts_cordon(facts, moves->host);
    const struct host_facts *host = facts->hosts;
    const struct cluster_facts *cluster;
    size_t i;

    while (host != NULL && strcmp(host->host.name, moves->host) != 0) {
        host = host->next;
    }
    tell_leader(moves, facts, out);
    moves->away = host == NULL;
    moves->draining = cordon != NULL && cordon->cordon.drain;
    moves->left = 0;
    moves->stopped = 0;
    for (i = 0; i < moves->nodes_count; i++) {
        moves->nodes[i].seen = false;
    }
    for (cluster = facts->clusters; cluster != NULL; cluster = cluster->next) {
        for (i = 0; i < cluster->nodes_count; i++) {
            if (strcmp(cluster->nodes[i].host, moves->host) == 0 && is_left(&cluster->nodes[i])) {
                look_at_node(moves, cluster, &cluster->nodes[i], out);
            }
        }
    }
    tell_gone(moves, out);
    for (i = 0; i < moves->nodes_count; i++) {
        if (moves->nodes[i].seen) {
            tell_hindrance(moves, facts, moves->nodes[i].cluster, out);
        }
    }
}

void moves_why(const struct moves *moves, struct str *out)
{
    size_t named = 0;
    size_t i;

    str_appendf(out, "%zu node%s left", moves->left, moves->left == 1 ? " is" : "s are");
    for (i = 0; i < moves->nodes_count && named < MOVES_NAMED_MAX; i++) {
        const struct move_node *node = &moves->nodes[i];

        if (node->step != MOVE_GONE) {
            str_appendf(out, "; %s/%04u %s", node->cluster, node->slot, step_text(node->step));
            named++;
        }
    }
    if (!moves->led) {
        str_append_text(out, "; no controller leads");
    }
    for (i = 0; i < moves->clusters_count; i++) {
        if (moves->clusters[i].hindrance[0] != '\0') {
            str_appendf(out, "; %s is held up: %s", moves->clusters[i].name,
                        moves->clusters[i].hindrance);
            break;
        }
    }
}

bool moves_done(const struct moves *moves)
{
    return moves->left == 0 || (moves->away && moves->left == moves->stopped);
}
