/*
 * man - the manual pages of the program, made from the table of verbs.
 *
 * muster.1 has the overview and the options of the connection, muster-<verb>.1 what one verb takes;
 * "rollout pause" is muster-rollout-pause.1.
 */
#ifndef CLI_MAN_H
#define CLI_MAN_H

#include <stdio.h>

#include "cli/verb.h"

#define MAN_NAME_SIZE 80

/* "muster-rollout-pause"; "muster" for NULL. */
void man_name(const struct verb *verb, char out[MAN_NAME_SIZE]);

/* The page of a verb, or of the program for NULL, in roff. */
void man_page(FILE *out, const struct verb *verb);

#endif
