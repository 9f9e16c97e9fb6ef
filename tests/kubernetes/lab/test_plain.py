"""The same without native sidecars, where both containers begin and end at once; memcached is Alpine's, with musl."""
import json
import os
import signal

import manifests
from story import CHANGE_S, Story


class Plain(Story):
    def rendered(self):
        here = os.path.dirname(os.path.abspath(__file__))
        return manifests.kustomize(os.path.join(here, "overlays/plain"))

    async def test_nodes_come_and_leave_in_order(self):
        await self.begin(3)
        self.assertEqual([spec["name"] for spec in self.at.pod(0).spec["containers"]], ["memcached", "watcher"])
        await self.settled(3)
        await self.served_within_musl()
        await self.scale(4)
        leaver = self.at.pod(3)
        await self.scale(3)
        self.left_in_order(leaver)
        replaced = self.at.pod(1)
        replaced.delete()
        await self.until("it is another pod", lambda: self.at.pod(1) not in (replaced, None), 60)
        await self.settled(3)
        self.left_in_order(replaced)
        await self.a_memcached_hangs()

    async def a_memcached_hangs(self):
        """The kernel goes on accepting for it; its probe asks, and it is started again in its place."""
        pod = self.at.pod(2)
        memcached = pod.container("memcached").container
        self.excused.add(pod.ip)
        number = memcached.number
        memcached.signal(signal.SIGSTOP)
        await self.until("it is another run", lambda: memcached.number > number and memcached.running,
                         CHANGE_S)
        self.assertIn(("unwell", "memcached: liveness"), [(what, detail) for _, what, detail in pod.events])
        await self.settled(3)
        self.assertIs(self.at.pod(2), pod)

    async def served_within_musl(self):
        """The lists that `settled` has seen come from the module, in a memcached that has no glibc."""
        nodes = json.loads(await self.at.muster("get", "nodes", self.at.name, "-o", "json"))
        self.assertEqual([node["report"]["partition"] for node in nodes], ["in-process"] * 3)
        for pod in self.at.pods():
            with open("/proc/%d/maps" % pod.container("memcached").container.pid, encoding="utf-8") as file:
                mapped = {os.path.basename(line.split()[-1]) for line in file}
            self.assertIn("libmuster_partition.so", mapped)
            self.assertTrue([name for name in mapped if name.startswith("ld-musl-")])
            self.assertNotIn("libc.so.6", mapped)
