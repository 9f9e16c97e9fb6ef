# cmake -DSOURCE_DIR=… -DOUT=… -P commit.cmake: a header that names the commit that is built. It is
# written only when it changes.
execute_process(COMMAND git describe --always --dirty
    WORKING_DIRECTORY "${SOURCE_DIR}"
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT commit)
    set(commit unknown)
endif()
set(text "#define SIM_COMMIT \"${commit}\"\n")
if(EXISTS "${OUT}")
    file(READ "${OUT}" before)
endif()
if(NOT "${text}" STREQUAL "${before}")
    file(WRITE "${OUT}" "${text}")
endif()
