#include "discovery/request.h"

#include <string.h>

#include "discovery/inbox.h"

#define VALUE_BYTES_MAX (1ULL << 30) /* memcached's largest item size */
#define META_FLAGS_MAX 8
#define WORDS_MAX (3 + META_FLAGS_MAX)

enum verb {
    VERB_UNKNOWN,
    VERB_PLAIN, /* a line and nothing behind it */
    VERB_GET,
    VERB_GETS,
    VERB_SET,
    VERB_ADD,
    VERB_STORE, /* replace, append, prepend */
    VERB_CAS,
    VERB_META_SET,
    VERB_CONFIG,
    VERB_VERSION,
    VERB_QUIT,
    VERB_STATS,
    VERB_NOOP,
    VERB_VERBOSITY,
};

struct word {
    const char *at;
    size_t size;
};

/* A line cut at single spaces. `clean`: no other white space, no control characters, not too many
 * words. */
struct words {
    struct word word[WORDS_MAX];
    size_t count;
    bool clean;
    bool trailing_space;
};

static const struct {
    const char *name;
    size_t size;
    enum verb verb;
} verbs[] = {
#define VERB(name, verb)             \
    {                                \
        name, sizeof(name) - 1, verb \
    }
    VERB("get", VERB_GET),
    VERB("set", VERB_SET),
    VERB("gets", VERB_GETS),
    VERB("mg", VERB_PLAIN),
    VERB("ms", VERB_META_SET),
    VERB("md", VERB_PLAIN),
    VERB("ma", VERB_PLAIN),
    VERB("mn", VERB_NOOP),
    VERB("me", VERB_PLAIN),
    VERB("add", VERB_ADD),
    VERB("cas", VERB_CAS),
    VERB("gat", VERB_PLAIN),
    VERB("gats", VERB_PLAIN),
    VERB("incr", VERB_PLAIN),
    VERB("decr", VERB_PLAIN),
    VERB("touch", VERB_PLAIN),
    VERB("delete", VERB_PLAIN),
    VERB("replace", VERB_STORE),
    VERB("append", VERB_STORE),
    VERB("prepend", VERB_STORE),
    VERB("config", VERB_CONFIG),
    VERB("version", VERB_VERSION),
    VERB("stats", VERB_STATS),
    VERB("quit", VERB_QUIT),
    VERB("bget", VERB_PLAIN),
    VERB("flush_all", VERB_PLAIN),
    VERB("verbosity", VERB_VERBOSITY),
    VERB("slabs", VERB_PLAIN),
    VERB("lru", VERB_PLAIN),
    VERB("lru_crawler", VERB_PLAIN),
    VERB("cache_memlimit", VERB_PLAIN),
    VERB("extstore", VERB_PLAIN),
    VERB("refresh_certs", VERB_PLAIN),
    VERB("shutdown", VERB_PLAIN),
#undef VERB
};

static bool is_space_or_control(char c)
{
    return (unsigned char)c <= ' ' || c == 0x7f;
}

static enum verb find_verb(const char *at, size_t size)
{
    size_t i;

    for (i = 0; i < ARRAY_COUNT(verbs); i++) {
        if (verbs[i].size == size && memcmp(verbs[i].name, at, size) == 0) {
            return verbs[i].verb;
        }
    }
    return VERB_UNKNOWN;
}

static bool is_write(enum verb verb)
{
    return verb == VERB_SET || verb == VERB_ADD || verb == VERB_STORE || verb == VERB_CAS ||
           verb == VERB_META_SET;
}

static bool word_is(const struct word *word, const char *text)
{
    return strlen(text) == word->size && memcmp(word->at, text, word->size) == 0;
}

/* Decimal as every reader of numbers takes it: digits, no sign, no needless zero. */
static bool word_number(const struct word *word, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    size_t i;

    if (word->size == 0 || 19 < word->size || (word->at[0] == '0' && 1 < word->size)) {
        return false;
    }
    for (i = 0; i < word->size; i++) {
        if (word->at[i] < '0' || '9' < word->at[i]) {
            return false;
        }
        value = value * 10 + (uint64_t)(word->at[i] - '0');
    }
    *out = value;
    return value <= max;
}

