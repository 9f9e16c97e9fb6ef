/*
 * jsonpath - text made from a JSON value by a template, in kubectl's JSONPath subset.
 *
 * A template is text with expressions in braces:
 *
 *     {.spec.nodes}  {['a.b']}  {$.x}  {@}   members; of the whole value, or inside range of the
 *                                            element at hand
 *     {..name}                               that member at any depth
 *     {.items[0]} {[-1]} {[1:3]}             elements: by place, from the end, from 1 to before 3
 *     {.items[*]}  {.*}                      all elements or members
 *     {.items[?(@.state=="up")]}             those for which it holds: == != < <= > >= with a text
 *                                            in quotes, a number, true or false; or that it exists
 *     {range .items[*]}…{end}                the template between, for each
 *     {"\n"} {'text'}                        quoted text, with \n \t \r \\ \" \'
 *
 * Several results of one expression are parted by a space. Texts print as they are, null as nothing
 * and other values as JSON. What is not there prints nothing. Pure.
 */
#ifndef CODEC_JSONPATH_H
#define CODEC_JSONPATH_H

#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"

#define JSONPATH_TEXT_MAX 8192       /* bytes of a template */
#define JSONPATH_PARTS_MAX 512       /* text, expressions, range and end */
#define JSONPATH_STEPS_MAX 2048      /* of all expressions together */
#define JSONPATH_DEPTH_MAX 8         /* of range within range */
#define JSONPATH_VISITS_MAX 10000000 /* of values, while one template is rendered */

struct jsonpath;

/* Read a template. ERR_USAGE names the byte and what is wrong there; ERR_NOMEM. */
MUST_USE int jsonpath_parse(const char *text, struct jsonpath **out, struct err *err);
void jsonpath_free(struct jsonpath *path);
DEFINE_CLEANUP(struct jsonpath, jsonpath_free);

/*
 * Append what the template says of a value, given as JSON text. A list is found under `.items`, as
 * if it was that member of an object; other values are `$` itself. ERR_INVALID: it is no JSON;
 * ERR_LIMIT.
 */
MUST_USE int jsonpath_render(const struct jsonpath *path, const char *json, size_t size,
                             struct str *out, struct err *err);

#endif
