#!/usr/bin/python3
"""Is the preload library free of every C library? check_module.py READELF LIBRARY LIBC_H

It names no other library and no version of a symbol, and what it takes from outside is what
watcher/module/libc.h lists, all of it found in glibc and musl alike. dlsym and dlopen are weak: it
does without them.
"""
import re
import subprocess
import sys

WEAK = {"dlopen", "dlsym"}
# Compilers put some functions of the C library in place of others, or instructions; all are in both.
COMPILER = re.compile(r"^(bcmp|(mem|str)[a-z]+|f?puts|fwrite)$")


def ask(readelf, option, library):
    return subprocess.run([readelf, "--wide", option, library], check=True, capture_output=True,
                          text=True).stdout


def undefined(table):
    """{name: binding} of what the dynamic symbol table leaves open."""
    found = {}
    for line in table.splitlines():
        fields = line.split()
        if len(fields) == 8 and fields[6] == "UND":
            found[fields[7]] = fields[4]
    return found


def complaints(readelf, library, header):
    with open(header, encoding="utf-8") as text:
        listed = set(re.findall(r"^\s+X\((\w+)\)", text.read(), re.M))
    needs = undefined(ask(readelf, "--dyn-syms", library))
    if not needs or not listed:
        yield "nothing was found in %s or %s" % (library, header)
    for line in ask(readelf, "--dynamic", library).splitlines():
        if "(NEEDED)" in line:
            yield "it names another library: " + line.strip()
    if "Version needs" in ask(readelf, "--version-info", library):
        yield "it names versions of symbols"
    for name in sorted(set(needs) - listed - WEAK):
        if not COMPILER.match(name):
            yield "it takes %s, which libc.h does not list" % name
    for name in sorted(listed - set(needs)):
        if not COMPILER.match(name):
            yield "libc.h lists %s, which it does not take" % name
    for name in sorted(WEAK & set(needs)):
        if needs[name] != "WEAK":
            yield "%s is not weak" % name


def main():
    found = list(complaints(*sys.argv[1:4]))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
