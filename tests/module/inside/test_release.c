#include <criterion/criterion.h>
#include <string.h>

#include "watcher/module/release.h"

Test(release, what_is_older_is_told_from_what_is_not_or_unknown)
{
    static const struct {
        const char *bytes;
        const char *older; /* NULL: not older */
    } cases[] = {
        { "memcached 1.6.18\n", NULL },
        { "memcached 1.6.17\n", "1.6.17" },
        { "memcached 1.6.9\n", "1.6.9" },
        { "memcached 1.5.22", "1.5.22" },
        { "memcached 0.99.99", "0.99.99" },
        { "memcached 1.6.45", NULL },
        { "memcached 1.10.0", NULL },
        { "memcached 2.0.0", NULL },
        { "memcached 1.6", NULL },
        { "memcached server memcached 1.4.0", "1.4.0" },
        { "memcached memcached 1.4.0-rc1", "1.4.0" },
        { "memcached 1.", NULL },
        { "memcached ", NULL },
        { "", NULL },
    };
    char text[RELEASE_TEXT_SIZE];
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const bool older = release_bytes_too_old(cases[i].bytes, strlen(cases[i].bytes), text);

        cr_expect_eq(older, cases[i].older != NULL, "%s", cases[i].bytes);
        if (older && cases[i].older != NULL) {
            cr_expect_str_eq(text, cases[i].older);
        }
    }
}
