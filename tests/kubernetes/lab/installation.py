"""muster in the lab: manifests as they are rendered, with the Secrets that an operator makes."""
import asyncio
import base64
import json
import os
import tempfile

import manifests
import services

DATA_PORT = 11211
ANSWER_S = 6.0
EXEC_S = 20


async def ask(ip, port=DATA_PORT):
    """What a node serves: (version, [(name, ip)]), or None before the first configuration."""
    async def conversation():
        reader, writer = await asyncio.open_connection(ip, port)
        try:
            writer.write(b"config get cluster\r\n")
            head = await reader.readline()
            if head == b"END\r\n":
                return None
            if not head.startswith(b"CONFIG "):
                raise ValueError(repr(head))
            body = (await reader.readexactly(int(head.split()[3]))).decode().split("\n")
            return int(body[0]), [tuple(one.split("|")[:2]) for one in body[1].split(" ")]
        finally:
            writer.close()
    return await asyncio.wait_for(conversation(), ANSWER_S)


def make_secret(cluster, namespace, name, files):
    """As `kubectl create secret generic`: {key: file}."""
    data = {}
    for key, path in files.items():
        with open(path, "rb") as file:
            data[key] = base64.b64encode(file.read()).decode()
    cluster.apply([{"apiVersion": "v1", "kind": "Secret", "data": data,
                    "metadata": {"name": name, "namespace": namespace}}])


class Installation:
    """One cluster of memcacheds, and what it needs. `inside`: the command line runs in a controller's container."""

    def __init__(self, cluster, rendered, namespace="caches", name="sessions", inside=False):
        self.cluster = cluster
        self.inside = inside
        self.namespace = namespace
        self.name = name
        self.rendered = rendered
        self.spec_text = None
        self._bin = os.path.join(os.environ["MUSTER_LAB_BIN"], "muster")

    async def make_keys(self, signing="muster-signing-key", trusted="muster-trusted-keys"):
        directory = tempfile.mkdtemp(prefix="keys-", dir=self.cluster.directory)
        private, public = (os.path.join(directory, name) for name in ("signing.key", "trusted.pub"))
        await self._run("key", "new", private, public)
        make_secret(self.cluster, self.namespace, signing, {"signing.key": private})
        make_secret(self.cluster, self.namespace, trusted, {"trusted.pub": public})

    async def make_join_token(self):
        path = os.path.join(self.cluster.directory, self.name)
        await self._run("token", "new", path)
        make_secret(self.cluster, self.namespace, self.name + "-join-token", {self.name: path})

    def start(self):
        self.cluster.apply(self.rendered)

    def upgrade(self, rendered):
        """What is no longer rendered goes, as Helm does it."""
        self.cluster.apply(rendered)
        kept = {manifests.key(one) for one in rendered}
        for one in self.rendered:
            if manifests.key(one) not in kept:
                self.cluster.remove(*manifests.key(one))
        self.rendered = rendered

    async def _run(self, *words):
        process = await asyncio.create_subprocess_exec(
            self._bin, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        said, wrong = await process.communicate()
        if process.returncode != 0:
            raise ValueError("muster %s: %s%s" % (" ".join(words), said.decode(), wrong.decode()))
        return said.decode()

    def etcds(self):
        return [pod for pod in self.cluster.pods if "etcd" in pod.name and pod.ip and not pod.lost]

    async def muster(self, *words):
        """What the command line says, asked from an operator's machine or where `kubectl exec` does."""
        if self.inside:
            return await self._run_inside(*words)
        ends = ",".join("http://%s:2379" % pod.ip for pod in self.etcds())
        return await self._run(*words, "--etcd-endpoints", ends)

    async def _run_inside(self, *words):
        controllers = [pod for pod in self.cluster.of("Deployment", self.namespace, "muster-controller") if pod.ready]
        if not controllers:
            raise ValueError("no controller is ready")
        code, said = await controllers[0].container("controller").container.execute(["muster", *words], EXEC_S)
        if code != 0:
            raise ValueError("muster %s: %s" % (" ".join(words), said))
        return said

    async def status(self):
        """What the controller says of the cluster."""
        return json.loads(await self.muster("get", "cluster", self.name, "-o", "json"))["status"]

    def pods(self):
        return self.cluster.of("StatefulSet", self.namespace, self.name)

    def all_pods(self):
        """Those that end included."""
        return [pod for pod in self.cluster.pods if pod.owner == ("StatefulSet", self.namespace, self.name)]

    def pod(self, ordinal):
        return self.cluster.pod("%s-%d" % (self.name, ordinal))

    def scale(self, replicas):
        self.cluster.scale("StatefulSet", self.namespace, self.name, replicas)

    def set_image(self, container, image):
        held = self.cluster.objects.get("StatefulSet", self.namespace, self.name)
        changed = manifests.merged(held, {})
        for one in changed["spec"]["template"]["spec"]["containers"]:
            if one["name"] == container:
                one["image"] = image
        self.cluster.apply([changed])

    @staticmethod
    async def tells(pod):
        """[(name, ip)] as a pod tells clients."""
        return (await ask(pod.ip))[1]

    def service_address(self):
        return self.cluster.objects.get("Service", self.namespace, self.name)["spec"]["clusterIP"]

    async def serves(self, count):
        """Whether `count` pods are Ready, and each of them lists just these, by ordinal."""
        pods = self.pods()
        if len(pods) != count or not all(pod.ready for pod in pods) or len(self.all_pods()) != count:
            return False
        wanted = [pod.ip for pod in pods]
        for pod in pods:
            told = await ask(pod.ip)
            if told is None or [ip for _, ip in told[1]] != wanted:
                return False
        return True


def target_pods(cluster, namespace, name):
    """The pods that a Service leads to at present."""
    return services.serving(cluster.objects.get("Service", namespace, name), cluster.pods)
