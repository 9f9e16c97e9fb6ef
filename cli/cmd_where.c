#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/verb.h"
#include "client/context.h"
#include "client/options.h"
#include "hashing/spread.h"
#include "model/spec_field.h"
#include "show/json_out.h"
#include "show/output.h"
#include "show/show.h"
#include "show/table.h"

struct where_flags {
    struct options shared;
    const char *output;
    const char *hashing;
    uint64_t nodes;
    bool by_address;
};

static const struct opt opts[] = {
    { "nodes", 'n', OPT_NUMBER, offsetof(struct where_flags, nodes), "N", NULL,
      "tell, too, where the keys would be with so many nodes" },
    { "hashing", 0, OPT_TEXT, offsetof(struct where_flags, hashing), "ketama|modulo|rendezvous",
      NULL, "instead of what the spec declares (spec.clients.hashing)" },
    { "by-address", 0, OPT_FLAG, offsetof(struct where_flags, by_address), NULL, NULL,
      "for clients that hash addresses where nodes have names" },
    { "output", 'o', OPT_TEXT, offsetof(struct where_flags, output), "table|json|yaml|name",
      "table", "how to print it" },
    SHARED_OPTIONS(struct where_flags, shared),
};

const struct opt_table cmd_where_options = {
    .program = "muster where",
    .synopsis = "CLUSTER KEY… [--nodes N]",
    .summary = "Tell the node that clients ask for each key, by the list that they are given and "
               "the hashing that the spec declares for them. No node is asked.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster where quickstart user:42\n"
                "  muster where quickstart user:42 user:43 --nodes 2\n",
};

#define KEYS_MAX OPT_POSITIONAL_MAX
#define WHERE_MEMBERS_MAX CONFIG_MEMBERS_MAX

/* A list of nodes as clients see it. */
struct where_list {
    struct spread_node nodes[WHERE_MEMBERS_MAX];
    uint32_t slots[WHERE_MEMBERS_MAX];
    char texts[WHERE_MEMBERS_MAX][SPREAD_NODE_TEXT_MAX]; /* names of nodes that there are not yet */
    size_t count;
};

struct where {
    const struct cluster_facts *cluster;
    enum spec_hashing hashing;
    bool by_address;
    uint32_t nodes_then; /* 0: nobody asks */
    const char *const *keys;
    size_t keys_count;
    struct where_list now;
    struct where_list then;
    size_t places[KEYS_MAX];
    size_t places_then[KEYS_MAX];
};

/* ---- Where ---- */

static int check_key(const char *key, struct err *err)
{
    size_t i;

    if (key[0] == '\0' || SPREAD_KEY_BYTES_MAX < strlen(key)) {
        return err_set(err, ERR_USAGE, "a key has 1 to %d bytes", SPREAD_KEY_BYTES_MAX);
    }
    for (i = 0; key[i] != '\0'; i++) {
        if (isspace((unsigned char)key[i]) || iscntrl((unsigned char)key[i])) {
            return err_set(err, ERR_USAGE, "'%s' can't be a key: it has a space", key);
        }
    }
    return 0;
}

static int check_keys(const struct where *where, struct err *err)
{
    size_t i;
    int rv = 0;

    for (i = 0; i < where->keys_count && 0 <= rv; i++) {
        rv = check_key(where->keys[i], err);
    }
    return rv;
}

static void list_now(struct where *where)
{
    const struct config *config = where->cluster->config;
    size_t i;

    for (i = 0; i < config->head.members_count && i < WHERE_MEMBERS_MAX; i++) {
        const struct member *member = &config->head.members[i];

        where->now.nodes[i] =
            (struct spread_node){ .hostname = where->by_address ? member->ip : member->hostname,
                                  .port = member->port };
        where->now.slots[i] = member->slot;
    }
    where->now.count = i;
}

/* What a node will be called is known where nodes have names, or where only their count matters. */
static int add_coming(struct where *where, uint32_t slot, struct err *err)
{
    struct where_list *then = &where->then;
    const struct spec *spec = where->cluster->spec == NULL ? NULL : &where->cluster->spec->spec;
    const char *domain = spec == NULL ? "" : spec->domain;
    char *text = then->texts[then->count];

    if (where->hashing != SPEC_HASHING_MODULO && (domain[0] == '\0' || where->by_address)) {
        return err_set(err, ERR_FAILED,
                       "the address of slot %04u, by which clients would hash it, is not known "
                       "before it is placed",
                       slot);
    }
    (void)snprintf(text, SPREAD_NODE_TEXT_MAX, "%04u.%s.%s", slot, where->cluster->name, domain);
    then->nodes[then->count] = (struct spread_node){ .hostname = text, .port = NODE_DATA_PORT };
    then->slots[then->count] = slot;
    then->count++;
    return 0;
}

