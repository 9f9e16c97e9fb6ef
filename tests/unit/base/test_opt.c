#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/opt.h"

struct settings {
    bool quiet;
    const char *file;
    uint64_t nodes;
    uint64_t memory_bytes;
    uint64_t timeout_ms;
};

static const struct opt opts[] = {
    { "quiet", 'q', OPT_FLAG, offsetof(struct settings, quiet), NULL, NULL, "Say nothing." },
    { "file", 'f', OPT_TEXT, offsetof(struct settings, file), "FILE", NULL, "What to read." },
    { "nodes", 0, OPT_NUMBER, offsetof(struct settings, nodes), "N", "3", "How many." },
    { "max-memory", 'm', OPT_SIZE, offsetof(struct settings, memory_bytes), "SIZE", "64Mi",
      "How much memory a node may take, at most, which is told here at such a length that the line "
      "must be broken." },
    { "timeout", 't', OPT_DURATION, offsetof(struct settings, timeout_ms), NULL, "30s", "Wait." },
};

static const struct opt_table table = {
    "muster test", "FILE...", "A program for tests.", opts, ARRAY_COUNT(opts), "  muster test x\n",
};

#define ARGS_MAX 80

struct line {
    char words[4096];
    char *argv[ARGS_MAX];
    int argc;
};

/* The words of one line, separated by spaces. */
static void split(const char *text, struct line *line)
{
    char *word;

    (void)snprintf(line->words, sizeof(line->words), "test %s", text);
    line->argc = 0;
    for (word = strtok(line->words, " "); word != NULL; word = strtok(NULL, " ")) {
        line->argv[line->argc++] = word;
    }
}

static int parse(const char *text, struct settings *out, struct opt_result *result, struct err *err)
{
    static struct line line; /* texts of the result point into it */

    split(text, &line);
    return opt_parse(&table, line.argc, line.argv, out, result, err);
}

Test(opt, defaults_fill_what_nobody_says)
{
    struct settings got = { .file = "untouched" };
    struct opt_result result;
    struct err err;

    cr_assert_eq(parse("", &got, &result, &err), 0);
    cr_expect_not(got.quiet);
    cr_expect_str_eq(got.file, "untouched");
    cr_expect_eq(got.nodes, 3);
    cr_expect_eq(got.memory_bytes, 64U << 20);
    cr_expect_eq(got.timeout_ms, 30000);
    cr_expect_eq(result.positional_count, 0);
}

Test(opt, each_form_of_an_option_is_read)
{
    static const char *const lines[] = {
        "-q -f in --nodes 5 -m 1Gi -t 10ms a b",
        "-q -fin --nodes 5 -m=1Gi -t=10ms a b",
        "a --quiet --file=in b --nodes=5 --max-memory 1Gi --timeout=10ms",
        "--nodes 4 --nodes 5 -f out -f in -q -m 1Gi -t 10ms -- a b",
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(lines); i++) {
        struct settings got = { 0 };
        struct opt_result result;
        struct err err;

        cr_assert_eq(parse(lines[i], &got, &result, &err), 0, "%s: %s", lines[i], err.msg);
        cr_expect(got.quiet);
        cr_expect_str_eq(got.file, "in");
        cr_expect_eq(got.nodes, 5);
        cr_expect_eq(got.memory_bytes, 1U << 30);
        cr_expect_eq(got.timeout_ms, 10);
        cr_assert_eq(result.positional_count, 2);
        cr_expect_str_eq(result.positional[0], "a");
        cr_expect_str_eq(result.positional[1], "b");
    }
}

