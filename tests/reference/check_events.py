#!/usr/bin/python3
"""Read the reasons of events in the sources against the table: check_events.py SOURCE_DIR

The table is EVENT_REASONS of lib/model/event.h. Prints each reason that a source gives and the table
lacks, and each of the table that no source gives.
"""
import os
import re
import sys

ROOMS = ["lib", "reconciler", "controller", "watcher", "gitops", "cli"]
WORD = re.compile(r'"([A-Z][A-Za-z]+)"')
TYPES = {"Normal", "Warning"}
# Functions that take a reason.
CALL = re.compile(r"\b(?:plan_event|slot_event|say_event|set_phase)\(([^;]*);", re.S)
# One that gives a reason back.
PLACE = re.compile(r"place_event\([^)]*\)\s*\{(.*?)\n\}", re.S)
# An event that is filled in.
FILLED = re.compile(r"struct event\b[^;]*?\{([^;]*)\}", re.S)
# One that is given by its place in the table.
NAMED = re.compile(r"\bEVENT_([A-Z_]+)\b")
TOLD = re.compile(r"\{ CONDITION_(\w+), (?:true|false), (?:true|false) \}")


def sources(root):
    for room in ROOMS:
        for folder, _, names in os.walk(os.path.join(root, room)):
            for name in names:
                path = os.path.join(folder, name)
                if name.endswith(".c") and path != os.path.join(root, "lib/model/event.c"):
                    yield path, open(path, encoding="utf-8").read()


def conditions(root):
    text = open(os.path.join(root, "lib/model/status.h"), encoding="utf-8").read()
    return dict(re.findall(r'X\((\w+), "(\w+)"', text))


def given(path, text, names, rows):
    """(reason, path) of all that the source gives."""
    found = [word for body in CALL.findall(text) for word in WORD.findall(body)]
    found += [word for body in PLACE.findall(text) for word in WORD.findall(body)]
    for body in FILLED.findall(text):
        found += re.findall(r'\.reason = "([A-Z][A-Za-z]+)"', body)
    found += [names[name] for name in TOLD.findall(text)]
    found += [rows[name] for name in NAMED.findall(text) if name in rows]
    return {word: path for word in found if word not in TYPES}


def main():
    root = sys.argv[1]
    header = open(os.path.join(root, "lib/model/event.h"), encoding="utf-8").read()
    rows = dict(re.findall(r'X\((\w+), "(\w+)"', header))
    table = set(rows.values())
    names = conditions(root)
    found = {}
    for path, text in sources(root):
        found.update(given(path, text, names, rows))
    failures = ["%s: the reason %s is not in lib/model/event.h" % (found[word], word)
                for word in sorted(set(found) - table)]
    failures += ["lib/model/event.h: nobody gives the reason %s" % word
                 for word in sorted(table - set(found))]
    if len(found) < 20:
        failures.append("only %d reasons were found: the sources are not what they were" % len(found))
    print("\n".join(failures), end="\n" if failures else "")
    return 1 if failures else 0


sys.exit(main())
