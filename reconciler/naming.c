#include "reconciler/naming.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void naming_add(struct naming *naming, const char *fmt, ...)
{
    char item[NAMING_ITEM_MAX];
    size_t used = strlen(naming->text);
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(item, sizeof(item), fmt, args);
    va_end(args);
    if (naming->count < NAMED_MAX) {
        (void)snprintf(naming->text + used, sizeof(naming->text) - used, "%s%s",
                       naming->count == 0 ? "" : ", ", item);
    } else if (naming->count == NAMED_MAX) {
        (void)snprintf(naming->text + used, sizeof(naming->text) - used, ", ...");
    }
    naming->count++;
}
