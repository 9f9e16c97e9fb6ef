#include <stdio.h>

#include "base/str.h"
#include "cli/verb.h"
#include "client/options.h"
#include "codec/spec_schema.h"
#include "show/output.h"

const struct opt_table cmd_schema_options = {
    .program = "muster schema",
    .synopsis = "",
    .summary = "Print the JSON Schema (draft 2020-12) of a cluster's document, for editors and CI. "
               "deploy/muster-cluster.schema.json is the same.",
    .examples = "  muster schema > muster-cluster.schema.json\n",
};

int cmd_schema(int argc, char *const *argv, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    struct opt_result args;
    int rv = options_read(&cmd_schema_options, argc, argv, NULL, 0, 0, &args, err);

    str_init(&text, SPEC_SCHEMA_BYTES_MAX);
    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    rv = spec_schema(&text, err);
    return rv < 0 ? rv : output_text(&text, err);
}
