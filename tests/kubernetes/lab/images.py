"""Images: root trees of what is installed or built here, by what manifests call them.

A tree holds the programs of the image, the shared objects that they need, and the few files that a
base image has; no shell, unless the image has one. Tags and registries don't matter; a name that is not known
can't be pulled.
"""
import glob
import os
import re
import shutil
import subprocess

_LINKS = (("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"), ("lib64", "usr/lib64"))
_DIRECTORIES = ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "usr/local/bin", "etc", "run", "tmp", "var/lib",
                "var/run", "proc", "sys", "dev", "home/nonroot")
_PASSWD = "root:x:0:0:root:/root:/usr/sbin/nologin\nnonroot:x:65532:65532::/home/nonroot:/usr/sbin/nologin\n%s"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_MEMCACHED_ENTRY = """#!/bin/sh
set -e
if [ "${1#-}" != "$1" ]; then
    set -- memcached "$@"
fi
exec "$@"
"""


class Image:
    """Where its tree is, and what it runs when a manifest doesn't say."""

    def __init__(self, tree, entrypoint, command, user, directory="/"):
        self.tree = tree
        self.entrypoint = entrypoint
        self.command = command
        self.user = user  # a number, or None for a name that Kubernetes can't check
        self.directory = directory
        self.environment = {"PATH": _PATH}


class Tree:
    """A root tree that is being put together."""

    def __init__(self, root):
        self.root = root
        for directory in _DIRECTORIES:
            os.makedirs(os.path.join(root, directory))
        for link, target in _LINKS:
            os.symlink(target, os.path.join(root, link))
        os.chmod(os.path.join(root, "tmp"), 0o1777)
        self.write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
        self.write("/etc/passwd", _PASSWD % "")
        self.write("/etc/group", "root:x:0:\nnonroot:x:65532:\n")

    def write(self, path, text, mode=0o644):
        at = self.root + path
        os.makedirs(os.path.dirname(at), exist_ok=True)
        with open(at, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(at, mode)

    def copy(self, source, path):
        at = self.root + path
        os.makedirs(os.path.dirname(at), exist_ok=True)
        if not os.path.exists(at):
            shutil.copy(source, at)

    def add(self, source, path):
        """A program or a shared object, and all that the loader would load with it."""
        self.copy(source, path)
        done = subprocess.run(["ldd", source], text=True, capture_output=True)
        for found in re.findall(r"(/\S+) \(0x", done.stdout if done.returncode == 0 else ""):
            self.copy(os.path.realpath(found), os.path.normpath(found))


class Images:
    """Makes trees below `directory` when they are asked for."""

    def __init__(self, directory, bin_dir, lib_dir, musl_dir, extra=None):
        self.directory = directory
        self.bin_dir = bin_dir
        self.lib_dir = lib_dir
        self.musl_dir = musl_dir
        self._made = {}
        self._makers = {"memcached": self._memcached, "memcached-musl": self._memcached_musl, "etcd": self._etcd,
                        "test": self._test}
        self._makers.update(extra or {})

    def find(self, name):
        """The image that a manifest calls `name`; None: there is no such image."""
        base = name.split("@")[0].rsplit("/", 1)[-1]
        base, _, tag = base.partition(":")
        kind = "memcached-musl" if base == "memcached" and "alpine" in tag else base
        if kind.startswith("muster"):
            maker = self._muster
        elif kind in self._makers or kind == "client":
            maker = self._makers.get(kind)
        else:
            return None
        if kind == "client":  # all that this machine has: what uses the cluster from outside
            return Image("/", [], ["sleep", "1000000"], 0)
        if kind not in self._made:
            self._made[kind] = maker(Tree(os.path.join(self.directory, kind)))
        return self._made[kind]

    def _memcached(self, tree):
        tree.add("/usr/bin/memcached", "/usr/local/bin/memcached")
        tree.add("/bin/sh", "/usr/bin/sh")
        tree.write("/usr/local/bin/docker-entrypoint.sh", _MEMCACHED_ENTRY, 0o755)
        tree.write("/etc/passwd", _PASSWD % "memcache:x:11211:11211::/home/nonroot:/usr/sbin/nologin\n")
        return Image(tree.root, ["docker-entrypoint.sh"], ["memcached"], None)

    def _memcached_musl(self, tree):
        """As Alpine's: there is no glibc in it. And no shell, which it has, so nothing before memcached either."""
        tree.copy(os.path.join(self.musl_dir, "memcached"), "/usr/local/bin/memcached")
        for loader in glob.glob("/lib/ld-musl-*.so.1"):
            tree.copy(os.path.realpath(loader), loader)
        tree.write("/etc/passwd", _PASSWD % "memcache:x:11211:11211::/home/nonroot:/sbin/nologin\n")
        return Image(tree.root, [], ["memcached"], None)

    def _etcd(self, tree):
        tree.add("/usr/bin/etcd", "/usr/local/bin/etcd")
        tree.add("/usr/bin/etcdctl", "/usr/local/bin/etcdctl")
        return Image(tree.root, [], ["/usr/local/bin/etcd"], 0)

    def _muster(self, tree):
        """As deploy/container/Containerfile makes it."""
        for name in ("muster", "muster-controller", "muster-watcher", "muster-gitops", "muster-pod"):
            tree.add(os.path.join(self.bin_dir, name), "/usr/bin/" + name)
        tree.add(os.path.join(self.lib_dir, "libmuster_partition.so"), "/usr/lib/muster/libmuster_partition.so")
        return Image(tree.root, [], ["muster", "--help"], 11211)

    def _test(self, tree):
        """Something to try the lab itself with: a shell, and Python from this machine."""
        for name in ("sh", "sleep", "cat", "touch", "mkdir", "rm", "id", "env", "ls", "stat", "hostname"):
            tree.add("/usr/bin/" + name, "/usr/bin/" + name)
        return Image(tree.root, [], ["sleep", "1000000"], 0)
