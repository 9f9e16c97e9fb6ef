"""Who may speak to whom, by the NetworkPolicies among documents of one namespace."""
from rendered import pod_of


def selects(selector, labels):
    wanted = (selector or {}).get("matchLabels", {})
    if set(selector or {}) - {"matchLabels"}:
        raise ValueError("a selector that is not understood: %s" % selector)
    return all(labels.get(name) == value for name, value in wanted.items())


def matches(peers, labels, namespace):
    """Whether a list of peers has the pod: of this namespace ("own") or another, by its labels."""
    if not peers:
        return True
    for peer in peers:
        if "namespaceSelector" in peer:
            if not selects(peer["namespaceSelector"], namespace):
                continue
        elif namespace != {}:
            continue
        if selects(peer.get("podSelector"), labels):
            return True
    return False


def one_way(policies, direction, labels, other, namespace, port):
    of_pod = [policy["spec"] for policy in policies
              if direction in policy["spec"]["policyTypes"] and selects(policy["spec"]["podSelector"], labels)]
    side, peers = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}[direction]
    return not of_pod or any(
        matches(rule.get(peers), other, namespace)
        and ("ports" not in rule or any(to["port"] == port and to["protocol"] == "TCP" for to in rule["ports"]))
        for spec in of_pod for rule in spec.get(side, []))


class Flows:
    def __init__(self, documents):
        self.policies = [document for document in documents if document["kind"] == "NetworkPolicy"]
        self.labels = {pod_of(document)["metadata"]["labels"].get(
            "app.kubernetes.io/component", pod_of(document)["metadata"]["labels"]["app.kubernetes.io/name"]):
            pod_of(document)["metadata"]["labels"] for document in documents if pod_of(document)}

    def open(self, source, target, port, foreign=None):
        """source, target: a component, or labels. foreign: labels of the source's namespace, when it
        is another one."""
        source = self.labels[source] if isinstance(source, str) else source
        target = self.labels[target] if isinstance(target, str) else target
        into = one_way(self.policies, "Ingress", target, source, foreign or {}, port)
        out = foreign is not None or one_way(self.policies, "Egress", source, target, {}, port)
        return into and out
