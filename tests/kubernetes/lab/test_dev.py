"""The overlay `dev`, from nothing: what Kubernetes does to pods of a cluster in its life."""
import os

from cluster import Refused
from story import CHANGE_S, Story, client_pod

CLIENTS = os.environ.get("MUSTER_CLIENTS_DIR", "")  # tests/clients, installed
STOCK = ("ecad", "memcached-elasticache")  # clients of others that discover, as packages of npm


class Dev(Story):
    async def test_a_cluster_lives_through_what_kubernetes_does_to_pods(self):
        await self.begin(3)
        await self.settled(3)
        await self.stock_clients()
        await self.scale_out()
        await self.scale_in()
        await self.update()
        await self.evict()
        await self.stock_clients_have_noticed_nothing()
        await self.lose()
        await self.remove()

    async def stock_clients(self):
        """Each says `nodes COUNT LIST` when a list works, and `failed WHAT` or `failed discovery WHAT`."""
        for name in STOCK:
            self.cluster.apply(client_pod(name, self.at, "node", CLIENTS + "/follow.js", name))
        await self.until("stock clients use the nodes", self.stock_clients_use_these_nodes)

    def stock_clients_use_these_nodes(self):
        nodes = sorted("%s:11211" % pod.ip for pod in self.at.pods())
        for name in STOCK:
            lists = [line.split()[2] for line in self.stock_client_said(name) if line.startswith("nodes ")]
            if not lists or sorted(lists[-1].split(",")) != nodes:
                return False
        return True

    def stock_client_said(self, name):
        return self.cluster.pod(name).container("main").container.said().splitlines()

    async def stock_clients_have_noticed_nothing(self):
        """No operation failed, and they have the list. A poll may have met the end of the connection that it went
        by, which a node that has left closes; the next one makes another. They end here: each has its own way
        with a node that is lost."""
        await self.until("stock clients use the nodes", self.stock_clients_use_these_nodes)
        for name in STOCK:
            said = self.stock_client_said(name)
            self.assertEqual([line for line in said if line.startswith("failed ")
                              and not line.startswith("failed discovery ")], [])
            self.cluster.pod(name).delete()

    async def scale_out(self):
        before = [pod.ip for pod in self.at.pods()]
        await self.scale(5)
        await self.condition("NodesDiffer", True)  # the spec tells of three
        self.assertEqual([pod.ip for pod in self.at.pods()][:3], before)

    async def scale_in(self):
        leavers = [self.at.pod(3), self.at.pod(4)]
        await self.scale(3)
        await self.condition("NodesDiffer", False)
        for pod in leavers:
            self.left_in_order(pod)

    async def update(self):
        before = self.at.pods()
        self.at.set_image("memcached", "docker.io/library/memcached:1.6.99-bookworm")
        await self.until("no pod is of old", lambda: not set(before) & set(self.at.all_pods()), CHANGE_S * 3)
        await self.settled(3)
        for pod in before:
            self.left_in_order(pod)
        order = [pod.ordinal for pod in sorted(before, key=lambda pod: pod.events[-1][0])]
        self.assertEqual(order, [2, 1, 0])

    async def evict(self):
        one, other = self.at.pod(1), self.at.pod(2)
        self.cluster.evict(one)
        with self.assertRaises(Refused):
            self.cluster.evict(other)
        await self.until("it is another pod", lambda: self.at.pod(1) not in (one, None), CHANGE_S)
        await self.settled(3)
        self.left_in_order(one)

    async def lose(self):
        one = self.at.pod(0)
        self.excused.add(one.ip)
        self.cluster.lose(one)
        await self.until("the client has noticed", lambda: self.told() and any(
            told.get("failed") == one.ip for told in self.told()))
        self.cluster.declare_lost(one)
        await self.settled(3)
        self.assertNotEqual(self.at.pod(0).ip, one.ip)

    async def remove(self):
        pods = self.at.pods()
        self.at.scale(0)
        await self.until("no pod is left", lambda: not self.at.all_pods(), CHANGE_S)
        for pod in pods:
            self.left_in_order(pod)
        await self.at.muster("delete", "cluster", self.at.name, "--wait", "--timeout", "30s")
        self.assertEqual(await self.at.muster("get", "clusters", "-o", "name"), "")
