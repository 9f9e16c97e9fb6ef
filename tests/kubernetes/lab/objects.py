"""What was applied: manifests by kind, namespace and name."""
import copy

import manifests


class Objects:
    def __init__(self):
        self._held = {}

    def put(self, manifest):
        """Create it or put it in the place of the former one. A Service keeps its address."""
        key = manifests.key(manifest)
        held = copy.deepcopy(manifest)
        held["metadata"].setdefault("namespace", manifests.NAMESPACE)
        held.setdefault("spec", {})
        before = self._held.get(key)
        if before and key[0] == "Service" and "clusterIP" in before["spec"]:
            held["spec"].setdefault("clusterIP", before["spec"]["clusterIP"])
        self._held[key] = held
        return held

    def remove(self, kind, namespace, name):
        self._held.pop((kind, namespace, name), None)

    def get(self, kind, namespace, name):
        return self._held.get((kind, namespace, name))

    def all(self, kind):
        return [held for key, held in sorted(self._held.items()) if key[0] == kind]

    def within(self, namespace):
        return _Within(self, namespace)


class _Within:
    """The objects that a pod of a namespace may name."""

    def __init__(self, objects, namespace):
        self._objects = objects
        self._namespace = namespace

    def find(self, kind, name):
        return self._objects.get(kind, self._namespace, name)

    def services(self, namespace):
        return [held for held in self._objects.all("Service") if held["metadata"]["namespace"] == namespace]
