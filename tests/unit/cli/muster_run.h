/*
 * muster_run - run the built program `muster` in a test's scene.
 */
#ifndef TESTS_UNIT_CLI_MUSTER_RUN_H
#define TESTS_UNIT_CLI_MUSTER_RUN_H

/*
 * Run `muster <arguments>` (NULL-terminated, up to 14) with the default state directory inside the
 * scene, and expect an exit code. Both outputs together, on the heap.
 */
__attribute__((sentinel)) char *muster_run(int exit_code, const char *first, ...);

/* The same, and the output must be exactly, or contain, a text. */
#define EXPECT_OUTPUT(text, ...)                                     \
    do {                                                             \
        CLEANUP(mem_free_p) char *output_ = muster_run(__VA_ARGS__); \
                                                                     \
        cr_expect_str_eq(output_, (text));                           \
    } while (0)

#define EXPECT_PART(part, ...)                                                              \
    do {                                                                                    \
        CLEANUP(mem_free_p) char *output_ = muster_run(__VA_ARGS__);                        \
                                                                                            \
        cr_expect_not_null(strstr(output_, (part)), "'%s' is not in: %s", (part), output_); \
    } while (0)

#endif
