"""One shell of a machine, kept for all blocks of a page; and what stands in for a machine."""
import os
import re
import signal
import subprocess
import time

BLOCK_TIMEOUT_S = 300
POLL_S = 0.02


class Failed(Exception):
    """A block did not do what the page says."""


def read_all(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


class Shell:
    """A bash that is fed block after block. `prefix` is the command that enters its machine."""

    def __init__(self, directory, number, environment, prefix=()):
        self.directory = directory
        self.number = number
        self.count = 0
        self.left = []  # (Popen, how to end it)
        self.environment = environment
        self.prefix = list(prefix)
        self.process = subprocess.Popen(
            self.prefix + ["bash", "--norc", "--noprofile"], stdin=subprocess.PIPE, cwd=directory,
            env=environment, start_new_session=True)

    def _name(self, kind):
        return os.path.join(self.directory, ".block-%d-%d.%s" % (self.number, self.count, kind))

    def run(self, text, exits=0):
        """Run a block; returns what it printed. Any command that fails fails it, but for the last
        one, which has to end with `exits`."""
        self.count += 1
        script, out, code = self._name("sh"), self._name("out"), self._name("code")
        with open(script, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        self.process.stdin.write((
            "failed=; trap '[ $? = %d ] || failed=1' ERR\n"
            ". %s >%s 2>&1 </dev/null; echo $? $failed >%s.new; trap - ERR; mv %s.new %s\n"
            % (exits, script, out, code, code, code)).encode())
        self.process.stdin.flush()
        deadline = time.monotonic() + BLOCK_TIMEOUT_S
        while not os.path.exists(code):
            if self.process.poll() is not None:
                raise Failed("the shell ended:\n" + read_all(out))
            if deadline < time.monotonic():
                raise Failed("no end within %d s:\n%s" % (BLOCK_TIMEOUT_S, read_all(out)))
            time.sleep(POLL_S)
        words = read_all(code).split()
        printed = read_all(out)
        if int(words[0]) != exits or len(words) == 2:
            raise Failed("exit code %s, expected %d:\n%s" % (words[0], exits, printed))
        return printed

    def leave(self, text, until, interrupted):
        """Run a block until it has printed `until`, and leave it running."""
        self.count += 1
        out = self._name("out")
        with open(out, "wb") as file:
            process = subprocess.Popen(self.prefix + ["bash", "-c", text],
                                       stdout=file, stderr=file, stdin=subprocess.DEVNULL,
                                       cwd=self.directory, env=self.environment,
                                       start_new_session=True)
        self.left.append((process, interrupted))
        deadline = time.monotonic() + BLOCK_TIMEOUT_S
        while until not in read_all(out):
            if process.poll() is not None or deadline < time.monotonic():
                raise Failed("'%s' was not said:\n%s" % (until, read_all(out)))
            time.sleep(POLL_S)
        return read_all(out)

    def close(self):
        """End what was left running; it has to take Ctrl-C well. Then the shell."""
        for process, interrupted in reversed(self.left):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT if interrupted else signal.SIGTERM)
                code = process.wait(BLOCK_TIMEOUT_S)
                if interrupted and code != 0:
                    raise Failed("exit code %d after Ctrl-C" % code)
        self.process.stdin.close()
        self.process.wait(BLOCK_TIMEOUT_S)


def shape(line):
    """A line with all that differs from run to run made equal: numbers, ids, and blanks."""
    line = re.sub(r"\b[0-9a-f]{16,}\b", "#", line)
    line = re.sub(r"\d+(\.\d+)*", "#", line)
    line = re.sub(r"\b#(ms|s|m|h|d)\b", "#", line)
    return re.sub(r"[\s─━-]+", " ", line).strip()


def compare(expected, printed):
    """Every line of `expected` is printed, in that order; "…" stands for anything."""
    lines = [shape(line) for line in printed.split("\n")]
    at = 0
    for line in expected.split("\n"):
        wanted = ".*".join(re.escape(part) for part in shape(line).split("…"))
        if wanted in ("", ".*"):
            continue
        pattern = re.compile(wanted + "$" if "…" not in line else wanted)
        while at < len(lines) and not pattern.match(lines[at]):
            at += 1
        if at == len(lines):
            raise Failed("this was not printed, or not in that order:\n    %s\nbut:\n%s"
                         % (line, printed))
        at += 1
