#include "watcher/memcached_argv.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"

#define FIXED_ARGS 20
#define MEBIBYTE (UINT64_C(1) << 20)

struct args {
    struct arena *arena;
    const char **list;
    size_t count;
    bool failed;
};

static void add_text(struct args *args, const char *text)
{
    args->list[args->count] = arena_strdup(args->arena, text);
    args->failed = args->failed || args->list[args->count] == NULL;
    args->count++;
}

static void add_number(struct args *args, const char *option, uint64_t number)
{
    add_text(args, option);
    args->list[args->count] = arena_printf(args->arena, "%llu", (unsigned long long)number);
    args->failed = args->failed || args->list[args->count] == NULL;
    args->count++;
}

static int add_extra(struct args *args, const struct node_settings *settings, struct err *err)
{
    size_t i = 0;

    while (i < settings->extra_args_count) {
        const char *arg = settings->extra_args[i];
        const char *next = i + 1 < settings->extra_args_count ? settings->extra_args[i + 1] : NULL;
        int rv = spec_extra_arg_check(arg, next, err);

        if (rv < 0) {
            return rv;
        }
        add_text(args, arg);
        if (rv == 1) {
            add_text(args, next);
        }
        i += (size_t)rv + 1;
    }
    return 0;
}

int memcached_argv(const struct memcached_program *program, const struct intent *intent,
                   const char *user, struct arena *arena, const char *const **argv, struct err *err)
{
    const struct node_settings *settings = &intent->settings;
    struct args args = { .arena = arena };
    int rv;

    args.list =
        arena_calloc(arena, FIXED_ARGS + settings->extra_args_count + 1, sizeof(*args.list));
    if (args.list == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    add_text(&args, program->path);
    add_text(&args, "-l");
    add_text(&args, intent->ip);
    add_number(&args, "-p", intent->data_port);
    add_number(&args, "-U", 0);
    add_number(&args, "-m", settings->memory_bytes / MEBIBYTE);
    add_number(&args, "-c", settings->connections_max);
    add_number(&args, "-t", settings->threads);
    add_number(&args, "-I", settings->item_bytes_max);
    if (user[0] != '\0') {
        add_text(&args, "-u");
        add_text(&args, user);
    }
    rv = add_extra(&args, settings, err);
    if (rv < 0) {
        return rv;
    }
    if (args.failed) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    CHECK(args.count < FIXED_ARGS + settings->extra_args_count + 1);
    *argv = args.list;
    return 0;
}

uint64_t memcached_bytes_max(const struct node_settings *settings)
{
    return settings->memory_bytes + settings->memory_bytes / 4 + (UINT64_C(64) << 20) +
           ((uint64_t)settings->connections_max << 16) + ((uint64_t)settings->threads << 21);
}
