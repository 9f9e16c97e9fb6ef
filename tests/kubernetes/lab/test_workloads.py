"""The lab's own controllers: StatefulSets, Deployments, Jobs, budgets."""
import copy

import manifests
from cluster import Refused
from scene import Scene
from test_kubelet import container, traps


def main(script=traps("x")):
    """Ready once /tmp/ready is there; `traps` makes it so at once."""
    return container("main", "touch /tmp/ready; " + script,
                     readinessProbe={"exec": {"command": ["cat", "/tmp/ready"]}, "periodSeconds": 1,
                                     "timeoutSeconds": 30})


def stateful(replicas, script=traps("x"), **spec):
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "s"}, "spec": dict({
        "replicas": replicas, "serviceName": "s", "selector": {"matchLabels": {"app": "s"}},
        "template": {"metadata": {"labels": {"app": "s"}},
                     "spec": {"terminationGracePeriodSeconds": 2, "containers": [main(script)]}}}, **spec)}


KEY = ("StatefulSet", "default", "s")


class Workloads(Scene):
    backoff_scale = 0.01

    def apply(self, *wanted):
        self.cluster.apply(manifests.read(manifests.yaml.dump_all(copy.deepcopy(wanted))))

    async def ready(self, count):
        await self.until("%d ready" % count, lambda: sum(pod.ready for pod in self.cluster.of(*KEY)) == count
                         and len(self.cluster.pods) == count)
        return self.cluster.of(*KEY)

    def said(self, pod):
        return pod.container("main").container.said().split()

    def log(self, *whats):
        return ["%s %s" % (who, what) for _, who, what, _ in self.cluster.log if what in whats]

    async def test_ordered_pods_come_and_go_one_by_one(self):
        self.apply(stateful(3))
        await self.ready(3)
        self.assertEqual(self.log("address", "Ready"), [
            "s-0 address", "s-0 Ready", "s-1 address", "s-1 Ready", "s-2 address", "s-2 Ready"])
        self.cluster.scale(*KEY, 1)
        await self.ready(1)
        self.assertEqual(self.log("deleted", "gone"), ["s-2 deleted", "s-2 gone", "s-1 deleted", "s-1 gone"])

    async def test_parallel_pods_come_and_go_together(self):
        self.apply(stateful(3, podManagementPolicy="Parallel"))
        await self.ready(3)
        self.assertEqual(self.log("address", "Ready")[:3], ["s-0 address", "s-1 address", "s-2 address"])
        self.cluster.scale(*KEY, 1)
        await self.ready(1)
        self.assertEqual(self.log("deleted", "gone")[:2], ["s-2 deleted", "s-1 deleted"])

    async def test_an_update_goes_down_to_the_partition_and_waits_for_each(self):
        rolling = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
        self.apply(stateful(3, podManagementPolicy="Parallel", updateStrategy=rolling))
        before = await self.ready(3)
        self.apply(stateful(3, traps("y"), podManagementPolicy="Parallel", updateStrategy=rolling))
        await self.until("two are new", lambda: [a is b for a, b in zip(before, self.cluster.of(*KEY))] ==
                         [True, False, False] and all(pod.ready for pod in self.cluster.of(*KEY)))
        after = self.log("deleted", "Ready")
        self.assertEqual(after[after.index("s-2 deleted"):], ["s-2 deleted", "s-2 Ready", "s-1 deleted", "s-1 Ready"])
        before[0].delete()
        pods = await self.ready(3)
        self.assertIsNot(pods[0], before[0])
        self.assertIn("echo x", str(pods[0].spec))  # what is below the partition comes back as it was

    async def test_an_update_that_does_not_come_up_stops(self):
        self.apply(stateful(3, podManagementPolicy="Parallel"))
        before = await self.ready(3)
        self.apply(stateful(3, "exit 1", podManagementPolicy="Parallel"))
        # Between two pods of that name there is none, and a new one has no containers yet.
        def fails():
            pod = self.cluster.pod("s-2")
            return pod not in (before[2], None) and any(kept.restarts > 2 for kept in pod.kept)
        await self.until("the last one fails", fails)
        self.assertEqual(self.cluster.of(*KEY)[:2], before[:2])

    async def test_a_pod_comes_back_under_its_name_with_another_address_and_its_claim(self):
        claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
        wanted = stateful(1, "cat /data/kept; echo kept >/data/kept; " + traps("x"), volumeClaimTemplates=[claim])
        wanted["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        self.apply(wanted)
        before, = await self.ready(1)
        await self.until("kept", lambda: "up" in self.said(before))
        self.cluster.lose(before)
        self.cluster.declare_lost(before)
        await self.until("another", lambda: self.cluster.pod("s-0") not in (before, None))
        after, = await self.ready(1)
        self.assertNotEqual(after.ip, before.ip)
        await self.until("found", lambda: "up" in self.said(after))
        self.assertEqual(self.said(after), ["kept", "up"])

    async def test_evictions_keep_the_budget(self):
        budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"},
                  "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "s"}}}}
        self.apply(stateful(3, podManagementPolicy="Parallel"), budget)
        one, two, _ = await self.ready(3)
        self.cluster.evict(one)
        with self.assertRaises(Refused):
            self.cluster.evict(two)
        await self.until("another", lambda: self.cluster.pod("s-0") not in (one, None))
        await self.ready(3)
        self.cluster.evict(two)

    async def test_who_is_not_ready_is_spared_where_others_are_not_ready(self):
        def budget(policy):
            self.apply({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"}, "spec": {
                "maxUnavailable": 1, "selector": {"matchLabels": {"app": "s"}}, "unhealthyPodEvictionPolicy": policy}})
        self.apply(stateful(3, "rm /tmp/ready; " + traps("x"), podManagementPolicy="Parallel"))
        await self.until("three pods", lambda: len(self.cluster.of(*KEY)) == 3)
        one = self.cluster.of(*KEY)[0]
        budget("IfHealthyBudget")
        with self.assertRaises(Refused):
            self.cluster.evict(one)
        budget("AlwaysAllow")
        self.cluster.evict(one)

    async def test_budgets_may_be_shares_which_are_rounded_up(self):
        def budget(**bound):
            self.apply({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"},
                        "spec": dict({"selector": {"matchLabels": {"app": "s"}}}, **bound)})
        self.apply(stateful(3, podManagementPolicy="Parallel"))
        one, two, three = await self.ready(3)
        budget(minAvailable="67%")
        with self.assertRaises(Refused):
            self.cluster.evict(one)
        budget(minAvailable="66%")  # two of three
        self.cluster.evict(one)
        with self.assertRaises(Refused):
            self.cluster.evict(two)
        budget(maxUnavailable="34%")  # again two
        self.cluster.evict(two)
        with self.assertRaises(Refused):
            self.cluster.evict(three)

    async def test_a_deployment_keeps_its_number_and_replaces_with_what_it_may(self):
        def deployment(script):
            return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {
                "replicas": 2, "selector": {"matchLabels": {"app": "d"}},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                "template": {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [main(script)]}}}}
        key = ("Deployment", "default", "d")

        async def two(but=()):
            await self.until("two ready", lambda: len(self.cluster.pods) == 2 and not set(but) & set(self.cluster.pods)
                             and all(pod.ready for pod in self.cluster.of(*key)))
            return self.cluster.of(*key)
        self.apply(deployment(traps("x")))
        before = await two()
        before[0].delete()
        before = await two(before[:1])
        least = []
        self.cluster.tell = lambda *_: least.append(sum(pod.ready for pod in self.cluster.of(*key)))
        self.apply(deployment(traps("y")))
        await two(before)
        self.assertGreaterEqual(min(least), 2)

    async def test_a_job_is_tried_again_until_it_is_done(self):
        self.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": {
            "backoffLimit": 1, "template": {"metadata": {}, "spec": {"restartPolicy": "Never", "containers": [
                container("main", "exit 1")]}}}})
        job = self.cluster.workloads[("Job", "default", "j")]
        await self.until("tried twice", lambda: job.failed == 2 and not self.cluster.pods)
        self.assertFalse(job.done)

    async def test_what_is_for_life_can_not_be_changed(self):
        self.apply(stateful(0))
        self.apply(stateful(0, traps("y"), minReadySeconds=1))
        for change in ({"serviceName": "t"}, {"podManagementPolicy": "Parallel"}, {"selector": {"matchLabels": {"a": "b"}}}):
            with self.assertRaises(manifests.Mistake):
                self.apply(stateful(0, **change))
