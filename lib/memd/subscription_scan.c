#include "memd/subscription_scan.h"

#include <string.h>

#include "base/str.h"
#include "discovery/inbox.h"

static const char changed_word[] = "CONFIG-CHANGED ";
static const char joining_word[] = "JOIN-REQUESTED ";

/* What stands behind `word` in the line, or NULL. */
static const char *behind(const char *line, size_t size, const char *word, size_t *left)
{
    size_t length = strlen(word);

    if (size < length || memcmp(line, word, length) != 0) {
        return NULL;
    }
    *left = size - length;
    return line + length;
}

static int parse(const char *line, size_t size, struct subscription_news *out, struct err *err)
{
    struct subscription_news news = { .uid = "" };
    const char *text;
    uint64_t version;
    size_t left;

    text = behind(line, size, changed_word, &left);
    if (text != NULL && bytes_to_u64(text, left, 0, INT32_MAX, &version)) {
        news.version = (uint32_t)version;
        *out = news;
        return 1;
    }
    text = behind(line, size, joining_word, &left);
    if (text != NULL && inbox_uid_valid(text, left)) {
        memcpy(news.uid, text, JOIN_UID_CHARS);
        *out = news;
        return 1;
    }
    return err_set(err, ERR_PROTOCOL, "no line of a subscription: '%.*s'", (int)size, line);
}

void subscription_scan_init(struct subscription_scan *scan)
{
    scan->used = 0;
}

int subscription_scan(struct subscription_scan *scan, const char *bytes, size_t size, size_t *used,
                      struct subscription_news *out, struct err *err)
{
    const char *end = memchr(bytes, '\n', size);
    size_t taken = end == NULL ? size : (size_t)(end - bytes) + 1;
    size_t length;

    if (sizeof(scan->line) - scan->used < taken) {
        return err_set(err, ERR_PROTOCOL, "a line of more than %d bytes", SUBSCRIPTION_LINE_MAX);
    }
    memcpy(scan->line + scan->used, bytes, taken);
    scan->used += taken;
    *used = taken;
    if (end == NULL) {
        return 0;
    }
    length = scan->used - 1;
    scan->used = 0;
    if (0 < length && scan->line[length - 1] == '\r') {
        length--;
    }
    return parse(scan->line, length, out, err);
}
