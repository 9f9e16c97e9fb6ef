"""A pod and what the kubelet does with it, from its address to the last process' end.

Init containers run in order; one with restartPolicy Always is a sidecar: it has to have started before the
next, is restarted like the others, and ends after them, the last one first. Hooks of all containers begin at
once when a pod is to end, and count in its grace period.
"""
import asyncio
import os
import signal
import time
import uuid

import probes
from container import Container
from manifests import Mistake
from volumes import Missing, Volumes

GRACE_S = 30  # terminationGracePeriodSeconds by default
GRACE_LEAST_S = 2  # after a hook that took it all
BACKOFF_FIRST_S = 10
BACKOFF_MAX_S = 300
RETRY_S = 1  # while a Secret is missing
RESOLV = "search %(ns)s.svc.%(domain)s svc.%(domain)s %(domain)s\nnameserver %(resolver)s\noptions ndots:5\n"


def is_sidecar(spec):
    return spec.get("restartPolicy") == "Always"


class Kept:
    """A container that is kept running, with its probes."""

    def __init__(self, pod, spec, sidecar):
        self.pod = pod
        self.spec = spec
        self.container = Container(pod, spec)
        self.sidecar = sidecar
        self.begun = asyncio.Event()  # it was tried, and its first hook has run
        self.started = asyncio.Event()
        self.over = asyncio.Event()
        self.ready = False
        self.restarts = 0
        self.exit_code = None
        self.readiness = None
        self.watches = []
        self.task = None

    def keep(self):
        self.task = asyncio.ensure_future(self._keep())
        self.task.add_done_callback(self.pod.cluster.noticed)

    def _again(self, code):
        policy = "Always" if self.sidecar else self.pod.spec.get("restartPolicy", "Always")
        return not self.pod.ending and (policy == "Always" or (policy == "OnFailure" and code != 0))

    async def _keep(self):
        while not self.pod.ending:
            try:
                await self.container.start()
                code = await self._one_run()
            except (Missing, Mistake) as error:
                self.pod.say(self.spec["name"], str(error))
                self.begun.set()
                await asyncio.sleep(RETRY_S)
                continue
            self.exit_code = code
            if not self._again(code):
                break
            if self.restarts > 0:
                self.pod.say(self.spec["name"], "back-off")
                await self.pod.pause(self._backoff())
            self.restarts += 1
        self._lost()
        self.over.set()
        self.pod.changed()

    def _backoff(self):
        doubled = BACKOFF_FIRST_S * 2 ** min(self.restarts - 1, 10)
        return min(doubled, BACKOFF_MAX_S) * self.pod.cluster.backoff_scale

    async def _one_run(self):
        begin = self.spec.get("lifecycle", {}).get("postStart")
        if begin and await probes.act(self.container, begin, GRACE_S):
            await self.container.stop(self.pod.grace_s)
        self.begun.set()
        self._watch()
        code = await self.container.wait()
        self.stop_probes()
        self._lost()
        self.pod.changed()
        return code

    def _lost(self):
        self.ready = False
        self.started.clear()

    def _watch(self):
        startup = self.spec.get("startupProbe")
        if startup:
            self._probe("startup", startup, self._startup)
        else:
            self._has_started()
        waits = (lambda: not self.started.is_set())
        if "readinessProbe" in self.spec:
            self.readiness = self._probe("readiness", self.spec["readinessProbe"], self._readiness, waits)
        if "livenessProbe" in self.spec:
            self._probe("liveness", self.spec["livenessProbe"], self._liveness, waits)

    def _probe(self, kind, spec, change, hold=None):
        probe = probes.Probe(self.container, kind, spec, change, hold)
        self.watches.append((kind, asyncio.ensure_future(probe.watch())))
        return probe

    def stop_probes(self, kinds=("startup", "readiness", "liveness")):
        for kind, task in self.watches:
            if kind in kinds:
                task.cancel()
        self.watches = [(kind, task) for kind, task in self.watches if kind not in kinds]

    def _has_started(self):
        self.started.set()
        if "readinessProbe" not in self.spec:
            self.ready = True
        self.pod.changed()

    async def _startup(self, good):
        if good:
            self._has_started()
            self._end_probe("startup")
        else:
            await self._unwell("startup")

    async def _readiness(self, good):
        if good != self.ready:
            self.ready = good
            self.pod.tell("ready" if good else "unready", "%s: %s" % (self.spec["name"], self.readiness.said))
            self.pod.changed()

    async def _liveness(self, good):
        if not good:
            await self._unwell("liveness")

    def _end_probe(self, kind):
        self.watches = [(k, t) for k, t in self.watches if k != kind or t is not asyncio.current_task() or t.cancel()]

    async def _unwell(self, kind):
        """A probe says that the container has to be restarted."""
        if self.pod.ending:
            return
        self.pod.tell("unwell", "%s: %s" % (self.spec["name"], kind))
        grace = self.spec[kind + "Probe"].get("terminationGracePeriodSeconds", self.pod.grace_s)
        asyncio.ensure_future(self.end(time.monotonic() + grace, None))
        await asyncio.sleep(3600)  # the end of the run cancels this probe

    async def end(self, until, turn):
        """Hook, turn, SIGTERM, SIGKILL: all before `until`, but for the least time."""
        hook = self.spec.get("lifecycle", {}).get("preStop")
        if hook and self.container.running:
            self.pod.tell("hook", self.spec["name"])
            try:
                problem = await asyncio.wait_for(
                    probes.act(self.container, hook, 3600), max(until - time.monotonic(), 0.01))
            except asyncio.TimeoutError:
                problem = "timed out"
            self.pod.tell("hooked", "%s: %s" % (self.spec["name"], problem or "ok"))
        if turn:
            try:
                await asyncio.wait_for(turn(), max(until - time.monotonic(), 0.01))
            except asyncio.TimeoutError:
                pass
        if self.container.running:
            self.pod.tell("term", self.spec["name"])
            await self.container.stop(max(until - time.monotonic(), GRACE_LEAST_S))


