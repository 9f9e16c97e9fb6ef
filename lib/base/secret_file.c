#include "base/secret_file.h"

#define OTHERS_MAY 077U
#define GROUP_MAY_READ 040U

bool secret_file_is_kept(mode_t mode, uid_t owner, uid_t reader)
{
    mode_t granted = owner == 0 && reader != 0 ? GROUP_MAY_READ : 0;

    return (mode & OTHERS_MAY & ~granted) == 0;
}
