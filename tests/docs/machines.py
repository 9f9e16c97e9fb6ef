"""Machines for pages that need several: each a network namespace with an address of its own on one
bridge, and a mount namespace in which what an installation writes lies on top of what this machine has.

Everything lies inside the namespaces of the test itself and goes with it.
"""
import os
import subprocess
import time

BRIDGE = "docs0"
NETWORK = "10.0.0.%d"
COVERED = ("/usr", "/etc", "/var")  # what is written there stays in the machine
EMPTY = ("/run",)
READY_TIMEOUT_S = 60


def call(*command):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


class Machine:
    """Number `number`, from 1: 10.0.0.<number>. What it writes lies in memory, mounted
    below `directory`, where its commands are run."""

    def __init__(self, name, number, directory):
        self.name = name
        self.address = NETWORK % number
        layers = "%s/.machine-%d" % (directory, number)
        script = ["hostname " + name, "mkdir " + layers, "mount -t tmpfs tmpfs " + layers]
        for path in COVERED:
            at = layers + path
            script += ["mkdir %s %s.work" % (at, at),
                       "mount -t overlay overlay -o lowerdir=%s,upperdir=%s,workdir=%s.work %s"
                       % (path, at, at, path)]
        script += ["mount -t tmpfs tmpfs " + path for path in EMPTY]
        script += ["touch /run/ready", "exec sleep infinity"]
        self.process = subprocess.Popen(
            ["unshare", "--net", "--mount", "--uts", "--propagation", "private", "sh", "-ec",
             "\n".join(script)],
            stdin=subprocess.DEVNULL)
        self.enter = ["nsenter", "-t", str(self.process.pid), "-n", "-m", "-u", "--wdns=" + directory]
        self._await("/run/ready")
        self._connect("docs-%d" % number)

    def _await(self, path):
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not os.path.exists("/proc/%d/root%s" % (self.process.pid, path)):
            if self.process.poll() is not None or deadline < time.monotonic():
                raise RuntimeError("machine %s did not come up" % self.name)
            time.sleep(0.02)

    def _connect(self, link):
        call("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns",
             str(self.process.pid))
        call("ip", "link", "set", link, "master", BRIDGE, "up")
        for command in (["ip", "address", "add", self.address + "/24", "dev", "eth0"],
                        ["ip", "link", "set", "eth0", "up"], ["ip", "link", "set", "lo", "up"]):
            call(*(self.enter + command))


def make_bridge():
    call("ip", "link", "add", BRIDGE, "type", "bridge")
    call("ip", "address", "add", NETWORK % 254 + "/24", "dev", BRIDGE)
    call("ip", "link", "set", BRIDGE, "up")
