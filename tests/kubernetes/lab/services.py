"""From Services and pods to names, addresses and policies' rules."""
import ipaddress

import manifests

_FIXED_KINDS = (None, "ClusterIP")


def pods_of(service, pods):
    """Those that a Service selects and that have an address."""
    wanted = service["spec"].get("selector")
    if not wanted:
        return []
    namespace = service["metadata"]["namespace"]
    return [pod for pod in pods if pod.namespace == namespace and pod.ip and not pod.gone.is_set()
            and all(pod.labels.get(name) == value for name, value in wanted.items())]


def serving(service, pods):
    """Those of them that clients are sent to."""
    if service["spec"].get("publishNotReadyAddresses"):
        return pods_of(service, pods)
    return [pod for pod in pods_of(service, pods) if pod.ready and not pod.ending]


def target(pod, port):
    """The number of the pod's port that a Service's port leads to; None: the pod has no such one."""
    wanted = port.get("targetPort", port["port"])
    if isinstance(wanted, int):
        return wanted
    for spec in pod.declared():
        for one in spec.get("ports", []):
            if one.get("name") == wanted:
                return one["containerPort"]
    return None


def names(services, pods, domain):
    """{name: [address]} as CoreDNS would answer."""
    table = {}
    for service in services:
        metadata, spec = service["metadata"], service["spec"]
        base = "%s.%s.svc.%s" % (metadata["name"], metadata["namespace"], domain)
        if spec["clusterIP"] != "None":
            table[base] = [spec["clusterIP"]]
            continue
        found = serving(service, pods)
        table[base] = [pod.ip for pod in found]
        for pod in found:
            if pod.spec.get("subdomain") == metadata["name"]:
                table["%s.%s" % (pod.hostname, base)] = [pod.ip]
    return table


def ends(services, pods):
    """{(address, port): [(pod address, pod port)]} of all Services with an address."""
    found = {}
    for service in services:
        address = service["spec"]["clusterIP"]
        if address == "None":
            continue
        for port in service["spec"].get("ports", []):
            targets = ((pod.ip, target(pod, port)) for pod in serving(service, pods))
            found[(address, port["port"])] = sorted(one for one in targets if one[1] is not None)
    return found


class Policies:
    """NetworkPolicies as rules of one chain. A pod that any policy selects takes, or sends, only what one allows."""

    def __init__(self, policies, pods, namespaces):
        self._policies = policies
        self._pods = [pod for pod in pods if pod.ip and not pod.gone.is_set()]
        self._namespaces = namespaces

    def _peers(self, peers, own_namespace):
        """The addresses that a list of peers means; None: all there are."""
        if not peers:
            return None
        found = set()
        for peer in peers:
            if "ipBlock" in peer:
                found.add(str(ipaddress.ip_network(peer["ipBlock"]["cidr"])))
                continue
            for pod in self._pods:
                if "namespaceSelector" in peer:
                    inside = manifests.selects(peer["namespaceSelector"], self._namespaces.get(pod.namespace, {}))
                else:
                    inside = pod.namespace == own_namespace
                if inside and manifests.selects(peer.get("podSelector", {}), pod.labels):
                    found.add(pod.ip)
        return sorted(found)

    @staticmethod
    def _ports(ports):
        if not ports:
            return [""]
        return ["%s dport %d%s " % (one.get("protocol", "TCP").lower(), one["port"],
                                    "-%d" % one["endPort"] if "endPort" in one else "") for one in ports]

    def _allowed(self, policy, direction):
        """What the rules of a policy allow, without the pod's own address."""
        field, side, word = ("ingress", "from", "saddr") if direction == "Ingress" else ("egress", "to", "daddr")
        for rule in policy["spec"].get(field) or []:
            addresses = self._peers(rule.get(side), policy["metadata"]["namespace"])
            if addresses == []:
                continue
            peers = "" if addresses is None else "ip %s { %s } " % (word, ", ".join(addresses))
            for ports in self._ports(rule.get("ports")):
                yield peers + ports

    def _of(self, pod, direction):
        return [policy for policy in self._policies
                if policy["metadata"]["namespace"] == pod.namespace
                and direction in policy["spec"].get("policyTypes", ["Ingress"])
                and manifests.selects(policy["spec"].get("podSelector"), pod.labels)]

    def rules(self):
        """Both sides have to allow a connection: what one does not, is dropped; marks tell who has said yes."""
        found = []
        for direction, word in (("Egress", "saddr"), ("Ingress", "daddr")):
            for pod in self._pods:
                policies = self._of(pod, direction)
                if not policies:
                    continue
                own = "ip %s %s " % (word, pod.ip)
                found.append(own + "meta mark set 0")
                found += [own + allowed + "meta mark set 1" for policy in policies
                          for allowed in self._allowed(policy, direction)]
                found.append(own + "meta mark 0 drop")
        return found
