#include "base/opt_man.h"

#include <string.h>

#define LINE_WIDTH 72
#define INDENT 2                /* of examples in a table, which a page does without */
#define PAGES_DATE "2026-11-23" /* a page wants one; of this text, not of the build */

/* Text of which nothing is taken for a request or an escape; NUL or `size` ends it. */
static void put(FILE *out, const char *text, size_t size)
{
    size_t i;

    if (text[0] == '.' || text[0] == '\'') {
        (void)fputs("\\&", out);
    }
    for (i = 0; i < size && text[i] != '\0'; i++) {
        if (text[i] == '\\') {
            (void)fputs("\\e", out);
        } else if (text[i] == '-') {
            (void)fputs("\\-", out);
        } else if (strncmp(text + i, "…", strlen("…")) == 0) {
            (void)fputs("...", out);
            i += strlen("…") - 1;
        } else {
            (void)fputc(text[i], out);
        }
    }
}

static void put_text(FILE *out, const char *text)
{
    put(out, text, strlen(text));
}

void opt_man_begin(FILE *out, const struct opt_man *man)
{
    const char *c;

    (void)fputs(".TH \"", out);
    for (c = man->name; *c != '\0'; c++) {
        (void)fputc('a' <= *c && *c <= 'z' ? *c - 'a' + 'A' : *c, out);
    }
    (void)fprintf(out, "\" \"%s\" \"%s\" \"muster %s\" \"muster\"\n.SH NAME\n", man->section,
                  PAGES_DATE, MUSTER_VERSION);
    put_text(out, man->name);
    (void)fputs(" \\- ", out);
    put_text(out, man->about);
    (void)fputc('\n', out);
}

void opt_man_section(FILE *out, const char *title)
{
    (void)fprintf(out, ".SH %s\n", title);
}

/* The size of the next line of running text: up to the end of a sentence, or as many words as fit.
 */
static size_t line_size(const char *text)
{
    size_t size = strcspn(text, " \n");

    while (text[size] != '\0' && text[size - 1] != '.') {
        size_t word = strcspn(text + size + 1, " \n");

        if (LINE_WIDTH < size + 1 + word) {
            break;
        }
        size += 1 + word;
    }
    return size;
}

/* A sentence begins a line, which is what roff likes. */
static void put_sentences(FILE *out, const char *text)
{
    text += strspn(text, " \n");
    while (*text != '\0') {
        size_t size = line_size(text);

        put(out, text, size);
        (void)fputc('\n', out);
        text += size;
        text += strspn(text, " \n");
    }
}

void opt_man_text(FILE *out, const char *text)
{
    put_sentences(out, text);
}

void opt_man_item(FILE *out, const char *tag, const char *text)
{
    (void)fputs(".TP\n\\fB", out);
    put_text(out, tag);
    (void)fputs("\\fR\n", out);
    put_sentences(out, text);
}

void opt_man_lines(FILE *out, const char *lines)
{
    (void)fputs(".nf\n", out);
    while (*lines != '\0') {
        size_t size = strcspn(lines, "\n");
        size_t blanks = strspn(lines, " ");

        blanks = blanks < INDENT ? blanks : INDENT;
        put(out, lines + blanks, size - blanks);
        (void)fputc('\n', out);
        lines += size + (lines[size] == '\n' ? 1 : 0);
    }
    (void)fputs(".fi\n", out);
}

static void print_option(FILE *out, const struct opt *opt)
{
    const char *value_name = opt->value_name == NULL ? "VALUE" : opt->value_name;
    char variable[OPT_VARIABLE_SIZE];

    (void)fputs(".TP\n", out);
    if (opt->letter != '\0') {
        (void)fprintf(out, "\\fB\\-%c\\fR, ", opt->letter);
    }
    (void)fputs("\\fB\\-\\-", out);
    put_text(out, opt->name);
    (void)fputs("\\fR", out);
    if (opt->type == OPT_WAIT) {
        (void)fputs("[=", out);
        put_text(out, value_name);
        (void)fputc(']', out);
    } else if (opt_takes_value(opt)) {
        (void)fputs(" \\fI", out);
        put_text(out, value_name);
        (void)fputs(opt->type == OPT_TEXTS ? "\\fR ..." : "\\fR", out);
    }
    (void)fputc('\n', out);
    put_sentences(out, opt->help);
    opt_variable(opt->name, variable);
    (void)fprintf(out, "[%s", variable);
    if (opt->default_text != NULL && opt->type != OPT_FLAG) {
        (void)fputs(opt->type == OPT_WAIT ? ", alone " : ", default ", out);
        put_text(out, opt->default_text);
    }
    (void)fputs("]\n", out);
}

void opt_man_options(FILE *out, const struct opt_table *table)
{
    size_t i;

    for (i = 0; i < table->count; i++) {
        if (table->opts[i].type != OPT_GROUP) {
            print_option(out, &table->opts[i]);
        }
    }
}

/* The options of a group, or their names; returns the position behind the last. */
static size_t print_group(FILE *out, const struct opt_table *table, size_t group)
{
    const struct opt *head = &table->opts[group];
    size_t i;

    (void)fputs(".SS ", out);
    put_text(out, head->name);
    (void)fputc('\n', out);
    if (head->help != NULL) {
        put_sentences(out, head->help);
    }
    for (i = group + 1; i < table->count && table->opts[i].type != OPT_GROUP; i++) {
        if (head->help == NULL) {
            print_option(out, &table->opts[i]);
        }
    }
    return i;
}

void opt_man_table(FILE *out, const struct opt_table *table)
{
    size_t i = 0;

    opt_man_section(out, "SYNOPSIS");
    (void)fprintf(out, "\\fB");
    put_text(out, table->program);
    (void)fputs(table->synopsis[0] == '\0' ? "\\fR" : "\\fR ", out);
    put_text(out, table->synopsis);
    (void)fputc('\n', out);
    opt_man_section(out, "DESCRIPTION");
    put_sentences(out, table->summary);
    opt_man_section(out, "OPTIONS");
    for (; i < table->count && table->opts[i].type != OPT_GROUP; i++) {
        print_option(out, &table->opts[i]);
    }
    opt_man_item(out, "-h, --help", "Show what there is to know in short.");
    opt_man_item(out, "--version", "Show the version.");
    while (i < table->count) {
        i = print_group(out, table, i);
    }
    if (table->examples != NULL) {
        opt_man_section(out, "EXAMPLES");
        opt_man_lines(out, table->examples);
    }
}
