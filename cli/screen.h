/*
 * screen - the whole terminal, drawn anew as often as something changes.
 *
 * The alternate screen, without cursor and echo, until it is freed, which gives the terminal back
 * as it was; the signals that end a program ask it to end instead, and so do q and Ctrl-D. Lines
 * are cut to the terminal's width and height, whatever it is at the time of drawing.
 */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "loop/loop.h"

struct screen;

struct screen_events {
    void (*quit)(void *ctx);    /* somebody wants an end */
    void (*resized)(void *ctx); /* draw again; NULL: it is drawn again soon enough */
};

/* Whether input and output are a terminal that can move its cursor. */
bool screen_is_possible(void);

/* Whether colours are wanted on it: not with NO_COLOR. */
bool screen_takes_colours(void);

MUST_USE int screen_new(struct loop *loop, const struct screen_events *events, void *ctx,
                        struct screen **out, struct err *err);
void screen_free(struct screen *screen);
DEFINE_CLEANUP(struct screen, screen_free);

/* Show the text from its first line on; what does not fit is left out. */
void screen_draw(struct screen *screen, const struct str *text);

/* ---- Pure ---- */

/* Append the text as it is drawn on `rows` lines of `columns` cells: lines cut (UTF-8 and colour
 * sequences whole), the rest of each and of the screen cleared. */
void screen_render(const char *text, unsigned rows, unsigned columns, struct str *out);

#endif