/* The slots 1..N: those that there are, and those that come. */
static int list_then(struct where *where, struct err *err)
{
    const struct where_list *now = &where->now;
    struct where_list *then = &where->then;
    uint32_t slot;
    size_t i = 0;
    int rv = 0;

    for (slot = 1; slot <= where->nodes_then && 0 <= rv; slot++) {
        while (i < now->count && now->slots[i] < slot) {
            i++;
        }
        if (i < now->count && now->slots[i] == slot) {
            then->nodes[then->count] = now->nodes[i];
            then->slots[then->count++] = slot;
        } else {
            rv = add_coming(where, slot, err);
        }
    }
    return rv;
}

static int find(const struct where *where, const struct where_list *list, size_t places[KEYS_MAX],
                struct err *err)
{
    CLEANUP(spread_free_p) struct spread *spread = NULL;
    size_t i;
    int rv = spread_new(where->hashing, list->nodes, list->count, &spread, err);

    for (i = 0; 0 <= rv && i < where->keys_count; i++) {
        places[i] = spread_find(spread, where->keys[i], strlen(where->keys[i]));
    }
    return rv;
}

/* ---- Told ---- */

static int print_table(const struct where *where, struct arena *arena, struct err *err)
{
    static const char *const headings[] = { "KEY", "SLOT", "HOST", "ADDRESS", NULL };
    static const char *const headings_then[] = { "KEY", "SLOT", "HOST", "ADDRESS", "THEN", NULL };
    CLEANUP(str_deinit) struct str out;
    struct table table;
    size_t i;
    int rv;

    str_init(&out, OUTPUT_BYTES_MAX);
    table_init(&table, arena, where->nodes_then == 0 ? headings : headings_then);
    for (i = 0; i < where->keys_count; i++) {
        const struct member *member = &where->cluster->config->head.members[where->places[i]];
        const struct node_facts *node = facts_slot(where->cluster, member->slot);

        table_add(&table, where->keys[i]);
        table_addf(&table, "%04u", member->slot);
        table_add(&table, node == NULL ? "" : node->host);
        table_addf(&table, "%s:%u", member->ip, member->port);
        if (where->nodes_then != 0) {
            table_addf(&table, "%04u", where->then.slots[where->places_then[i]]);
        }
    }
    rv = table_render(&table, 0, &out, err);
    return rv < 0 ? rv : output_text(&out, err);
}

static int print_json(const struct where *where, enum output_format format, struct err *err)
{
    CLEANUP(str_deinit) struct str out;
    struct json_out json = { .out = &out };
    size_t i;

    str_init(&out, OUTPUT_BYTES_MAX);
    json_out_open(&json, NULL, '[');
    for (i = 0; i < where->keys_count; i++) {
        const struct member *member = &where->cluster->config->head.members[where->places[i]];
        const struct node_facts *node = facts_slot(where->cluster, member->slot);

        json_out_open(&json, NULL, '{');
        json_out_text(&json, "key", where->keys[i]);
        json_out_slot(&json, "slot", member->slot);
        json_out_text(&json, "host", node == NULL ? "" : node->host);
        json_out_text(&json, "hostname", member->hostname);
        json_out_address(&json, "address", member->ip, member->port);
        if (where->nodes_then != 0) {
            json_out_slot(&json, "slotThen", where->then.slots[where->places_then[i]]);
        }
        json_out_close(&json, '}');
    }
    json_out_close(&json, ']');
    return output_json(&out, format, err);
}

static int print_names(const struct where *where, struct err *err)
{
    CLEANUP(str_deinit) struct str out;
    size_t i;

    str_init(&out, OUTPUT_BYTES_MAX);
    for (i = 0; i < where->keys_count; i++) {
        str_appendf(&out, "%s/%04u\n", where->cluster->name,
                    where->cluster->config->head.members[where->places[i]].slot);
    }
    return output_text(&out, err);
}

