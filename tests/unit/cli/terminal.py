#!/usr/bin/python3
"""Run a program on a terminal of its own: terminal.py TEXT END COMMAND…

Waits until TEXT is on the terminal, makes it narrow and waits until it was drawn again, then ends
the program: END is text to type, or "signal:NAME". Prints the exit status, whether the alternate
screen was left, whether the terminal's modes are those from before, and the last screen.
"""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PATIENCE_S = 60
DRAWN = b"\x1b[H"


def resize(terminal, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))


class Session:
    def __init__(self, command):
        self.master, self.slave = pty.openpty()
        self.seen = b""
        resize(self.master, 140)
        self.modes = termios.tcgetattr(self.slave)
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in (0, 1, 2):
                os.dup2(self.slave, fd)
            os.environ["TERM"] = "xterm"
            os.execv(command[0], command)

    def read_some(self):
        if select.select([self.master], [], [], 0.05)[0]:
            self.seen += os.read(self.master, 65536)

    def wait_for(self, found):
        end = time.monotonic() + PATIENCE_S
        while not found():
            if end < time.monotonic():
                os.kill(self.pid, signal.SIGKILL)
                sys.exit("it did not come: %r" % self.seen[-2000:])
            self.read_some()

    def wait_end(self):
        status = []

        def ended():
            pid, code = os.waitpid(self.pid, os.WNOHANG)
            status.extend([code] if pid else [])
            return pid
        self.wait_for(ended)
        self.read_some()
        return status[0]


text, end = sys.argv[1].encode(), sys.argv[2]
session = Session(sys.argv[3:])
session.wait_for(lambda: text in session.seen)
before = session.seen.count(DRAWN)
resize(session.master, 30)
session.wait_for(lambda: before < session.seen.count(DRAWN) - 1)
if end.startswith("signal:"):
    os.kill(session.pid, getattr(signal, end[7:]))
else:
    os.write(session.master, end.encode())
status = session.wait_end()
seen = session.seen
print("status %d" % status)
print("screen %s" % ("left" if seen.endswith(b"\x1b[?1049l") and b"\x1b[?25h" in seen else "kept"))
print("modes %s" % ("same" if termios.tcgetattr(session.slave) == session.modes else "other"))
last = seen[seen.rindex(DRAWN):].decode()
for sequence in ("\x1b[H", "\x1b[K", "\x1b[J", "\x1b[0m", "\x1b[?25h", "\x1b[?1049l", "\r"):
    last = last.replace(sequence, "")
print(last)
print("widest %d" % max(len(line) for line in last.splitlines()))
