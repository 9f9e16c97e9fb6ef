/*
 * opt - command line options from a table: flags, environment variables, defaults, help.
 *
 * One table serves parsing and --help. A value is looked for on the command line first,
 * then in the environment variable MUSTER_<NAME> (name in capitals, '-' as '_'), then in
 * `default_text`. `--name VALUE`, `--name=VALUE`, `-x VALUE`, `-xVALUE` and `-x=VALUE` are
 * accepted; options and positional arguments may be mixed; `--` ends the options. A separate VALUE
 * does not begin with '-' (but "-" alone is one); `--name=-x` can. Given twice, the last one
 * counts. An empty environment variable is as good as none. Where the option that chooses for a
 * group is on the command line, variables of the group's other texts count for nothing: what is
 * chosen says them, and no variable that was set long ago mixes in. An unknown option is ERR_USAGE
 * and names the nearest known one. Texts point into argv, the environment or the table.
 */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/err.h"

#define OPT_COUNT_MAX 48
#define OPT_POSITIONAL_MAX 64
#define OPT_TEXTS_MAX 64 /* how often an option of type OPT_TEXTS may be given */

enum opt_type {
    OPT_FLAG,     /* bool; no value on the command line, "1"/"true" or "0"/"false" elsewhere */
    OPT_TEXT,     /* const char * */
    OPT_NUMBER,   /* uint64_t */
    OPT_SIZE,     /* uint64_t, bytes: "64Mi" */
    OPT_DURATION, /* uint64_t, milliseconds: "30s" */
    OPT_TEXTS,    /* struct opt_texts: may be given several times; the environment gives one */
    OPT_WAIT,     /* struct opt_wait: "--name" or "--name=30s"; without a value `default_text` */
    OPT_GROUP,    /* begins a group of options, see above */
};

struct opt_texts {
    const char *items[OPT_TEXTS_MAX];
    size_t count;
};

struct opt_wait {
    bool given;
    uint64_t ms;
};

struct opt {
    const char *name; /* long name, without "--" */
    char letter;      /* short name; 0: none */
    enum opt_type type;
    size_t offset;            /* of the field in the caller's struct */
    const char *value_name;   /* shown in help: "HOST:PORT"; "a|b|c" where one of words is meant;
                               * of a group: the option that chooses, or NULL */
    const char *default_text; /* NULL: the field is left as it is */
    const char *help;
};

struct opt_table {
    const char *program;  /* "muster scale" */
    const char *synopsis; /* "NAME --nodes N" */
    const char *summary;  /* a paragraph */
    const struct opt *opts;
    size_t count;
    const char *examples; /* lines; NULL: none */
};

struct opt_result {
    const char *positional[OPT_POSITIONAL_MAX];
    size_t positional_count;
    bool help;    /* --help or -h was given; nothing else was checked */
    bool version; /* --version likewise */
};

/*
 * Read argv[1..argc) into the struct at `target`, whose lists must be empty. ERR_USAGE names the
 * option and what is wrong.
 * `--help`, `-h` and `--version` need no entry in the table.
 */
MUST_USE int opt_parse(const struct opt_table *table, int argc, char *const *argv, void *target,
                       struct opt_result *result, struct err *err);

/* The positional arguments that opt_parse() would find; values of options are not looked at. */
MUST_USE int opt_positional(const struct opt_table *table, int argc, char *const *argv,
                            struct opt_result *result, struct err *err);

/*
 * For values that are found wrong only after they were read: have a message that begins with an
 * option's name ("--nodes: must be …") begin with the variable that gave the value, where one did.
 * Takes what opt_parse() took; other messages are left as they are.
 */
void opt_name_origin(const struct opt_table *table, int argc, char *const *argv, struct err *err);

/* Synopsis, summary, options with their variables and defaults, examples. */
void opt_print_help(FILE *out, const struct opt_table *table);

/* All options of the table in full, those of groups as well, without any heading. */
void opt_print_options(FILE *out, const struct opt_table *table);

/* Whether the option takes a value, in an argument of its own or behind '='. */
bool opt_takes_value(const struct opt *opt);

#define OPT_VARIABLE_SIZE 80

/* The variable of an option: "etcd-endpoints" -> "MUSTER_ETCD_ENDPOINTS". */
void opt_variable(const char *name, char out[OPT_VARIABLE_SIZE]);

#endif
