#include "admin/process_metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "metrics/scrape.h"

#define STAT_SIZE 1024

static const struct metric rows[] = { PROCESS_METRICS(METRIC_ROW) };

const struct metric_table process_metrics = { "every program", rows, ARRAY_COUNT(rows) };

static double seconds(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static void put_times(struct scrape *scrape)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        scrape_put(scrape, METRIC_PROCESS_CPU, seconds(&usage.ru_utime) + seconds(&usage.ru_stime),
                   NO_LABELS);
    }
}

/* The clock that the kernel stamps starts with may be a little ahead: nobody starts in the future.
 */
static double start_s(unsigned long long start_ticks, const struct timespec *up)
{
    double now_s = (double)clock_wall_ms() / 1e3;
    double age_s = (double)up->tv_sec + (double)up->tv_nsec / 1e9 -
                   (double)start_ticks / (double)sysconf(_SC_CLK_TCK);

    return age_s < 0 ? now_s : now_s - age_s;
}

/* /proc/self/stat: the fields behind the program's name, which may hold anything but ")\0". */
static void put_stat(struct scrape *scrape)
{
    unsigned long long start_ticks;
    unsigned long long bytes;
    long long pages;
    char text[STAT_SIZE];
    FILE *file = fopen("/proc/self/stat", "re");
    size_t size = file == NULL ? 0 : fread(text, 1, sizeof(text) - 1, file);
    const char *fields;
    struct timespec up;

    if (file != NULL) {
        (void)fclose(file);
    }
    text[size] = '\0';
    fields = strrchr(text, ')');
    if (fields == NULL ||
        sscanf(fields,
               ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu "
               "%llu %lld",
               &start_ticks, &bytes, &pages) != 3 ||
        clock_gettime(CLOCK_BOOTTIME, &up) < 0) {
        return;
    }
    scrape_put(scrape, METRIC_PROCESS_VIRTUAL, (double)bytes, NO_LABELS);
    scrape_put(scrape, METRIC_PROCESS_RESIDENT, (double)pages * (double)sysconf(_SC_PAGESIZE),
               NO_LABELS);
    scrape_put(scrape, METRIC_PROCESS_START, start_s(start_ticks, &up), NO_LABELS);
}

static void put_descriptors(struct scrape *scrape)
{
    DIR *folder = opendir("/proc/self/fd");
    struct rlimit limit;
    size_t count = 0;

    if (folder != NULL) {
        while (readdir(folder) != NULL) {
            count++;
        }
        (void)closedir(folder);
        /* ".", "..", and the folder's own one. */
        scrape_put(scrape, METRIC_PROCESS_OPEN_FDS, (double)(count - 3), NO_LABELS);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        scrape_put(scrape, METRIC_PROCESS_MAX_FDS, (double)limit.rlim_cur, NO_LABELS);
    }
}

int process_metrics_text(const char *program, struct arena *arena, struct str *out, struct err *err)
{
    struct scrape scrape;

    scrape_init(&scrape, &process_metrics, arena);
    scrape_put(&scrape, METRIC_BUILD, 1, LABELS(program, MUSTER_VERSION));
    put_times(&scrape);
    put_stat(&scrape);
    put_descriptors(&scrape);
    return scrape_text(&scrape, out, err);
}
