"""run.py SOURCE_DIR BIN_DIR LIB_DIR TOOLS_DIR MUSL_DIR TEST… - run the tests of the pod lab: names as unittest takes
them. TOOLS_DIR may have a kubectl, which is preferred then, MUSL_DIR the memcached that is Alpine's.

Runs itself again in namespaces of its own (network, processes, mounts): all that is started ends with it.
With MUSTER_LAB_VERBOSE set, what happens to pods is told. Needs to be root.
"""
import os
import subprocess
import sys
import unittest

INSIDE = "MUSTER_LAB_INSIDE"


def inside(source, bin_dir, lib_dir, tools, musl, tests):
    os.environ.update(MUSTER_LAB_SOURCE=source, MUSTER_LAB_BIN=bin_dir, MUSTER_LAB_LIB=lib_dir,
                      MUSTER_LAB_MUSL=musl)
    os.environ["PATH"] = "%s:%s" % (tools, os.environ["PATH"])
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)
    here = os.path.dirname(os.path.abspath(__file__))
    suite = unittest.TestSuite()
    for name in tests:
        suite.addTests(unittest.defaultTestLoader.loadTestsFromName(name))
    os.chdir(here)
    result = unittest.TextTestRunner(verbosity=2, failfast=True).run(suite)
    return 0 if result.wasSuccessful() and result.testsRun else 1


def reap(pid):
    """What the first process of a namespace has to do, until `pid` ends: its exit code."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            return os.waitstatus_to_exitcode(status)


def main():
    if len(sys.argv) < 7:
        sys.exit(__doc__)
    if os.environ.get(INSIDE):
        pid = os.fork()
        if pid != 0:
            sys.exit(reap(pid))
        sys.exit(inside(*map(os.path.abspath, sys.argv[1:6]), sys.argv[6:]))
    os.environ[INSIDE] = "1"
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.execvp("unshare", ["unshare", "--net", "--pid", "--mount", "--fork", "--kill-child",
                          "--mount-proc", "--propagation", "private", sys.executable] + sys.argv)


if __name__ == "__main__":
    main()
