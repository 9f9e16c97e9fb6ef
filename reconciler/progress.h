/*
 * progress - how far a rollout is, and whether it has stopped for want of progress.
 *
 * A rollout is all that brings running nodes from what they are to what they should be: new
 * settings, and moves off hosts that are drained or no longer allowed. It begins when a wanted node
 * is not as it should be, and is over when every one is proven as it should be. It comes nearer
 * whenever more of them are; a new spec, a new drain and `rollout resume` let its time begin anew.
 * Where nodes are succeeded rather than restarted, the time that they may drain comes on top.
 *
 * Pure over the view: the last time that it came nearer, and what an operator had said by then, are
 * read from the status.
 */
#ifndef RECONCILER_PROGRESS_H
#define RECONCILER_PROGRESS_H

#include "reconciler/facts.h"

/* Find the progress from the nodes' own facts and roles. */
struct progress progress_find(const struct facts *facts);

#endif
