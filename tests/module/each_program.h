/*
 * each_program - tests that are done with each memcached of node_programs().
 *
 *     EACH_PROGRAM(suite, name)
 *     {
 *         node_use(program);
 *         ...
 *     }
 */
#ifndef TESTS_MODULE_EACH_PROGRAM_H
#define TESTS_MODULE_EACH_PROGRAM_H

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "tests/module/node.h"

#define EACH_PROGRAM(suite, name)                                         \
    ParameterizedTestParameters(suite, name)                              \
    {                                                                     \
        static struct node_program programs[NODE_PROGRAMS_MAX];           \
        size_t count = node_programs(programs);                           \
                                                                          \
        return cr_make_param_array(struct node_program, programs, count); \
    }                                                                     \
    ParameterizedTest(const struct node_program *program, suite, name)

#endif
