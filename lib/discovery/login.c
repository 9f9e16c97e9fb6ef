#include "discovery/login.h"

#include <string.h>

#define TEXT_ACCEPTED "STORED\r\n"
#define RESPONSE_MAGIC 0x81
#define OPCODE_LIST 0x20
#define OPCODE_AUTH 0x21
#define OPCODE_STEP 0x22

void login_init(struct login *login, enum login_kind kind)
{
    *login = (struct login){ .kind = kind };
}

bool login_open(const struct login *login)
{
    return login->kind == LOGIN_NONE || login->passed;
}

bool login_listens(const struct login *login)
{
    return login->kind == LOGIN_TEXT ? !login->passed : login->under_way;
}

bool login_is_command(uint8_t opcode)
{
    return OPCODE_LIST <= opcode && opcode <= OPCODE_STEP;
}

void login_begin(struct login *login, uint8_t opcode)
{
    login->passed = false;
    login->under_way = true;
    login->opcode = opcode;
    login->heard_bytes = 0;
}

void login_hear(struct login *login, const char *bytes, size_t size)
{
    size_t room = 0;

    if (login->heard_bytes < LOGIN_HEARD_BYTES) {
        room = LOGIN_HEARD_BYTES - (size_t)login->heard_bytes;
        memcpy(login->heard + login->heard_bytes, bytes, size < room ? size : room);
    }
    login->heard_bytes += size;
}

/* One response and nothing else, of success, to the command that was handed on. */
static bool binary_accepted(const struct login *login)
{
    const unsigned char *at = (const unsigned char *)login->heard;
    uint64_t body_bytes;

    if (login->opcode == OPCODE_LIST || login->heard_bytes < LOGIN_HEARD_BYTES) {
        return false;
    }
    body_bytes = (uint64_t)at[8] << 24 | (uint64_t)at[9] << 16 | (uint64_t)at[10] << 8 | at[11];
    return at[0] == RESPONSE_MAGIC && at[1] == login->opcode && at[6] == 0 && at[7] == 0 &&
           login->heard_bytes == LOGIN_HEARD_BYTES + body_bytes;
}

static bool text_accepted(const struct login *login)
{
    return login->heard_bytes == strlen(TEXT_ACCEPTED) &&
           memcmp(login->heard, TEXT_ACCEPTED, strlen(TEXT_ACCEPTED)) == 0;
}

void login_judge(struct login *login)
{
    if (login_listens(login)) {
        login->passed = login->kind == LOGIN_TEXT ? text_accepted(login) : binary_accepted(login);
    }
    login->under_way = false;
    login->heard_bytes = 0;
}
