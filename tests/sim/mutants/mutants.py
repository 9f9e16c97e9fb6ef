#!/usr/bin/python3
"""Deliberate faults that the simulator must find.

mutants.py --check SOURCE_DIR
    Whether each mutant can still be made: says which ones no longer fit the code.
mutants.py SOURCE_DIR BUILD_DIR SEEDS [NAME...]
    Make each mutant (or those named), build muster-sim with it, and play all stories and scenarios,
    then the seeds A..B, until one fails that does not fail without it. Prints who was killed by
    which story or seed, and promise; one that survives fails the run.

A mutant is a file NAME.mutant: its first line says in words what is wrong with it; then come one or
more changes, each with the file, the text that stands there exactly once, and what stands there
instead:

    file: reconciler/alias.c
    <<<<
               node_has_acked(facts, node);
    ====
               true;
    >>>>

Only the changed files are compiled, into the mutant's own folder below the build directory; the
linker takes them before the libraries that hold the right ones. The folder of a survivor stays.
"""
import concurrent.futures
import glob
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time

STORY_SECONDS_MAX = 60  # of one story
HERE = os.path.dirname(os.path.abspath(__file__))
CHANGE = re.compile(r"^file: (\S+)\n<<<<\n(.*?)^====\n(.*?)^>>>>$", re.M | re.S)
RUN_SECONDS_MAX = 240  # of all seeds of one mutant


class Mistake(Exception):
    """The mutant can't be made."""


class Mutant:
    def __init__(self, path):
        self.name = os.path.splitext(os.path.basename(path))[0]
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.sentence, _, rest = text.partition("\n")
        self.changes = CHANGE.findall(rest)
        left = CHANGE.sub("", rest).strip()
        if not self.changes or left or not self.sentence.strip():
            raise Mistake("%s: not understood%s" % (path, ": " + left if left else ""))

    def sources(self, root):
        """The changed files by their path: the new text of each."""
        texts = {}
        for path, before, after in self.changes:
            if path not in texts:
                with open(os.path.join(root, path), encoding="utf-8") as file:
                    texts[path] = file.read()
            count = texts[path].count(before)
            if count != 1:
                raise Mistake("%s: its text stands %d times in %s, instead of once:\n%s" % (
                    self.name, count, path, before))
            texts[path] = texts[path].replace(before, after)
        return texts


def load(names):
    paths = sorted(glob.glob(os.path.join(HERE, "*.mutant")))
    mutants = [Mutant(path) for path in paths]
    unknown = set(names) - {mutant.name for mutant in mutants}
    if unknown:
        raise Mistake("no such mutant: %s" % ", ".join(sorted(unknown)))
    return [mutant for mutant in mutants if not names or mutant.name in names]


class Build:
    """How the build compiles a file and links the simulator."""

    def __init__(self, root, folder):
        self.root = os.path.abspath(root)
        self.folder = os.path.abspath(folder)
        with open(os.path.join(folder, "compile_commands.json"), encoding="utf-8") as file:
            entries = json.load(file)
        # A file may be built twice; the simulator's own libraries come last then.
        entries.sort(key=lambda entry: "/sim-" in entry["command"])
        self.commands = {entry["file"]: entry["command"] for entry in entries}
        listed = subprocess.run(["ninja", "-C", folder, "-t", "commands", "bin/muster-sim"],
                                check=True, capture_output=True, text=True).stdout
        link = listed.strip().splitlines()[-1]
        self.link = shlex.split(link.replace(": && ", "").replace(" && :", ""))

    def compile(self, path, text, folder):
        """The object of the file `path` with another text."""
        source = os.path.join(folder, path.replace("/", "_"))
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        command = shlex.split(self.commands[os.path.join(self.root, path)])
        here = command.index("-o")
        # A fault may leave something unused; that is no reason not to build it.
        command = command[:here] + ["-w", "-o", source + ".o", "-c", source]
        self.run(command)
        return source + ".o"

    def link_with(self, objects, program):
        command = list(self.link)
        command[command.index("-o") + 1] = program
        first_library = next(i for i, word in enumerate(command) if word.endswith(".a"))
        self.run(command[:first_library] + objects + command[first_library:])

    def run(self, command):
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise Mistake("can't be built:\n%s" % done.stderr)


