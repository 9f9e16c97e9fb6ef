/*
 * lib/base/file.h on the running party's machine. A file is written whole or not at all, as the
 * real one promises by its rename; each change is an effect, before or after which its writer may
 * die.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/file.h"
#include "base/mem.h"
#include "sim/sim_machine.h"

#define NAME_SIZE 256
#define UNSYNCED_MS 5000

struct file_lock {
    const struct sim_machine *machine;
};

/* ---- The machine's side ---- */

/* Where the file is, or is to be. */
static struct sim_file **place_of(struct sim_machine *machine, const char *path)
{
    struct sim_file **at = &machine->files;

    while (*at != NULL && strcmp((*at)->path, path) < 0) {
        at = &(*at)->next;
    }
    return at;
}

struct sim_file *sim_disk_find(struct sim_machine *machine, const char *path)
{
    struct sim_file *file = *place_of(machine, path);

    return file != NULL && strcmp(file->path, path) == 0 ? file : NULL;
}

static struct sim_file *make_file(struct sim_machine *machine, const char *path)
{
    struct sim_file **at = place_of(machine, path);
    struct sim_file *file;

    if (*at != NULL && strcmp((*at)->path, path) == 0) {
        return *at;
    }
    file = mem_alloc(sizeof(*file));
    CHECK(file != NULL);
    file->path = mem_strdup(path);
    CHECK(file->path != NULL);
    file->next = *at;
    *at = file;
    return file;
}

void sim_disk_put(struct sim_machine *machine, const char *path, const char *bytes, size_t size)
{
    struct sim_file *file = make_file(machine, path);
    char *copy = mem_alloc(size + 1);

    CHECK(copy != NULL);
    if (0 < size) {
        memcpy(copy, bytes, size);
    }
    free(file->bytes);
    file->bytes = copy;
    file->size = size;
    file->written_ms = sim_now_ms(machine->sim);
}

static void drop(struct sim_file **at)
{
    struct sim_file *file = *at;

    *at = file->next;
    free(file->path);
    free(file->bytes);
    free(file);
}

void sim_disk_remove(struct sim_machine *machine, const char *path)
{
    struct sim_file **at = place_of(machine, path);

    if (*at != NULL && strcmp((*at)->path, path) == 0) {
        drop(at);
    }
}

/* Nothing is synced: what a file system had not written back yet is lost with its name, or only its
 * content is. */
void sim_disk_lose_power(struct sim_machine *machine)
{
    struct sim_file **at = &machine->files;

    while (*at != NULL) {
        bool synced = (*at)->written_ms + UNSYNCED_MS <= sim_now_ms(machine->sim);
        uint64_t fate = synced ? 3 : sim_fault_between(machine->sim, SIM_HOST_CRASH, 0, 3);

        if (fate == 0) {
            drop(at);
            continue;
        }
        (*at)->size = fate == 1 ? 0 : (*at)->size;
        (*at)->bytes[(*at)->size] = '\0';
        at = &(*at)->next;
    }
}

void sim_disk_deinit(struct sim_machine *machine)
{
    while (machine->files != NULL) {
        drop(&machine->files);
    }
}

/* ---- Files ---- */

int file_write(const char *path, const char *bytes, size_t size, struct err *err)
{
    struct sim_machine *machine = sim_machine_here();

    if (!sim_effect_begins(machine->sim, "write a file")) {
        return err_set(err, ERR_IO, "%s: the writer is dead", path);
    }
    sim_disk_put(machine, path, bytes, size);
    sim_effect_ends(machine->sim);
    return 0;
}

int file_read(const char *path, struct str *out, struct err *err)
{
    const struct sim_file *file = sim_disk_find(sim_machine_here(), path);

    if (file == NULL) {
        return err_set(err, ERR_NOT_FOUND, "%s: no such file", path);
    }
    str_append(out, file->bytes, file->size);
    if (str_failed(out)) {
        return err_set(err, ERR_LIMIT, "%s: more than %zu bytes", path, out->size_max);
    }
    return 0;
}

