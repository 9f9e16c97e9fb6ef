#include "codec/model_json.h"

#include "codec/json_table.h"

/* One pair of functions a kind; the tables in json_*.c say what each kind holds. */
#define X(type, name)                                                                        \
    int json_encode_##name(const type *value, struct str *out, struct err *err)              \
    {                                                                                        \
        return json_table_encode(&json_table_##name, value, out, err);                       \
    }                                                                                        \
    int json_decode_##name(const char *bytes, size_t size, struct arena *arena, type *value, \
                           struct err *err)                                                  \
    {                                                                                        \
        return json_table_decode(&json_table_##name, bytes, size, arena, value, err);        \
    }
JSON_KINDS(X)
#undef X
