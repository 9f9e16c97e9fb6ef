"""The overlay `dev` with the component `join-through-peers`: who is new asks a node, and who finds none, etcd."""
import json
import os

import manifests
from story import CHANGE_S, HERE, Story

NODES = 3
ETCD = ("NetworkPolicy", "caches", "muster-etcd")
INDEX = "apps.kubernetes.io/pod-index"


class Peers(Story):
    def rendered(self):
        return manifests.kustomize(os.path.join(HERE, "overlays/peers"))

    async def prepare(self):
        await super().prepare()
        await self.at.make_join_token()

    async def test_who_is_new_asks_a_node_and_who_finds_none_etcd(self):
        await self.begin(NODES)
        await self.settled(NODES)
        self.somebody_registered()
        await self.a_new_pod_is_heard_of_through_nodes()
        leaver = self.at.pod(NODES)
        await self.scale(NODES)
        self.left_in_order(leaver)
        await self.a_pod_comes_back()
        await self.all_come_back()

    @staticmethod
    def ways(pod):
        """How it has asked to be let in."""
        said = pod.container("watcher").container.said()
        return [one for one in ("join-asked", "join-registered") if "event=%s " % one in said]

    def somebody_registered(self):
        """Those that are later may find one that is there."""
        self.assertIn("join-registered", [way for pod in self.at.pods() for way in self.ways(pod)])

    async def a_new_pod_is_heard_of_through_nodes(self):
        """It does not reach etcd: it is asked for there by others, and is a node once it reaches etcd itself."""
        etcd = self.cluster.objects.get(*ETCD)
        self.cluster.apply([self.closed_to_new_pods(etcd)])
        self.at.scale(NODES + 1)

        async def seen():
            joins = json.loads(await self.at.muster("get", "joins", self.at.name, "-o", "json"))
            return [one["seenBy"].split(",") for one in joins if one["host"] == "sessions-%d" % NODES]
        by, = await self.until("nodes have seen its request", seen, CHANGE_S)
        self.assertLessEqual(set(by), {pod.name for pod in self.at.pods()[:NODES]})
        self.assertNotIn("event=etcd-heard", self.at.pod(NODES).container("watcher").container.said())
        self.assertFalse(self.at.pod(NODES).ready)
        self.cluster.apply([etcd])
        await self.settled(NODES + 1)
        self.assertEqual(self.ways(self.at.pod(NODES)), ["join-asked"])

    @staticmethod
    def closed_to_new_pods(policy):
        """The policy of etcd, which lets in controllers and the first nodes only."""
        who = [{"app.kubernetes.io/component": "controller"}] + [{INDEX: str(i)} for i in range(NODES)]
        changed = manifests.merged(policy, {})
        changed["spec"]["ingress"][0]["from"] = [{"podSelector": {"matchLabels": labels}} for labels in who]
        return changed

    async def lose(self, pods):
        self.excused.update(pod.ip for pod in pods)
        for pod in pods:
            self.cluster.lose(pod)
        await self.until("the client has noticed", lambda: {pod.ip for pod in pods} & {
            told.get("failed") for told in self.told()})
        for pod in pods:
            self.cluster.declare_lost(pod)
        await self.until("others have their names", lambda: len(self.at.pods()) == NODES
                         and not set(pods) & set(self.at.pods()), CHANGE_S)
        await self.settled(NODES)

    async def a_pod_comes_back(self):
        await self.lose([self.at.pod(1)])
        self.assertEqual(self.ways(self.at.pod(1)), ["join-asked"])

    async def all_come_back(self):
        """Of the nodes that they could ask none is left."""
        await self.lose(self.at.pods())
        self.somebody_registered()
