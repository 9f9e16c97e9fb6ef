"""Limits of memory: a control group (version 1) for each container that has one. Where there are none here,
containers take what they want."""
import glob
import os
import tempfile
import time

_ROOT = "/sys/fs/cgroup/memory"
_PREFIX = "muster-lab-"
_ANY_LAB_S = 3600  # is over by then
AVAILABLE = os.access(os.path.join(_ROOT, "memory.limit_in_bytes"), os.W_OK)


def _remove(directory):
    """The groups that nobody is in any more; whether that were all."""
    try:
        for name, _, _ in os.walk(directory, topdown=False):
            os.rmdir(name)
    except OSError:
        return False  # a last process is still on its way out
    return True


def _remove_those_of_killed_labs():
    for directory in glob.glob(os.path.join(_ROOT, _PREFIX + "*")):
        try:
            since = os.path.getmtime(directory)
        except FileNotFoundError:
            continue  # its lab is quicker
        if since < time.time() - _ANY_LAB_S:
            _remove(directory)


class Limits:
    """The groups of one lab: nobody else's are touched."""

    def __init__(self):
        self._directory = None
        if AVAILABLE:
            _remove_those_of_killed_labs()
            self._directory = tempfile.mkdtemp(prefix=_PREFIX, dir=_ROOT)

    def make(self, name, most):
        """A group for `most` bytes; its directory, or None."""
        if self._directory is None:
            return None
        path = os.path.join(self._directory, name)
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, "memory.limit_in_bytes"), "w", encoding="ascii") as file:
            file.write(str(most))
        return path

    def remove(self):
        """Whether all are gone: nobody may be in them any more."""
        return self._directory is None or _remove(self._directory)
