/*
 * lab - a whole muster of a test's own, on the test's scene (support/scene.h): state directory,
 * loopback addresses, processes, and their end.
 *
 * lab_up() runs `muster up --detach`. lab_close() takes everything down in the ordinary way and
 * fails the test when a process or a file is left. A test that fails, crashes or is killed leaves
 * nothing either: the scene's guard sees to that, and what the logs said last is printed.
 *
 * Functions named must_… fail the test by themselves.
 */
#ifndef INTEGRATION_LAB_H
#define INTEGRATION_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "support/scene.h"

#define LAB_NODES_MAX 32
#define LAB_CLUSTER "quickstart"
#define LAB_DATA_PORT 11211
#define LAB_DISCOVERY_PORT 11210

/* How long the system may take for one step before a test calls it a failure. */
#define LAB_PATIENCE_MS 60000U

/* ---- Life ---- */

/* The state directory, and the spec that lab_up() applies. */
struct scene_path lab_state(void);
struct scene_path lab_spec(void);

/* The test's network as `muster up --network` takes it. */
struct scene_ip lab_network(void);

/*
 * Write lab_spec(): LAB_CLUSTER with `nodes` nodes of 16Mi; `extra` are further lines below
 * `spec:`, indented by two, or "".
 */
void lab_write_spec(unsigned nodes, const char *extra);

/* The same with any name and everything below `spec:` given, into any file. */
struct scene_path lab_write_cluster(const char *file, const char *name, const char *spec);

/* `muster up --detach -f <lab_spec()>` with `args` (NULL-terminated, or NULL); must succeed. */
void lab_up(const char *const *args);

/* lab_write_spec() with a short drain, lab_up(). */
void lab_start(unsigned nodes, const char *const *up_args);

/*
 * Tell the logs (what lies below a path with "/log" in it) when the test ends before lab_close() or
 * lab_tell_no_logs(). lab_up() does it by itself.
 */
void lab_tell_logs_on_failure(void);
void lab_tell_no_logs(void);

/* No file below the directory, or this file, may tell of a sanitizer's finding or a failed CHECK().
 */
void lab_must_have_clean_logs(const char *path);

/*
 * `muster down`: no process may be left, no log may tell of a sanitizer's finding or a failed
 * CHECK(). Then `muster down --purge`: no file may be left.
 */
void lab_close(void);

/* ---- Running programs ---- */

#define RUN_OUTPUT_SIZE 65536

struct run_result {
    int exit_code; /* -1: killed, or not ended in time */
    char out[RUN_OUTPUT_SIZE];
    char err[RUN_OUTPUT_SIZE];
};

/*
 * Run a program of the build ("muster", "muster-controller", …, or an absolute path) to its end, at
 * most LAB_PATIENCE_MS * 2, with the lab's state directory in its environment. `args` is
 * NULL-terminated, without argv[0].
 */
void lab_run(struct run_result *result, const char *program, const char *const *args);

/* The same with "NAME=value" settings added to the environment, and text on standard input. */
void lab_run_with(struct run_result *result, const char *program, const char *const *args,
                  const char *const *env, const char *input);

/*
 * Remember where the watcher keeps partitions (--partition-dir, outside of the scene), so that they
 * don't outlive the test. lab_run() does it as soon as a watcher runs.
 */
void lab_note_partitions(void);

/* `muster ARG…`, which must exit with `code`. */
#define MUST_MUSTER(result, code, ...) \
    must_muster((result), (code), (const char *const[]){ __VA_ARGS__, NULL })
void must_muster(struct run_result *result, int code, const char *const *args);

/* The same when only success matters. */
#define MUST_OK(...) must_ok((const char *const[]){ __VA_ARGS__, NULL })
void must_ok(const char *const *args);

/* `muster wait quickstart --for converged`, and `scale` followed by it. */
void must_converge(void);
void must_scale(unsigned nodes);

/* `text` must stand in `where`. */
void must_say(const char *where, const char *text);

/* ---- Time ---- */

/*
 * Whether `condition` becomes true within `patience_ms`, looked at every few milliseconds. The
 * condition is an expression that is evaluated again and again.
 */
#define WITHIN(patience_ms, condition)                                  \
    __extension__({                                                     \
        uint64_t deadline_ = clock_mono_ms() + (uint64_t)(patience_ms); \
        bool held_;                                                     \
        while (!(held_ = (condition)) && clock_mono_ms() < deadline_) { \
            lab_pause();                                                \
        }                                                               \
        held_;                                                          \
    })

void lab_pause(void);

#endif
