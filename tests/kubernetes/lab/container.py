"""A container of a pod: started, probed, asked to end, killed; a command run inside of it."""
import asyncio
import json
import os
import signal
import sys
import time

import environment
import manifests

_LAUNCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "launch.py")
_ROOT_KEEPS = ("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP",
               "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE")


def identity(pod_context, own, image, name):
    """Who a container runs as, from what its pod, itself and its image say."""
    both = dict(pod_context, **own)
    user = both.get("runAsUser", image.user)
    if both.get("runAsNonRoot") and not user:
        raise manifests.Mistake("%s: runAsNonRoot, and its user is %s" % (name, user))
    groups = list(pod_context.get("supplementalGroups", []))
    if "fsGroup" in pod_context:
        groups.append(pod_context["fsGroup"])
    changed = own.get("capabilities", {})
    dropped, added = changed.get("drop", []), changed.get("add", [])
    kept = [c for c in _ROOT_KEEPS if c not in dropped and "ALL" not in dropped] + added
    return {"uid": user or 0, "gid": both.get("runAsGroup", 0), "groups": groups, "capabilities": kept,
            "escalate": own.get("allowPrivilegeEscalation", True)}


class Container:
    """One run of a container after the other; `number` counts them."""

    def __init__(self, pod, spec):
        self.pod = pod
        self.spec = spec
        self.name = spec["name"]
        self.number = 0
        self.pid = None
        self.log = os.path.join(pod.directory, "%s.log" % self.name)
        self.closed = False  # its pod is gone
        self.ended = []  # (time, exit code) of former runs
        self._process = None
        self._plan = None
        self._over = None
        self._starting = None

    @property
    def running(self):
        return self.pid is not None

    def _plan_for(self):
        image = self.pod.cluster.images.find(self.spec["image"])
        if image is None:
            raise manifests.Mistake("%s: no image %s" % (self.pod.name, self.spec["image"]))
        own = self.spec.get("securityContext", {})
        found = environment.variables(self.pod, self.spec, self.pod.objects, image)
        scratch = os.path.join(self.pod.directory, "%s.%d" % (self.name, self.number))
        plan = {
            "argv": environment.words(self.spec, image, found), "environment": found,
            "directory": self.spec.get("workingDir", image.directory), "log": self.log,
            "network": "/run/netns/" + self.pod.network_namespace, "hostname": self.pod.hostname,
            "image": image.tree, "readOnlyRoot": own.get("readOnlyRootFilesystem", False),
            "mounts": self.pod.files_mounts + self.pod.volumes.mounts(self.spec.get("volumeMounts", [])),
        }
        most = self.spec.get("resources", {}).get("limits", {}).get("memory")
        if most:
            plan["group"] = self.pod.cluster.limits.make("%s.%s" % (self.pod.uid, self.name), manifests.amount(most))
        for part in ("root", "upper", "work"):
            plan[part] = os.path.join(scratch, part)
            os.makedirs(plan[part])
        plan.update(identity(self.pod.spec.get("securityContext", {}), own, image,
                             "%s/%s" % (self.pod.name, self.name)))
        return plan

    async def start(self):
        """Start it once more. Missing and Mistake say why it can't be."""
        self._starting = asyncio.ensure_future(self._start())
        await asyncio.shield(self._starting)  # once begun it is seen through, whoever is cancelled

    async def _start(self):
        if self.closed:
            return
        self.number += 1
        self._plan = self._plan_for()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-S", "-E", _LAUNCH, json.dumps(self._plan),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE)
        line = await self._process.stdout.readline()
        self._over = asyncio.ensure_future(self._process.wait())
        if not line.startswith(b"pid "):
            raise RuntimeError("%s/%s: not started" % (self.pod.name, self.name))
        self.pid = int(line.split()[1])
        if self.closed:
            self.signal(signal.SIGKILL)
        self.pod.tell("started", self.name)

    async def close(self):
        """Its pod goes: what begins is waited for, what runs is killed, nothing begins any more."""
        self.closed = True
        if self._starting:
            await asyncio.wait([self._starting])
        self.signal(signal.SIGKILL)

    async def wait(self):
        """Until it ends; its exit code."""
        code = await asyncio.shield(self._over)
        if self.pid is not None:
            self.pid = None
            self.ended.append((time.time(), code))
            self.pod.tell("ended", "%s %d" % (self.name, code))
        return code

    def signal(self, number):
        if self.pid is not None:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass

    async def execute(self, argv, timeout_s):
        """Run a command inside: its exit code and what it said. TimeoutError when time was up."""
        plan = dict(self._plan, argv=argv, inside=self.pid, log=None)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-S", "-E", _LAUNCH, json.dumps(plan), stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        try:
            said, _ = await asyncio.wait_for(process.communicate(), timeout_s)
        finally:
            if process.returncode is None:
                process.kill()  # its child has this as death signal
                await process.wait()
        first, _, rest = said.partition(b"\n")
        return process.returncode, (rest if first.startswith(b"pid ") else said).decode(errors="replace")

    def said(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    async def stop(self, grace_s):
        """SIGTERM, and SIGKILL when the time is over."""
        self.signal(signal.SIGTERM)
        if self._over is None:
            return
        try:
            await asyncio.wait_for(asyncio.shield(self._over), grace_s)
        except asyncio.TimeoutError:
            self.pod.tell("killed", self.name)
            self.signal(signal.SIGKILL)
        await self.wait()