/* Of a line that is `size` bytes long without its end, which lies behind it. */
static void split(const char *line, size_t size, struct words *out)
{
    const char *at = line;
    const char *end = line + size;
    const char *word;

    out->count = 0;
    out->clean = false;
    out->trailing_space = 0 < size && end[-1] == ' ';
    end -= out->trailing_space ? 1 : 0;
    do {
        word = at;
        while (!is_space_or_control(*at)) { /* the line's end is one */
            at++;
        }
        if (at == word || (at < end && *at != ' ') || out->count == WORDS_MAX) {
            return;
        }
        out->word[out->count].at = word;
        out->word[out->count].size = (size_t)(at - word);
        out->count++;
        at++;
    } while (at <= end);
    out->clean = true;
}

/* The largest number in the line bounds whatever a lenient reader may take for a length. */
static uint64_t largest_number(const char *line, size_t size)
{
    uint64_t largest = 0;
    uint64_t run = 0;
    size_t i;

    for (i = 0; i < size; i++) {
        if (line[i] < '0' || '9' < line[i]) {
            run = 0;
            continue;
        }
        run = run * 10 + (uint64_t)(line[i] - '0');
        if (UINT32_MAX < run) {
            run = UINT32_MAX; /* far beyond the largest item; no reader goes higher */
        }
        if (largest < run) {
            largest = run;
        }
    }
    return largest;
}

/*
 * Where the words are plain to see, the length is the one that stands in its place; else it could
 * be any number of the line.
 */
static void set_odd(enum verb verb, const char *line, size_t size, const struct words *words,
                    struct request *out)
{
    const size_t place = verb == VERB_META_SET ? 2 : 4;
    uint64_t value_bytes;
    uint64_t number = largest_number(line, size);

    out->kind = REQUEST_ODD;
    if (words != NULL && words->clean && place < words->count &&
        word_number(&words->word[place], VALUE_BYTES_MAX, &value_bytes)) {
        out->odd_bytes_max = value_bytes + 2;
        return;
    }
    out->odd_bytes_max = number == 0 && memchr(line, '0', size) == NULL ? 0 : number + 2;
}

/* One flag of a meta set that every version takes as it is meant. `seen` finds repetitions. */
static bool meta_flag_clean(const struct word *word, uint64_t *seen)
{
    const struct word rest = { word->at + 1, word->size - 1 };
    const char flag = word->at[0];
    uint64_t number;
    uint64_t bit;

    if (flag < 'A' || 'z' < flag) {
        return false;
    }
    bit = 1ULL << (flag - 'A');
    if ((*seen & bit) != 0) {
        return false;
    }
    *seen |= bit;
    switch (flag) {
    case 'q':
    case 'k':
    case 'c':
    case 'I':
        return rest.size == 0;
    case 'T':
    case 'F':
        return word_number(&rest, INT32_MAX, &number);
    case 'C':
        return word_number(&rest, INT64_MAX, &number);
    case 'M':
        return rest.size == 1 && strchr("SEAPRseapr", rest.at[0]) != NULL;
    case 'O':
        return 0 < rest.size && rest.size < 32;
    default:
        return false;
    }
}

static bool meta_set_clean(const struct words *words, uint64_t *value_bytes)
{
    uint64_t seen = 0;
    size_t i;

    if (words->count < 3 || !word_number(&words->word[2], VALUE_BYTES_MAX, value_bytes)) {
        return false;
    }
    for (i = 3; i < words->count; i++) {
        if (!meta_flag_clean(&words->word[i], &seen)) {
            return false;
        }
    }
    return true;
}

/* <verb> <key> <flags> <exptime> <bytes> [<cas>] [noreply] */
static bool store_clean(enum verb verb, const struct words *words, uint64_t *value_bytes,
                        struct request *out)
{
    const size_t count = verb == VERB_CAS ? 6 : 5;
    struct word exptime;
    uint64_t number;

