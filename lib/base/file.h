/*
 * file - small files and directories of our own, read and written whole.
 *
 * Writing goes through a second name and a rename: whoever reads sees the former content or the
 * new one, also after a crash of this process. Nothing is synced to disk.
 *
 * All that a watcher keeps on disk goes through here, so that a test can stand in for the disk.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"

/* Replace or make the file, mode 0644. */
MUST_USE int file_write(const char *path, const char *bytes, size_t size, struct err *err);

/*
 * Append the file's bytes to `out`. ERR_NOT_FOUND; ERR_LIMIT beyond what fits into `out`. It must
 * be no link: what is our own is none.
 */
MUST_USE int file_read(const char *path, struct str *out, struct err *err);

/* The same of a file that an operator has named: it may be a link, as Kubernetes' Secrets are. */
MUST_USE int file_read_given(const char *path, struct str *out, struct err *err);

/* Its size; 0 when there is none. */
uint64_t file_bytes(const char *path);

/* Copy at most `size` bytes from the file's end, and none of its first `from`. Returns how many; 0
 * when there is no file. */
size_t file_tail(const char *path, uint64_t from, char *out, size_t size);

/* Empty the file, whoever has it open for appending. */
void file_empty(const char *path);

/* Give the file another name, in place of a file that has it already; without it, nothing happens.
 */
void file_rename(const char *path, const char *name);

/* Remove the file, if there is one. */
void file_remove(const char *path);

/* Make a directory and those above it, mode 0755. */
MUST_USE int dir_make(const char *path, struct err *err);

/* Remove the directory, if it is there and empty. */
void dir_drop_empty(const char *path);

/* Call `found` with each name in the directory but "." and "..", in no order; with none when it
 * can't be read. */
void dir_list(const char *path, void (*found)(void *ctx, const char *name), void *ctx);

/* The right to a file for one process at a time; ends with the process. */
struct file_lock;

/* ERR_CONFLICT: another one has it. Makes the file. */
MUST_USE int file_lock_new(const char *path, struct file_lock **out, struct err *err);
void file_lock_free(struct file_lock *lock);
DEFINE_CLEANUP(struct file_lock, file_lock_free);

#endif
