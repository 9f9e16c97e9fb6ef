#include "cli/man.h"

#include <string.h>

#include "base/opt_man.h"
#include "cli/help.h"

void man_name(const struct verb *verb, char out[MAN_NAME_SIZE])
{
    char *c;

    (void)snprintf(out, MAN_NAME_SIZE, "muster%s%s", verb == NULL ? "" : "-",
                   verb == NULL ? "" : verb->name);
    for (c = out; *c != '\0'; c++) {
        *c = *c == ' ' ? '-' : *c;
    }
}

static void begin(FILE *out, const struct verb *verb, const char *about)
{
    char name[MAN_NAME_SIZE];
    const struct opt_man man = { .name = name, .section = "1", .about = about };

    man_name(verb, name);
    opt_man_begin(out, &man);
}

/* A list of verbs: those below `parent`, or those of a group that stand alone. */
static void list_verbs(FILE *out, const struct verb *parent, enum verb_group group)
{
    size_t count;
    const struct verb *verbs = verbs_all(&count);
    size_t i;

    for (i = 0; i < count; i++) {
        bool wanted = parent == NULL ? verbs[i].group == group && !verb_is_sub(&verbs[i], NULL)
                                     : verb_is_sub(&verbs[i], parent);

        if (wanted) {
            opt_man_item(out, verbs[i].name, verbs[i].summary);
        }
    }
}

static void list_exit_codes(FILE *out)
{
    size_t i;

    opt_man_section(out, "EXIT STATUS");
    for (i = 0; help_exit_codes[i] != NULL; i++) {
        char code[2] = { help_exit_codes[i][0], '\0' };

        opt_man_item(out, code, help_exit_codes[i] + 2);
    }
}

static void program_page(FILE *out)
{
    int group;

    begin(out, NULL, "a control plane for memcached clusters");
    opt_man_section(out, "SYNOPSIS");
    opt_man_lines(out, "muster VERB ...");
    opt_man_section(out, "DESCRIPTION");
    opt_man_text(out, "Declare, look at, change and repair clusters of memcached. Each verb has a "
                      "page of its own: muster-apply(1) tells of muster apply.");
    for (group = 0; group < VERB_INTERNAL; group++) {
        (void)fprintf(out, ".SS %s\n", help_headings[group]);
        list_verbs(out, NULL, (enum verb_group)group);
    }
    opt_man_section(out, "CONNECTION");
    opt_man_text(out, help_connection.summary);
    opt_man_options(out, &help_connection);
    opt_man_section(out, "ENVIRONMENT");
    opt_man_text(out, "Every option can be given as a variable, whose name stands in brackets "
                      "behind it. The command line comes first.");
    list_exit_codes(out);
}

static void verb_page(FILE *out, const struct verb *verb)
{
    begin(out, verb, verb->summary);
    if (verb->options == NULL) {
        opt_man_section(out, "SYNOPSIS");
        (void)fprintf(out, "\\fBmuster %s\\fR VERB ...\n", verb->name);
        opt_man_section(out, "VERBS");
        list_verbs(out, verb, verb->group);
    } else {
        opt_man_table(out, verb->options);
        list_exit_codes(out);
    }
    opt_man_section(out, "SEE ALSO");
    opt_man_lines(out, "muster(1)");
}

void man_page(FILE *out, const struct verb *verb)
{
    if (verb == NULL) {
        program_page(out);
        return;
    }
    verb_page(out, verb);
}
