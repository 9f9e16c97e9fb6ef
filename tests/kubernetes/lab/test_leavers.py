"""The overlay `dev`: pods that leave and come back, that leave behind clients which are no more, and all of them."""
import json
import re
import time

from network import call
from story import CHANGE_S, Story

HELD = 8
KEEPALIVE_S = 60  # of the manifests
DRAIN_S = 10      # of the overlay
CONVERGE_S = 10
_HOLDS = """
import socket, sys, time
held = [socket.create_connection((sys.argv[1], 11211)) for _ in range(%d)]
for one in held:
    one.sendall(b"version\\r\\n")
    one.recv(100)
print("held", flush=True)
time.sleep(3600)
""" % HELD


def holder(address):
    """A client that keeps connections and sends nothing."""
    return [{"apiVersion": "v1", "kind": "Pod",
             "metadata": {"name": "holder", "namespace": "apps", "labels": {"muster.io/client": "sessions"}},
             "spec": {"terminationGracePeriodSeconds": 0, "containers": [{
                 "name": "main", "image": "client", "command": ["/usr/bin/python3", "-c", _HOLDS, address]}]}}]


class Leavers(Story):
    async def test_what_leaves_is_let_go_in_time_and_let_in_again(self):
        await self.begin(3)
        await self.settled(3)
        await self.comes_back()
        await self.leaves_lost_clients_behind()
        await self.all_leave_and_come_back()

    async def replaced(self, one):
        one.delete()
        await self.until("it is another pod", lambda: self.at.pod(one.ordinal) not in (one, None), CHANGE_S)
        self.left_in_order(one)

    async def nodes_that_are_stopped(self):
        nodes = json.loads(await self.at.muster("get", "nodes", self.at.name, "-o", "json"))
        return [node["host"] for node in nodes if node["report"] and node["report"]["state"] == "stopped"]

    async def comes_back(self):
        """Nothing of the former one is left that would keep the next one out until a lease is over."""
        await self.replaced(self.at.pod(1))
        self.assertEqual(await self.nodes_that_are_stopped(), [])
        await self.settled(3)

    def timers(self, one):
        """Seconds until memcached's quiet connections of `holder` are probed."""
        said = call("ip", "netns", "exec", one.network_namespace, "ss", "-Htno", "state", "established",
                    "sport", "=", ":11211", "dst", self.cluster.pod("holder").ip)
        return [float(minutes or 0) * 60 + float(seconds or 0) for minutes, seconds in
                re.findall(r"timer:\(keepalive,(?:([0-9]+)min)?(?:([0-9.]+)m?sec)?,", said)]

    async def leaves_lost_clients_behind(self):
        """Their machine dies without a word. Their connections count until memcached has probed them; a
        drain that begins before takes all its time, and no more."""
        one = self.at.pod(2)
        self.cluster.apply(holder(one.ip))
        lost = self.cluster.pod("holder")
        await self.until("connections are held", lambda: "held" in lost.container("main").container.said())
        await self.until("all are quiet", lambda: len(self.timers(one)) == HELD)
        self.assertLessEqual(max(self.timers(one)), KEEPALIVE_S)
        self.cluster.lose(lost)
        began = time.monotonic()
        await self.replaced(one)
        took = time.monotonic() - began
        self.assertGreater(took, DRAIN_S)
        self.assertLess(took, DRAIN_S + CONVERGE_S)
        await self.settled(3)

    async def all_leave_and_come_back(self):
        """The last one stays in the list, and is let go when its clients had their time."""
        pods = self.at.pods()
        self.excused |= {pod.ip for pod in pods}
        self.at.scale(0)
        await self.until("no pod is left", lambda: not self.at.all_pods(), CHANGE_S)
        for pod in pods:
            self.left_in_order(pod)
        self.assertEqual(len(self.sampler.lists[max(self.sampler.lists)]), 1)
        await self.condition("NodesDiffer", True)
        self.at.scale(3)
        await self.settled(3)
        await self.condition("NodesDiffer", False)
