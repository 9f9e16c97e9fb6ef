"""Pods' network: each pod is a network namespace with an address of its own, routed, and one table of
rules for what a cluster's network does: Service addresses, policies, and cuts that tests ask for.

Made inside the network namespace of the test and gone with it.
"""
import ipaddress
import subprocess

NODE = "10.244.0.1"  # what kubelets probe from
PODS = ipaddress.ip_network("10.244.0.0/16")
SERVICES = ipaddress.ip_network("10.96.0.0/16")
RESOLVER = "10.96.0.10"
GATEWAY = "169.254.1.1"
GATEWAY_LINK = "ee:ee:ee:ee:ee:ee"  # of the host's end of each pod's link
FIRST_POD = 16  # below: the node, and clients outside of the cluster's pods
FIRST_SERVICE = 256

_TABLE = """
add table ip lab
delete table ip lab
table ip lab {
  chain cut {
    type filter hook forward priority -10; policy accept;
%(cuts)s
  }
  chain policies {
    ct state established,related accept
%(policies)s
  }
  chain passing {
    type filter hook forward priority 0; policy accept;
    jump policies
  }
  chain resolving {
    type filter hook input priority 0; policy accept;
    ip daddr %(resolver)s jump policies
  }
  chain services {
    type nat hook prerouting priority -100; policy accept;
%(services)s
  }
  chain own {
    type nat hook output priority -100; policy accept;
%(services)s
  }
  chain hairpins {
    type nat hook postrouting priority 100; policy accept;
%(hairpins)s
  }
}
"""


def call(*command, text=None):
    done = subprocess.run(command, input=text, text=True, stdin=None if text else subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise RuntimeError("%s: %s\n%s" % (" ".join(command), done.stdout.strip(), text or ""))
    return done.stdout


class Network:
    def __init__(self):
        self._next_pod = FIRST_POD
        self._next_service = FIRST_SERVICE
        self._links = {}  # namespace: the host's end
        self._cuts = set()
        self._services = {}
        self._policies = []
        self._addresses = set()
        call("ip", "-batch", "-", text="\n".join((
            "link set lo up", "address replace %s/32 dev lo" % NODE, "address replace %s/32 dev lo" % RESOLVER,
            "route replace unreachable %s" % SERVICES)) + "\n")
        call("sysctl", "-qw", "net.ipv4.ip_forward=1")

    def add_pod(self, name):
        """A namespace; its path and its address, which nobody had before."""
        address = str(PODS[self._next_pod])
        self._next_pod += 1
        namespace, link = "%s-%s" % (name, address), "pod%d" % self._next_pod
        self._links[namespace] = link
        call("ip", "netns", "add", namespace)
        call("ip", "link", "add", link, "address", GATEWAY_LINK, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        call("ip", "-batch", "-", text="link set %s up\nroute add %s/32 dev %s src %s\n"
             % (link, address, link, NODE))
        call("ip", "-n", namespace, "-batch", "-", text="\n".join((
            "link set lo up", "link set eth0 up", "address add %s/32 dev eth0" % address,
            "neigh add %s lladdr %s dev eth0 nud permanent" % (GATEWAY, GATEWAY_LINK),
            "route add %s dev eth0 scope link" % GATEWAY, "route add default via %s dev eth0" % GATEWAY)) + "\n")
        self._addresses.add(address)
        return namespace, address

    def set(self, namespace, settings):
        """The network settings of a pod: [{"name", "value"}]."""
        if settings:
            call("ip", "netns", "exec", namespace, "sysctl", "-qw", *("%(name)s=%(value)s" % one for one in settings))

    def remove_pod(self, namespace, address):
        call("ip", "link", "del", self._links.pop(namespace))  # a namespace alone would keep it for a while
        call("ip", "netns", "del", namespace)
        self._addresses.discard(address)
        self._cuts = {cut for cut in self._cuts if address not in cut}

    def new_service_address(self):
        self._next_service += 1
        return str(SERVICES[self._next_service])

    def cut(self, one, other):
        """Nothing gets from one address to the other, either way, as if they did not exist."""
        self._cuts.add((one, other))
        self._write()

    def mend(self, one, other):
        self._cuts.discard((one, other))
        self._cuts.discard((other, one))
        self._write()

    def unplug(self, namespace):
        """The machine is gone: nothing answers any more, not even with a refusal."""
        call("ip", "-n", namespace, "link", "set", "eth0", "down")

    def set_services(self, services):
        """{(address, port): [(pod address, pod port)]}"""
        if services != self._services:
            self._services = services
            self._write()

    def set_policies(self, rules):
        if rules != self._policies:
            self._policies = rules
            self._write()

    def _write(self):
        cuts = []
        for one, other in sorted(self._cuts):
            cuts += ["ip saddr %s ip daddr %s drop" % pair for pair in ((one, other), (other, one))]
        services = []
        for (address, port), ends in sorted(self._services.items()):
            if ends:
                choices = ", ".join("%d : %s . %d" % (i, ip, p) for i, (ip, p) in enumerate(ends))
                services.append("ip daddr %s tcp dport %d dnat ip to numgen random mod %d map { %s }"
                                % (address, port, len(ends), choices))
        hairpins = ["ip saddr %s ip daddr %s masquerade" % (a, a) for a in sorted(self._addresses)]
        call("nft", "-f", "-", text=_TABLE % {
            "resolver": RESOLVER, "cuts": "\n".join(cuts), "policies": "\n".join(self._policies),
            "services": "\n".join(services), "hairpins": "\n".join(hairpins)})
