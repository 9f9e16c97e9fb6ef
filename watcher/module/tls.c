#include "watcher/module/tls.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "watcher/module/real.h"

/* A plug-in's own libssl calls through our names too, and is behind none of them. */
static const char *const private_names[] = { "libssl.so.3", "libssl.so.4", "libssl.so.1.1",
                                             "libssl.so" };

/* In `*function`: the next one behind us, or that of `library`. */
static bool find(void *library, const char *name, void *function, size_t size)
{
    void *symbol = library == NULL ? real_next(name) : real_within(library, name);

    memcpy(function, &symbol, size);
    return symbol != NULL;
}

static bool find_all(void *library, struct tls *tls)
{
    bool all = true;

#define X(name, result, parameters) \
    all = find(library, #name, &tls->name, sizeof(tls->name)) && all;
    TLS_FUNCTIONS(X)
#undef X
    return all;
}

static bool find_anywhere(struct tls *tls)
{
    bool all = find_all(NULL, tls);
    size_t i;

    for (i = 0; i < ARRAY_COUNT(private_names) && !all; i++) {
        void *library = real_loaded(private_names[i]);

        all = library != NULL && find_all(library, tls);
    }
    return all;
}

const struct tls *tls_functions(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static _Atomic(const struct tls *) found;
    static struct tls tls;
    const struct tls *known = found;

    if (known == NULL) {
        (void)pthread_mutex_lock(&lock);
        known = found;
        if (known == NULL && find_anywhere(&tls)) {
            known = &tls;
            found = known;
        }
        (void)pthread_mutex_unlock(&lock);
    }
    return known;
}
