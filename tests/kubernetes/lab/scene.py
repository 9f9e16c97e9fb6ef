"""What tests of the lab have in common: a cluster for each, in memory, told when it fails."""
import asyncio
import os
import shutil
import sys
import tempfile
import unittest

from cluster import Cluster
from images import Images

_IMAGES = {}


def images():
    """Made once for all tests of a program: copying programs takes its time."""
    if "all" not in _IMAGES:
        directory = tempfile.mkdtemp(prefix="images-", dir="/run")
        _IMAGES["all"] = Images(directory, *(os.environ["MUSTER_LAB_" + what] for what in ("BIN", "LIB", "MUSL")))
    return _IMAGES["all"]


class Scene(unittest.IsolatedAsyncioTestCase):
    backoff_scale = 1.0

    async def asyncSetUp(self):
        asyncio.get_running_loop().set_debug(False)  # unittest sets it, and it is slow
        self.directory = tempfile.mkdtemp(prefix="lab-", dir="/run")
        out = sys.stderr if os.environ.get("MUSTER_LAB_VERBOSE") else None
        self.cluster = Cluster(self.directory, images(), self.backoff_scale, out)
        await self.cluster.__aenter__()

    async def asyncTearDown(self):
        failed = self._outcome.result and (self._outcome.result.errors or self._outcome.result.failures) \
            or any(error for _, error in getattr(self._outcome, "errors", []))
        if failed or not self._outcome.success:
            self.cluster.dump()
        await self.cluster.__aexit__()
        shutil.rmtree(self.directory, ignore_errors=True)

    async def until(self, what, condition, timeout_s=60):
        return await self.cluster.until(what, condition, timeout_s)