Test(opt, a_dash_is_a_value_and_everything_behind_two_dashes_is_an_argument)
{
    struct settings got = { 0 };
    struct opt_result result;
    struct err err;

    cr_assert_eq(parse("-f - - -- --nodes -x --help", &got, &result, &err), 0, "%s", err.msg);
    cr_expect_str_eq(got.file, "-");
    cr_assert_eq(result.positional_count, 4);
    cr_expect_str_eq(result.positional[0], "-");
    cr_expect_str_eq(result.positional[1], "--nodes");
    cr_expect_not(result.help);

    cr_assert_eq(parse("--file=-x --file=", &got, &result, &err), 0, "%s", err.msg);
    cr_expect_str_eq(got.file, "");
}

Test(opt, wrong_usage_is_told_with_the_option_and_the_reason)
{
    static const struct {
        const char *line;
        const char *says;
    } rows[] = {
        { "--nodse 3", "unknown option --nodse, did you mean --nodes?" },
        { "--nodse=3", "unknown option --nodse, did you mean --nodes?" },
        { "--hepl", "unknown option --hepl, did you mean --help?" },
        { "--xyzzy", "unknown option --xyzzy; --help lists them" },
        { "-x", "unknown option -x; --help lists them" },
        { "-qf in", "unknown option -qf; --help lists them" },
        { "--=3", "unknown option --; --help lists them" },
        { "--nodes", "--nodes needs a value (N)" },
        { "-t", "-t needs a value (VALUE)" },
        { "--file --quiet", "--file needs a value (FILE)" },
        { "--quiet=yes", "--quiet takes no value" },
        { "--nodes many", "--nodes: must be a number, got \"many\"" },
        { "--nodes=", "--nodes: must be a number, got \"\"" },
        { "--nodes 18446744073709551616",
          "--nodes: must be a number, got \"18446744073709551616\"" },
        { "-m 64MB", "--max-memory: must be a size such as 64Mi, got \"64MB\"" },
        { "-t 30", "--timeout: must be a duration such as 30s, got \"30\"" },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        struct settings got = { 0 };
        struct opt_result result;
        struct err err = { 0 };

        cr_expect_eq(parse(rows[i].line, &got, &result, &err), ERR_USAGE, "%s", rows[i].line);
        cr_expect_str_eq(err.msg, rows[i].says, "%s", rows[i].line);
    }
}

Test(opt, the_environment_stands_between_command_line_and_default)
{
    struct settings got = { 0 };
    struct opt_result result;
    struct err err;

    setenv("MUSTER_MAX_MEMORY", "8Mi", 1);
    setenv("MUSTER_NODES", "7", 1);
    setenv("MUSTER_QUIET", "1", 1);
    setenv("MUSTER_TIMEOUT", "", 1);
    cr_assert_eq(parse("--nodes 9", &got, &result, &err), 0, "%s", err.msg);
    cr_expect_eq(got.nodes, 9);
    cr_expect_eq(got.memory_bytes, 8U << 20);
    cr_expect(got.quiet);
    cr_expect_eq(got.timeout_ms, 30000);

    setenv("MUSTER_QUIET", "false", 1);
    cr_assert_eq(parse("", &got, &result, &err), 0, "%s", err.msg);
    cr_expect_not(got.quiet);

    setenv("MUSTER_QUIET", "maybe", 1);
    cr_expect_eq(parse("", &got, &result, &err), ERR_USAGE);
    cr_expect_str_eq(err.msg, "MUSTER_QUIET: must be \"true\" or \"false\", got \"maybe\"");
    cr_expect_eq(parse("-q", &got, &result, &err), 0, "the command line comes first");
}

/* What is said of a value that `line` and the environment gave, when it is found wrong later. */
static const char *named(const char *text, const char *message, struct err *err)
{
    struct line line;

    split(text, &line);
    (void)err_set(err, ERR_USAGE, "%s", message);
    opt_name_origin(&table, line.argc, line.argv, err);
    return err->msg;
}

