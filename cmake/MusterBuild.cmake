# Flags, warnings and the three kinds of targets: a library (one room), a program, a test.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_RUNTIME_OUTPUT_DIRECTORY)
    set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
endif()
if(NOT CMAKE_LIBRARY_OUTPUT_DIRECTORY)
    set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
endif()

option(MUSTER_SANITIZE "AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(MUSTER_COVERAGE "gcov instrumentation" OFF)
option(MUSTER_FUZZ "libFuzzer targets (clang)" OFF)

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(openssl REQUIRED IMPORTED_TARGET openssl>=3.0)
pkg_check_modules(libcurl REQUIRED IMPORTED_TARGET libcurl>=7.88)
pkg_check_modules(libcjson REQUIRED IMPORTED_TARGET libcjson>=1.7.15)
pkg_check_modules(libmemcached REQUIRED IMPORTED_TARGET libmemcached>=1.1)
pkg_check_modules(libuv REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(libfyaml REQUIRED IMPORTED_TARGET libfyaml>=0.7)
pkg_check_modules(libsodium REQUIRED IMPORTED_TARGET libsodium>=1.0.18)
pkg_check_modules(libmicrohttpd REQUIRED IMPORTED_TARGET libmicrohttpd>=0.9.75)
pkg_check_modules(libgit2 REQUIRED IMPORTED_TARGET libgit2>=1.5)
pkg_check_modules(criterion IMPORTED_TARGET criterion>=2.4)

# For what is loaded into other programs: nothing that instruments the code.
add_library(muster_plain_flags INTERFACE)
target_include_directories(muster_plain_flags INTERFACE "${CMAKE_SOURCE_DIR}" "${CMAKE_SOURCE_DIR}/lib")
target_compile_definitions(muster_plain_flags INTERFACE
    _GNU_SOURCE MUSTER_VERSION="${PROJECT_VERSION}"
    $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
target_compile_options(muster_plain_flags INTERFACE
    -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wswitch-enum -Wnull-dereference -Wundef
    -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wpointer-arith -Wcast-qual -Werror
    -fstack-protector-strong -fno-common -fvisibility=hidden)

add_library(muster_flags INTERFACE)
target_link_libraries(muster_flags INTERFACE muster_plain_flags)
if(MUSTER_SANITIZE)
    target_compile_options(muster_flags INTERFACE
        -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    # The sanitizers' runtime counts every library as needed, else.
    target_link_options(muster_flags INTERFACE -fsanitize=address,undefined LINKER:--as-needed)
endif()
if(MUSTER_COVERAGE)
    target_compile_options(muster_flags INTERFACE --coverage)
    target_link_options(muster_flags INTERFACE --coverage)
endif()
if(MUSTER_FUZZ)
    target_compile_options(muster_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined
        -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(muster_flags INTERFACE -fsanitize=address,undefined)
endif()

# muster_library(<room> [DEPS room…] [PRIVATE pkg…]): all .c files of the calling folder but main.c,
# as lib<room>.a. DEPS are the rooms that it may include; PRIVATE the third-party packages.
function(muster_library room)
    cmake_parse_arguments(arg "" "" "DEPS;PRIVATE" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS *.c)
    list(FILTER sources EXCLUDE REGEX "/main\\.c$")
    add_library(${room} STATIC ${sources})
    target_link_libraries(${room} PUBLIC muster_flags ${arg_DEPS} PRIVATE ${arg_PRIVATE})
endfunction()

# muster_program(<name> <library>): main.c of the calling folder, linked with its room's library.
function(muster_program name library)
    add_executable(${name} main.c)
    target_link_libraries(${name} PRIVATE ${library})
endfunction()

# Text in a test's output that is a failure whatever the exit code: Criterion does not see these.
set(MUSTER_TEST_FAILURES
    "LeakSanitizer|AddressSanitizer|runtime error:|Invalid (read|write)|uninitialised|definitely lost|Tested: 0|Tested: .0m0")

# For what runs muster-gitops, where it is built with sanitizers.
set(MUSTER_LEAKS_OF_OTHERS
    "LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/gitops/lsan.supp:print_suppressions=0")

# muster_test(<name> SOURCES … LIBS … [LABELS …] [TIMEOUT seconds] [JOBS n]): one Criterion program
# and its CTest entry; JOBS is how many of its tests run beside each other (one per processor).
function(muster_test name)
    cmake_parse_arguments(arg "" "TIMEOUT;JOBS" "SOURCES;LIBS;LABELS" ${ARGN})
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 300)
    endif()
    set(jobs)
    if(arg_JOBS)
        set(jobs -j${arg_JOBS})
    endif()
    add_executable(${name} ${arg_SOURCES})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
    target_link_libraries(${name} PRIVATE ${arg_LIBS} PkgConfig::criterion)
    add_test(NAME ${name} COMMAND ${name} --verbose=0 ${jobs})
    set_tests_properties(${name} PROPERTIES
        TIMEOUT ${arg_TIMEOUT}
        LABELS "${arg_LABELS}"
        FAIL_REGULAR_EXPRESSION "${MUSTER_TEST_FAILURES}"
        ENVIRONMENT "MUSTER_BIN_DIR=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};MUSTER_LIB_DIR=${CMAKE_LIBRARY_OUTPUT_DIRECTORY};MUSTER_SOURCE_DIR=${CMAKE_SOURCE_DIR}")
endfunction()
