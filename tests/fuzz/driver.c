/*
 * Runs a fuzz target on the files of the directories that are named, where no fuzzer is built in.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/target.h"

#define INPUT_BYTES_MAX (4U << 20)

static void run_file(const char *path)
{
    uint8_t *bytes = malloc(INPUT_BYTES_MAX);
    FILE *file = fopen(path, "rb");
    uint8_t *exact;
    size_t size;

    if (bytes == NULL || file == NULL) {
        (void)fprintf(stderr, "%s: can't be read\n", path);
        abort();
    }
    size = fread(bytes, 1, INPUT_BYTES_MAX, file);
    (void)fclose(file);
    exact = realloc(bytes, size + 1); /* so that a sanitizer sees reads beyond the end */
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static int run_directory(const char *path, int *count)
{
    const struct dirent *entry;
    DIR *directory = opendir(path);
    char file[4096];

    if (directory == NULL) {
        (void)fprintf(stderr, "%s: can't be read\n", path);
        return -1;
    }
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.') {
            (void)snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
            run_file(file);
            *count += 1;
        }
    }
    (void)closedir(directory);
    return 0;
}

int main(int argc, char **argv)
{
    int count = 0;
    int i;

    for (i = 1; i < argc; i++) {
        if (run_directory(argv[i], &count) != 0) {
            return 1;
        }
    }
    (void)printf("%d inputs\n", count);
    return count == 0;
}
