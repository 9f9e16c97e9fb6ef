"""The overlay `production`: controllers and etcds die and come back, and pods are cut off, under use."""
import asyncio

from story import Story

NODES = 6
LEASE_S = 10  # how long what a watcher has said counts
CUT_S = LEASE_S + 4
ALONE_S = 5


class Production(Story):
    overlay = "production"

    async def test_the_cluster_outlives_its_makers_and_cuts(self):
        await self.begin(NODES)
        await self.settled(NODES)
        await self.etcd_loses_a_member()
        await self.controllers_take_turns()
        await self.a_pod_without_etcd()
        await self.a_pod_without_peers()
        await self.nobody_but_the_nodes()

    def made_by(self, kind, name):
        return self.cluster.of(kind, self.at.namespace, name)

    def controllers(self):
        return self.made_by("Deployment", "muster-controller")

    async def controllers_take_turns(self):
        """Each of them dies with its machine; the other one goes on. What it was connected with keeps these
        connections for long, as clients that may be alive: a drain then takes all of its time."""
        for pod in self.controllers():
            self.cluster.lose(pod)
            self.cluster.declare_lost(pod)
            await self.until("two controllers", lambda: sum(one.ready for one in self.controllers()) == 2, 60)
            await self.converged()
        self.nothing_wrong()

    async def etcd_loses_a_member(self):
        """Changes go through with two of three; the third comes back with another address and its data."""
        one = self.made_by("StatefulSet", "muster-etcd")[1]
        self.cluster.lose(one)
        before = self.at.pod(NODES - 1)
        before.delete()
        await self.until("it is another pod", lambda: self.at.pod(NODES - 1) not in (before, None), 120)
        await self.settled(NODES)
        self.left_in_order(before)
        self.cluster.declare_lost(one)
        await self.until("three etcds", lambda: sum(
            pod.ready for pod in self.made_by("StatefulSet", "muster-etcd")) == 3, 60)
        self.nothing_wrong()

    async def a_pod_without_etcd(self):
        """It is not heard of any more, and as it answers clients and peers it stays."""
        await self.cut_off(self.at.pod(2), self.at.etcds())

    async def a_pod_without_peers(self):
        """Nobody but clients reaches it, and as its watcher is heard of it stays."""
        one = self.at.pod(3)
        await self.cut_off(one, [pod for pod in self.at.pods() + self.controllers() if pod is not one])

    async def cut_off(self, one, others):
        listed = dict(self.sampler.lists)
        for other in others:
            self.cluster.network.cut(one.ip, other.ip)
        await asyncio.sleep(CUT_S)  # nothing is to happen, for longer than a lease
        self.assertEqual(self.sampler.lists, listed)
        self.assertEqual(self.last("nodes"), [pod.ip for pod in self.at.pods()])
        self.nothing_wrong()
        for other in others:
            self.cluster.network.mend(one.ip, other.ip)
        await self.converged()
        await self.settled(NODES)

    async def nobody_but_the_nodes(self):
        """All controllers and etcds die at once: clients notice nothing, and all goes on when they are back."""
        lost = self.controllers() + self.made_by("StatefulSet", "muster-etcd")
        for pod in lost:
            self.cluster.lose(pod)
        good = self.last("good")
        await asyncio.sleep(ALONE_S)
        self.nothing_wrong()
        await self.until("the client goes on", lambda: self.last("good") > good)
        for pod in lost:
            self.cluster.declare_lost(pod)
        await self.until("two controllers", lambda: sum(one.ready for one in self.controllers()) == 2, 90)
        await self.converged()
        await self.settled(NODES)
