#!/usr/bin/python3
"""Read every #include against the table of rooms: check_includes.py SOURCE_DIR

The table is the one in docs/ARCHITECTURE.md, so that what is written there is what holds. A room
may include itself and the rooms of its row; a restriction in parentheses names headers. Third-party
headers need their library in the row's last column; any other header in angle brackets must be one
of the C library or the kernel. Prints one line for each include that breaks the table.
"""
import os
import re
import sys

THIRD_PARTY = {
    "uv.h": "libuv", "curl/": "libcurl", "cjson/": "cJSON", "libfyaml.h": "libfyaml",
    "libmemcached/": "libmemcached", "sodium.h": "libsodium", "microhttpd.h": "libmicrohttpd", "git2.h": "libgit2",
    "openssl/": "OpenSSL", "criterion/": "Criterion",
}
SYSTEM = set("""
    arpa/inet.h assert.h ctype.h dirent.h dlfcn.h elf.h errno.h fcntl.h fnmatch.h ftw.h getopt.h
    glob.h grp.h ifaddrs.h inttypes.h libgen.h limits.h link.h locale.h malloc.h math.h net/if.h
    netdb.h netinet/in.h netinet/tcp.h poll.h pthread.h pwd.h sched.h search.h signal.h spawn.h
    stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h string.h strings.h
    sysexits.h syslog.h termios.h time.h ucontext.h unistd.h wchar.h""".split())
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')
EVERYTHING = "everything"


class Room:
    """One row: the rooms it may include (with the headers of each, None: all), and its libraries."""

    def __init__(self, name, rooms, libraries):
        self.name = name
        self.rooms = rooms
        self.libraries = libraries


def restriction(text):
    """"(not log, clock)" and "(check, err only)" as a function of a header's stem; None: no limit."""
    if not text:
        return None
    names = set(re.findall(r"[a-z_]+", text)) - {"not", "only", "headers"}
    if text.startswith("not"):
        return lambda stem: stem not in names
    return lambda stem: stem in names


def split_cell(cell):
    """["base (check, err only)", ...]: commas inside of parentheses do not part."""
    return [part.strip() for part in re.split(r",\s*(?![^()]*\))", cell) if part.strip(" -")]


def parse_part(part):
    found = re.match(r"([\w/]+)(?:\s+only)?\s*(?:\((.*)\))?$", part.replace("`", ""))
    if found is None:
        sys.exit("the table of rooms has a cell that can't be read: %s" % part)
    return found.group(1), restriction(found.group(2))


def read_table(path):
    rooms = {}
    text = open(path, encoding="utf-8").read()
    for line in text.partition("\n## Rooms")[2].partition("\n## ")[0].splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != 3 or not cells[0].startswith("`"):
            continue
        everything = cells[1].startswith(EVERYTHING)
        allowed = {} if everything else dict(parse_part(part) for part in split_cell(cells[1]))
        libraries = dict(parse_part(part) for part in split_cell(cells[2]))
        for name in re.findall(r"`([\w/]+)`", cells[0]):
            rooms[name] = Room(name, EVERYTHING if everything else allowed, libraries)
    return rooms


def room_of(path, rooms):
    """The room that a path from the root of the sources lies in: the longest name wins."""
    names = [name for name in rooms if path.startswith(name + "/")]
    return max(names, key=len) if names else None


def target_of(header, rooms, root):
    """The room that a quoted header belongs to, and its name there."""
    for path in (header, "lib/" + header, "tests/" + header):
        name = room_of(path, rooms)
        if name is not None and os.path.exists(os.path.join(root, path)):
            return name, path[len(name) + 1:]
    return None, header


def judge_quoted(room, header, rooms, folder, root):
    name, rest = target_of(header, rooms, root)
    stem = os.path.splitext(os.path.basename(rest))[0]
    if name is None:
        here = room.rooms == EVERYTHING and os.path.exists(os.path.join(root, folder, header))
        return None if here else "belongs to no room"
    if name == room.name or room.rooms == EVERYTHING:
        return None
    short = name[len("lib/"):] if name.startswith("lib/") else name
    if short not in room.rooms:
        return "%s may not include %s" % (room.name, name)
    fits = room.rooms[short]
    return None if fits is None or fits(stem) else "%s may not include that part of %s" % (
        room.name, name)


def judge_system(room, header, path):
    stem = os.path.splitext(os.path.basename(path))[0]
    for prefix, library in THIRD_PARTY.items():
        if header == prefix or (prefix.endswith("/") and header.startswith(prefix)):
            if room.rooms == EVERYTHING:
                return None
            if library not in room.libraries:
                return "%s may not use %s" % (room.name, library)
            fits = room.libraries[library]
            return None if fits is None or fits(stem) else "%s may not use %s here" % (
                room.name, library)
    if header in SYSTEM or header.startswith(("linux/", "sys/", "bits/", "asm/")):
        return None
    return "no header of the C library, and of no known library"


def sources(root, rooms):
    for top in sorted({name.split("/")[0] for name in rooms}):
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(folder, name), root)


def main():
    root = sys.argv[1]
    rooms = read_table(os.path.join(root, "docs/ARCHITECTURE.md"))
    if len(rooms) < 10:
        sys.exit("docs/ARCHITECTURE.md: the table of rooms was not found")
    broken = count = 0
    for path in sources(root, rooms):
        name = room_of(path, rooms)
        for number, line in enumerate(open(os.path.join(root, path), encoding="utf-8"), 1):
            found = INCLUDE.match(line)
            if found is None:
                continue
            count += 1
            kind, header = found.groups()
            if name is None:
                problem = "this file lies in no room"
            elif kind == '"':
                problem = judge_quoted(rooms[name], header, rooms, os.path.dirname(path), root)
            else:
                problem = judge_system(rooms[name], header, path)
            if problem is not None:
                broken += 1
                print("%s:%d: %s: %s" % (path, number, header, problem))
    print("%d includes, %d break the table of rooms" % (count, broken))
    return 1 if broken or not count else 0


if __name__ == "__main__":
    sys.exit(main())
