#!/usr/bin/python3
"""Complete command lines in bash, zsh and fish: completion.py MUSTER

Each shell runs on a pseudo terminal with nothing of its user's settings, loads the script that
`muster completion` prints for it, and is typed at. A line is completed when it ends in what is
expected; a shell that does not get there in time has failed. There is no etcd: the names that only
etcd knows are not asked for here.
"""
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time

PATIENCE_S = 60
ESCAPES = re.compile(rb"\x1b(\[[0-9;?<>=]*[a-zA-Z]|[()][A-Z0-9]|[=>]|\][^\x07]*\x07)")

# What is typed, and what must then stand in the line.
LINES = (
    ("muster rollo", "muster rollout "),
    ("muster rollout pa", "muster rollout pause "),
    ("muster help rollout und", "muster help rollout undo "),
    ("muster get clu", "muster get clusters "),
    ("muster get --outp", "muster get --output "),
    ("muster get nodes --output ya", "muster get nodes --output yaml "),
    ("muster wait x --for=conv", "muster wait x --for=converged "),
    ("muster plan -f %(dir)s/sess", "muster plan -f %(dir)s/sessions.yaml "),
    ("muster plan --file=%(dir)s/sess", "muster plan --file=%(dir)s/sessions.yaml "),
)


class Shell:
    """A shell on a terminal; what it shows, without the escapes."""

    def __init__(self, argv, folder, muster):
        environment = {"PATH": os.path.dirname(muster) + ":/usr/bin:/bin", "HOME": folder,
                       "TERM": "dumb", "LANG": "C.UTF-8", "PS1": "$ ", "XDG_STATE_HOME": folder,
                       "XDG_CONFIG_HOME": folder}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(argv[0], argv, environment)
        self.shown = b""

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait_for(self, text):
        """Whether the text shows in time."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if text.encode() in self.text():
                return True
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self.fd, 65536)
                except OSError:
                    return text.encode() in self.text()
        return False

    def text(self):
        return ESCAPES.sub(b"", self.shown).replace(b"\r", b"")

    def clear(self):
        self.shown = b""

    def end(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def on_terminal(shell, argv, prepare, folder, muster):
    """Type each line and a tabulator."""
    failures = 0
    session = Shell(argv, folder, muster)
    try:
        session.type(prepare + "\n")
        session.type("echo rea''dy\n")
        if not session.wait_for("ready"):
            print("%s: is not ready: %r" % (shell, session.text()))
            return 1
        for typed, wanted in LINES:
            session.clear()
            session.type(typed % {"dir": folder} + "\t")
            if not session.wait_for(wanted % {"dir": folder}):
                failures += 1
                print("%s: %r: %r" % (shell, typed, session.text()))
            session.type("\x15")  # the line is not run
    finally:
        session.end()
    return failures


def in_fish(folder, muster):
    """fish tells by itself what it would complete."""
    failures = 0
    environment = {"PATH": os.path.dirname(muster) + ":/usr/bin:/bin", "HOME": folder,
                   "XDG_STATE_HOME": folder, "LANG": "C.UTF-8"}
    for typed, wanted in LINES:
        typed = typed % {"dir": folder}
        script = "muster completion fish | source; complete -C '%s'" % typed
        told = subprocess.run(["/usr/bin/fish", "--no-config", "-c", script], env=environment,
                              capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        word = (wanted % {"dir": folder}).split()[-1]
        if word not in [line.split("\t")[0] for line in told.stdout.splitlines()]:
            failures += 1
            print("fish: %r: %r %r" % (typed, told.stdout, told.stderr))
    return failures


def main():
    muster = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        open(os.path.join(folder, "sessions.yaml"), "w", encoding="utf-8").close()
        failures = on_terminal("bash", ["/bin/bash", "--norc", "--noprofile", "-i"],
                               "source <(muster completion bash)", folder, muster)
        failures += on_terminal("zsh", ["/usr/bin/zsh", "-f", "-i"],
                                "autoload -U compinit && compinit -u -D; "
                                "source <(muster completion zsh)", folder, muster)
        failures += in_fish(folder, muster)
    sys.exit(1 if failures else 0)


main()
