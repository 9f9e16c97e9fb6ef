#include "watcher/module/setting.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "discovery/names.h"
#include "discovery/rate.h"
#include "watcher/module/real.h"

#define COMMAND_LINE_BYTES_MAX 65536

/* Letters of memcached's options that take a value (getopt(3) form). */
static const char letters_with_value[] = "apsUmMcltuPfnDLRCbBIYeoN";

static const struct {
    const char *name;
    char letter;
} long_names[] = {
    { "auth-file", 'Y' }, { "enable-sasl", 'S' }, { "protocol", 'B' },
    { "listen", 'l' },    { "extended", 'o' },
};

bool setting_is_memcached(void)
{
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
    const char *name;

    if (size <= 0) {
        return false;
    }
    path[size] = '\0';
    name = strrchr(path, '/');
    name = name == NULL ? path : name + 1;
    return strncmp(name, "memcached", strlen("memcached")) == 0;
}

/*
 * One option, by its letter. `value` is NULL where there is none. With a login memcached speaks
 * one protocol only, text where it is told both.
 */
static const char *judge_option(char letter, const char *value, struct setting *out)
{
    if (letter == 'Y') {
        out->listener = TRACKER_TEXT_ONLY;
        out->login = LOGIN_TEXT;
    }
    if (letter == 'S' && out->login == LOGIN_NONE) {
        out->listener = TRACKER_BINARY_ONLY;
        out->login = LOGIN_BINARY;
    }
    if (letter == 'B' && value != NULL && out->login == LOGIN_NONE) {
        out->listener = strcmp(value, "ascii") == 0    ? TRACKER_TEXT_ONLY
                        : strcmp(value, "binary") == 0 ? TRACKER_BINARY_ONLY
                                                       : TRACKER_ANY;
    }
    if (letter == 'l' && value != NULL && strstr(value, "proto[") != NULL) {
        return "a listener has a protocol of its own (-l proto[...])";
    }
    if (letter == 'o' && value != NULL && strstr(value, "proxy") != NULL) {
        return "memcached is a proxy";
    }
    return NULL;
}

/* "--name=value", "--name value", and as getopt_long(3) has it, any beginning of a name. */
static const char *judge_long(const char *arg, const char *next, struct setting *out)
{
    size_t size = strcspn(arg, "=");
    const char *value = arg[size] == '=' ? arg + size + 1 : next;
    const char *reason = NULL;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(long_names) && reason == NULL && 0 < size; i++) {
        if (strncmp(long_names[i].name, arg, size) == 0) {
            reason = judge_option(long_names[i].letter, value, out);
        }
    }
    return reason;
}

/* "-vp11211": letters up to the first one that takes the rest, or the next argument, as value. */
static const char *judge_letters(const char *arg, const char *next, struct setting *out,
                                 bool *took_next)
{
    const char *reason = NULL;

    while (*arg != '\0' && reason == NULL) {
        if (strchr(letters_with_value, *arg) != NULL) {
            *took_next = arg[1] == '\0';
            return judge_option(*arg, *took_next ? next : arg + 1, out);
        }
        reason = judge_option(*arg, NULL, out);
        arg++;
    }
    return reason;
}

static const char *judge_arguments(const char *arg, const char *end, struct setting *out)
{
    const char *reason = NULL;
    const char *next;
    bool took_next;

    arg += strlen(arg) + 1;
    while (arg < end && reason == NULL) {
        took_next = false;
        next = arg + strlen(arg) + 1;
        next = next < end ? next : NULL;
        if (strncmp(arg, "--", 2) == 0) {
            reason = judge_long(arg + 2, next, out);
        } else if (arg[0] == '-') {
            reason = judge_letters(arg + 1, next, out, &took_next);
        }
        arg += strlen(arg) + 1;
        if (took_next && next != NULL) {
            arg += strlen(arg) + 1;
        }
    }
    return reason;
}

/* Read the whole command line into `text`; -1 when it can't be had whole. */
static ssize_t read_command_line(char *text)
{
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    size_t size = 0;
    ssize_t n;

    if (fd < 0) {
        return -1;
    }
    do {
        n = real_functions()->read(fd, text + size, COMMAND_LINE_BYTES_MAX - size);
        size += n < 0 ? 0 : (size_t)n;
    } while (0 < n && size < COMMAND_LINE_BYTES_MAX);
    (void)real_functions()->close(fd);
    return n == 0 && 0 < size && text[size - 1] == '\0' ? (ssize_t)size : -1;
}

static bool parse_writes(const char *text, uint32_t *out)
{
    uint32_t value = 0;

    while ('0' <= *text && *text <= '9' && value <= RATE_PER_SECOND_MAX) {
        value = value * 10 + (uint32_t)(*text - '0');
        text++;
    }
    *out = value;
    return *text == '\0' && 1 <= value && value <= RATE_PER_SECOND_MAX;
}

static const char *judge_environment(struct setting *out)
{
    const char *writes = getenv(PARTITION_WRITES_VARIABLE);

    if (getenv("EVENT_NOEPOLL") != NULL) {
        return "EVENT_NOEPOLL is set";
    }
    if (writes != NULL && !parse_writes(writes, &out->writes_per_second)) {
        return PARTITION_WRITES_VARIABLE " is not a number from 1 to 1000000";
    }
    return NULL;
}

const char *setting_judge(struct setting *out)
{
    const char *reason = "the command line can't be read";
    char *text = malloc(COMMAND_LINE_BYTES_MAX);
    ssize_t size;

    *out = (struct setting){ .writes_per_second = RATE_WRITES_PER_SECOND };
    if (text == NULL) {
        return "no memory";
    }
    size = read_command_line(text);
    if (0 <= size) {
        reason = judge_arguments(text, text + size, out);
    }
    free(text);
    return reason != NULL ? reason : judge_environment(out);
}
