/*
 * talk - say something to a server and hear all of its answer.
 */
#ifndef TESTS_MODULE_TALK_H
#define TESTS_MODULE_TALK_H

#include <stdbool.h>
#include <stddef.h>

/* What is said, and where it is cut into packets. */
struct speech {
    const char *bytes;
    size_t size;
    const size_t *cuts; /* ascending offsets; between two of them one send(2) */
    size_t cuts_count;
    unsigned pause_us; /* at each cut, so that the server mostly reads the pieces apart */
    bool apart;        /* the server, on this machine, has read a piece before the next is sent */
    /* What the answer ends with, so that the server has read all: the sending side is closed not
     * before, or when the server is silent for TALK_SILENCE_MS. NULL: it is closed at once. */
    const char *last_word;
};

#define TALK_SILENCE_MS 500

struct heard {
    char *bytes; /* NUL-terminated; on the heap, the caller's */
    size_t size;
    bool reset; /* the server closed before it had read everything: the end of its answer is lost */
};

/*
 * Say all of it, then close the sending side, and hear until the server closes. Speaks and hears
 * at the same time. Closes `fd`.
 */
void talk(int fd, const struct speech *speech, struct heard *heard);

/* Put `text` in the place of each `found` in what was heard; it is no longer than that. */
void heard_replace(struct heard *heard, const char *found, const char *text);

#endif
