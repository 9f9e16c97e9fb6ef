#include "muster_run.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "support/process.h"
#include "support/scene.h"

#define ARGS_MAX 14

char *muster_run(int exit_code, const char *first, ...)
{
    struct scene_path program = scene_program("muster");
    struct scene_path home = scene_path("home");
    char variable[SCENE_PATH_SIZE + 32];
    char config[sizeof(variable)];
    const char *env[] = { variable, config, "HOME=/nonexistent", "NO_COLOR=1", NULL };
    const char *argv[ARGS_MAX + 2] = { program.text };
    struct process_spec spec = { .name = "muster", .argv = argv, .env = env };
    const char *arg = first;
    char *output = NULL;
    size_t count = 1;
    va_list args;
    int code;

    (void)snprintf(variable, sizeof(variable), "XDG_STATE_HOME=%s", home.text);
    (void)snprintf(config, sizeof(config), "XDG_CONFIG_HOME=%s", scene_path("config").text);
    va_start(args, first);
    while (arg != NULL) {
        cr_assert_leq(count, ARGS_MAX);
        argv[count++] = arg;
        arg = va_arg(args, const char *);
    }
    va_end(args);
    code = process_run(&spec, &output);
    cr_expect_eq(code, exit_code, "muster %s %s: exit %d, not %d: %s", argv[1],
                 argv[2] == NULL ? "" : argv[2], code, exit_code, output);
    return output;
}
