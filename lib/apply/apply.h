/*
 * apply - reading a file of specs and bringing etcd's specs in line with it; for `apply` and `up`.
 */
#ifndef APPLY_APPLY_H
#define APPLY_APPLY_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "client/context.h"
#include "model/spec.h"

/* The specs of one file; zeroed it is empty, spec_file_deinit() releases it. */
struct spec_file {
    struct arena arena;
    const struct spec *specs;
    size_t count;
};

/*
 * Read and check all documents of the file ("-": standard input). On ERR_SPEC every mistake was
 * printed on standard error, one a line, and the message of `err` is empty.
 */
MUST_USE int spec_file_read(struct spec_file *file, const char *path, struct err *err);
void spec_file_deinit(struct spec_file *file);

/* Apply all of them or, when one can't be, none; print "cluster/NAME created|configured|unchanged".
 */
MUST_USE int apply_specs(struct context *context, const struct spec *specs, size_t count,
                         struct err *err);

#endif
