#include "base/opt.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "base/units.h"

void opt_variable(const char *name, char out[OPT_VARIABLE_SIZE])
{
    static const char prefix[] = "MUSTER_";
    size_t used = sizeof(prefix) - 1;

    CHECK(used + strlen(name) < OPT_VARIABLE_SIZE);
    memcpy(out, prefix, used);
    for (; *name != '\0'; name++) {
        char c = *name;

        if (c == '-') {
            c = '_';
        } else if ('a' <= c && c <= 'z') {
            c = (char)(c - 'a' + 'A');
        }
        out[used++] = c;
    }
    out[used] = '\0';
}

static bool flag_parse(const char *text, bool *out)
{
    if (strcmp(text, "1") == 0 || strcmp(text, "true") == 0) {
        *out = true;
        return true;
    }
    if (strcmp(text, "0") == 0 || strcmp(text, "false") == 0) {
        *out = false;
        return true;
    }
    return false;
}

/* What a value of the type looks like, for messages. */
static const char *type_wants(enum opt_type type)
{
    switch (type) {
    case OPT_FLAG:
        return "\"true\" or \"false\"";
    case OPT_TEXT:
        return "a text";
    case OPT_NUMBER:
        return "a number";
    case OPT_SIZE:
        return "a size such as 64Mi";
    case OPT_DURATION:
    case OPT_WAIT:
        return "a duration such as 30s";
    case OPT_TEXTS:
    case OPT_GROUP:
        break;
    }
    return "a text";
}

/* "true" is what the option says where it stands without a value. */
static bool wait_parse(const struct opt *opt, const char *text, struct opt_wait *out)
{
    bool flag = true;
    uint64_t ms = 0;

    if (flag_parse(text, &flag)) {
        text = opt->default_text;
        CHECK(text != NULL);
    }
    if (!span_parse(text, &ms)) {
        return false;
    }
    *out = (struct opt_wait){ .given = flag, .ms = ms };
    return true;
}

static int texts_add(const struct opt *opt, const char *text, void *target, struct err *err)
{
    unsigned char *field = (unsigned char *)target + opt->offset;
    struct opt_texts texts;

    memcpy(&texts, field, sizeof(texts));
    if (texts.count == OPT_TEXTS_MAX) {
        return err_set(err, ERR_USAGE, "--%s: given more than %d times", opt->name, OPT_TEXTS_MAX);
    }
    texts.items[texts.count++] = text;
    memcpy(field, &texts, sizeof(texts));
    return 0;
}

bool opt_takes_value(const struct opt *opt)
{
    return opt->type != OPT_FLAG && opt->type != OPT_WAIT && opt->type != OPT_GROUP;
}

/* Store the value; `origin` ("--nodes", "MUSTER_NODES") is named when it is none. */
static int value_set(const struct opt *opt, const char *origin, const char *text, void *target,
                     struct err *err)
{
    unsigned char *field = (unsigned char *)target + opt->offset;
    struct opt_wait wait = { .given = false };
    uint64_t number = 0;
    bool flag = false;
    bool valid = true;

    switch (opt->type) {
    case OPT_TEXT:
        memcpy(field, &text, sizeof(text));
        return 0;
    case OPT_TEXTS:
        return texts_add(opt, text, target, err);
    case OPT_GROUP:
        return 0;
    case OPT_WAIT:
        valid = wait_parse(opt, text, &wait);
        break;
    case OPT_FLAG:
        valid = flag_parse(text, &flag);
        break;
    case OPT_NUMBER:
        valid = text_to_u64(text, 0, UINT64_MAX, &number);
        break;
    case OPT_SIZE:
        valid = size_parse(text, &number);
        break;
    case OPT_DURATION:
        valid = span_parse(text, &number);
        break;
    }
    if (!valid) {
        return err_set(err, ERR_USAGE, "%s: must be %s, got \"%s\"", origin, type_wants(opt->type),
                       text);
    }
    if (opt->type == OPT_FLAG) {
        memcpy(field, &flag, sizeof(flag));
    } else if (opt->type == OPT_WAIT) {
        memcpy(field, &wait, sizeof(wait));
    } else {
        memcpy(field, &number, sizeof(number));
    }
    return 0;
}

/* The position of the long option, or of the short one where `size` is 0; else table->count. */
static size_t opt_find(const struct opt_table *table, const char *name, size_t size, char letter)
{
    size_t i;

    for (i = 0; i < table->count; i++) {
        const struct opt *opt = &table->opts[i];

        if (opt->type == OPT_GROUP) {
            continue;
        }
        if (size == 0 ? opt->letter == letter
                      : strlen(opt->name) == size && memcmp(opt->name, name, size) == 0) {
            break;
        }
    }
    return i;
}

