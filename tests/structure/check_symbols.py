#!/usr/bin/python3
"""Compare what a library needs from outside with a list: check_symbols.py NM LIBRARY LIST

Prints each undefined symbol that is not on the list, and each name of the list that is not needed
(a list that holds more than is needed would hide the next dependency).
"""
import re
import subprocess
import sys

# What compilers add by themselves: stack protection, fortified functions, sanitizers, coverage.
COMPILER = re.compile(r"^(__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__(asan|ubsan|sanitizer|gcov|llvm)_.*"
                      r"|_?__tls_get_addr)$")
FORTIFIED = re.compile(r"^__(\w+)_chk$")


def symbols(nm, library):
    """(defined, undefined) in any member of the archive."""
    defined, undefined = set(), set()
    text = subprocess.run([nm, "--format=posix", library], check=True, capture_output=True,
                          text=True).stdout
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 2 or line.endswith(":"):
            continue
        if fields[1] == "U":
            undefined.add(fields[0])
        elif fields[1].isupper():
            defined.add(fields[0])
    return defined, undefined


def plain(name):
    found = FORTIFIED.match(name)
    return found.group(1) if found else name


def main():
    nm, library, path = sys.argv[1:4]
    with open(path, encoding="utf-8") as lines:
        allowed = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    defined, undefined = symbols(nm, library)
    if not defined:
        sys.exit("%s defines nothing" % library)
    needed = {plain(name) for name in undefined - defined if not COMPILER.match(name)}
    for name in sorted(needed - allowed):
        print("%s needs %s, which is not on the list" % (library, name))
    # Compilers replace some calls of the C library by others or by instructions.
    unused = {name for name in allowed - needed if not name.startswith(("mem", "str", "sn", "vsn"))}
    for name in sorted(unused):
        print("%s is on the list, and %s does not need it" % (name, library))
    print("%d symbols from outside" % len(needed))
    return 1 if needed - allowed or unused else 0


if __name__ == "__main__":
    sys.exit(main())
