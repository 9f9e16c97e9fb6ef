#include "watcher/join_memory.h"

#include <stdio.h>
#include <string.h>

#define FIELDS 4

int join_memory_write(const struct join_table *table, uint64_t now_ms, struct str *out,
                      struct err *err)
{
    size_t i;

    for (i = 0; table->entries != NULL && i < JOIN_TABLE_MAX; i++) {
        const struct join_entry *entry = &table->entries[i];

        if (entry->used && !join_entry_is_over(entry, now_ms)) {
            str_appendf(out, "%s %s %llu %s\n", entry->cluster, entry->uid,
                        (unsigned long long)entry->issued_ms, entry->nonce);
        }
    }
    return str_check(out, err);
}

/* Split a line at its blanks, into bounded fields. */
static bool split(const char *line, size_t size, char fields[FIELDS][CLUSTER_NAME_MAX + 1])
{
    size_t i;

    for (i = 0; i < FIELDS; i++) {
        const char *end = memchr(line, ' ', size);
        size_t length = end == NULL ? size : (size_t)(end - line);

        if (length == 0 || CLUSTER_NAME_MAX < length || (end == NULL) != (i == FIELDS - 1)) {
            return false;
        }
        memcpy(fields[i], line, length);
        fields[i][length] = '\0';
        line += length + 1;
        size -= end == NULL ? length : length + 1;
    }
    return true;
}

static int take_line(struct join_table *table, const char *line, size_t size, uint64_t now_ms,
                     struct err *err)
{
    char fields[FIELDS][CLUSTER_NAME_MAX + 1];
    struct join join = { .cluster = fields[0], .uid = fields[1], .ip = "", .nonce = fields[3] };

    if (!split(line, size, fields) || !name_is_label(fields[0], CLUSTER_NAME_MAX) ||
        !name_is_uid(fields[1]) || !text_to_u64(fields[2], 0, INT64_MAX, &join.issued_ms) ||
        strlen(fields[3]) != JOIN_NONCE_SIZE - 1) {
        return 0;
    }
    return join_table_remember(table, &join, now_ms, err);
}

int join_memory_read(struct join_table *table, const char *text, uint64_t now_ms, struct err *err)
{
    int rv = 0;

    while (*text != '\0' && rv == 0) {
        size_t size = strcspn(text, "\n");

        rv = take_line(table, text, size, now_ms, err);
        text += size + (text[size] == '\n' ? 1 : 0);
    }
    return rv;
}
