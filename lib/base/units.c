#include "base/units.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

struct unit {
    const char *name;
    uint64_t factor;
};

/* Both largest first: the largest unit that divides a value gives its shortest text. */
static const struct unit size_units[] = {
    { "Ti", UINT64_C(1) << 40 },
    { "Gi", UINT64_C(1) << 30 },
    { "Mi", UINT64_C(1) << 20 },
    { "Ki", UINT64_C(1) << 10 },
    { "", 1 },
};

static const struct unit duration_units[] = {
    { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};

static bool parse(const char *text, const struct unit *units, size_t count, uint64_t *out)
{
    size_t digits = strspn(text, "0123456789");
    uint64_t number;
    size_t i;

    if (!bytes_to_u64(text, digits, 0, UINT64_MAX, &number)) {
        return false;
    }
    for (i = 0; i < count; i++) {
        if (strcmp(text + digits, units[i].name) != 0) {
            continue;
        }
        if (UINT64_MAX / units[i].factor < number) {
            return false;
        }
        *out = number * units[i].factor;
        return true;
    }
    return false;
}

static void format(uint64_t value, const struct unit *units, char out[UNITS_TEXT_SIZE])
{
    const struct unit *unit = units;

    while (value % unit->factor != 0) {
        unit++; /* the last factor is 1 */
    }
    (void)snprintf(out, UNITS_TEXT_SIZE, "%llu%s", (unsigned long long)(value / unit->factor),
                   unit->name);
}

bool size_parse(const char *text, uint64_t *bytes)
{
    return parse(text, size_units, ARRAY_COUNT(size_units), bytes);
}

bool duration_parse(const char *text, uint64_t *ms)
{
    return parse(text, duration_units, ARRAY_COUNT(duration_units), ms);
}

/* The part of `text` that ends before the next digit behind its unit, in `part`; its size, or 0 and
 * "" for what is longer than any. */
static size_t span_part(const char *text, char part[UNITS_TEXT_SIZE])
{
    size_t size = strspn(text, "0123456789");

    size += strcspn(text + size, "0123456789");
    if (UNITS_TEXT_SIZE <= size) {
        size = 0;
    }
    memcpy(part, text, size);
    part[size] = '\0';
    return size;
}

bool span_parse(const char *text, uint64_t *ms)
{
    const struct unit *unit = duration_units;
    const struct unit *end = duration_units + ARRAY_COUNT(duration_units);
    uint64_t sum = 0;

    do {
        char part[UNITS_TEXT_SIZE];
        size_t size = span_part(text, part);
        uint64_t value;

        while (unit < end && strcmp(part + strspn(part, "0123456789"), unit->name) != 0) {
            unit++;
        }
        if (size == 0 || unit == end || !duration_parse(part, &value) || UINT64_MAX - sum < value) {
            return false;
        }
        sum += value;
        text += size;
        unit++; /* each once, and smaller ones behind */
    } while (*text != '\0');
    *ms = sum;
    return true;
}

void size_format(uint64_t bytes, char out[UNITS_TEXT_SIZE])
{
    if (bytes == 0) {
        (void)snprintf(out, UNITS_TEXT_SIZE, "0");
        return;
    }
    format(bytes, size_units, out);
}

void duration_format(uint64_t ms, char out[UNITS_TEXT_SIZE])
{
    if (ms == 0) {
        (void)snprintf(out, UNITS_TEXT_SIZE, "0s");
        return;
    }
    format(ms, duration_units, out);
}

void size_format_short(uint64_t bytes, char out[UNITS_TEXT_SIZE])
{
    const struct unit *unit = size_units;
    uint64_t tenths;

    while (bytes < unit->factor && unit->factor != 1) {
        unit++;
    }
    tenths = bytes % unit->factor / (unit->factor < 10 ? 1 : unit->factor / 10);
    tenths = tenths < 10 ? tenths : 9;
    if (tenths == 0) {
        (void)snprintf(out, UNITS_TEXT_SIZE, "%llu%s", (unsigned long long)(bytes / unit->factor),
                       unit->name);
        return;
    }
    (void)snprintf(out, UNITS_TEXT_SIZE, "%llu.%llu%s", (unsigned long long)(bytes / unit->factor),
                   (unsigned long long)tenths, unit->name);
}