    if (words->count < count || count + 1 < words->count) {
        return false;
    }
    exptime = words->word[3];
    if (exptime.at[0] == '-') {
        exptime.at++;
        exptime.size--;
    }
    out->quiet = words->count == count + 1;
    return word_number(&words->word[2], UINT32_MAX, &number) &&
           word_number(&exptime, INT32_MAX, &number) &&
           word_number(&words->word[4], VALUE_BYTES_MAX, value_bytes) &&
           (verb != VERB_CAS || word_number(&words->word[5], INT64_MAX, &out->cas)) &&
           (!out->quiet || word_is(&words->word[count], "noreply"));
}

/* Whether the key is `muster:join:<uid>` with a valid uid, which is then kept. */
static bool find_uid(const struct word *key, struct request *out)
{
    const size_t prefix = sizeof(KEY_JOIN) - 1;

    if (key->size != prefix + JOIN_UID_CHARS || memcmp(key->at, KEY_JOIN, prefix) != 0 ||
        !inbox_uid_valid(key->at + prefix, key->size - prefix)) {
        return false;
    }
    memcpy(out->uid, key->at + prefix, JOIN_UID_CHARS);
    return true;
}

/* Which of the partition's keys a store command names, if any. */
static void claim_store(enum verb verb, const struct word *key, struct request *out)
{
    const size_t prefix = sizeof(KEY_JOIN) - 1;

    if (verb == VERB_STORE || verb == VERB_META_SET) {
        return;
    }
    if (word_is(key, KEY_RECORD)) {
        out->kind = REQUEST_RECORD_SET;
        out->mode = verb == VERB_ADD ? REQUEST_ADD : verb == VERB_CAS ? REQUEST_CAS : REQUEST_SET;
    } else if (verb == VERB_SET && prefix <= key->size && memcmp(key->at, KEY_JOIN, prefix) == 0) {
        out->kind = REQUEST_JOIN;
        (void)find_uid(key, out);
    }
}

static void parse_store(enum verb verb, const char *line, size_t size, struct request *out)
{
    uint64_t value_bytes = 0;
    struct words words;
    bool clean;

    split(line, size, &words);
    clean = words.clean && !words.trailing_space && 2 <= words.count &&
            words.word[1].size <= REQUEST_KEY_BYTES_MAX &&
            (verb == VERB_META_SET ? meta_set_clean(&words, &value_bytes)
                                   : store_clean(verb, &words, &value_bytes, out));
    if (!clean) {
        out->quiet = false;
        set_odd(verb, line, size, &words, out);
        return;
    }
    out->body_bytes = value_bytes + 2;
    claim_store(verb, &words.word[1], out);
}

static void parse_get(enum verb verb, const char *line, size_t size, struct request *out)
{
    size_t key_at = verb == VERB_GETS ? 5 : 4;
    struct words words;

    /* The first letter of the key decides for nearly all requests. */
    if (size <= key_at || (line[key_at] != KEY_PAYLOAD[0] && line[key_at] != KEY_RECORD[0])) {
        return;
    }
    split(line, size, &words);
    if (!words.clean || words.count != 2) {
        return;
    }
    out->with_cas = verb == VERB_GETS;
    if (word_is(&words.word[1], KEY_PAYLOAD)) {
        out->kind = REQUEST_PAYLOAD_GET;
    } else if (word_is(&words.word[1], KEY_RECORD)) {
        out->kind = REQUEST_RECORD_GET;
    } else if (find_uid(&words.word[1], out)) {
        out->kind = REQUEST_JOIN_GET;
    }
}

/* stats [<group>] */
static void parse_stats(const char *line, size_t size, struct request *out)
{
    const struct word *group;
    struct words words;

    out->kind = REQUEST_STATS;
    split(line, size, &words);
    if (words.clean && words.count == 1) {
        return;
    }
    out->group[0] = '?';
    group = &words.word[1];
    if (words.clean && words.count == 2 && group->size <= REQUEST_GROUP_CHARS_MAX) {
        memcpy(out->group, group->at, group->size);
    }
}

/* verbosity <level> [noreply]; without a level it is an error. */
static void parse_verbosity(const char *line, size_t size, struct request *out)
{
    struct words words;

    split(line, size, &words);
    if (words.clean && (words.count == 2 || words.count == 3)) {
        out->kind = REQUEST_VERBOSITY;
        out->quiet = words.count == 3 && word_is(&words.word[2], "noreply");
    }
}

