"""A Kubernetes cluster as far as pods can tell: objects, workloads, pods, network, names.

One event loop does all of it. Changes of any kind wake the controllers and those who wait for a condition.
"""
import asyncio
import os
import sys
import time

import manifests
import network
import services
from limits import Limits
from names import Names
from objects import Objects
from pod import Pod
from workloads import WORKLOADS, share

DOMAIN = "cluster.local"
TICK_S = 0.5  # for what time alone changes
GROUPS_TRIES = 10
ZONE = "topology.kubernetes.io/zone"
ZONES = ("zone-a", "zone-b", "zone-c")
# What the API refuses to change.
FOR_LIFE = {"StatefulSet": ("serviceName", "selector", "podManagementPolicy", "volumeClaimTemplates"),
            "Deployment": ("selector",), "Job": ("template", "selector", "completions")}


class TimeIsUp(Exception):
    """A condition did not come about."""


class Refused(Exception):
    """An eviction would break a budget."""


class Cluster:
    def __init__(self, directory, images, backoff_scale=1.0, out=None):
        self.directory = directory
        self.images = images
        self.backoff_scale = backoff_scale
        self.domain = DOMAIN
        self.resolver = network.RESOLVER
        self.host_ip = network.NODE
        self.network = network.Network()
        self.limits = Limits()
        self.names = Names()
        self.objects = Objects()
        self.pods = []
        self.workloads = {}
        self.failures = []
        self.log = []
        self._out = out
        self._began = time.time()
        self._zones = 0
        self._claims = {}
        self._wake = asyncio.Event()
        self._task = None

    # Life.

    async def __aenter__(self):
        await self.names.start(network.RESOLVER)
        self._task = asyncio.ensure_future(self._control())
        self._task.add_done_callback(self.noticed)
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        self.workloads.clear()
        for pod in list(self.pods):
            pod.delete(0)
        if self.pods:
            await asyncio.wait([pod.task for pod in self.pods], timeout=20)
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        if rest:  # probes that were cut short have processes to wait for
            await asyncio.wait(rest, timeout=5)
        self.names.stop()
        for _ in range(GROUPS_TRIES):
            if self.limits.remove():
                break
            await asyncio.sleep(TICK_S)

    def noticed(self, task):
        """An end of a task that nobody waits for: a mistake of the lab is told by the next wait."""
        if not task.cancelled() and task.exception():
            self.failures.append(task.exception())
            self.changed()

    def tell(self, who, what, detail=""):
        self.log.append((time.time(), who, what, detail))
        if self._out:
            print("%8.3f %-28s %-9s %s" % (time.time() - self._began, who, what, detail), file=self._out, flush=True)

    def changed(self):
        self._wake.set()

    async def _control(self):
        while True:
            self._wake.clear()
            for workload in list(self.workloads.values()):
                workload.reconcile()
            self._connect()
            try:
                await asyncio.wait_for(self._wake.wait(), TICK_S)
            except asyncio.TimeoutError:
                pass

    def _connect(self):
        """Names, Services and policies as pods are now."""
        held = self.objects.all("Service")
        self.names.table = services.names(held, self.pods, DOMAIN)
        self.names.table["kubernetes.default.svc." + DOMAIN] = [network.RESOLVER]
        self.network.set_services(services.ends(held, self.pods))
        spaces = {one["metadata"]["name"]: one["metadata"].get("labels", {}) for one in self.objects.all("Namespace")}
        self.network.set_policies(services.Policies(self.objects.all("NetworkPolicy"), self.pods, spaces).rules())

    # What operators do.

    def apply(self, wanted):
        for manifest in wanted:
            if manifest["kind"] == "Service":
                manifest = self._with_address(manifest)
            before = self.objects.get(*manifests.key(manifest))
            self._check_change(manifest, before)
            held = self.objects.put(manifest)
            if manifest["kind"] in WORKLOADS:
                self._put_workload(held, before)
            elif manifest["kind"] == "Pod":
                self.add(Pod(self, held["metadata"]["name"], held["metadata"]["namespace"], held, None))
        self.changed()

    def _with_address(self, manifest):
        before = self.objects.get(*manifests.key(manifest))
        if before is None and "clusterIP" not in manifest["spec"]:
            return manifests.merged(manifest, {"spec": {"clusterIP": self.network.new_service_address()}})
        return manifest

    @staticmethod
    def _check_change(manifest, before):
        for field in FOR_LIFE.get(manifest["kind"], ()) if before else ():
            if before["spec"].get(field) != manifest["spec"].get(field):
                raise manifests.Mistake("%s: spec.%s is for life" % (manifest["metadata"]["name"], field))

    def _put_workload(self, held, before):
        key = manifests.key(held)
        if before and before["spec"].get("template") != held["spec"]["template"]:
            held["former"] = before["spec"]["template"]
        if key in self.workloads:
            self.workloads[key].manifest = held
        else:
            self.workloads[key] = WORKLOADS[held["kind"]](self, held)

    def remove(self, kind, namespace, name):
        """Delete an object, and the pods that it made."""
        self.objects.remove(kind, namespace, name)
        self.workloads.pop((kind, namespace, name), None)
        for pod in self.pods:
            if pod.owner == (kind, namespace, name):
                pod.delete()
        self.changed()

    def patch(self, kind, namespace, name, change):
        self.apply([manifests.merged(self.objects.get(kind, namespace, name), change)])

    def scale(self, kind, namespace, name, replicas):
        self.patch(kind, namespace, name, {"spec": {"replicas": replicas}})

    def evict(self, pod):
        """Delete it if all budgets allow. Refused otherwise, as the eviction API does."""
        for budget in self.objects.all("PodDisruptionBudget"):
            if budget["metadata"]["namespace"] == pod.namespace and \
                    manifests.selects(budget["spec"].get("selector"), pod.labels):
                self._check_budget(budget, pod)
        pod.delete()

    def _check_budget(self, budget, pod):
        spec = budget["spec"]
        mine = [one for one in self.pods if one.namespace == pod.namespace
                and manifests.selects(spec.get("selector"), one.labels)]
        wanted = sum(workload.manifest["spec"].get("replicas", 1) for key, workload in self.workloads.items()
                     if any(one.owner == key for one in mine))
        healthy = sum(one.ready and not one.ending for one in mine)
        if not pod.ready and spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
            return
        if "minAvailable" in spec:
            least = share(spec["minAvailable"], wanted, True)
        else:
            least = wanted - share(spec["maxUnavailable"], wanted, True)
        if healthy - (1 if pod.ready else 0) < least:
            raise Refused("%s: %d are healthy, %d have to be" % (budget["metadata"]["name"], healthy, least))

    def lose(self, pod):
        """Its machine dies. Nobody is told, until `declare_lost`."""
        pod.lose()

    def declare_lost(self, pod):
        """The machine counts as out of service: its pod is deleted without a word from it."""
        pod.changed()
        pod.delete(0)

    # Pods.

    def add(self, pod):
        pod.labels.setdefault(ZONE, ZONES[self._zones % len(ZONES)])
        self._zones += 1
        self.pods.append(pod)
        pod.start()

    def forget(self, pod):
        self.pods.remove(pod)
        self.changed()

    def pod(self, name):
        return next((pod for pod in self.pods if pod.name == name), None)

    def of(self, kind, namespace, name):
        """A workload's pods that are not about to end, by name."""
        return sorted((pod for pod in self.pods if pod.owner == (kind, namespace, name) and not pod.ending),
                      key=lambda pod: (len(pod.name), pod.name))

    def claim(self, owner, name):
        """The directory of a claim: it outlives pods."""
        path = os.path.join(self.directory, "claims", owner[1], name)
        os.makedirs(path, exist_ok=True)
        self._claims[(owner[1], name)] = path
        return path

    # Waiting.

    async def until(self, what, condition, timeout_s, step_s=0.05):
        """Wait for a condition, a function that may be a coroutine; what it returns when it is true.
        Exceptions of it count as not yet."""
        deadline = time.monotonic() + timeout_s
        problem = None
        while True:
            if self.failures:
                raise self.failures[0]
            try:
                value = condition()
                value = await value if asyncio.iscoroutine(value) else value
                if value:
                    return value
                problem = None
            except (OSError, ValueError, LookupError, AssertionError) as error:
                problem = error
            if time.monotonic() >= deadline:
                raise TimeIsUp("%s: not within %d s (%s)" % (what, timeout_s, problem or "not so"))
            await asyncio.sleep(step_s)

    def dump(self, out=sys.stderr, lines=15):
        """What happened to pods, and what they have said last, for a failed test."""
        print("now %.3f" % time.time(), file=out)
        for pod in self.pods:
            print("== %s %s %s ready=%s %s" % (pod.name, pod.ip, pod.phase, pod.ready, pod.messages), file=out)
            for at, what, detail in pod.events[-lines:]:
                print("   %.3f %s %s" % (at, what, detail), file=out)
            for kept in pod.kept:
                said = kept.container.said().splitlines()[-lines:]
                print("-- %s restarts=%d\n%s" % (kept.spec["name"], kept.restarts, "\n".join(said)), file=out)
