#include <string.h>

#include "base/opt.h"

#define HELP_WIDTH 90
#define HELP_INDENT 10
#define GROUP_INDENT 2

/* Words of `text` in lines of at most HELP_WIDTH columns, each behind `indent` spaces. */
static void print_wrapped(FILE *out, const char *text, size_t indent)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t word = strcspn(text, " \n");

        if (0 < column && HELP_WIDTH < column + 1 + word) {
            (void)fputc('\n', out);
            column = 0;
        }
        if (0 < word) {
            column +=
                (size_t)fprintf(out, "%*s%.*s", column == 0 ? (int)indent : 1, "", (int)word, text);
        }
        text += word;
        if (*text == '\n') {
            (void)fputc('\n', out);
            column = 0;
        }
        text += *text == '\0' ? 0 : 1;
    }
    (void)fputc('\n', out);
}

static void print_default(FILE *out, const struct opt *opt)
{
    if (opt->default_text == NULL || opt->type == OPT_FLAG) {
        return;
    }
    (void)fprintf(out, ", %s \"%s\"", opt->type == OPT_WAIT ? "alone" : "default",
                  opt->default_text);
}

static void print_option(FILE *out, const struct opt *opt)
{
    const char *value_name = opt->value_name == NULL ? "VALUE" : opt->value_name;
    char variable[OPT_VARIABLE_SIZE];

    if (opt->letter != '\0') {
        (void)fprintf(out, "  -%c, --%s", opt->letter, opt->name);
    } else {
        (void)fprintf(out, "      --%s", opt->name);
    }
    if (opt->type == OPT_WAIT) {
        (void)fprintf(out, "[=%s]", value_name);
    } else if (opt->type != OPT_FLAG) {
        (void)fprintf(out, " %s%s", value_name, opt->type == OPT_TEXTS ? "…" : "");
    }
    opt_variable(opt->name, variable);
    (void)fprintf(out, "  [%s", variable);
    print_default(out, opt);
    (void)fputs("]\n", out);
    print_wrapped(out, opt->help, HELP_INDENT);
}

/* The names of a group's options in lines, and who tells more. */
static void print_brief(FILE *out, const struct opt_table *table, size_t group)
{
    size_t column = HELP_WIDTH;
    size_t i;

    for (i = group + 1; i < table->count && table->opts[i].type != OPT_GROUP; i++) {
        size_t size = strlen(table->opts[i].name) + 4;
        bool breaks = HELP_WIDTH < column + size;

        (void)fprintf(out, "%s%s--%s",
                      i == group + 1 ? ""
                      : breaks       ? ",\n"
                                     : ", ",
                      breaks ? "  " : "", table->opts[i].name);
        column = breaks ? size : column + size;
    }
    (void)fputc('\n', out);
    print_wrapped(out, table->opts[group].help, GROUP_INDENT);
}

/* From the group's row on; returns the position behind its last option. */
static size_t print_group(FILE *out, const struct opt_table *table, size_t group)
{
    bool brief = table->opts[group].help != NULL;
    size_t i;

    (void)fprintf(out, "\n%s:\n", table->opts[group].name);
    if (brief) {
        print_brief(out, table, group);
    }
    for (i = group + 1; i < table->count && table->opts[i].type != OPT_GROUP; i++) {
        if (!brief) {
            print_option(out, &table->opts[i]);
        }
    }
    return i;
}

void opt_print_options(FILE *out, const struct opt_table *table)
{
    size_t i;

    for (i = 0; i < table->count; i++) {
        if (table->opts[i].type != OPT_GROUP) {
            print_option(out, &table->opts[i]);
        }
    }
}

void opt_print_help(FILE *out, const struct opt_table *table)
{
    size_t i;

    (void)fprintf(out, "Usage: %s%s%s\n\n", table->program, table->synopsis[0] == '\0' ? "" : " ",
                  table->synopsis);
    print_wrapped(out, table->summary, 0);
    (void)fputs("\nOptions:\n", out);
    for (i = 0; i < table->count && table->opts[i].type != OPT_GROUP; i++) {
        print_option(out, &table->opts[i]);
    }
    (void)fputs("  -h, --help\n          Show this text.\n", out);
    (void)fputs("      --version\n          Show the version.\n", out);
    while (i < table->count) {
        i = print_group(out, table, i);
    }
    if (table->examples != NULL) {
        (void)fprintf(out, "\nExamples:\n%s", table->examples);
        if (table->examples[0] != '\0' && table->examples[strlen(table->examples) - 1] != '\n') {
            (void)fputc('\n', out);
        }
    }
}
