/*
 * file - small files and directories of our own, read and written whole.
 *
 * Writing goes through a second name and a rename: whoever reads sees the former content or the
 * new one, also after a crash of this process. Nothing is synced to disk.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* Replace or make the file, mode 0644. */
MUST_USE int file_write(const char *path, const char *bytes, size_t size, struct err *err);

/* Append the file's bytes to `out`. ERR_NOT_FOUND; ERR_LIMIT beyond what fits into `out`. */
MUST_USE int file_read(const char *path, struct str *out, struct err *err);

/* Its size; 0 when there is none. */
uint64_t file_bytes(const char *path);

/* Make a directory and those above it, mode 0755. */
MUST_USE int dir_make(const char *path, struct err *err);

#endif
