/* What a story may expect of what nodes serve. */
#include <string.h>

#include "base/str.h"
#include "sim/sim_nodes_state.h"
#include "sim/sim_story_facts.h"

struct look {
    const struct sim_facts *facts;
    uint32_t version;
    size_t count;
    bool all;
};

static void look_at_node(void *ctx, const struct sim_node *node)
{
    struct look *look = ctx;

    if (strcmp(node->cluster, look->facts->cluster) != 0 ||
        (look->facts->slot != 0 && node->slot != look->facts->slot) || !node->answers) {
        return;
    }
    str_appendf(look->facts->why, " %u on %s serves %u", node->slot, node->host, node->version);
    look->count++;
    look->all = look->all && node->version == look->version;
}

bool sim_fact_serves(const struct sim_facts *facts)
{
    struct look look = { .facts = facts, .version = sim_fact_number(facts, 0), .all = true };

    str_appendf(facts->why, "of %s,", facts->cluster);
    sim_nodes_each(facts->play->world.nodes, look_at_node, &look);
    return look.all && 0 < look.count;
}

bool sim_fact_spread(const struct sim_facts *facts)
{
    const char *lag = sim_spread_lag(facts->play->world.nodes);

    str_append_text(facts->why, lag);
    return lag[0] == '\0';
}

bool sim_fact_writes(const struct sim_facts *facts)
{
    uint64_t count = facts->play->world.nodes->writes.count;

    str_appendf(facts->why, "%llu writes", (unsigned long long)count);
    return count <= sim_fact_number(facts, 0);
}
