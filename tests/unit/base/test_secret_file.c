#include <criterion/criterion.h>

#include "base/secret_file.h"
#include "base/str.h"

Test(secret_file, is_kept_when_nobody_but_owner_and_roots_group_may_read)
{
    static const struct {
        mode_t mode;
        uid_t owner;
        uid_t reader;
        bool kept;
    } rows[] = {
        { 0600, 7, 7, true },  { 0400, 0, 0, true },  { 0440, 0, 7, true },  { 0640, 0, 7, true },
        { 0440, 0, 0, false }, { 0440, 7, 7, false }, { 0440, 8, 7, false }, { 0444, 0, 7, false },
        { 0660, 0, 7, false }, { 0450, 0, 7, false }, { 0404, 0, 7, false }, { 0401, 0, 7, false },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        cr_expect_eq(secret_file_is_kept(rows[i].mode, rows[i].owner, rows[i].reader), rows[i].kept,
                     "%zu: mode %04o", i, rows[i].mode);
    }
}
