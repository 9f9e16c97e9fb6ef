#include "model/spec_arg.h"

#include <string.h>

#include "base/str.h"
#include "model/spec.h"

#define ARG_TEXT_MAX 80

/* clang-format off */
static const struct spec_arg options[] = {
    { "-b", SPEC_ARG_NUMBER,  1,      65535,       NULL },         /* listen backlog */
    { "-B", SPEC_ARG_WORD,    0,      0,           "auto|ascii" }, /* muster itself speaks text */
    { "-C", SPEC_ARG_NONE,    0,      0,           NULL },         /* no CAS */
    { "-D", SPEC_ARG_CHAR,    0,      0,           NULL },         /* prefix delimiter of stats */
    { "-f", SPEC_ARG_DECIMAL, 1001,   100000,      NULL },         /* growth factor of slabs */
    { "-F", SPEC_ARG_NONE,    0,      0,           NULL },         /* no flush_all */
    { "-L", SPEC_ARG_NONE,    0,      0,           NULL },         /* large pages */
    { "-M", SPEC_ARG_NONE,    0,      0,           NULL },         /* refuse instead of evict */
    { "-n", SPEC_ARG_NUMBER,  1,      4096,        NULL },         /* smallest chunk */
    { "-o", SPEC_ARG_LIST,    0,      0,           NULL },
    { "-R", SPEC_ARG_NUMBER,  1,      100000,      NULL },         /* requests per event */
    { "-W", SPEC_ARG_NONE,    0,      0,           NULL },         /* no watch commands */
    { "-X", SPEC_ARG_NONE,    0,      0,           NULL },         /* no dumps */
};

/*
 * Bounds are those of memcached 1.6.18; hashpower keeps clear of its lock table at 64 threads.
 * slab_chunk_max is left out: that version takes its kilobytes for bytes and crashes.
 */
static const struct spec_arg suboptions[] = {
    { "hash_algorithm",          SPEC_ARG_WORD,    0,   0,       "jenkins|murmur3|xxh3" },
    { "hashpower",               SPEC_ARG_NUMBER,  17,  27,      NULL },
    { "hot_lru_pct",             SPEC_ARG_NUMBER,  1,   40,      NULL },
    { "hot_max_factor",          SPEC_ARG_DECIMAL, 1,   1000000, NULL },
    { "idle_timeout",            SPEC_ARG_NUMBER,  0,   86400,   NULL },
    { "lru_crawler",             SPEC_ARG_NONE,    0,   0,       NULL },
    { "lru_crawler_sleep",       SPEC_ARG_NUMBER,  0,   1000000, NULL },
    { "lru_crawler_tocrawl",     SPEC_ARG_NUMBER,  0,   UINT32_MAX, NULL },
    { "lru_maintainer",          SPEC_ARG_NONE,    0,   0,       NULL },
    { "maxconns_fast",           SPEC_ARG_NONE,    0,   0,       NULL },
    { "modern",                  SPEC_ARG_NONE,    0,   0,       NULL },
    { "no_hashexpand",           SPEC_ARG_NONE,    0,   0,       NULL },
    { "no_lru_crawler",          SPEC_ARG_NONE,    0,   0,       NULL },
    { "no_lru_maintainer",       SPEC_ARG_NONE,    0,   0,       NULL },
    { "no_maxconns_fast",        SPEC_ARG_NONE,    0,   0,       NULL },
    { "no_modern",               SPEC_ARG_NONE,    0,   0,       NULL },
    { "no_slab_reassign",        SPEC_ARG_NONE,    0,   0,       NULL },
    { "read_buf_mem_limit",      SPEC_ARG_NUMBER,  0,   65536,   NULL },
    { "slab_automove",           SPEC_ARG_NUMBER,  0,   2,       NULL },
    { "slab_automove_freeratio", SPEC_ARG_DECIMAL, 0,   1000,    NULL },
    { "slab_automove_ratio",     SPEC_ARG_DECIMAL, 1,   999,     NULL },
    { "slab_automove_window",    SPEC_ARG_NUMBER,  3,   86400,   NULL },
    { "slab_reassign",           SPEC_ARG_NONE,    0,   0,       NULL },
    { "temporary_ttl",           SPEC_ARG_NUMBER,  0,   86400,   NULL },
    { "track_sizes",             SPEC_ARG_NONE,    0,   0,       NULL },
    { "warm_lru_pct",            SPEC_ARG_NUMBER,  1,   40,      NULL },
    { "warm_max_factor",         SPEC_ARG_DECIMAL, 1,   1000000, NULL },
};

/* Options that have a field of the spec, or that muster sets itself. */
static const struct {
    const char *name;
    const char *why;
} refused[] = {
    { "-m", "use spec.memory" },
    { "-t", "use spec.threads" },
    { "-c", "use spec.maxConnections" },
    { "-I", "use spec.maxItemSize" },
    { "-p", "muster assigns the port" },
    { "-l", "muster assigns the address" },
    { "-U", "muster leaves UDP off" },
    { "-s", "clients connect by TCP" },
    { "-u", "muster chooses the user" },
    { "-d", "muster supervises the process" },
    { "-P", "muster supervises the process" },
    { "-A", "only muster stops a node" },
};
/* clang-format on */

