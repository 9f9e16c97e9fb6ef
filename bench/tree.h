/*
 * tree - a benchmark's own directory, with all that is in it.
 */
#ifndef BENCH_TREE_H
#define BENCH_TREE_H

/* Remove it; says so on stderr when something stays. */
void tree_remove(const char *path);

#endif