Test(opt, a_value_found_wrong_later_is_blamed_on_who_gave_it)
{
    struct err err;

    cr_expect_str_eq(named("", "--file: none", &err), "--file: none", "nobody else gave it");
    cr_assert_eq(setenv("MUSTER_FILE", "x", 1), 0);
    cr_assert_eq(setenv("MUSTER_MAX_MEMORY", "", 1), 0);
    cr_expect_str_eq(named("", "--file: none", &err), "MUSTER_FILE: none");
    cr_expect_str_eq(named("", "--file and --nodes differ", &err),
                     "MUSTER_FILE and --nodes differ");
    cr_expect_eq(err.code, ERR_USAGE);
    cr_expect_str_eq(named("-f y", "--file: none", &err), "--file: none");
    cr_expect_str_eq(named("--file=y", "--file: none", &err), "--file: none");
    cr_expect_str_eq(named("", "--max-memory: none", &err), "--max-memory: none");
    cr_expect_str_eq(named("", "--fil: none", &err), "--fil: none");
    cr_expect_str_eq(named("", "no --file", &err), "no --file");
    cr_expect_str_eq(named("", "--", &err), "--");
    cr_expect_str_eq(named("", "", &err), "");
}

Test(opt, help_and_version_win_over_whatever_else_is_wrong)
{
    struct settings got = { 0 };
    struct opt_result result;
    struct err err;

    cr_assert_eq(parse("--bogus --help", &got, &result, &err), 0);
    cr_expect(result.help);
    cr_expect_not(result.version);
    cr_assert_eq(parse("x -h", &got, &result, &err), 0);
    cr_expect(result.help);
    cr_assert_eq(parse("--version --nodes x", &got, &result, &err), 0);
    cr_expect(result.version);
}

Test(opt, too_many_arguments_are_refused)
{
    struct settings got = { 0 };
    struct opt_result result;
    struct err err;
    char line[512] = "";
    int i;

    for (i = 0; i < OPT_POSITIONAL_MAX; i++) {
        strcat(line, "a ");
    }
    cr_assert_eq(parse(line, &got, &result, &err), 0);
    cr_expect_eq(result.positional_count, OPT_POSITIONAL_MAX);
    strcat(line, "b");
    cr_expect_eq(parse(line, &got, &result, &err), ERR_USAGE);
}

/* ---- What is given several times, with or without a value, or in groups ---- */

struct more {
    struct opt_texts files;
    struct opt_wait wait;
    const char *endpoint;
    const char *output;
};

static const struct opt more_opts[] = {
    { "file", 'f', OPT_TEXTS, offsetof(struct more, files), "FILE", NULL, "What to read." },
    { "wait", 0, OPT_WAIT, offsetof(struct more, wait), "60s", "60s", "Wait for the end." },
    { "output", 'o', OPT_TEXT, offsetof(struct more, output), "json|yaml", "json", "Form." },
    { "Connection", 0, OPT_GROUP, 0, NULL, NULL, "muster help connection tells of them." },
    { "endpoint", 'e', OPT_TEXT, offsetof(struct more, endpoint), "URL", NULL, "Where." },
};

static const struct opt_table more_table = {
    "muster more", "", "A program for tests.", more_opts, ARRAY_COUNT(more_opts), NULL,
};

static int parse_more(const char *text, struct more *out, struct err *err)
{
    static struct line line;
    struct opt_result result;

    *out = (struct more){ .files = { .count = 0 } };
    split(text, &line);
    return opt_parse(&more_table, line.argc, line.argv, out, &result, err);
}

Test(opt, what_may_be_given_several_times_is_gathered)
{
    char line[4 * (OPT_TEXTS_MAX + 2)] = "";
    struct more got;
    struct err err;
    int i;

    cr_assert_eq(parse_more("-f a --file b -fc --file=d", &got, &err), 0, "%s", err.msg);
    cr_assert_eq(got.files.count, 4);
    cr_expect_str_eq(got.files.items[0], "a");
    cr_expect_str_eq(got.files.items[2], "c");
    cr_expect_str_eq(got.files.items[3], "d");
    cr_assert_eq(setenv("MUSTER_FILE", "e", 1), 0);
    cr_assert_eq(parse_more("", &got, &err), 0);
    cr_assert_eq(got.files.count, 1);
    cr_expect_str_eq(got.files.items[0], "e");
    cr_assert_eq(parse_more("-f a", &got, &err), 0);
    cr_expect_eq(got.files.count, 1, "the command line comes first");
    for (i = 0; i < OPT_TEXTS_MAX; i++) {
        strcat(line, "-fa ");
    }
    cr_expect_eq(parse_more(line, &got, &err), 0, "%s", err.msg);
    strcat(line, "-fa ");
    cr_expect_eq(parse_more(line, &got, &err), ERR_USAGE);
}

