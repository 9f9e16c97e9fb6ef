"""A release of the chart, called otherwise than all else, with an etcd that asks for certificates."""
import asyncio
import json
import os

import manifests
from certificates import Authority
from installation import Installation, make_secret
from story import CHANGE_S, HERE, SOURCE, Story

NAMESPACE, CLUSTER, STORE = "web", "pages", "etcd-0.etcd.store.svc"
CONTROLLERS = ("Deployment", NAMESPACE, "muster-controller")


def store():
    """An etcd of somebody else's, with a disk for as long as it runs."""
    labels = {"app": "etcd"}
    at = "https://%s:2379" % STORE
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "etcd", "namespace": "store"}, "spec": {
            "clusterIP": "None", "selector": labels, "ports": [{"port": 2379}]}},
        {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "etcd", "namespace": "store"}, "spec": {
            "replicas": 1, "serviceName": "etcd", "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {
                "containers": [{
                    "name": "etcd", "image": "etcd", "command": ["etcd"],
                    "args": ["--data-dir=/data/etcd", "--listen-client-urls=https://0.0.0.0:2379",
                             "--advertise-client-urls=" + at, "--client-cert-auth", "--trusted-ca-file=/tls/ca.crt",
                             "--cert-file=/tls/tls.crt", "--key-file=/tls/tls.key"],
                    "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "tls", "mountPath": "/tls"}]}],
                "volumes": [{"name": "data", "emptyDir": {}}, {"name": "tls", "secret": {"secretName": "etcd-server"}}]}}}}]


class Release(Story):
    def values(self, **more):
        return manifests.helm(os.path.join(SOURCE, "deploy/kubernetes/chart"), CLUSTER, NAMESPACE,
                              os.path.join(HERE, "values/release.yaml"), more)

    def installation(self):
        return Installation(self.cluster, self.values(), NAMESPACE, CLUSTER, inside=True)

    async def prepare(self):
        await self.at.make_keys("pages-signing", "pages-trusted")
        self.authority = authority = Authority(os.path.join(self.directory, "certificates"))
        # etcd speaks to itself as its own client.
        server = authority.issue("store", [STORE], "serverAuth,clientAuth")
        make_secret(self.cluster, "store", "etcd-server", server)
        make_secret(self.cluster, NAMESPACE, "store-client", authority.issue("muster", ["muster"], "clientAuth"))
        self.cluster.apply(store())

    async def test_a_release_lives_through_its_upgrades(self):
        await self.begin(3)
        await self.settled(3)
        await self.store_asks_for_certificates()
        await self.nodes_have_names()
        await self.scale_out()
        await self.scale_in()
        await self.update()

    async def store_asks_for_certificates(self):
        """Whoever has none learns nothing."""
        ip = self.cluster.pod("etcd-0").ip
        with self.assertRaises(OSError):
            await asyncio.to_thread(self.authority.ask, ip, STORE, None)
        self.assertIn(b" 200 OK", await asyncio.to_thread(self.authority.ask, ip, STORE, "muster"))

    async def nodes_have_names(self):
        """For clients outside: those that the spec's domain makes."""
        nodes = json.loads(await self.at.muster("get", "nodes", CLUSTER, "-o", "json"))
        self.assertEqual(["in-process"] * 3, [node["report"]["partition"] for node in nodes])
        told = await self.at.tells(self.at.pod(0))
        self.assertEqual(["%04d.pages.cache.example.com" % (i + 1) for i in range(3)], [name for name, _ in told])

    async def upgrade(self, nodes, **more):
        self.at.upgrade(self.values(**more))
        await self.settled(nodes)

    async def spec_has(self, nodes):
        async def so():
            found = json.loads(await self.at.muster("get", "cluster", CLUSTER, "-o", "json"))
            return found["spec"]["spec"]["nodes"] == nodes
        await self.until("the spec has %d nodes" % nodes, so)
        await self.condition("NodesDiffer", False)

    async def scale_out(self):
        """One value changes pods and spec."""
        before = [pod.ip for pod in self.at.pods()]
        await self.upgrade(4, cluster__nodes=4)
        await self.spec_has(4)
        self.assertEqual([pod.ip for pod in self.at.pods()][:3], before)

    async def scale_in(self):
        leaver = self.at.pod(3)
        await self.upgrade(3)
        await self.spec_has(3)
        self.left_in_order(leaver)

    async def update(self):
        """All images at once: controllers, nodes, and the Job."""
        before, controllers = self.at.pods(), self.cluster.of(*CONTROLLERS)
        self.at.upgrade(self.values(image__tag="1.2.4", memcached__image__tag="1.6.99"))
        await self.until("no pod is of old", lambda: not set(before + controllers) & set(self.cluster.pods), CHANGE_S * 3)
        await self.settled(3)
        for pod in before:
            self.left_in_order(pod)
        self.assertEqual([2, 1, 0], [pod.ordinal for pod in sorted(before, key=lambda pod: pod.events[-1][0])])
        await self.until("two controllers", lambda: sum(one.ready for one in self.cluster.of(*CONTROLLERS)) == 2)
        await self.converged()
