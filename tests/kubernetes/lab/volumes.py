"""A pod's volumes, as the kubelet makes them, in memory."""
import os
import shutil

import kernel
import manifests

_EMPTY_DIR_MODE = 0o777
_GROUP_WRITE = 0o660
_GROUP_READ = 0o440
_GROUP_DIR = 0o2110
_DATA = "..data"
_GENERATION = "..2026_11_01_00_00_00.000000001"


def _give_to_group(root, group, read_only):
    """What fsGroup does: all of the volume belongs to the group, which may read it, or write it as well."""
    mask = _GROUP_READ if read_only else _GROUP_WRITE
    for directory, _, names in os.walk(root):
        for path in [directory] + [os.path.join(directory, name) for name in names]:
            if os.path.islink(path):
                os.lchown(path, -1, group)
                continue
            extra = mask | (_GROUP_DIR if os.path.isdir(path) else 0)
            os.chown(path, -1, group)
            os.chmod(path, os.stat(path).st_mode & 0o7777 | extra)


def _write_files(root, files):
    """As the kubelet writes keys, so that a change is seen at once: name -> ..data/name -> file."""
    inner = os.path.join(root, _GENERATION)
    os.mkdir(inner, 0o755)
    os.symlink(_GENERATION, os.path.join(root, _DATA))
    for path, (data, mode) in files.items():
        at = os.path.join(inner, path)
        os.makedirs(os.path.dirname(at), exist_ok=True)
        with open(at, "wb") as file:
            file.write(data)
        os.chmod(at, mode)
        first = path.split("/")[0]
        if not os.path.lexists(os.path.join(root, first)):
            os.symlink(os.path.join(_DATA, first), os.path.join(root, first))


class Missing(Exception):
    """What a volume or a variable needs is not there (yet)."""


class Volumes:
    """Those of one pod, below `directory`. `objects` finds Secrets and ConfigMaps."""

    def __init__(self, directory, objects, claims):
        self.directory = directory
        self._objects = objects
        self._claims = claims
        self._paths = {}
        self._mounted = []

    def _mount_memory(self, source, path):
        """What is in memory is as large as it says, and full then. What is on a disk is not: a kubelet looks now
        and then, and evicts."""
        if source.get("medium") == "Memory" and "sizeLimit" in source:
            kernel.mount("tmpfs", path, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV,
                         "size=%d" % manifests.amount(source["sizeLimit"]))
            self._mounted.append(path)

    def _files(self, source, name, kind):
        held = self._objects.find(kind, name)
        if held is None:
            if source.get("optional"):
                return {}
            raise Missing("%s %s is missing" % (kind, name))
        mode = source.get("defaultMode", 0o644)
        data = manifests.content(held)
        if "items" not in source:
            return {key: (value, mode) for key, value in data.items()}
        files = {}
        for item in source["items"]:
            if item["key"] not in data:
                raise Missing("%s %s has no %s" % (kind, name, item["key"]))
            files[item["path"]] = (data[item["key"]], item.get("mode", mode))
        return files

    def make(self, volumes, group):
        for volume in volumes:
            path = os.path.join(self.directory, volume["name"])
            if "persistentVolumeClaim" in volume:
                path = self._claims[volume["persistentVolumeClaim"]["claimName"]]
            os.makedirs(path, exist_ok=True)
            self._mount_memory(volume.get("emptyDir", {}), path)
            os.chmod(path, _EMPTY_DIR_MODE)
            read_only = "secret" in volume or "configMap" in volume
            if "secret" in volume:
                source = volume["secret"]
                _write_files(path, self._files(source, source["secretName"], "Secret"))
            elif "configMap" in volume:
                source = volume["configMap"]
                _write_files(path, self._files(source, source["name"], "ConfigMap"))
            if group is not None:
                _give_to_group(path, group, read_only)
            self._paths[volume["name"]] = (path, read_only)

    def mounts(self, wanted):
        """[{source, target, readOnly}] for a container's volumeMounts, outer ones first."""
        found = []
        for mount in wanted:
            path, read_only = self._paths[mount["name"]]
            if mount.get("subPath"):
                path = os.path.join(path, mount["subPath"])
                if not os.path.exists(path):
                    os.mkdir(path, 0o750)
                path = os.path.realpath(path)
            found.append({"source": path, "target": os.path.normpath(mount["mountPath"]),
                          "readOnly": bool(mount.get("readOnly")) or read_only})
        return sorted(found, key=lambda mount: mount["target"])

    def remove(self):
        """All but claims."""
        while self._mounted:
            kernel.unmount(self._mounted.pop())
        shutil.rmtree(self.directory, ignore_errors=True)
