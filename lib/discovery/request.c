#include "discovery/request.h"

int request_parse(enum request_protocol protocol, const char *bytes, size_t size,
                  struct request *out)
{
    if (size == 0) {
        return REQUEST_PARTIAL;
    }
    return protocol == REQUEST_BINARY ? request_parse_binary(bytes, size, out)
                                      : request_parse_text(bytes, size, out);
}

bool request_is_ours(const struct request *request)
{
    return REQUEST_CONFIG_GET <= request->kind && request->kind <= REQUEST_CONFIG_OTHER;
}

size_t request_value_bytes_max(enum request_kind kind)
{
    if (kind == REQUEST_JOIN) {
        return DISCOVERY_JOIN_BYTES_MAX;
    }
    return kind == REQUEST_CONFIG_SET || kind == REQUEST_RECORD_SET ? DISCOVERY_RECORD_BYTES_MAX
                                                                    : 0;
}

uint64_t request_value_bytes(const struct request *request)
{
    return request->protocol == REQUEST_TEXT && 2 <= request->body_bytes ? request->body_bytes - 2
                                                                         : request->body_bytes;
}