/* config set cluster <flags> <bytes> [noreply] */
static void parse_config_set(const struct words *words, struct request *out)
{
    uint64_t flags;
    uint64_t value_bytes;

    if (words->count < 5 || 6 < words->count || !word_number(&words->word[3], UINT32_MAX, &flags) ||
        !word_number(&words->word[4], VALUE_BYTES_MAX, &value_bytes) ||
        (words->count == 6 && !word_is(&words->word[5], "noreply"))) {
        return;
    }
    out->kind = REQUEST_CONFIG_SET;
    out->quiet = words->count == 6;
    out->body_bytes = value_bytes + 2;
}

static void parse_config(const char *line, size_t size, struct request *out)
{
    const struct word *verb;
    struct words words;

    split(line, size, &words);
    if (!words.clean || words.count < 3 || !word_is(&words.word[2], "cluster")) {
        return;
    }
    verb = &words.word[1];
    if (word_is(verb, "set")) {
        parse_config_set(&words, out);
    } else if (words.count != 3) {
        return;
    } else if (word_is(verb, "get")) {
        out->kind = REQUEST_CONFIG_GET;
    } else if (word_is(verb, "delete")) {
        out->kind = REQUEST_CONFIG_DELETE;
    } else if (word_is(verb, "watch")) {
        out->kind = REQUEST_CONFIG_WATCH;
    }
}

static void parse_verb(enum verb verb, const char *line, size_t size, struct request *out)
{
    switch (verb) {
    case VERB_UNKNOWN:
        out->kind = REQUEST_UNKNOWN;
        break;
    case VERB_PLAIN:
        break;
    case VERB_GET:
    case VERB_GETS:
        parse_get(verb, line, size, out);
        break;
    case VERB_SET:
    case VERB_ADD:
    case VERB_STORE:
    case VERB_CAS:
    case VERB_META_SET:
        parse_store(verb, line, size, out);
        break;
    case VERB_CONFIG:
        parse_config(line, size, out);
        break;
    case VERB_VERSION:
        out->kind = REQUEST_VERSION;
        break;
    case VERB_QUIT:
        out->kind = REQUEST_QUIT;
        break;
    case VERB_STATS:
        parse_stats(line, size, out);
        break;
    case VERB_VERBOSITY:
        parse_verbosity(line, size, out);
        break;
    case VERB_NOOP:
        out->kind = REQUEST_NOOP;
        break;
    }
}

/* A line without its end. */
static void parse_line(const char *line, size_t size, struct request *out)
{
    size_t indent = 0;
    size_t end;
    enum verb verb;

    /* Nearly all lines: found without a search. */
    if (4 <= size && memcmp(line, "get ", 4) == 0) {
        parse_get(VERB_GET, line, size, out);
        return;
    }
    if (4 <= size && memcmp(line, "set ", 4) == 0) {
        parse_store(VERB_SET, line, size, out);
        return;
    }
    while (indent < size && line[indent] == ' ') {
        indent++;
    }
    end = indent;
    while (end < size && !is_space_or_control(line[end])) {
        end++;
    }
    if (indent == size) {
        return; /* an empty line: an error, and nothing behind it */
    }
    verb = find_verb(line + indent, end - indent);
    if (indent == 0) {
        parse_verb(verb, line, size, out);
    } else if (is_write(verb)) {
        set_odd(verb, line, size, NULL, out);
    }
}

int request_parse_text(const char *bytes, size_t size, struct request *out)
{
    const char *end = memchr(bytes, '\n', size);
    size_t line_bytes;

    if (end == NULL) {
        return size <= REQUEST_LINE_MAX ? REQUEST_PARTIAL : REQUEST_LONG;
    }
    line_bytes = (size_t)(end - bytes);
    *out = (struct request){ .kind = REQUEST_PLAIN, .protocol = REQUEST_TEXT };
    out->head_bytes = line_bytes + 1;
    if (0 < line_bytes && end[-1] == '\r') {
        line_bytes--;
    }
    parse_line(bytes, line_bytes, out);
    return 0;
}
