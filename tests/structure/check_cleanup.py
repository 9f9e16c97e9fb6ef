#!/usr/bin/python3
"""Find what is released without ever having been set: check_cleanup.py SOURCE_DIR

A variable with CLEANUP(...) is released however its block is left. One without an initializer must
thus be named (given to its _init function, say) before anything that could leave the block. Prints
one line for each that isn't.
"""
import os
import re
import sys

FOLDERS = ("bench", "cli", "controller", "gitops", "lib", "reconciler", "tests", "tools", "watcher")
DECLARED = re.compile(r"\s+CLEANUP\(\w+\)\s+[\w ]+?[ *]+(\w+);")
LEAVES = re.compile(r"\b(return|break|continue|goto)\b")


def leaves_first(lines, name):
    """The number of the line, of those after a declaration, that may leave before `name` is set."""
    for number, line in enumerate(lines):
        if re.search(r"\b%s\b" % name, line):
            return None
        if LEAVES.search(line) or line.startswith("}"):
            return number
    return None


def sources(root):
    for top in FOLDERS:
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith(".c"):
                    yield os.path.relpath(os.path.join(folder, name), root)


def main():
    root = sys.argv[1]
    broken = count = 0
    for path in sources(root):
        with open(os.path.join(root, path), encoding="utf-8") as source:
            lines = source.read().split("\n")
        for number, line in enumerate(lines, 1):
            found = DECLARED.match(line)
            if found is None:
                continue
            count += 1
            left = leaves_first(lines[number:], found.group(1))
            if left is not None:
                broken += 1
                print("%s:%d: %s may be released unset, see line %d" %
                      (path, number, found.group(1), number + 1 + left))
    print("%d variables without initializer, %d may be released unset" % (count, broken))
    return 1 if broken or not count else 0


if __name__ == "__main__":
    sys.exit(main())