class Pod:
    """One pod. `changed` of the cluster is called whenever its status does."""

    def __init__(self, cluster, name, namespace, template, owner, claims=None):
        metadata = template.get("metadata", {})
        self.cluster = cluster
        self.objects = cluster.objects.within(namespace)
        self.name = name
        self.namespace = namespace
        self.uid = str(uuid.uuid4())
        self.owner = owner
        self.labels = dict(metadata.get("labels") or {})
        self.annotations = dict(metadata.get("annotations") or {})
        self.spec = template["spec"]
        self.hostname = self.spec.get("hostname", name)
        self.machine = "machine-of-" + name
        self.host_ip = cluster.host_ip
        self.directory = os.path.join(cluster.directory, "pods", self.uid)
        self.network_namespace, self.ip = None, None
        self.files_mounts = []
        self.kept = []
        self.messages = {}
        self.events = []
        self.ending = False
        self.lost = False
        self.phase = "Pending"
        self.ready_since = None
        self.created = time.time()
        self._claims = claims or {}
        self.volumes = None
        self._end = asyncio.Event()
        self._delete_grace = None
        self.gone = asyncio.Event()
        self.task = None

    # What others read.

    @property
    def grace_s(self):
        return self.spec.get("terminationGracePeriodSeconds", GRACE_S)

    @property
    def ready(self):
        return self.ready_since is not None

    def declared(self):
        return self.spec.get("initContainers", []) + self.spec["containers"]

    def container(self, name):
        return {kept.spec["name"]: kept for kept in self.kept}[name]

    def tell(self, what, detail=""):
        self.events.append((time.time(), what, detail))
        self.cluster.tell(self.name, what, detail)

    def say(self, container, message):
        if self.messages.get(container) != message:
            self.messages[container] = message
            self.tell("waits", "%s: %s" % (container, message))

    def changed(self):
        up = [kept for kept in self.kept if kept.spec in self.spec["containers"] or kept.sidecar]
        all_there = len(up) == len(self.spec["containers"]) + sum(map(is_sidecar, self.spec.get("initContainers", [])))
        ready = all_there and all(kept.ready for kept in up) and not self.lost
        if ready and not self.ready:
            self.ready_since = time.monotonic()
            self.tell("Ready")
        elif not ready and self.ready:
            self.ready_since = None
            self.tell("NotReady")
        self.cluster.changed()

    # What is done with it.

    def start(self):
        self.task = asyncio.ensure_future(self._live())
        self.task.add_done_callback(self.cluster.noticed)

    def delete(self, grace_s=None):
        """Ask it to end. A shorter time wins over a longer one."""
        if not self.ending:
            self.tell("deleted")
        self.ending = True
        self._delete_grace = self.grace_s if grace_s is None else grace_s
        self._end.set()
        self.cluster.changed()

    def lose(self):
        """Its machine dies: nothing is asked, nothing answers any more, nobody is told."""
        self.tell("lost")
        self.lost = True
        self.cluster.network.unplug(self.network_namespace)
        for kept in self.kept:
            kept.stop_probes()
            if kept.task:
                kept.task.cancel()
            kept.container.signal(signal.SIGKILL)

    async def pause(self, seconds):
        """Wait, or until the pod is to end."""
        try:
            await asyncio.wait_for(self._end.wait(), seconds)
        except asyncio.TimeoutError:
            pass

    async def _live(self):
        try:
            self._make()
            living = asyncio.ensure_future(self._run())
            await asyncio.wait({living, asyncio.ensure_future(self._end.wait())},
                               return_when=asyncio.FIRST_COMPLETED)
            if living.done():
                living.result()
                await self._end.wait()
            living.cancel()
            if not self.lost:
                await self._terminate()
        finally:
            await self._remove()

    def _make(self):
        os.makedirs(self.directory)
        self.network_namespace, self.ip = self.cluster.network.add_pod(self.name)
        self.cluster.network.set(self.network_namespace, self.spec.get("securityContext", {}).get("sysctls", []))
        self.volumes = Volumes(os.path.join(self.directory, "volumes"), self.objects, self._claims)
        texts = {"resolv.conf": RESOLV % {"ns": self.namespace, "domain": self.cluster.domain,
                                          "resolver": self.cluster.resolver},
                 "hostname": self.hostname + "\n",
                 "hosts": "127.0.0.1 localhost\n%s %s\n" % (self.ip, self.hostname)}
        for name, text in texts.items():
            path = os.path.join(self.directory, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            self.files_mounts.append({"source": path, "target": "/etc/" + name, "readOnly": False})
        self.tell("address", self.ip)

    async def _run(self):
        await self._make_volumes()
        for spec in self.spec.get("initContainers", []):
            kept = Kept(self, spec, is_sidecar(spec))
            self.kept.append(kept)
            await (self._start_sidecar(kept) if kept.sidecar else self._run_to_end(kept))
        self.phase = "Running"
        mains = [Kept(self, spec, False) for spec in self.spec["containers"]]
        self.kept += mains
        for kept in mains:
            kept.keep()
            await kept.begun.wait()
        for kept in mains:
            await kept.over.wait()
        self.phase = "Succeeded" if all(kept.exit_code == 0 for kept in mains) else "Failed"
        self.tell(self.phase)
        await self._stop_kept(time.monotonic() + self.grace_s)
        self.changed()

    async def _make_volumes(self):
        while True:
            try:
                self.volumes.make(self.spec.get("volumes", []), self.spec.get("securityContext", {}).get("fsGroup"))
                return
            except Missing as error:
                self.say("volumes", str(error))
                self.volumes.remove()
                await asyncio.sleep(RETRY_S)

    async def _start_sidecar(self, kept):
        kept.keep()
        await kept.started.wait()

    async def _run_to_end(self, kept):
        """An init container, until it has ended well."""
        while True:
            try:
                await kept.container.start()
                if await kept.container.wait() == 0:
                    return
            except (Missing, Mistake) as error:
                self.say(kept.spec["name"], str(error))
                await asyncio.sleep(RETRY_S)
                continue
            if self.spec.get("restartPolicy", "Always") == "Never":
                self.phase = "Failed"
                await asyncio.sleep(3600)
            if kept.restarts > 0:
                await self.pause(kept._backoff())
            kept.restarts += 1

    async def _terminate(self):
        for kept in self.kept:
            kept.stop_probes(("startup", "liveness"))
        await self._stop_kept(time.monotonic() + self._delete_grace)

    async def _stop_kept(self, until):
        """Mains at once; each sidecar when the mains and the sidecars after it are over."""
        mains = [kept for kept in self.kept if not kept.sidecar]
        sidecars = [kept for kept in self.kept if kept.sidecar]
        ends = {}

        async def turn(index):
            await asyncio.gather(*(asyncio.shield(ends[id(k)]) for k in mains + sidecars[index + 1:]))
        for kept in mains:
            ends[id(kept)] = asyncio.ensure_future(kept.end(until, None))
        for index in reversed(range(len(sidecars))):
            kept = sidecars[index]
            ends[id(kept)] = asyncio.ensure_future(kept.end(until, lambda index=index: turn(index)))
        if ends:
            await asyncio.gather(*ends.values())

    async def _remove(self):
        for kept in self.kept:
            kept.stop_probes()
            if kept.task:
                kept.task.cancel()
            await kept.container.close()
        if self.volumes:
            self.volumes.remove()
        if self.network_namespace:
            self.cluster.network.remove_pod(self.network_namespace, self.ip)
        self.tell("gone")
        self.ready_since = None
        self.gone.set()
        self.cluster.forget(self)
