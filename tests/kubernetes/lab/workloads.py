"""Controllers of StatefulSets, Deployments and Jobs: each `reconcile` does what can be done at once.

A StatefulSet's pods come and go as its podManagementPolicy says; updates go from the last ordinal to the
first, down to the partition, each waiting until all others are well.
"""
import random
import time

import manifests
from pod import Pod

REVISION = "controller-revision-hash"
INDEX = "apps.kubernetes.io/pod-index"
POD_NAME = "statefulset.kubernetes.io/pod-name"
TEMPLATE = "pod-template-hash"
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def _well(pod, seconds):
    return pod is not None and pod.ready and not pod.ending and time.monotonic() - pod.ready_since >= seconds


class StatefulSet:
    def __init__(self, cluster, manifest):
        self.cluster = cluster
        self.manifest = manifest
        self.key = manifests.key(manifest)

    @property
    def spec(self):
        return self.manifest["spec"]

    def revision(self):
        return manifests.digest(self.spec["template"])

    def pods(self):
        """{ordinal: pod}, those that end included."""
        return {pod.ordinal: pod for pod in self.cluster.pods if pod.owner == self.key}

    def _range(self):
        start = self.spec.get("ordinals", {}).get("start", 0)
        return range(start, start + self.spec.get("replicas", 1))

    def _claims(self, ordinal):
        return {template["metadata"]["name"]:
                self.cluster.claim(self.key, "%s-%s-%d" % (template["metadata"]["name"], self.key[2], ordinal))
                for template in self.spec.get("volumeClaimTemplates") or []}

    def _create(self, ordinal, revision_template):
        name = "%s-%d" % (self.key[2], ordinal)
        template = manifests.merged(revision_template, {
            "metadata": {"labels": {REVISION: manifests.digest(revision_template), INDEX: str(ordinal),
                                    POD_NAME: name}},
            "spec": {"hostname": name, "subdomain": self.spec["serviceName"]}})
        claims = self._claims(ordinal)
        template["spec"]["volumes"] = template["spec"].get("volumes", []) + [
            {"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in claims]
        pod = Pod(self.cluster, name, self.key[1], template, self.key, claims)
        pod.ordinal = ordinal
        self.cluster.add(pod)

    def _template_for(self, ordinal):
        """Below the partition of a rolling update the former template goes on."""
        partition = self.spec.get("updateStrategy", {}).get("rollingUpdate", {}).get("partition", 0)
        if ordinal < partition and self.manifest.get("former"):
            return self.manifest["former"]
        return self.spec["template"]

    def reconcile(self):
        pods = self.pods()
        wanted = self._range()
        parallel = self.spec.get("podManagementPolicy") == "Parallel"
        for ordinal, pod in pods.items():
            if pod.phase in ("Failed", "Succeeded") and not pod.ending:
                pod.delete()
        for ordinal in wanted:
            if ordinal not in pods:
                self._create(ordinal, self._template_for(ordinal))
            if not parallel and not _well(pods.get(ordinal), self.spec.get("minReadySeconds", 0)):
                return
        extra = sorted((ordinal for ordinal in pods if ordinal not in wanted), reverse=True)
        for ordinal in extra:
            if not pods[ordinal].ending:
                pods[ordinal].delete()
            if not parallel:
                return
        if not extra:
            self._update(pods, wanted)

    def _update(self, pods, wanted):
        strategy = self.spec.get("updateStrategy", {})
        if strategy.get("type", "RollingUpdate") == "OnDelete":
            return
        rolling = strategy.get("rollingUpdate", {})
        budget = rolling.get("maxUnavailable", 1)
        seconds = self.spec.get("minReadySeconds", 0)
        away = sum(not _well(pods.get(ordinal), seconds) for ordinal in wanted)
        for ordinal in reversed(wanted):
            pod = pods.get(ordinal)
            if pod is None or ordinal < rolling.get("partition", 0):
                continue
            if pod.labels[REVISION] != self.revision() and not pod.ending:
                if away >= budget and _well(pod, seconds):
                    return
                pod.delete()
                return
            if away >= budget and not _well(pod, seconds):
                return  # it has its new template: it has to come up first


class Deployment:
    """Replica sets in one: pods of the present template come first, then those of former ones go."""

    def __init__(self, cluster, manifest):
        self.cluster = cluster
        self.manifest = manifest
        self.key = manifests.key(manifest)

    def _bounds(self):
        spec = self.manifest["spec"]
        replicas = spec.get("replicas", 1)
        rolling = spec.get("strategy", {}).get("rollingUpdate", {})
        if spec.get("strategy", {}).get("type") == "Recreate":
            return replicas, 0, replicas
        surge, away = rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%")
        return replicas, share(surge, replicas, True), share(away, replicas, False)

    def pods(self):
        return [pod for pod in self.cluster.pods if pod.owner == self.key and not pod.ending]

    def _create(self, template):
        digest = manifests.digest(template)
        name = "%s-%s-%s" % (self.key[2], digest, "".join(random.choices(_LETTERS, k=5)))
        labelled = manifests.merged(template, {"metadata": {"labels": {TEMPLATE: digest}}})
        self.cluster.add(Pod(self.cluster, name, self.key[1], labelled, self.key))

    def reconcile(self):
        template = self.manifest["spec"]["template"]
        replicas, surge, away = self._bounds()
        pods = self.pods()
        new = [pod for pod in pods if pod.labels[TEMPLATE] == manifests.digest(template)]
        old = [pod for pod in pods if pod not in new]
        for pod in pods:
            if pod.phase in ("Failed", "Succeeded"):
                pod.delete()
        for pod in new[replicas:]:
            pod.delete()
        room = replicas + surge - len(pods)
        for _ in range(min(replicas - len(new), room)):
            self._create(template)
        spare = sum(pod.ready for pod in pods) - (replicas - away)
        for pod in sorted(old, key=lambda pod: pod.ready):
            if not pod.ready or spare > 0:
                spare -= pod.ready
                pod.delete()


def share(value, of, up):
    """A number, or so many percent of another one."""
    if isinstance(value, int):
        return value
    share = int(value.rstrip("%")) * of
    return -(-share // 100) if up else share // 100


class Job:
    """Runs its pod until it has succeeded once, at most backoffLimit times more."""

    def __init__(self, cluster, manifest):
        self.cluster = cluster
        self.manifest = manifest
        self.key = manifests.key(manifest)
        self.failed = 0
        self.done = False

    def reconcile(self):
        pods = [pod for pod in self.cluster.pods if pod.owner == self.key]
        for pod in pods:
            if pod.phase == "Succeeded":
                self.done = True
            elif pod.phase == "Failed" and not pod.ending:
                self.failed += 1
                pod.delete()
        if not pods and not self.done and self.failed <= self.manifest["spec"].get("backoffLimit", 6):
            name = "%s-%s" % (self.key[2], "".join(random.choices(_LETTERS, k=5)))
            self.cluster.add(Pod(self.cluster, name, self.key[1], self.manifest["spec"]["template"], self.key))


WORKLOADS = {"StatefulSet": StatefulSet, "Deployment": Deployment, "Job": Job}
