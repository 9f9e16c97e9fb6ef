/*
 * opt_man - a manual page in roff (man(7)) of a table of options.
 *
 * The pieces are exported, too, so that a page can be put together of several tables. Everything is
 * escaped here; lines of the source text become filled paragraphs.
 */
#ifndef BASE_OPT_MAN_H
#define BASE_OPT_MAN_H

#include <stdio.h>

#include "base/opt.h"

struct opt_man {
    const char *name;    /* "muster-apply" */
    const char *section; /* "1", "8" */
    const char *about;   /* the line behind the name: "make clusters be as a file says" */
};

/* The head of a page: title, NAME. */
void opt_man_begin(FILE *out, const struct opt_man *man);

/* ".SH TITLE" */
void opt_man_section(FILE *out, const char *title);

/* Running text, right behind the title of its section. */
void opt_man_text(FILE *out, const char *text);

/* An entry of a list: a tag in bold, and what it means. */
void opt_man_item(FILE *out, const char *tag, const char *text);

/* Lines that stand as they are, but for an indent of two blanks. */
void opt_man_lines(FILE *out, const char *lines);

/* SYNOPSIS, DESCRIPTION, OPTIONS and EXAMPLES of a table. Groups that are only named stay so. */
void opt_man_table(FILE *out, const struct opt_table *table);

/* The options alone, those of groups as well. */
void opt_man_options(FILE *out, const struct opt_table *table);

#endif
