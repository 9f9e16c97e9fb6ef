/*
 * A template of jsonpath, and a value: it is refused, or rendered, and the same twice. The input
 * is the template, a zero byte, and the JSON text.
 */
#include <string.h>

#include "base/check.h"
#include "codec/jsonpath.h"
#include "tests/fuzz/target.h"

#define OUTPUT_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(jsonpath_free_p) struct jsonpath *path = NULL;
    CLEANUP(str_deinit) struct str once;
    CLEANUP(str_deinit) struct str again;
    const char *json = memchr(data, '\0', size);
    size_t json_size;
    struct err err;
    int rv;

    str_init(&once, OUTPUT_MAX);
    str_init(&again, OUTPUT_MAX);
    if (json == NULL) {
        return 0;
    }
    json++;
    json_size = size - (size_t)(json - (const char *)data);
    rv = jsonpath_parse((const char *)data, &path, &err);
    CHECK(rv == 0 || rv == ERR_USAGE);
    if (rv < 0) {
        CHECK(strncmp(err.msg, "jsonpath: ", strlen("jsonpath: ")) == 0);
        return 0;
    }
    rv = jsonpath_render(path, json, json_size, &once, &err);
    CHECK(rv == 0 || rv == ERR_INVALID || rv == ERR_LIMIT);
    CHECK(jsonpath_render(path, json, json_size, &again, &err) == rv);
    CHECK(rv < 0 || strcmp(str_text(&once), str_text(&again)) == 0);
    return 0;
}
