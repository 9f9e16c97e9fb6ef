#!/usr/bin/python3
"""Answer a program that asks: asked.py MEANWHILE… -- COMMAND…

Runs COMMAND on a terminal of its own; when it asks, MEANWHILE is run to its end, and the answer is
yes. Prints what was on the terminal and the exit status.
"""
import os
import pty
import select
import signal
import subprocess
import sys

PATIENCE_S = 20
ASKED = b"[y/N]"

split = sys.argv.index("--")
meanwhile, command = sys.argv[1:split], sys.argv[split + 1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], command)
seen = b""
answered = False
while True:
    if not select.select([terminal], [], [], PATIENCE_S)[0]:
        os.kill(pid, signal.SIGKILL)
        sys.exit("nothing came after: %r" % seen)
    try:
        some = os.read(terminal, 65536)
    except OSError:  # the other end is closed
        break
    if not some:
        break
    seen += some
    if ASKED in seen and not answered:
        subprocess.run(meanwhile, check=True, stdout=subprocess.DEVNULL)
        os.write(terminal, b"y\n")
        answered = True
print(seen.decode().replace("\r", ""), end="")
print("status %d" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
