#include <string.h>

#include "base/opt.h"

#define HELP_WIDTH 90
#define HELP_INDENT 10

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

static void print_variable(FILE *out, const char *name)
{
    (void)fputs("MUSTER_", out);
    for (; *name != '\0'; name++) {
        char c = *name;

        if ('a' <= c && c <= 'z') {
            c = (char)(c - 'a' + 'A');
        }
        (void)fputc(c == '-' ? '_' : c, out);
    }
}

static void print_option(FILE *out, const struct opt *opt)
{
    if (opt->letter != '\0') {
        (void)fprintf(out, "  -%c, --%s", opt->letter, opt->name);
    } else {
        (void)fprintf(out, "      --%s", opt->name);
    }
    if (opt->type != OPT_FLAG) {
        (void)fprintf(out, " %s", opt->value_name == NULL ? "VALUE" : opt->value_name);
    }
    (void)fputs("  [", out);
    print_variable(out, opt->name);
    if (opt->default_text != NULL && opt->type != OPT_FLAG) {
        (void)fprintf(out, ", default \"%s\"", opt->default_text);
    }
    (void)fputs("]\n", out);
    print_wrapped(out, opt->help, HELP_INDENT);
}

void opt_print_help(FILE *out, const struct opt_table *table)
{
    size_t i;

    (void)fprintf(out, "Usage: %s%s%s\n\n", table->program, table->synopsis[0] == '\0' ? "" : " ",
                  table->synopsis);
    print_wrapped(out, table->summary, 0);
    (void)fputs("\nOptions:\n", out);
    for (i = 0; i < table->count; i++) {
        print_option(out, &table->opts[i]);
    }
    (void)fputs("  -h, --help\n          Show this text.\n", out);
    (void)fputs("      --version\n          Show the version.\n", out);
    if (table->examples != NULL) {
        (void)fprintf(out, "\nExamples:\n%s", table->examples);
        if (table->examples[0] != '\0' && table->examples[strlen(table->examples) - 1] != '\n') {
            (void)fputc('\n', out);
        }
    }
}
