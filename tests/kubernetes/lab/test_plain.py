"""The same without native sidecars: both containers begin and end at once."""
import os

import manifests
from story import Story


class Plain(Story):
    def rendered(self):
        here = os.path.dirname(os.path.abspath(__file__))
        return manifests.kustomize(os.path.join(here, "overlays/plain"))

    async def test_nodes_come_and_leave_in_order(self):
        await self.begin(3)
        self.assertEqual([spec["name"] for spec in self.at.pod(0).spec["containers"]], ["memcached", "watcher"])
        await self.settled(3)
        await self.scale(4)
        leaver = self.at.pod(3)
        await self.scale(3)
        self.left_in_order(leaver)
        replaced = self.at.pod(1)
        replaced.delete()
        await self.until("it is another pod", lambda: self.at.pod(1) not in (replaced, None), 60)
        await self.settled(3)
        self.left_in_order(replaced)