def folder_of(mutant, build):
    return os.path.join(build.folder, "mutants", mutant.name)


def make(mutant, build):
    folder = folder_of(mutant, build)
    program = os.path.join(folder, "muster-sim")
    os.makedirs(folder, exist_ok=True)
    objects = [build.compile(path, text, folder)
               for path, text in mutant.sources(build.root).items()]
    build.link_with(objects, program)
    return program


def verdict(program, seeds):
    """(killed, what the simulator said)."""
    child = subprocess.Popen([program, "--seeds", seeds, "--jobs", "1", "--whole"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        # The first line of one that fails tells the seed; the story behind it is not wanted.
        line = child.stdout.readline().strip()
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    found = re.search(r"(seed \d+) fails: (.*)", line)
    return (True, "%s: %s" % found.groups()) if found else (False, line)


def stories():
    return sorted(glob.glob(os.path.join(HERE, "../stories/*.md")) +
                  glob.glob(os.path.join(HERE, "../scenarios/*.md")))


def fails_story(program, path):
    """What is said of a story that fails; None: it comes true."""
    done = subprocess.run([program, "--story", path], capture_output=True, text=True,
                          timeout=STORY_SECONDS_MAX, check=False)
    lines = done.stdout.strip().splitlines()
    return None if done.returncode == 0 else lines[-1] if lines else "ends with nothing said"


def hunt_by_story(program, build):
    """The first story that comes true without the fault only; None: there is none."""
    unchanged = os.path.join(build.folder, "bin/muster-sim")
    for path in stories():
        try:
            said = fails_story(program, path)
        except subprocess.TimeoutExpired:
            continue
        if said is not None and fails_story(unchanged, path) is None:
            return "story " + said
    return None


def hunt(program, build, seeds):
    """The first seed that fails with the fault and not without it: (killed, what was said)."""
    first, last = (int(number) for number in seeds.split(".."))
    while first <= last:
        killed, said = verdict(program, "%d..%d" % (first, last))
        if not killed:
            return False, said
        seed = int(said.split()[1].rstrip(":"))
        unchanged = os.path.join(build.folder, "bin/muster-sim")
        too, _ = verdict(unchanged, "%d..%d" % (seed, seed))
        if not too:
            return True, said
        first = seed + 1
    return False, "what fails does so without the fault, too"


def judge(mutant, build, seeds):
    started = time.monotonic()
    try:
        program = make(mutant, build)
        said = hunt_by_story(program, build)
        killed, said = (True, said) if said is not None else hunt(program, build, seeds)
    except Mistake as mistake:
        killed, said = False, str(mistake)
    if killed:
        shutil.rmtree(folder_of(mutant, build))
    took = time.monotonic() - started
    return killed, "%-9s %-24s %5.1f s  %s" % (
        "killed" if killed else "SURVIVED", mutant.name, took,
        said if killed else "%s\n          %s" % (mutant.sentence, said))


def check(root):
    mistakes = []
    mutants = load([])
    for mutant in mutants:
        try:
            mutant.sources(root)
        except Mistake as mistake:
            mistakes.append(str(mistake))
    print("\n".join(mistakes + ["%d mutants, %d do not fit the code" % (
        len(mutants), len(mistakes))]))
    return 1 if mistakes else 0


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        return check(sys.argv[2])
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    root, folder, seeds = sys.argv[1:4]
    build = Build(root, folder)
    mutants = load(sys.argv[4:])
    survivors = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for killed, text in pool.map(lambda mutant: judge(mutant, build, seeds), mutants):
            survivors += not killed
            print(text, flush=True)
    print("%d mutants, %d survived" % (len(mutants), survivors))
    return 1 if survivors else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Mistake as mistake:
        sys.exit("mutants: %s" % mistake)