static int unknown_option(const struct opt_table *table, const char *arg, struct err *err)
{
    const char *names[OPT_COUNT_MAX + 2];
    size_t count = 0;
    size_t i;
    char wanted[64];
    const char *nearest;
    int size = (int)strcspn(arg, "=");

    for (i = 0; i < table->count; i++) {
        if (table->opts[i].type != OPT_GROUP) {
            names[count++] = table->opts[i].name;
        }
    }
    names[count++] = "help";
    names[count++] = "version";
    (void)snprintf(wanted, sizeof(wanted), "%.*s", size - (int)strspn(arg, "-"),
                   arg + strspn(arg, "-"));
    nearest = arg[1] == '-' ? text_nearest(wanted, names, count) : NULL;
    if (nearest != NULL) {
        return err_set(err, ERR_USAGE, "unknown option %.*s, did you mean --%s?", size, arg,
                       nearest);
    }
    return err_set(err, ERR_USAGE, "unknown option %.*s; --help lists them", size, arg);
}

/* What the command line says: a value per option of the table, NULL where it says nothing. */
struct scan {
    const struct opt_table *table;
    int argc;
    char *const *argv;
    const char *values[OPT_COUNT_MAX];
    void *target; /* for what OPT_TEXTS gathers; NULL: nothing is kept */
};

/* Take the option's value, which `text` is. */
static int scan_value(struct scan *scan, size_t i, const char *text, struct err *err)
{
    const struct opt *opt = &scan->table->opts[i];

    if (opt->type == OPT_TEXTS && scan->target != NULL) {
        int rv = texts_add(opt, text, scan->target, err);

        if (rv < 0) {
            return rv;
        }
    }
    scan->values[i] = text;
    return 0;
}

/* The option that argv[at] names, and its value where it stands in the same argument. */
static size_t scan_name(const struct scan *scan, int at, const char **value)
{
    const char *arg = scan->argv[at];
    const char *equals;

    *value = NULL;
    if (arg[1] != '-') {
        size_t i = opt_find(scan->table, NULL, 0, arg[1]);

        if (arg[2] != '\0' &&
            (i == scan->table->count || !opt_takes_value(&scan->table->opts[i]))) {
            return scan->table->count;
        }
        *value = arg[2] == '\0' ? NULL : arg + 2 + (arg[2] == '=' ? 1 : 0);
        return i;
    }
    equals = strchr(arg, '=');
    *value = equals == NULL ? NULL : equals + 1;
    arg += 2;
    return arg[0] == '\0' || arg == equals
               ? scan->table->count
               : opt_find(scan->table, arg, equals == NULL ? strlen(arg) : (size_t)(equals - arg),
                          0);
}

/* Read the option at argv[*at]; `*at` is left at the last argument that belongs to it. */
static int scan_option(struct scan *scan, int *at, struct err *err)
{
    const char *arg = scan->argv[*at];
    const char *value;
    size_t i = scan_name(scan, *at, &value);
    const struct opt *opt = &scan->table->opts[i];

    if (i == scan->table->count) {
        return unknown_option(scan->table, arg, err);
    }
    if (value != NULL && opt->type == OPT_FLAG) {
        return err_set(err, ERR_USAGE, "--%s takes no value", opt->name);
    }
    if (value != NULL || !opt_takes_value(opt)) {
        return scan_value(scan, i, value == NULL ? "true" : value, err);
    }
    value = *at + 1 < scan->argc ? scan->argv[*at + 1] : NULL;
    if (value == NULL || (value[0] == '-' && value[1] != '\0')) {
        return err_set(err, ERR_USAGE, "%s needs a value (%s)", arg,
                       opt->value_name == NULL ? "VALUE" : opt->value_name);
    }
    (*at)++;
    return scan_value(scan, i, value, err);
}

static int scan_arguments(struct scan *scan, struct opt_result *result, struct err *err)
{
    bool options_over = false;
    int at;

    for (at = 1; at < scan->argc; at++) {
        const char *arg = scan->argv[at];

        if (!options_over && strcmp(arg, "--") == 0) {
            options_over = true;
            continue;
        }
        if (!options_over && arg[0] == '-' && arg[1] != '\0') {
            int rv = scan_option(scan, &at, err);

            if (rv < 0) {
                return rv;
            }
            continue;
        }
        if (result->positional_count == OPT_POSITIONAL_MAX) {
            return err_set(err, ERR_USAGE, "more than %d arguments", OPT_POSITIONAL_MAX);
        }
        result->positional[result->positional_count++] = arg;
    }
    return 0;
}

