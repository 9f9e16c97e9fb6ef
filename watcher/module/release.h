/*
 * release - is this memcached old enough to be none that the module was made for?
 *
 * The release is found where `memcached -V` has it, in the program's own file. Where it can't be
 * found nothing is concluded: how memcached reads is watched anyway (tracker.h, gate.h).
 */
#ifndef MODULE_RELEASE_H
#define MODULE_RELEASE_H

#include <stdbool.h>
#include <stddef.h>

#define RELEASE_TEXT_SIZE 32

/* Whether the running program says that it is older than 1.6.18; then `text` is its release. */
bool release_too_old(char text[RELEASE_TEXT_SIZE]);

/* The same of a program's bytes. */
bool release_bytes_too_old(const char *bytes, size_t size, char text[RELEASE_TEXT_SIZE]);

#endif
