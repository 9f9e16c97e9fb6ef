/* docs/cli.md */
#include <string.h>

#include "base/opt.h"
#include "cli/help.h"
#include "cli/verb.h"
#include "pages/pages.h"

static const char head[] =
    "# Command line\n"
    "\n"
    "<!-- Written by `make docs` from the table of verbs. -->\n"
    "\n"
    "`muster VERB --help` tells the same in the terminal, `muster man VERB` as a manual page, and\n"
    "`muster completion bash|zsh|fish` prints a script with which a shell completes all of it.\n"
    "\n"
    "Every option `--some-name` can be given as a variable `MUSTER_SOME_NAME`; the command line comes\n"
    "first. `-o yaml`, `-oyaml`, `--output yaml` and `--output=yaml` are the same.\n";

/* Text in a cell of a table, where '|' would end it. */
static void put_cell(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|') {
            (void)fputc('\\', out);
        }
        (void)fputc(*text == '\n' ? ' ' : *text, out);
    }
}

/* The anchor that a heading "muster rollout pause" gets. */
static void put_anchor(FILE *out, const char *name)
{
    (void)fputs("#muster-", out);
    for (; *name != '\0'; name++) {
        (void)fputc(*name == ' ' ? '-' : *name, out);
    }
}

static void print_overview(FILE *out)
{
    size_t count;
    const struct verb *verbs = verbs_all(&count);
    int group;
    size_t i;

    for (group = 0; group < VERB_INTERNAL; group++) {
        (void)fprintf(out, "\n**%s**\n\n| verb | |\n|---|---|\n", help_headings[group]);
        for (i = 0; i < count; i++) {
            if ((int)verbs[i].group == group && verbs[i].run != NULL) {
                (void)fprintf(out, "| [`%s`](", verbs[i].name);
                put_anchor(out, verbs[i].name);
                (void)fputs(") | ", out);
                put_cell(out, verbs[i].summary);
                (void)fputs(" |\n", out);
            }
        }
    }
}

static void print_option(FILE *out, const struct opt *opt)
{
    const char *value_name = opt->value_name == NULL ? "VALUE" : opt->value_name;

    (void)fputs("| `", out);
    if (opt->letter != '\0') {
        (void)fprintf(out, "-%c`, `", opt->letter);
    }
    (void)fprintf(out, "--%s", opt->name);
    if (opt->type == OPT_WAIT) {
        (void)fprintf(out, "[=%s]", value_name);
    } else if (opt_takes_value(opt)) {
        (void)fputc(' ', out);
        put_cell(out, value_name);
    }
    (void)fputs(opt->type == OPT_TEXTS ? "`, may be repeated | " : "` | ", out);
    if (opt->default_text != NULL && opt->type != OPT_FLAG && opt->type != OPT_WAIT) {
        (void)fprintf(out, "`%s`", opt->default_text);
    }
    (void)fputs(" | ", out);
    put_cell(out, opt->help);
    if (opt->type == OPT_WAIT) {
        (void)fprintf(out, " (alone: `%s`)", opt->default_text);
    }
    (void)fputs(" |\n", out);
}

static const char options_head[] = "\n| option | default | |\n|---|---|---|\n";

/* The options before any group, and where those of groups are told. */
static void print_options(FILE *out, const struct opt_table *table)
{
    size_t i;

    for (i = 0; i < table->count && table->opts[i].type != OPT_GROUP; i++) {
        if (i == 0) {
            (void)fputs(options_head, out);
        }
        print_option(out, &table->opts[i]);
    }
    if (i < table->count) {
        (void)fputs("\nAnd those of the [connection](#connection).\n", out);
    }
}

/* Without the indent that examples have in the terminal. */
static void print_examples(FILE *out, const char *text)
{
    (void)fputs("\n```\n", out);
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        size_t blanks = strspn(text, " ") < 2 ? strspn(text, " ") : 2;

        (void)fprintf(out, "%.*s\n", (int)(size - blanks), text + blanks);
        text += size + (text[size] == '\n' ? 1 : 0);
    }
    (void)fputs("```\n", out);
}

static void print_kinds(FILE *out, const struct verb_kind *kinds)
{
    (void)fputs("\n| kind | |\n|---|---|\n", out);
    for (; kinds->name != NULL; kinds++) {
        (void)fprintf(out, "| `%s` | ", kinds->name);
        put_cell(out, kinds->summary);
        (void)fputs(" |\n", out);
    }
}

static void print_verb(FILE *out, const struct verb *verb)
{
    const struct opt_table *table = verb->options;

    (void)fprintf(out, "\n## muster %s\n\n```\n%s%s%s\n```\n\n%s\n", verb->name, table->program,
                  table->synopsis[0] == '\0' ? "" : " ", table->synopsis, table->summary);
    if (verb->kinds != NULL) {
        print_kinds(out, verb->kinds);
    }
    print_options(out, table);
    if (table->examples != NULL) {
        print_examples(out, table->examples);
    }
}

static void print_connection(FILE *out)
{
    size_t i;

    (void)fprintf(out, "\n## Connection\n\n%s\n%s", help_connection.summary, options_head);
    for (i = 0; i < help_connection.count; i++) {
        if (help_connection.opts[i].type != OPT_GROUP) {
            print_option(out, &help_connection.opts[i]);
        }
    }
}

static void print_exit_codes(FILE *out)
{
    size_t i;

    (void)fputs("\n## Exit codes\n\n| code | |\n|---|---|\n", out);
    for (i = 0; help_exit_codes[i] != NULL; i++) {
        (void)fprintf(out, "| %c | %s |\n", help_exit_codes[i][0], help_exit_codes[i] + 2);
    }
}

void cli_page(FILE *out)
{
    size_t count;
    const struct verb *verbs = verbs_all(&count);
    size_t i;

    (void)fputs(head, out);
    print_overview(out);
    for (i = 0; i < count; i++) {
        if (verbs[i].group != VERB_INTERNAL && verbs[i].run != NULL) {
            print_verb(out, &verbs[i]);
        }
    }
    print_connection(out);
    print_exit_codes(out);
}
