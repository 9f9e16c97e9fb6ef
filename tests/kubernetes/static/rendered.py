"""The manifests as kubectl and helm render them: each variant in both forms.

A variant is a folder of kustomize, or one that is made here of parts of deploy/kubernetes, and the
values with which the chart means the same.
"""
import os
import subprocess
import sys
import tempfile

import yaml

SOURCE, BIN, TOOLS = (os.path.abspath(path) for path in sys.argv[1:4])
DEPLOY = os.path.join(SOURCE, "deploy", "kubernetes")
CHART = os.path.join(DEPLOY, "chart")
COMMAND_S = 120
SPEC_MAP = r"ConfigMap/sessions-spec(-[0-9a-z]{10})?"  # kustomize puts a hash of the content behind it

# name: (resources, components, arguments of helm). One resource without components is rendered itself.
VARIANTS = {
    "base": (["base"], [], []),
    "dev": (["overlays/dev"], [], ["-f", "values/dev.yaml"]),
    "production": (["overlays/production"], [], ["-f", "values/production.yaml"]),
    "external-etcd": (["overlays/external-etcd"], [], ["-f", "values/external-etcd.yaml"]),
    "plain-sidecar": (["base"], ["plain-sidecar"], ["--set", "cluster.nativeSidecar=false"]),
    "peers": (["base"], ["join-through-peers"], ["--set", "cluster.joinThroughPeers=true"]),
    "gitops": (["base"], ["gitops"], ["--set", "gitops.enabled=true"]),
    "monitored": (["base"], ["podmonitor"], ["--set", "podMonitor=true"]),
    "openshift": (["base"], ["openshift"], ["--set", "openshift=true"]),
    "cluster-alone": (["base/cluster"], [], ["--set", "controller.enabled=false,etcd.enabled=false"]),
    "everything": (["base/controller", "base/cluster", "overlays/external-etcd/settings.yaml"],
                   ["gitops", "etcd-tls", "join-through-peers", "plain-sidecar", "podmonitor", "openshift"],
                   ["-f", "values/external-etcd.yaml", "--set", "cluster.nativeSidecar=false,"
                    "cluster.joinThroughPeers=true,gitops.enabled=true,podMonitor=true,openshift=true"]),
}


class Failed(Exception):
    """A program of the tools refused."""


def run(*command, text=None):
    """What it prints; Failed with what it complains of."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=COMMAND_S, check=False)
    if done.returncode != 0:
        raise Failed("%s: %s" % (" ".join(command), done.stderr.strip() or done.stdout.strip()))
    return done.stdout


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def documents(text):
    return [document for document in yaml.safe_load_all(text) if document is not None]


def kustomize(folder):
    return documents(run(os.path.join(TOOLS, "kubectl"), "kustomize", folder))


def composed(resources, components):
    """What a kustomization of these parts renders."""
    with tempfile.TemporaryDirectory(prefix="muster-kustomize-") as folder:
        # Nothing but what lies below a folder may be named by an absolute path.
        def path(*names):
            return os.path.relpath(os.path.join(DEPLOY, *names), os.path.realpath(folder))
        patches = [name for name in resources if name.endswith(".yaml")]
        content = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
                   "resources": [path(name) for name in resources if name not in patches],
                   "components": [path("components", name) for name in components],
                   "patches": [{"patch": read(os.path.join(DEPLOY, name))} for name in patches]}
        with open(os.path.join(folder, "kustomization.yaml"), "w", encoding="utf-8") as file:
            yaml.safe_dump(content, file)
        return kustomize(folder)


def by_kustomize(variant):
    resources, components, _ = VARIANTS[variant]
    if len(resources) == 1 and not components:
        return kustomize(os.path.join(DEPLOY, resources[0]))
    return composed(resources, components)


def helm(*arguments):
    arguments = [os.path.join(CHART, one) if one.startswith("values/") else one for one in arguments]
    return documents(run(os.path.join(TOOLS, "helm"), "template", "sessions", CHART, "--namespace", "caches",
                         *arguments))


def by_helm(variant, *arguments):
    return helm(*VARIANTS[variant][2], *arguments)


def title(document):
    return "%s/%s" % (document.get("kind"), document.get("metadata", {}).get("name"))


def pod_of(document):
    """The pod template of a workload, or None."""
    return document.get("spec", {}).get("template") if document.get("kind") in (
        "StatefulSet", "Deployment", "Job", "DaemonSet") else None


def containers_of(document):
    pod = pod_of(document)
    return [] if pod is None else pod["spec"].get("initContainers", []) + pod["spec"]["containers"]