Test(opt, a_wait_is_not_asked_for_or_has_its_time_or_another)
{
    struct more got;
    struct err err;

    cr_assert_eq(parse_more("", &got, &err), 0);
    cr_expect_not(got.wait.given);
    cr_assert_eq(parse_more("--wait", &got, &err), 0, "%s", err.msg);
    cr_expect(got.wait.given);
    cr_expect_eq(got.wait.ms, 60000);
    cr_assert_eq(parse_more("--wait=5s", &got, &err), 0, "%s", err.msg);
    cr_expect_eq(got.wait.ms, 5000);
    cr_expect_eq(parse_more("--wait=soon", &got, &err), ERR_USAGE);
    cr_expect_str_eq(err.msg, "--wait: must be a duration such as 30s, got \"soon\"");
    cr_assert_eq(setenv("MUSTER_WAIT", "false", 1), 0);
    cr_assert_eq(parse_more("", &got, &err), 0);
    cr_expect_not(got.wait.given);
    cr_assert_eq(setenv("MUSTER_WAIT", "7s", 1), 0);
    cr_assert_eq(parse_more("", &got, &err), 0);
    cr_expect(got.wait.given);
    cr_expect_eq(got.wait.ms, 7000);
}

Test(opt, a_group_is_named_in_the_help_and_no_option)
{
    struct more got;
    struct err err;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    cr_expect_eq(parse_more("--Connection", &got, &err), ERR_USAGE);
    cr_assert_eq(parse_more("-ehttp://x -oyaml", &got, &err), 0, "%s", err.msg);
    cr_expect_str_eq(got.endpoint, "http://x");
    cr_expect_str_eq(got.output, "yaml");
    opt_print_help(out, &more_table);
    cr_assert_eq(fclose(out), 0);
    cr_expect_not_null(strstr(text, "\nConnection:\n  --endpoint\n  muster help connection tells"));
    cr_expect_not_null(strstr(text, "--wait[=60s]  [MUSTER_WAIT, alone \"60s\"]"));
    cr_expect_not_null(strstr(text, "-f, --file FILE…  [MUSTER_FILE]"));
    cr_expect_null(strstr(text, "MUSTER_ENDPOINT"));
    free(text);
    out = open_memstream(&text, &size);
    opt_print_options(out, &more_table);
    cr_assert_eq(fclose(out), 0);
    cr_expect_not_null(strstr(text, "-e, --endpoint URL  [MUSTER_ENDPOINT]"));
    free(text);
}

Test(opt, help_names_options_variables_and_defaults)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    char *line;

    opt_print_help(out, &table);
    cr_assert_eq(fclose(out), 0);
    cr_expect_not_null(strstr(text, "Usage: muster test FILE..."));
    cr_expect_not_null(strstr(text, "A program for tests."));
    cr_expect_not_null(
        strstr(text, "-m, --max-memory SIZE  [MUSTER_MAX_MEMORY, default \"64Mi\"]"));
    cr_expect_not_null(strstr(text, "--quiet  [MUSTER_QUIET]"));
    cr_expect_not_null(strstr(text, "--version"));
    cr_expect_not_null(strstr(text, "Examples:\n  muster test x\n"));
    for (line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        cr_expect_leq(strlen(line), 100, "%s", line);
    }
    free(text);
}
