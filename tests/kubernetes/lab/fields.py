"""Which fields of manifests the lab does. All others are mistakes: nothing is passed over in silence.

A shape is a mapping of names to shapes, YES (done, whatever is in it), Only (done with these values), or a text:
not done, and why. Lists have the shape of their elements.
"""


class Only:
    """A field of which the lab knows some values, with which there is nothing to do."""

    def __init__(self, *values):
        self.values = values


YES = object()

_SCHEDULING = "every pod finds room: the lab has no machines to choose from"
_REQUESTS = "every pod finds room"
_CPU = "no manifest of ours limits it, which the static tests see to"
_KERNEL = "no container runtime is here that would load profiles"
_ABOUT = "says something about the object to people and tools"

METADATA = {"name": YES, "namespace": YES, "labels": YES, "annotations": YES}

_HANDLER = {
    "exec": {"command": YES},
    "httpGet": {"path": YES, "port": YES, "scheme": Only("HTTP")},
    "tcpSocket": {"port": YES},
    "sleep": {"seconds": YES},
}

_PROBE = dict(_HANDLER, initialDelaySeconds=YES, periodSeconds=YES, timeoutSeconds=YES, successThreshold=YES,
              failureThreshold=YES, terminationGracePeriodSeconds=YES)

_ENV_FROM = {
    "fieldRef": {"fieldPath": YES, "apiVersion": YES},
    "secretKeyRef": {"name": YES, "key": YES, "optional": YES},
    "configMapKeyRef": {"name": YES, "key": YES, "optional": YES},
    "resourceFieldRef": {"resource": YES, "containerName": YES, "divisor": YES},
}

CONTAINER = {
    "name": YES, "image": YES, "command": YES, "args": YES, "workingDir": YES, "restartPolicy": YES,
    "imagePullPolicy": "images are trees that are there",
    "env": {"name": YES, "value": YES, "valueFrom": _ENV_FROM},
    "envFrom": {"secretRef": {"name": YES, "optional": YES}, "configMapRef": {"name": YES, "optional": YES},
                "prefix": YES},
    "ports": {"name": YES, "containerPort": YES, "protocol": YES},
    "volumeMounts": {"name": YES, "mountPath": YES, "readOnly": YES, "subPath": YES},
    "securityContext": {
        "runAsUser": YES, "runAsGroup": YES, "runAsNonRoot": YES, "readOnlyRootFilesystem": YES,
        "allowPrivilegeEscalation": YES, "capabilities": {"drop": YES, "add": YES}, "seccompProfile": _KERNEL,
    },
    "startupProbe": _PROBE, "readinessProbe": _PROBE, "livenessProbe": _PROBE,
    "lifecycle": {"postStart": _HANDLER, "preStop": _HANDLER},
    "resources": {"requests": _REQUESTS, "limits": {"memory": YES, "cpu": _CPU}},
    "terminationMessagePolicy": "messages are in the logs", "terminationMessagePath": "messages are in the logs",
}

_ITEMS = {"key": YES, "path": YES, "mode": YES}

POD = {
    "initContainers": CONTAINER, "containers": CONTAINER,
    "volumes": {
        "name": YES,
        "emptyDir": {"medium": YES, "sizeLimit": YES},
        "secret": {"secretName": YES, "defaultMode": YES, "optional": YES, "items": _ITEMS},
        "configMap": {"name": YES, "defaultMode": YES, "optional": YES, "items": _ITEMS},
        "persistentVolumeClaim": {"claimName": YES},
    },
    "securityContext": {
        "runAsUser": YES, "runAsGroup": YES, "runAsNonRoot": YES, "fsGroup": YES, "supplementalGroups": YES,
        "fsGroupChangePolicy": "volumes are small", "seccompProfile": _KERNEL,
        "sysctls": {"name": YES, "value": YES},
    },
    "restartPolicy": YES, "terminationGracePeriodSeconds": YES, "hostname": YES, "subdomain": YES,
    "enableServiceLinks": YES, "dnsPolicy": Only("ClusterFirst"),
    "automountServiceAccountToken": Only(False),
    "topologySpreadConstraints": _SCHEDULING, "affinity": _SCHEDULING, "nodeSelector": _SCHEDULING,
    "tolerations": _SCHEDULING, "priorityClassName": _SCHEDULING,
}

