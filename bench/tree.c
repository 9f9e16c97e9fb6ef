#include "bench/tree.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#define DEPTH_MAX 8

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

void tree_remove(const char *path)
{
    if (nftw(path, remove_one, DEPTH_MAX, FTW_DEPTH | FTW_PHYS) != 0) {
        (void)fprintf(stderr, "bench: %s stays\n", path);
    }
}
