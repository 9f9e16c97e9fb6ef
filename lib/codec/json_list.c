#include "codec/json_list.h"

#include <string.h>

#define SPACE " \t\r\n"

/* Behind the text in quotes that `at` is on. */
static const char *behind_text(const char *at)
{
    at++;
    while (*at != '\0' && *at != '"') {
        at += *at == '\\' && at[1] != '\0' ? 2 : 1;
    }
    return *at == '\0' ? at : at + 1;
}

/* Where the value that begins at `at` ends: at a comma or a bracket that is not its own. */
static const char *behind_value(const char *at)
{
    int depth = 0;

    while (*at != '\0') {
        if (*at == '"') {
            at = behind_text(at);
            continue;
        }
        if (depth == 0 && (*at == ',' || *at == ']' || *at == '}')) {
            break;
        }
        depth += *at == '[' || *at == '{' ? 1 : 0;
        depth -= *at == ']' || *at == '}' ? 1 : 0;
        at++;
    }
    return at;
}

bool json_list_next(const char **at, const char **element, size_t *size)
{
    const char *begin = *at;
    const char *end;

    if (*begin != '[' && *begin != ',') {
        return false;
    }
    begin++;
    begin += strspn(begin, SPACE);
    end = behind_value(begin);
    *at = end;
    while (begin < end && strchr(SPACE, end[-1]) != NULL) {
        end--;
    }
    *element = begin;
    *size = (size_t)(end - begin);
    return 0 < *size;
}
