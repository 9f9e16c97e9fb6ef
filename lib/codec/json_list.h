/*
 * json_list - the elements of a JSON list, as the texts that they are. Pure.
 */
#ifndef CODEC_JSON_LIST_H
#define CODEC_JSON_LIST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The next element of the list whose text begins at `*at`: at first its '[', later where the last
 * call left it. Spaces around it are left out. false: there is none, or the text ends. The list is
 * trusted to be JSON.
 */
bool json_list_next(const char **at, const char **element, size_t *size);

#endif
