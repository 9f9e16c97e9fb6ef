"""Limits of memory: a control group (version 1) for each container that has one. Where there are none here,
containers take what they want."""
import os
import tempfile

_ROOT = "/sys/fs/cgroup/memory"
AVAILABLE = os.access(os.path.join(_ROOT, "memory.limit_in_bytes"), os.W_OK)


class Limits:
    """The groups of one lab: nobody else's are touched."""

    def __init__(self):
        self._directory = tempfile.mkdtemp(prefix="muster-lab-", dir=_ROOT) if AVAILABLE else None

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
        """Those that nobody is in any more; whether that were all."""
        try:
            for name, _, _ in os.walk(self._directory or "", topdown=False):
                os.rmdir(name)
        except OSError:
            return False  # its last process is still on its way out
        return True
