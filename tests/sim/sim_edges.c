/*
 * The small edges: clocks, the log, and where the programs draw random bytes. They have no
 * context; the running party is asked for.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "sim/sim.h"
#include "sim/sim_edges.h"

#define LOG_LINE_SIZE 1024

/* ---- lib/base/clock.h ---- */

uint64_t clock_wall_ms(void)
{
    const struct sim *sim = sim_current();
    const struct sim_party *party = sim_running(sim);
    int64_t offset_ms = party == NULL ? 0 : party->wall_offset_ms;

    return (uint64_t)((int64_t)(SIM_EPOCH_MS + sim_now_ms(sim)) + offset_ms);
}

uint64_t clock_mono_ms(void)
{
    return SIM_MONO_MS + sim_now_ms(sim_current());
}

uint64_t clock_mono_ns(void)
{
    return clock_mono_ms() * UINT64_C(1000000);
}

void clock_format(uint64_t wall_ms, char out[CLOCK_TEXT_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000U);
    struct tm parts = { 0 };
    char whole[CLOCK_TEXT_SIZE] = "";

    (void)gmtime_r(&seconds, &parts);
    (void)strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(out, CLOCK_TEXT_SIZE, "%.19s.%03uZ", whole, (unsigned)(wall_ms % 1000U));
}

/* ---- lib/base/log.h: a line of the program is a line of the story ---- */

void log_write_fields(const struct log *log, enum log_level level, const char *event,
                      const struct log_field *fields, size_t count)
{
    struct sim *sim = sim_current();
    char line[LOG_LINE_SIZE];
    int used = 0;
    size_t i;

    (void)level;
    if (log == NULL || !sim_options(sim)->tracing || !sim_alive(sim)) {
        return;
    }
    line[0] = '\0';
    for (i = 0; i < count && used < LOG_LINE_SIZE - 1; i++) {
        int left = LOG_LINE_SIZE - used;
        int n = fields[i].text != NULL
                    ? snprintf(line + used, (size_t)left, " %s=%s", fields[i].name, fields[i].text)
                    : snprintf(line + used, (size_t)left, " %s=%llu", fields[i].name,
                               (unsigned long long)fields[i].number);

        used += n < left ? n : left - 1;
    }
    sim_trace(sim, "says %s%s", event, line);
}

bool log_level_parse(const char *text, enum log_level *out)
{
    (void)text;
    *out = LOG_INFO;
    return true;
}

bool log_format_parse(const char *text, enum log_format *out)
{
    (void)text;
    *out = LOG_FORMAT_TEXT;
    return true;
}

/* ---- Randomness ---- */

static void draw(void *bytes, size_t size)
{
    unsigned char *to = bytes;
    size_t i;
    uint64_t bits = 0;

    for (i = 0; i < size; i++) {
        bits = i % 8 == 0 ? sim_random(sim_current(), SIM_CHANCE_IDS) : bits >> 8;
        to[i] = (unsigned char)bits;
    }
}

/* The system call that libc offers; found before libc's by the linker. */
ssize_t getrandom(void *bytes, size_t size, unsigned flags)
{
    (void)flags;
    draw(bytes, size);
    return (ssize_t)size;
}

static const char *source_name(void)
{
    return "sim";
}

static uint32_t source_random(void)
{
    return (uint32_t)sim_random(sim_current(), SIM_CHANCE_IDS);
}

static void source_fill(void *const bytes, const size_t size)
{
    draw(bytes, size);
}

void sim_edges_init(void)
{
    static randombytes_implementation source = { .implementation_name = source_name,
                                                 .random = source_random,
                                                 .buf = source_fill };

    /* What the library draws for itself, once in a process, is none of any run. */
    CHECK(0 <= sodium_init());
    CHECK(randombytes_set_implementation(&source) == 0);
}
