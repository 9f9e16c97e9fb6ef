#!/usr/bin/python3
"""Run what the documentation shows: run.py SOURCE_DIR BIN_DIR PAGE...

Each page is run from its first block to its last in a directory with `build`, `examples` and `deploy`
as the source tree has them. See markdown.py for how pages say what is not shown. Options and
verbs that are quoted in prose are looked for in the programs' help.

With MUSTER_DOCS_VERBOSE set, what blocks print is told. Runs itself again in namespaces of its own (network, processes, mounts): whatever is started ends
with the test, whether it passes or not. Needs to be root for that.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import machines
from markdown import Mistake, Page
from quoted import Quoted
from shell import Failed, Shell, compare

INSIDE = "MUSTER_DOCS_INSIDE"
VERBOSE = "MUSTER_DOCS_VERBOSE"
LEFT = ("examples", "deploy", "docs", "tests", "Makefile")


class Run:
    """One page on its way."""

    def __init__(self, page, source, bin_dir):
        self.page = page
        self.source = source
        self.directory = tempfile.mkdtemp(prefix="muster-docs-")
        here = os.path.dirname(os.path.abspath(__file__))
        self.environment = {
            "PATH": "%s:%s:%s:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" % (
                bin_dir, here + "/bin", os.path.dirname(bin_dir) + "/tests/kubernetes/tools/bin"),
            "HOME": self.directory + "/home", "LANG": "C.UTF-8", "TERM": "dumb", "USER": "root",
            "LC_ALL": "C.UTF-8", "BUILD_DIR": os.path.dirname(bin_dir),
            "LSAN_OPTIONS": os.environ.get("LSAN_OPTIONS", ""),
        }
        os.mkdir(self.environment["HOME"])
        for name in LEFT:
            os.symlink(os.path.join(source, name), os.path.join(self.directory, name))
        os.mkdir(os.path.join(self.directory, "build"))
        os.symlink(bin_dir, os.path.join(self.directory, "build", "bin"))
        os.symlink(os.path.join(os.path.dirname(bin_dir), "lib"),
                   os.path.join(self.directory, "build", "lib"))
        self.machines = {}
        self.shells = {}
        self.at = "-"
        self.printed = ""
        self.ran = 0
        self.skipped = 0

    def shell(self):
        if self.at not in self.shells:
            prefix = [] if self.at == "-" else self.machines[self.at].enter
            environment = dict(self.environment)
            if self.at != "-":  # its programs are those that are installed there
                environment["PATH"] = environment["PATH"].split(":", 1)[1]
            self.shells[self.at] = Shell(self.directory, len(self.shells), environment, prefix)
        return self.shells[self.at]

    def step(self, step):
        if step.kind == "lab":
            self.shell().run("muster up --detach -f %s" % step.text)
        elif step.kind == "hosts":
            if not self.machines:
                machines.make_bridge()
            for word in step.text.split():
                name, _, number = word.partition("=")
                self.machines[name] = machines.Machine(name, int(number or len(self.machines) + 1),
                                                       self.directory)
        elif step.kind == "host":
            self.at = step.text
        elif step.kind == "text":
            compare(step.text, self.printed)
        elif "skip" in step.notes:
            self.skipped += 1
            self.printed = "…"
        elif "until" in step.notes:
            self.printed = self.shell().leave(self.recipe(step.text), step.notes["until"],
                                              "interrupt" in step.notes)
            self.ran += 1
        else:
            self.printed = self.shell().run(step.text, int(step.notes.get("exits", 0)))
            self.ran += 0 if "hidden" in step.notes else 1

    def recipe(self, text):
        """`make TARGET` as the last command of its recipe: what was built is there already."""
        words = text.split()
        if words[:1] != ["make"]:
            return text
        done = subprocess.run(["make", "-n", "--no-print-directory", words[1]], cwd=self.source,
                              env=self.environment, text=True, check=True, capture_output=True)
        return done.stdout.strip().split("\n")[-1]

    def steps(self, page):
        for step in page.steps:
            if step.kind == "after":
                self.steps(Page(os.path.join(os.path.dirname(page.path), step.text)))
                continue
            try:
                self.step(step)
            except Failed as failed:
                raise Failed("%s:%d: %s" % (page.path, step.line, failed)) from failed
            if VERBOSE in os.environ and step.kind == "sh":
                print("---- %d\n%s\n----\n%s" % (step.line, step.text, self.printed))

    def all(self):
        self.steps(self.page)
        for shell in self.shells.values():
            shell.close()

    def clean(self):
        shutil.rmtree(self.directory, ignore_errors=True)


def check_quoted(page, quoted):
    wrong = ["%s:%d: %s: %s" % (page.path, line, text, mistake)
             for line, text in page.spans for mistake in quoted.mistakes(text)]
    if wrong:
        raise Failed("\n".join(wrong))


def run_page(path, source, bin_dir):
    page = Page(path)
    run = Run(page, source, bin_dir)
    try:
        check_quoted(page, Quoted(run.environment, source))
        run.all()
    finally:
        run.clean()
    print("%s: %d blocks run, %d not, %d quoted" % (os.path.basename(path), run.ran, run.skipped,
                                                   len(page.spans)))


def inside(source, bin_dir, paths):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    try:
        for path in paths:
            run_page(path, source, bin_dir)
    except (Failed, Mistake) as failed:
        print(failed, file=sys.stderr)
        return 1
    return 0


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    source, bin_dir = map(os.path.abspath, sys.argv[1:3])
    if os.environ.get(INSIDE):
        sys.exit(inside(source, bin_dir, sys.argv[3:]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "--net", "--pid", "--mount", "--fork", "--kill-child",
                          "--mount-proc", "--propagation", "private", sys.executable] + sys.argv)


if __name__ == "__main__":
    main()
