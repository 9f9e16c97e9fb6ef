#include "show/json_out.h"

#include <stdio.h>

#include "codec/json_text.h"
#include "model/name.h"

static void begin(struct json_out *json, const char *name)
{
    str_append_text(json->out, json->comma ? "," : "");
    json->comma = true;
    if (name != NULL) {
        json_quote(name, json->out);
        str_append_char(json->out, ':');
    }
}

void json_out_open(struct json_out *json, const char *name, char bracket)
{
    begin(json, name);
    str_append_char(json->out, bracket);
    json->comma = false;
}

void json_out_close(struct json_out *json, char bracket)
{
    str_append_char(json->out, bracket);
    json->comma = true;
}

void json_out_text(struct json_out *json, const char *name, const char *text)
{
    begin(json, name);
    json_quote(text, json->out);
}

void json_out_number(struct json_out *json, const char *name, uint64_t number)
{
    begin(json, name);
    str_appendf(json->out, "%llu", (unsigned long long)number);
}

void json_out_bool(struct json_out *json, const char *name, bool value)
{
    begin(json, name);
    str_append_text(json->out, value ? "true" : "false");
}

void json_out_null(struct json_out *json, const char *name)
{
    begin(json, name);
    str_append_text(json->out, "null");
}

void json_out_thousandths(struct json_out *json, const char *name, uint32_t thousandths)
{
    begin(json, name);
    str_appendf(json->out, "%u.%03u", thousandths / 1000, thousandths % 1000);
}

void json_out_slot(struct json_out *json, const char *name, uint32_t slot)
{
    char text[SLOT_TEXT_SIZE];

    slot_format(slot, text);
    json_out_text(json, name, text);
}

void json_out_address(struct json_out *json, const char *name, const char *ip, uint16_t port)
{
    char text[IPV4_TEXT_SIZE + 8];

    (void)snprintf(text, sizeof(text), "%s:%u", ip, (unsigned int)port);
    json_out_text(json, name, text);
}