/* Whether help or version is asked for, anywhere before "--". */
static bool scan_help(const struct opt_table *table, int argc, char *const *argv,
                      struct opt_result *result)
{
    int at;

    for (at = 1; at < argc && strcmp(argv[at], "--") != 0; at++) {
        if (strcmp(argv[at], "--help") == 0 ||
            (strcmp(argv[at], "-h") == 0 && opt_find(table, NULL, 0, 'h') == table->count)) {
            result->help = true;
        } else if (strcmp(argv[at], "--version") == 0) {
            result->version = true;
        }
    }
    return result->help || result->version;
}

/* The value that the option's variable gives, NULL: none. */
static const char *environment_value(const struct opt *opt, char variable[OPT_VARIABLE_SIZE])
{
    const char *text;

    opt_variable(opt->name, variable);
    text = getenv(variable);
    return text == NULL || text[0] == '\0' ? NULL : text;
}

/* Whether what the group's options say stands elsewhere: its own option was given. */
static bool is_chosen(const struct scan *scan, const struct opt *group)
{
    const char *name = group->value_name;
    size_t i = name == NULL ? scan->table->count : opt_find(scan->table, name, strlen(name), 0);

    return i < scan->table->count && scan->values[i] != NULL;
}

/* First found of command line, environment (unless `chosen`, and it is a text), default. */
static int option_apply(const struct opt *opt, const char *given, bool chosen, void *target,
                        struct err *err)
{
    char variable[OPT_VARIABLE_SIZE];
    char origin[OPT_VARIABLE_SIZE];
    const char *text = given;

    if (opt->type == OPT_GROUP || (opt->type == OPT_TEXTS && given != NULL)) {
        return 0;
    }
    (void)snprintf(origin, sizeof(origin), "--%s", opt->name);
    if (text == NULL && !(chosen && opt->type == OPT_TEXT)) {
        text = environment_value(opt, variable);
        if (text != NULL) {
            memcpy(origin, variable, sizeof(origin));
        }
    }
    if (text == NULL && opt->type != OPT_WAIT) {
        text = opt->default_text;
    }
    return text == NULL ? 0 : value_set(opt, origin, text, target, err);
}

int opt_parse(const struct opt_table *table, int argc, char *const *argv, void *target,
              struct opt_result *result, struct err *err)
{
    struct scan scan = { .table = table, .argc = argc, .argv = argv, .target = target };
    bool chosen = false;
    size_t i;
    int rv;

    CHECK(table->count <= OPT_COUNT_MAX);
    *result = (struct opt_result){ .positional_count = 0 };
    if (scan_help(table, argc, argv, result)) {
        return 0;
    }
    rv = scan_arguments(&scan, result, err);
    for (i = 0; i < table->count && 0 <= rv; i++) {
        const struct opt *opt = &table->opts[i];

        chosen = opt->type == OPT_GROUP ? is_chosen(&scan, opt) : chosen;
        rv = option_apply(opt, scan.values[i], chosen, target, err);
    }
    return rv;
}

int opt_positional(const struct opt_table *table, int argc, char *const *argv,
                   struct opt_result *result, struct err *err)
{
    struct scan scan = { .table = table, .argc = argc, .argv = argv };

    *result = (struct opt_result){ .positional_count = 0 };
    return scan_arguments(&scan, result, err);
}

void opt_name_origin(const struct opt_table *table, int argc, char *const *argv, struct err *err)
{
    struct scan scan = { .table = table, .argc = argc, .argv = argv };
    struct opt_result positional = { .positional_count = 0 };
    const char *name = err->msg + 2;
    size_t size = strcspn(name, ": ");
    char variable[OPT_VARIABLE_SIZE];
    char rest[ERR_MSG_MAX];
    struct err ignored;
    size_t i;

    if (strncmp(err->msg, "--", 2) != 0 || size == 0) {
        return;
    }
    i = opt_find(table, name, size, 0);
    if (i == table->count || scan_arguments(&scan, &positional, &ignored) < 0 ||
        scan.values[i] != NULL || environment_value(&table->opts[i], variable) == NULL) {
        return;
    }
    (void)snprintf(rest, sizeof(rest), "%s", name + size);
    (void)snprintf(err->msg, sizeof(err->msg), "%s%.*s", variable,
                   (int)(sizeof(err->msg) - sizeof(variable)), rest);
}
