"""The lab's own network: names, Service addresses, policies, cuts."""
import manifests
import network
from scene import Scene
from test_kubelet import container, pod, traps

ASK = "import socket,sys; print(sorted({a[4][0] for a in socket.getaddrinfo(sys.argv[1], 1, socket.AF_INET)}))"
RESOLVE = ("import socket,sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1.5); "
           "s.sendto(b'ab\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\1x\\0\\0\\1\\0\\1', (sys.argv[1], 53)); print(s.recv(512)[:2].decode())")
CONNECT = ("import socket,sys; c = socket.create_connection((sys.argv[1], int(sys.argv[2])), 1.5); "
           "print(c.makefile().readline())")
CONNECT_OFTEN = ("import socket,sys; connect = lambda: socket.create_connection((sys.argv[1], int(sys.argv[2])), 1.5); "
                 "print(*sorted({connect().makefile().readline().strip() for _ in range(12)}))")
SERVE = ("import signal,socket,sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); s = socket.create_server((sys.argv[1], 8000))\n"
         "while True:\n c, _ = s.accept(); c.sendall(sys.argv[2].encode() + b'\\n'); c.close()")


def server(name, labels=None, **spec):
    """Says its name to who connects; is ready while /tmp/ready is there."""
    manifest = pod(name, {
        "name": "main", "image": "client", "command": ["/usr/bin/python3", "-c", SERVE, "$(IP)", name],
        "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "ports": [{"name": "web", "containerPort": 8000}],
        "readinessProbe": {"exec": {"command": ["cat", "/tmp/ready"]}, "periodSeconds": 1, "failureThreshold": 1,
                           "timeoutSeconds": 30},
    }, subdomain="all", **spec)
    manifest["metadata"]["labels"] = labels or {"app": "server"}
    return manifest


def service(name, **spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": dict({
        "selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": "web"}]}, **spec)}


class Net(Scene):
    async def begin(self, *more):
        self.cluster.apply(manifests.read(manifests.yaml.dump_all([
            service("ready"), service("all", clusterIP="None", publishNotReadyAddresses=True),
            service("good", clusterIP="None"), server("s-0"), server("s-1"),
            pod("asker", container("main", traps("x"), image="client"))] + list(more))))
        await self.until("all run", lambda: all(p.phase == "Running" and p.kept[-1].container.running
                                                for p in self.cluster.pods))

    async def run_in(self, name, program, *words):
        code, said = await self.cluster.pod(name).container("main").container.execute(
            ["/usr/bin/python3", "-c", program] + list(words), 30)
        return said.strip() if code == 0 else "failed"

    async def make_ready(self, name):
        one = self.cluster.pod(name)
        await one.container("main").container.execute(["touch", "/tmp/ready"], 30)
        await self.until(name + " ready", lambda: one.ready)

    async def ips(self, name, count):
        async def asked():
            said = await self.run_in("asker", ASK, name)
            return said if said.count(".") == 3 * count else None
        return await self.until("%d addresses of %s" % (count, name), asked)

    async def test_names_and_addresses_follow_readiness(self):
        await self.begin()
        one = self.cluster.pod("s-0")
        self.assertEqual(await self.ips("s-0.all", 1), str([one.ip]))
        await self.ips("all.default.svc.cluster.local", 2)
        self.assertEqual(await self.run_in("asker", ASK, "nobody.all"), "failed")
        self.assertEqual(await self.run_in("asker", ASK, "s-0.good"), "failed")
        self.assertEqual(await self.run_in("asker", CONNECT, "ready", "80"), "failed")
        await self.make_ready("s-0")
        self.assertEqual(await self.ips("good", 1), str([one.ip]))
        await self.until("served", lambda: self.is_served(["s-0"]))
        await self.make_ready("s-1")
        await self.until("served by both", lambda: self.is_served(["s-0", "s-1"]))
        one.delete()
        await self.until("served by one", lambda: self.is_served(["s-1"]))

    async def is_served(self, wanted):
        """Whether the Service leads to just these."""
        return (await self.run_in("asker", CONNECT_OFTEN, "ready", "80")).split() == wanted

    async def test_policies_let_through_what_both_sides_allow(self):
        policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p"}, "spec": {
            "podSelector": {"matchLabels": {"app": "server"}}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "asker"}}}],
                         "ports": [{"port": 8000, "protocol": "TCP"}]}]}}
        await self.begin(policy, pod("other", container("main", traps("x"), image="client")))
        ip = self.cluster.pod("s-0").ip
        await self.until("let in", lambda: self.answers("asker", ip, "s-0"))
        self.assertEqual(await self.run_in("asker", RESOLVE, network.RESOLVER), "ab")
        self.assertEqual(await self.run_in("other", CONNECT, ip, "8000"), "failed")
        self.cluster.apply([manifests.merged(policy, {"metadata": {"name": "q"}, "spec": {
            "podSelector": {"matchLabels": {"app": "asker"}}, "policyTypes": ["Egress"],
            "ingress": None, "egress": [{"ports": [{"port": 9, "protocol": "TCP"}]}]}})])
        await self.until("kept back", lambda: self.answers("asker", ip, "failed"))
        self.assertEqual(await self.run_in("asker", RESOLVE, network.RESOLVER), "failed")  # nobody named port 53
        self.assertEqual(await self.run_in("other", RESOLVE, network.RESOLVER), "ab")

    async def answers(self, who, ip, expected):
        return await self.run_in(who, CONNECT, ip, "8000") == expected

    async def test_a_cut_parts_two_and_no_others_until_it_is_mended(self):
        await self.begin()
        one, other, asker = (self.cluster.pod(name) for name in ("s-0", "s-1", "asker"))
        self.cluster.network.cut(one.ip, asker.ip)
        self.assertEqual(await self.run_in("asker", CONNECT, one.ip, "8000"), "failed")
        await self.until("another is reached", lambda: self.answers("asker", other.ip, "s-1"))
        await self.until("it is reached by another", lambda: self.answers("s-1", one.ip, "s-0"))
        self.assertEqual(await self.run_in("asker", CONNECT, one.ip, "8000"), "failed")
        self.cluster.network.mend(asker.ip, one.ip)
        await self.until("it is reached", lambda: self.answers("asker", one.ip, "s-0"))