static const struct spec_arg *option_find(const struct spec_arg *table, size_t count,
                                          const char *name, size_t size)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (strlen(table[i].name) == size && memcmp(table[i].name, name, size) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

/* Digits, perhaps a point and one to three digits, in thousandths. */
static bool decimal_parse(const char *text, size_t size, uint64_t *out)
{
    const char *point = memchr(text, '.', size);
    size_t whole = point == NULL ? size : (size_t)(point - text);
    size_t digits = point == NULL ? 0 : size - whole - 1;
    uint64_t thousands;
    uint64_t fraction = 0;

    if (!bytes_to_u64(text, whole, 0, 1000000, &thousands)) {
        return false;
    }
    if (point != NULL && (3 < digits || !bytes_to_u64(point + 1, digits, 0, 999, &fraction))) {
        return false;
    }
    for (; point != NULL && digits < 3; digits++) {
        fraction *= 10;
    }
    *out = thousands * 1000 + fraction;
    return true;
}

static bool word_among(const char *words, const char *text, size_t size)
{
    while (words != NULL) {
        size_t word = strcspn(words, "|");

        if (word == size && memcmp(words, text, size) == 0) {
            return true;
        }
        words = words[word] == '\0' ? NULL : words + word + 1;
    }
    return false;
}

static int value_check(const struct spec_arg *option, const char *text, size_t size,
                       struct err *err)
{
    int shown = size < ARG_TEXT_MAX ? (int)size : ARG_TEXT_MAX;
    uint64_t number;

    switch (option->kind) {
    case SPEC_ARG_NUMBER:
        if (bytes_to_u64(text, size, option->min, option->max, &number)) {
            return 0;
        }
        return err_set(err, ERR_INVALID, "%s: must be between %llu and %llu, got \"%.*s\"",
                       option->name, (unsigned long long)option->min,
                       (unsigned long long)option->max, shown, text);
    case SPEC_ARG_DECIMAL:
        if (decimal_parse(text, size, &number) && option->min <= number && number <= option->max) {
            return 0;
        }
        return err_set(err, ERR_INVALID, "%s: must be between %g and %g, got \"%.*s\"",
                       option->name, (double)option->min / 1000, (double)option->max / 1000, shown,
                       text);
    case SPEC_ARG_WORD:
        if (word_among(option->words, text, size)) {
            return 0;
        }
        return err_set(err, ERR_INVALID, "%s: must be one of %s, got \"%.*s\"", option->name,
                       option->words, shown, text);
    case SPEC_ARG_CHAR:
        if (size == 1 && strchr(SPEC_ARG_CHARS, text[0]) != NULL) {
            return 0;
        }
        return err_set(err, ERR_INVALID, "%s: must be one character of :/.,;_|#%%+=-",
                       option->name);
    case SPEC_ARG_NONE:
    case SPEC_ARG_LIST:
        break;
    }
    return 0;
}

static int suboption_check(const char *text, size_t size, struct err *err)
{
    const char *equals = memchr(text, '=', size);
    size_t name_size = equals == NULL ? size : (size_t)(equals - text);
    const struct spec_arg *option =
        option_find(suboptions, ARRAY_COUNT(suboptions), text, name_size);
    int shown = name_size < ARG_TEXT_MAX ? (int)name_size : ARG_TEXT_MAX;

    if (option == NULL) {
        return err_set(err, ERR_INVALID, "suboption \"%.*s\" of -o is not allowed", shown, text);
    }
    if (option->kind == SPEC_ARG_NONE && equals != NULL) {
        return err_set(err, ERR_INVALID, "%s takes no value", option->name);
    }
    if (option->kind != SPEC_ARG_NONE && equals == NULL) {
        return err_set(err, ERR_INVALID, "%s needs a value", option->name);
    }
    if (equals == NULL) {
        return 0;
    }
    return value_check(option, equals + 1, size - name_size - 1, err);
}

static int suboptions_check(const char *list, struct err *err)
{
    for (;;) {
        size_t size = strcspn(list, ",");
        int rv = suboption_check(list, size, err);

        if (rv < 0) {
            return rv;
        }
        if (list[size] == '\0') {
            return 0;
        }
        list += size + 1;
    }
}

static int refuse(const char *arg, struct err *err)
{
    size_t i;

    for (i = 0; i < ARRAY_COUNT(refused); i++) {
        if (strcmp(refused[i].name, arg) == 0) {
            return err_set(err, ERR_INVALID, "\"%s\" is not allowed: %s", arg, refused[i].why);
        }
    }
    if (arg[0] == '-' && arg[1] != '-' && arg[1] != '\0' && arg[2] != '\0') {
        return err_set(err, ERR_INVALID,
                       "\"%.*s\" is not allowed: write an option and its value as two arguments",
                       ARG_TEXT_MAX, arg);
    }
    return err_set(err, ERR_INVALID, "\"%.*s\" is not on the list of allowed options", ARG_TEXT_MAX,
                   arg);
}

int spec_extra_arg_check(const char *arg, const char *value, struct err *err)
{
    const struct spec_arg *option = option_find(options, ARRAY_COUNT(options), arg, strlen(arg));
    int rv;

    if (option == NULL) {
        return refuse(arg, err);
    }
    if (option->kind == SPEC_ARG_NONE) {
        return 0;
    }
    if (value == NULL) {
        return err_set(err, ERR_INVALID, "%s needs a value", arg);
    }
    rv = option->kind == SPEC_ARG_LIST ? suboptions_check(value, err)
                                       : value_check(option, value, strlen(value), err);
    return rv < 0 ? rv : 1;
}

const struct spec_arg *spec_args(size_t *count)
{
    *count = ARRAY_COUNT(options);
    return options;
}

const struct spec_arg *spec_suboptions(size_t *count)
{
    *count = ARRAY_COUNT(suboptions);
    return suboptions;
}