static int print(const struct where *where, enum output_format format, struct arena *arena,
                 struct err *err)
{
    switch (format) {
    case OUTPUT_TABLE:
        return print_table(where, arena, err);
    case OUTPUT_NAME:
        return print_names(where, err);
    case OUTPUT_JSON:
    case OUTPUT_YAML:
        break;
    }
    return print_json(where, format, err);
}

/* ---- The verb ---- */

static int read_cluster(struct context *context, const char *name, struct facts *facts,
                        const struct cluster_facts **out, struct err *err)
{
    struct etcd_range ranges[] = {
        { .key = context_key(context, "clusters/%s/config", name) },
        { .key = context_key(context, "clusters/%s/spec", name) },
        { .key = context_key(context, "clusters/%s/nodes/", name), .prefix = true },
    };
    size_t i;
    int rv;

    for (i = 0; i < ARRAY_COUNT(ranges); i++) {
        if (ranges[i].key == NULL) {
            return err_set(err, ERR_NOMEM, "no memory for a key");
        }
    }
    facts_init(facts, &context->arena, context->prefix);
    rv = context_read(context, ranges, ARRAY_COUNT(ranges), facts, err);
    if (rv < 0) {
        return rv;
    }
    *out = facts_cluster(facts, name);
    if (*out == NULL || (*out)->spec_revision == 0) {
        return err_set(err, ERR_NOT_FOUND, "there is no cluster '%s'", name);
    }
    if ((*out)->config == NULL || (*out)->config->head.members_count == 0) {
        return err_set(err, ERR_NOT_FOUND, "cluster '%s' has no list of nodes yet", name);
    }
    return 0;
}

static int choose_hashing(const struct where_flags *flags, struct where *where, struct err *err)
{
    struct spec spec;
    const struct spec_field *field = spec_fields;

    if (flags->hashing == NULL) {
        where->hashing =
            where->cluster->spec == NULL ? SPEC_HASHING_KETAMA : where->cluster->spec->spec.hashing;
        return 0;
    }
    while (strcmp(field->path, "spec.clients.hashing") != 0) {
        field++;
    }
    spec_init(&spec);
    if (!spec_field_set_word(field, flags->hashing, &spec)) {
        return err_set(err, ERR_USAGE, "--hashing: must be ketama, modulo or rendezvous, got '%s'",
                       flags->hashing);
    }
    where->hashing = spec.hashing;
    return 0;
}

static int answer(struct context *context, const struct where_flags *flags,
                  enum output_format format, struct where *where, struct err *err)
{
    int rv = choose_hashing(flags, where, err);

    if (rv < 0) {
        return rv;
    }
    list_now(where);
    rv = find(where, &where->now, where->places, err);
    if (0 <= rv && where->nodes_then != 0) {
        rv = list_then(where, err);
        rv = rv < 0 ? rv : find(where, &where->then, where->places_then, err);
    }
    return rv < 0 ? rv : print(where, format, &context->arena, err);
}

int cmd_where(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct where_flags flags = { .nodes = 0 };
    enum output_format format;
    struct opt_result args;
    struct facts facts;
    struct where *where;
    int rv =
        options_read(&cmd_where_options, argc, argv, &flags, 2, OPT_POSITIONAL_MAX, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    if (SPEC_NODES_MAX < flags.nodes) {
        return err_set(err, ERR_USAGE, "--nodes: must be between 1 and %d", SPEC_NODES_MAX);
    }
    rv = output_format_parse(flags.output, &format, err);
    if (0 <= rv) {
        rv = cluster_name_check(args.positional[0], err);
    }
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    where = rv < 0 ? NULL : arena_alloc(&context.arena, sizeof(*where));
    if (where == NULL) {
        return rv < 0 ? rv : err_set(err, ERR_NOMEM, "no memory for a list of nodes");
    }
    where->by_address = flags.by_address;
    where->nodes_then = (uint32_t)flags.nodes;
    where->keys = args.positional + 1;
    where->keys_count = args.positional_count - 1;
    rv = check_keys(where, err);
    if (0 <= rv) {
        rv = read_cluster(&context, args.positional[0], &facts, &where->cluster, err);
    }
    return rv < 0 ? rv : answer(&context, &flags, format, where, err);
}
