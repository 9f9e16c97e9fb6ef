#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "discovery/inbox.h"

static char dir[64];
static char buffer[INBOX_BUFFER_BYTES];

static void setup(void)
{
    (void)snprintf(dir, sizeof(dir), "/tmp/muster-inbox.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
}

static size_t files(int remove)
{
    const struct dirent *entry;
    DIR *open = opendir(dir);
    size_t count = 0;

    while ((entry = readdir(open)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            count++;
            if (remove) {
                (void)unlinkat(dirfd(open), entry->d_name, 0);
            }
        }
    }
    (void)closedir(open);
    return count;
}

static void teardown(void)
{
    (void)files(1);
    (void)rmdir(dir);
}

TestSuite(inbox, .init = setup, .fini = teardown);

static int put(uint32_t n, const char *uid, const char *value)
{
    struct inbox_entry entry = { .kind = uid[0] == '\0' ? INBOX_CONFIG : INBOX_JOIN,
                                 .value = value,
                                 .value_bytes = strlen(value) };
    struct err err;

    memcpy(entry.uid, uid, strlen(uid) + 1);
    return inbox_put(dir, n, &entry, &err);
}

/* Make a file older: the file system's own clock counts in ticks. */
static void age(const char *name, int seconds)
{
    struct timespec times[2];
    char path[128];

    (void)clock_gettime(CLOCK_REALTIME, &times[0]);
    times[0].tv_sec -= seconds;
    times[1] = times[0];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

Test(inbox, entries_come_out_oldest_first_and_once)
{
    struct inbox_entry entry;
    struct inbox_list list;
    struct err err;

    cr_assert_eq(put(3, "", "one"), 0);
    cr_assert_eq(put(0, "0123456789abcdef", "two"), 0);
    cr_assert_eq(put(1, "", ""), 0);
    age("config.3", 30);
    age("join.0", 20);
    age("config.1", 10);
    cr_assert_eq(inbox_scan(dir, &list, &err), 0);
    cr_assert_eq(list.count, 3);
    cr_assert_eq(inbox_take(dir, list.names[0], buffer, &entry, &err), 0);
    cr_assert_eq(entry.kind, INBOX_CONFIG);
    cr_assert_eq(entry.value_bytes, 3);
    cr_assert_arr_eq(entry.value, "one", 3);
    cr_assert_eq(inbox_take(dir, list.names[1], buffer, &entry, &err), 0);
    cr_assert_eq(entry.kind, INBOX_JOIN);
    cr_assert_str_eq(entry.uid, "0123456789abcdef");
    cr_assert_arr_eq(entry.value, "two", 3);
    cr_assert_eq(inbox_take(dir, list.names[2], buffer, &entry, &err), 0);
    cr_assert_eq(entry.value_bytes, 0);
    cr_assert_eq(inbox_take(dir, list.names[2], buffer, &entry, &err), ERR_NOT_FOUND);
    cr_assert_eq(files(0), 0);
}

Test(inbox, it_never_holds_more_than_its_rings)
{
    struct inbox_list list;
    struct err err;
    uint32_t i;

    for (i = 0; i < 100; i++) {
        cr_assert_eq(put(i, "", "value"), 0);
        cr_assert_eq(put(i, "0123456789abcdef", "value"), 0);
    }
    cr_assert_eq(files(0), INBOX_ENTRIES_MAX);
    cr_assert_eq(inbox_scan(dir, &list, &err), 0);
    cr_assert_eq(list.count, INBOX_ENTRIES_MAX);
}

Test(inbox, without_its_directory_it_is_off)
{
    struct inbox_list list;
    struct err err;

    cr_assert_eq(rmdir(dir), 0);
    cr_assert_eq(put(0, "", "value"), INBOX_OFF);
    cr_assert_eq(inbox_scan(dir, &list, &err), INBOX_OFF);
    cr_assert_eq(mkdir(dir, 0700), 0);
}

Test(inbox, what_is_no_entry_is_refused_and_foreign_files_are_passed_over)
{
    struct inbox_entry entry = { .kind = INBOX_CONFIG, .value = buffer };
    struct inbox_list list;
    char path[128];
    struct err err;
    FILE *file;

    entry.value_bytes = INBOX_VALUE_BYTES_MAX + 1;
    cr_assert_eq(inbox_put(dir, 0, &entry, &err), ERR_LIMIT);
    cr_assert_eq(inbox_take(dir, "../etc/passwd", buffer, &entry, &err), ERR_INVALID);
    cr_assert_eq(inbox_take(dir, "config.16", buffer, &entry, &err), ERR_INVALID);
    (void)snprintf(path, sizeof(path), "%s/join.0", dir);
    file = fopen(path, "w");
    (void)fputs("0123456789abcdeX\nvalue", file);
    (void)fclose(file);
    (void)snprintf(path, sizeof(path), "%s/README", dir);
    file = fopen(path, "w");
    (void)fclose(file);
    cr_assert_eq(inbox_scan(dir, &list, &err), 0);
    cr_assert_eq(list.count, 1);
    cr_assert_eq(inbox_take(dir, list.names[0], buffer, &entry, &err), ERR_INVALID);
    cr_assert_eq(inbox_scan(dir, &list, &err), 0);
    cr_assert_eq(list.count, 0);
}

/* The user of memcached owns the directory; a watcher that is root writes there, too. */
Test(inbox, what_stands_in_the_way_is_neither_written_to_nor_waited_at)
{
    struct inbox_entry entry;
    struct inbox_list list;
    char path[160];
    struct err err;

    (void)snprintf(path, sizeof(path), "%s/.new.config.3.%ld.%lx", dir, (long)getpid(),
                   (unsigned long)pthread_self());
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_eq(put(3, "", "value"), 0);
    cr_assert_eq(inbox_scan(dir, &list, &err), 0);
    cr_assert_eq(list.count, 1);
    cr_assert_eq(inbox_take(dir, "config.3", buffer, &entry, &err), 0);
    cr_assert_eq(entry.value_bytes, strlen("value"));
}

static void make_full_directory(const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    cr_assert_eq(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/%s/full", dir, name);
    cr_assert_eq(mkdir(path, 0700), 0);
}

/* As memcached's user may make them. */
Test(inbox, directories_in_the_way_do_not_stay_there)
{
    struct inbox_entry entry;
    struct err err;
    char command[128];
    int i;

    for (i = 0; i < 3; i++) {
        make_full_directory("config.0");
        cr_assert_eq(inbox_take(dir, "config.0", buffer, &entry, &err), ERR_IO);
        cr_assert_eq(put(0, "", "value"), 0);
        make_full_directory(".new.taken.config.0");
        cr_assert_eq(inbox_take(dir, "config.0", buffer, &entry, &err), 0, "%s", err.msg);
        cr_assert_eq(entry.value_bytes, 5);
    }
    (void)snprintf(command, sizeof(command), "rm -r %s/.new.*", dir);
    cr_assert_eq(system(command), 0);
}

Test(inbox, the_largest_value_passes_whole)
{
    struct inbox_entry entry = { .kind = INBOX_JOIN, .value_bytes = INBOX_VALUE_BYTES_MAX };
    static char value[INBOX_VALUE_BYTES_MAX];
    struct err err;

    memset(value, 'v', sizeof(value));
    entry.value = value;
    memcpy(entry.uid, "0123456789abcdef", JOIN_UID_CHARS + 1);
    cr_assert_eq(inbox_put(dir, 5, &entry, &err), 0);
    cr_assert_eq(inbox_take(dir, "join.5", buffer, &entry, &err), 0);
    cr_assert_eq(entry.value_bytes, INBOX_VALUE_BYTES_MAX);
    cr_assert_eq(entry.value[INBOX_VALUE_BYTES_MAX - 1], 'v');
}
