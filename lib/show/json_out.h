/*
 * json_out - JSON text written piece by piece: quotes, commas and names are set here.
 *
 * Failures stick in the text that is written to. `name` is NULL inside of lists. Texts may be
 * anything; numbers are exact below 2^53.
 */
#ifndef SHOW_JSON_OUT_H
#define SHOW_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct json_out {
    struct str *out;
    bool comma; /* before the next */
};

/* Begin and end an object ('{', '}') or a list ('[', ']'). */
void json_out_open(struct json_out *json, const char *name, char bracket);
void json_out_close(struct json_out *json, char bracket);

void json_out_text(struct json_out *json, const char *name, const char *text);
void json_out_number(struct json_out *json, const char *name, uint64_t number);
void json_out_bool(struct json_out *json, const char *name, bool value);
void json_out_null(struct json_out *json, const char *name);

/* Thousandths as a fraction: 401 is 0.401. */
void json_out_thousandths(struct json_out *json, const char *name, uint32_t thousandths);

/* "0007" */
void json_out_slot(struct json_out *json, const char *name, uint32_t slot);

/* "10.0.0.1:11211" */
void json_out_address(struct json_out *json, const char *name, const char *ip, uint16_t port);

#endif