_TEMPLATE = {"metadata": METADATA, "spec": POD}
_SELECTOR = {"matchLabels": YES}
_PEER = {"podSelector": _SELECTOR, "namespaceSelector": _SELECTOR, "ipBlock": {"cidr": YES}}
_POLICY_PORT = {"port": YES, "protocol": YES, "endPort": YES}

KINDS = {
    "Namespace": {"metadata": METADATA},
    "Pod": {"metadata": METADATA, "spec": POD},
    "Secret": {"metadata": METADATA, "type": _ABOUT, "data": YES, "stringData": YES, "immutable": _ABOUT},
    "ConfigMap": {"metadata": METADATA, "data": YES, "immutable": _ABOUT},
    "Service": {"metadata": METADATA, "spec": {
        "type": Only("ClusterIP"), "clusterIP": YES, "selector": YES, "publishNotReadyAddresses": YES,
        "ports": {"name": YES, "port": YES, "targetPort": YES, "protocol": Only("TCP"),
                  "appProtocol": _ABOUT},
        "sessionAffinity": Only("None"), "ipFamilyPolicy": Only("SingleStack")}},
    "StatefulSet": {"metadata": METADATA, "spec": {
        "replicas": YES, "serviceName": YES, "selector": _SELECTOR, "template": _TEMPLATE,
        "podManagementPolicy": YES, "minReadySeconds": YES, "revisionHistoryLimit": _ABOUT,
        "updateStrategy": {"type": YES, "rollingUpdate": {"partition": YES, "maxUnavailable": YES}},
        "volumeClaimTemplates": YES, "ordinals": {"start": YES},
        "persistentVolumeClaimRetentionPolicy": "claims are kept, which is the default"}},
    "Deployment": {"metadata": METADATA, "spec": {
        "replicas": YES, "selector": _SELECTOR, "template": _TEMPLATE,
        "revisionHistoryLimit": _ABOUT, "progressDeadlineSeconds": _ABOUT,
        "strategy": {"type": YES, "rollingUpdate": {"maxSurge": YES, "maxUnavailable": YES}}}},
    "Job": {"metadata": METADATA, "spec": {
        "template": _TEMPLATE, "backoffLimit": YES, "ttlSecondsAfterFinished": "jobs are kept"}},
    "PodDisruptionBudget": {"metadata": METADATA, "spec": {
        "selector": _SELECTOR, "minAvailable": YES, "maxUnavailable": YES, "unhealthyPodEvictionPolicy": YES}},
    "NetworkPolicy": {"metadata": METADATA, "spec": {
        "podSelector": _SELECTOR, "policyTypes": YES,
        "ingress": {"from": _PEER, "ports": _POLICY_PORT}, "egress": {"to": _PEER, "ports": _POLICY_PORT}}},
}

# Kinds that are for others to read.
OTHERS = {
    "ServiceMonitor": "read by Prometheus' operator", "PodMonitor": "read by Prometheus' operator",
    "PrometheusRule": "read by Prometheus' operator",
}


def mistakes(value, shape, at):
    """What `value` has that `shape` lacks, as texts that name the place."""
    if shape is YES or isinstance(shape, str):
        return []
    if isinstance(shape, Only):
        return [] if value in shape.values else ["%s: the lab does not do %s" % (at, value)]
    if isinstance(value, list):
        return [m for i, one in enumerate(value) for m in mistakes(one, shape, "%s[%d]" % (at, i))]
    if not isinstance(value, dict):
        return [] if value is None else ["%s: not a mapping" % at]
    found = []
    for name, inner in value.items():
        if name not in shape:
            found.append("%s.%s: the lab does not do this" % (at, name))
        else:
            found += mistakes(inner, shape[name], "%s.%s" % (at, name))
    return found


def check(manifest):
    kind = manifest.get("kind")
    at = "%s/%s" % (kind, manifest.get("metadata", {}).get("name"))
    if kind not in KINDS:
        return ["%s: no kind of the lab" % at]
    shape = dict(KINDS[kind], apiVersion=YES, kind=YES)
    return mistakes(manifest, shape, at)
