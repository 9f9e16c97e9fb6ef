"""Stories of an installation: from rendered manifests, with an application that uses it at all times."""
import json
import os

import manifests
from installation import Installation, target_pods
from sampler import Sampler
from scene import Scene

SOURCE = os.environ.get("MUSTER_LAB_SOURCE", "")
HERE = os.path.dirname(os.path.abspath(__file__))
UP_S = 60
CHANGE_S = 90


def client_pod(name, installation, *command):
    """In another namespace, with the label that the policy asks of clients. The command is told the Service."""
    service = "%s.%s.svc.cluster.local:11211" % (installation.name, installation.namespace)
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps"}},
        {"apiVersion": "v1", "kind": "Pod",
         "metadata": {"name": name, "namespace": "apps", "labels": {"muster.io/client": installation.name}},
         "spec": {"terminationGracePeriodSeconds": 0, "containers": [{
             "name": "main", "image": "client", "command": [*command, service]}]}}]


class Story(Scene):
    """An installation with a client and a sampler."""
    backoff_scale = 0.1
    overlay = "dev"

    def rendered(self):
        return manifests.kustomize(os.path.join(SOURCE, "deploy/kubernetes/overlays", self.overlay))

    def installation(self):
        return Installation(self.cluster, self.rendered())

    async def prepare(self):
        """What an operator makes before the manifests are applied."""
        await self.at.make_keys()

    async def begin(self, nodes):
        self.at = self.installation()
        await self.prepare()
        self.at.start()
        self.sampler = Sampler(self.at)
        self.sampler.start()
        self.excused = set()
        await self.serves(nodes, UP_S)
        self.cluster.apply(client_pod("application", self.at, "/usr/bin/python3", HERE + "/client.py"))
        await self.until("a client has found its nodes", lambda: self.last("nodes"))
        await self.converged()

    async def asyncTearDown(self):
        if hasattr(self, "sampler"):
            await self.sampler.stop()
        await super().asyncTearDown()

    def told(self):
        said = self.cluster.pod("application").container("main").container.said()
        return [json.loads(line) for line in said.splitlines(keepends=True) if line.endswith("\n")]

    def last(self, what):
        found = [one[what] for one in self.told() if what in one]
        return found[-1] if found else None

    async def serves(self, nodes, timeout_s=CHANGE_S):
        await self.until("%d nodes serve the list of them" % nodes, lambda: self.at.serves(nodes), timeout_s)

    async def converged(self):
        async def waited():
            return "x" + await self.at.muster("wait", self.at.name, "--for", "converged", "--timeout", "5s")
        await self.until("converged", waited, CHANGE_S)

    async def settled(self, nodes):
        """All serve, the client uses them, and nothing went wrong on the way."""
        await self.serves(nodes)
        wanted = [pod.ip for pod in self.at.pods()]
        await self.until("the client uses these nodes", lambda: self.last("nodes") == wanted)
        self.assertEqual({pod.ip for pod in target_pods(self.cluster, self.at.namespace, self.at.name)}, set(wanted))
        await self.slots_are_ordinals(nodes)
        self.nothing_wrong()

    async def slots_are_ordinals(self, nodes):
        async def so():
            found = {one["host"]: one["slot"] for one in (await self.at.status())["slots"] if one["listed"]}
            return found == {"%s-%d" % (self.at.name, i): i + 1 for i in range(nodes)}
        await self.until("slots are ordinals + 1", so)

    def nothing_wrong(self):
        self.assertEqual(self.sampler.wrong, [])
        failed = [one for one in self.told() if "failed" in one and one["failed"] not in self.excused]
        self.assertEqual(failed, [])
        self.assertGreater(self.last("good") or 0, 0)
        self.assertGreater(self.sampler.asked, 0)

    async def condition(self, kind, value):
        async def so():
            return {one["type"]: one["status"] for one in (await self.at.status())["conditions"]}.get(kind, False) == value
        await self.until("condition %s is %s" % (kind, value), so)

    def left_in_order(self, pod):
        """Its hook ended well, memcached was asked to end after it, and nothing had to be killed."""
        whats = [(what, detail) for _, what, detail in pod.events]
        self.assertIn(("hooked", "memcached: ok"), whats)
        self.assertIn(("ended", "memcached 0"), whats)
        self.assertNotIn("killed", [what for what, _ in whats])

    async def scale(self, nodes):
        self.at.scale(nodes)
        await self.settled(nodes)
