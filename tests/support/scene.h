/*
 * scene - the place where a test plays: its directory, its addresses, and an end for all of it.
 *
 * The first use in a test process makes the scene: a fresh directory below /tmp, and a guard, a
 * process that waits for the end of the test, however it ends. Then the guard kills everything that
 * was started from the test (process.h), with all descendants in whatever session, and removes
 * the directory. A test needs no teardown.
 *
 * Whatever can't be done in here stops the test with a message: nothing returns a failure.
 */
#ifndef SUPPORT_SCENE_H
#define SUPPORT_SCENE_H

#include <stddef.h>

#include "base/cleanup.h"

#define SCENE_PATH_SIZE 256
#define SCENE_IP_SIZE 16

struct scene_path {
    char text[SCENE_PATH_SIZE];
};

struct scene_ip {
    char text[SCENE_IP_SIZE];
};

/* The test's own directory. */
const char *scene_dir(void);

/* A path in that directory: scene_path("etcd-%d", 1).text. Nothing is created. */
struct scene_path scene_path(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* An address of the test's own /24 of the loopback network; `host` is 1..254. */
struct scene_ip scene_ip(unsigned host);

/* The path of a program that was built: scene_program("muster-watcher").text. */
struct scene_path scene_program(const char *name);

/* The path of a library that was built: scene_library("libmuster_partition.so").text. */
struct scene_path scene_library(const char *name);

/* The path of a file of the source tree: scene_source("examples/quickstart.yaml").text. */
struct scene_path scene_source(const char *name);

/* The environment entry by which the guard knows what belongs to the test; process.h sets it. */
const char *scene_mark(void);

/* Let the guard remove this path too, when the test has ended; at most 60 of them. */
void scene_remove_too(const char *path);

/* Zeroed memory that lives as long as the test. */
void *scene_alloc(size_t size);

/* Write a text file in the scene's directory; its path. */
struct scene_path scene_write(const char *name, const char *text);

/* The content of a file, on the heap; "" when it is not there. */
char *scene_read(const char *path);

/* Stop the test: it could not be set up. */
__attribute__((noreturn)) void scene_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
