#include "show/selector.h"

#include <string.h>

static bool copy(char out[SELECTOR_TEXT_MAX], const char *text, size_t size)
{
    if (SELECTOR_TEXT_MAX <= size || memchr(text, ' ', size) != NULL ||
        memchr(text, '=', size) != NULL || memchr(text, '!', size) != NULL) {
        return false;
    }
    memcpy(out, text, size);
    out[size] = '\0';
    return true;
}

static bool parse_term(const char *text, size_t size, struct selector_term *term)
{
    const char *equals = memchr(text, '=', size);
    size_t name_size;

    *term = (struct selector_term){ .op = SELECTOR_HAS };
    if (equals == NULL) {
        if (0 < size && text[0] == '!') {
            term->op = SELECTOR_HAS_NOT;
            text++;
            size--;
        }
        return 0 < size && copy(term->name, text, size);
    }
    name_size = (size_t)(equals - text);
    term->op = SELECTOR_IS;
    if (0 < name_size && text[name_size - 1] == '!') {
        term->op = SELECTOR_IS_NOT;
        name_size--;
    }
    equals++;
    if (term->op == SELECTOR_IS && equals < text + size && *equals == '=') {
        equals++;
    }
    return 0 < name_size && copy(term->name, text, name_size) &&
           copy(term->value, equals, (size_t)(text + size - equals));
}

int selector_parse(const char *text, struct selector *out, struct err *err)
{
    struct selector made = { .count = 0 };

    for (;;) {
        size_t size = strcspn(text, ",");

        if (made.count == SELECTOR_TERMS_MAX) {
            return err_set(err, ERR_USAGE, "--selector: more than %d terms", SELECTOR_TERMS_MAX);
        }
        if (!parse_term(text, size, &made.terms[made.count])) {
            return err_set(err, ERR_USAGE,
                           "--selector: '%.*s' is not NAME=VALUE, NAME!=VALUE, NAME or !NAME",
                           (int)size, text);
        }
        made.count++;
        if (text[size] == '\0') {
            break;
        }
        text += size + 1;
    }
    *out = made;
    return 0;
}

static bool term_holds(const struct selector_term *term, const struct label *labels, size_t count)
{
    const char *value = NULL;
    size_t i;

    for (i = 0; i < count; i++) {
        value = strcmp(labels[i].name, term->name) == 0 ? labels[i].value : value;
    }
    switch (term->op) {
    case SELECTOR_HAS:
        return value != NULL;
    case SELECTOR_HAS_NOT:
        return value == NULL;
    case SELECTOR_IS:
        return value != NULL && strcmp(value, term->value) == 0;
    case SELECTOR_IS_NOT:
        break;
    }
    return value == NULL || strcmp(value, term->value) != 0;
}

bool selector_matches(const struct selector *selector, const struct label *labels, size_t count)
{
    size_t i = 0;

    while (i < selector->count && term_holds(&selector->terms[i], labels, count)) {
        i++;
    }
    return i == selector->count;
}
