#include "watcher/module/real.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"

static struct real real; /* found before the first thread starts, constant afterwards */

static void find(const char *name, void *function, size_t size)
{
    void *symbol = dlsym(RTLD_NEXT, name);

    CHECK(symbol != NULL);
    memcpy(function, &symbol, size);
}

const struct real *real_functions(void)
{
    if (__builtin_expect(real.epoll_wait == NULL, 0)) {
#define X(name, result, parameters) find(#name, &real.name, sizeof(real.name));
        REAL_FUNCTIONS(X)
#undef X
    }
    return &real;
}

int real_ours_come_first(void)
{
    int first = 1;

#define X(name, result, parameters)                      \
    {                                                    \
        void *symbol = dlsym(RTLD_DEFAULT, #name);       \
        result(*ours) parameters = name;                 \
                                                         \
        if (memcmp(&symbol, &ours, sizeof(ours)) != 0) { \
            first = 0;                                   \
        }                                                \
    }
    REAL_FUNCTIONS(X)
#undef X
    return first;
}