uint64_t file_bytes(const char *path)
{
    const struct sim_file *file = sim_disk_find(sim_machine_here(), path);

    return file == NULL ? 0 : file->size;
}

size_t file_tail(const char *path, uint64_t from, char *out, size_t size)
{
    const struct sim_file *file = sim_disk_find(sim_machine_here(), path);

    if (file == NULL || file->size <= from) {
        return 0;
    }
    from = size < file->size - from ? file->size - size : from;
    memcpy(out, file->bytes + from, file->size - from);
    return file->size - from;
}

void file_empty(const char *path)
{
    struct sim_machine *machine = sim_machine_here();

    if (sim_disk_find(machine, path) != NULL && sim_effect_begins(machine->sim, "empty a file")) {
        sim_disk_put(machine, path, "", 0);
        sim_effect_ends(machine->sim);
    }
}

void file_rename(const char *path, const char *name)
{
    struct sim_machine *machine = sim_machine_here();
    const struct sim_file *file = sim_disk_find(machine, path);

    if (file == NULL || !sim_effect_begins(machine->sim, "rename a file")) {
        return;
    }
    sim_disk_put(machine, name, file->bytes, file->size);
    sim_disk_remove(machine, path);
    sim_effect_ends(machine->sim);
}

void file_remove(const char *path)
{
    struct sim_machine *machine = sim_machine_here();

    if (sim_disk_find(machine, path) == NULL || !sim_effect_begins(machine->sim, "remove a file")) {
        return;
    }
    sim_disk_remove(machine, path);
    sim_effect_ends(machine->sim);
}

/* ---- Directories ---- */

int dir_make(const char *path, struct err *err)
{
    (void)path;
    (void)err;
    return 0;
}

void dir_drop_empty(const char *path)
{
    (void)path;
}

/* The name that `file`, or what it is below, has in the directory `path`. */
static bool name_in(const struct sim_file *file, const char *path, char name[NAME_SIZE])
{
    size_t length = strlen(path);

    if (strncmp(file->path, path, length) != 0 || file->path[length] != '/') {
        return false;
    }
    (void)snprintf(name, NAME_SIZE, "%.*s", (int)strcspn(file->path + length + 1, "/"),
                   file->path + length + 1);
    return true;
}

/* The next name in the directory behind `last`, which takes it over. */
static bool next_name(struct sim_machine *machine, const char *path, char last[NAME_SIZE])
{
    const struct sim_file *file;
    char best[NAME_SIZE] = "";
    char name[NAME_SIZE];

    for (file = machine->files; file != NULL; file = file->next) {
        if (name_in(file, path, name) && 0 < strcmp(name, last) &&
            (best[0] == '\0' || strcmp(name, best) < 0)) {
            memcpy(best, name, NAME_SIZE);
        }
    }
    memcpy(last, best, NAME_SIZE);
    return best[0] != '\0';
}

/* The callback may change what is there. */
void dir_list(const char *path, void (*found)(void *ctx, const char *name), void *ctx)
{
    struct sim_machine *machine = sim_machine_here();
    char name[NAME_SIZE] = "";

    while (next_name(machine, path, name)) {
        char told[NAME_SIZE];

        memcpy(told, name, NAME_SIZE);
        found(ctx, told);
    }
}

/* ---- Locks: a party can't die with its own lock in the way of its successor ---- */

int file_lock_new(const char *path, struct file_lock **out, struct err *err)
{
    struct file_lock *lock = mem_alloc(sizeof(*lock));

    if (lock == NULL) {
        return err_set(err, ERR_NOMEM, "%s: out of memory", path);
    }
    lock->machine = sim_machine_here();
    *out = lock;
    return 0;
}

void file_lock_free(struct file_lock *lock)
{
    free(lock);
}
