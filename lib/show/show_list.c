#include "show/show_list.h"

#include "base/clock.h"
#include "codec/json_text.h"
#include "model/name.h"
#include "show/output.h"
#include "show/show.h"

static const struct show_kind *find(const char *name)
{
    size_t i;

    for (i = 0; show_kinds[i] != NULL && !text_equal(name, show_kinds[i]->name); i++) {
    }
    return show_kinds[i];
}

static int check_found(const struct show_kind *kind, const struct facts *facts,
                       const struct show_request *request, struct err *err)
{
    const struct cluster_facts *cluster;

    if (request->name == NULL || kind->count(facts, request) != 0) {
        return 0;
    }
    cluster = facts_cluster(facts, request->name);
    if (kind->of_cluster && cluster != NULL && cluster->spec_revision != 0) {
        return 0; /* it is there, and has none */
    }
    return err_set(err, ERR_NOT_FOUND, "there is nothing of '%s' among the %s", request->name,
                   kind->name);
}

int show_list_json(struct context *context, const char *kind_name, const char *name,
                   struct str *out, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    const struct show_kind *kind = find(kind_name);
    struct show_request request = { .name = name,
                                    .now_ms = clock_wall_ms(),
                                    .arena = &context->arena };
    struct facts facts;
    int rv;

    str_init(&json, OUTPUT_BYTES_MAX);
    if (kind == NULL) {
        return err_set(err, ERR_NOT_FOUND, "there is no kind '%s'", kind_name);
    }
    if (name != NULL && !name_is_label(name, HOST_NAME_TEXT_MAX)) {
        return err_set(err, ERR_USAGE, "'%s' can't be a name", name);
    }
    facts_init(&facts, &context->arena, context->prefix);
    rv = kind->read(context, &request, &facts, err);
    if (0 <= rv) {
        rv = check_found(kind, &facts, &request, err);
    }
    if (0 <= rv) {
        rv = kind->json(&facts, &request, &json, err);
    }
    if (0 <= rv) {
        rv = str_check(&json, err);
    }
    return rv < 0 ? rv : json_pretty(str_text(&json), json.size, out, err);
}
