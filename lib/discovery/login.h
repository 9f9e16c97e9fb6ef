/*
 * login - whether the client of a connection has logged in, learned from memcached's answers.
 *
 * Only memcached can judge a login. What it says is heard, never foreseen: a connection is let in
 * when memcached's whole answer to one piece of the stream is the one that it gives to a login
 * which it accepts, and to nothing else that it could have been given there.
 *
 *     -Y  text: `STORED\r\n`, before which memcached takes nothing but logins
 *     -S  binary: status 0 to opcode 0x21 or 0x22; each further 0x20, 0x21 or 0x22 ends the login
 *         first, as in memcached
 *
 * Pure; holds no memory.
 */
#ifndef DISCOVERY_LOGIN_H
#define DISCOVERY_LOGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOGIN_HEARD_BYTES 24 /* of an answer: a binary header; a text answer is shorter */

enum login_kind {
    LOGIN_NONE,   /* the listener asks for none */
    LOGIN_TEXT,   /* -Y */
    LOGIN_BINARY, /* -S */
};

struct login {
    enum login_kind kind;
    bool passed;
    bool under_way; /* binary: a command that changes the login was handed on, unanswered yet */
    uint8_t opcode; /* of that command */
    char heard[LOGIN_HEARD_BYTES];
    uint64_t heard_bytes; /* since memcached was given something; only the first are kept */
};

void login_init(struct login *login, enum login_kind kind);

/* Whether commands of the partition may be answered. */
bool login_open(const struct login *login);

/* Whether what memcached answers next matters. */
bool login_listens(const struct login *login);

/* Whether a binary command changes the login. */
bool login_is_command(uint8_t opcode);

/* A binary command that changes the login is handed on. */
void login_begin(struct login *login, uint8_t opcode);

/* Memcached has sent these bytes to the client. */
void login_hear(struct login *login, const char *bytes, size_t size);

/* Memcached has answered all that it was given, and asks for more. */
void login_judge(struct login *login);

#endif
