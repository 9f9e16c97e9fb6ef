/*
 * view_recall - what a controller has observed, for those who look at its cluster from outside.
 *
 * A controller writes since when nodes are silent and unreachable into the status; that gives back
 * its observations, but for the pushes on their way. What the status doesn't tell yet begins now.
 */
#ifndef VIEW_VIEW_RECALL_H
#define VIEW_VIEW_RECALL_H

#include "base/arena.h"
#include "base/err.h"
#include "model/view.h"

/* Fill in the observations of `view`, whose lists and status are there. ERR_NOMEM. */
MUST_USE int view_recall(struct view *view, struct arena *arena, struct err *err);

#endif
