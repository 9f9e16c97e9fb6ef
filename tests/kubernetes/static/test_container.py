#!/usr/bin/python3
"""test_container.py SOURCE_DIR BIN_DIR TOOLS_DIR - the container file, as far as that can be told
without an engine: it installs what the programs are linked with and no more, and the programs run in a
root of exactly these packages, without a shell, as nobody, on a root that can't be written."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE, BIN = (os.path.abspath(path) for path in sys.argv[1:3])
BUILD = os.path.dirname(BIN)
FILE = os.path.join(SOURCE, "deploy", "container", "Containerfile")
BESIDE = {"ca-certificates", "openssh-client"}  # used, and not linked with
BASE = {"libc6"}                                # in each Debian
SANITIZERS = {"libasan8", "libubsan1"}          # where the tests' build has them
NO_LIBRARY = {"debconf", "debconf-2.0"}         # depended on for the sake of installing
DYNAMIC = ("muster", "muster-controller", "muster-watcher", "muster-gitops")
RUN_S = 120


def output(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=RUN_S, **options).stdout


def stages():
    """The instructions of each stage: (word, arguments)."""
    with open(FILE, encoding="utf-8") as file:
        text = re.sub(r"\\\n", " ", "".join(line for line in file if not line.startswith("#")))
    found = []
    for line in filter(None, map(str.strip, text.split("\n"))):
        word, rest = line.split(None, 1)
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


def installed_packages(stage):
    command, = [rest for word, rest in stage if word == "RUN" and "apt-get install" in rest]
    words = re.search(r"apt-get install(.*?)&&", command).group(1).split()
    return {word for word in words if not word.startswith("-")}


def owner(library):
    """The package of a library: by where it is, or where that was before /usr was merged."""
    path = re.search(r"^\s*%s .* => (\S+)$" % re.escape(library), output("/sbin/ldconfig", "-p"), re.M).group(1)
    for name in (os.path.realpath(path), path):
        for place in (name, name.removeprefix("/usr"), "/usr" + name):
            done = subprocess.run(["dpkg", "-S", place], capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return done.stdout.split(":")[0]
    raise AssertionError("nobody owns " + library)


def linked_packages():
    libraries = set()
    for program in DYNAMIC:
        libraries |= set(re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-d", os.path.join(BIN, program))))
    return {owner(library) for library in libraries}


def with_dependencies(packages):
    """These packages and all that they depend on, as far as they are installed here."""
    taken, waiting = set(), set(packages) | BASE
    while waiting:
        name = waiting.pop()
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Depends},${Pre-Depends}", name], capture_output=True,
                              text=True, check=False)
        taken.add(name)
        if done.returncode == 0:
            for choice in done.stdout.split(","):
                for one in choice.split("|"):
                    wanted = re.split(r"[ :(]", one.strip())[0]
                    if wanted and wanted not in taken | NO_LIBRARY:
                        waiting.add(wanted)
    return taken


class Root:
    """A root with the files of packages, and what `cmake --install` makes."""

    def __init__(self, packages):
        self.path = tempfile.mkdtemp(prefix="muster-image-")
        os.chmod(self.path, 0o755)
        for name in ("bin", "lib", "lib64", "sbin"):
            os.makedirs(os.path.join(self.path, "usr", name))
            os.symlink("usr/" + name, os.path.join(self.path, name))
        for name in ("proc", "muster", "tmp"):
            os.mkdir(os.path.join(self.path, name))
        for package in packages:
            done = subprocess.run(["dpkg", "-L", package], capture_output=True, text=True, check=False)
            for path in done.stdout.split("\n"):
                if "/lib" in path and not os.path.isdir(path) and os.path.lexists(path):
                    self.copy(path)
        subprocess.run(["cmake", "--install", BUILD, "--prefix", "/usr"], check=True, stdout=subprocess.DEVNULL,
                       env=dict(os.environ, DESTDIR=self.path + "/out"), timeout=RUN_S)
        for word, rest in stages()[1]:
            if word == "COPY" and "--from=build" in rest:
                _, source, target = rest.split()
                shutil.copytree(self.path + source, self.path + target, dirs_exist_ok=True)

    def copy(self, path):
        target = self.path + path
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.lexists(target):
            shutil.copy2(path, target, follow_symlinks=False)

    def run(self, *command):
        """As the image's user; only /muster and /tmp can be written."""
        user, = [rest for word, rest in stages()[1] if word == "USER"]
        inside = ("mount --bind {0} {0} && mount -o remount,bind,ro {0} && mount -t tmpfs -o mode=1777 none {0}/muster"
                  " && mount -t proc none {0}/proc && exec chroot --userspec={1} {0} \"$@\"").format(self.path, user)
        return subprocess.run(["unshare", "-m", "-p", "-f", "--propagation", "private", "sh", "-c", inside, "sh",
                               *command], capture_output=True, text=True, check=False, timeout=RUN_S)

    def drop(self):
        shutil.rmtree(self.path)


class Container(unittest.TestCase):
    def test_it_installs_what_is_linked_with_and_no_more(self):
        self.assertEqual(linked_packages() - BASE - SANITIZERS, installed_packages(stages()[1]) - BESIDE)
        self.assertLessEqual(BESIDE, installed_packages(stages()[1]))

    def test_all_programs_run_in_what_is_installed(self):
        packages = installed_packages(stages()[1]) - BESIDE | linked_packages() & SANITIZERS
        root = Root(with_dependencies(packages))
        try:
            self.assertFalse(os.path.exists(root.path + "/bin/sh"))
            for program in DYNAMIC:
                done = root.run(program, "--version")
                self.assertEqual(0, done.returncode, done.stderr)
                self.assertRegex(done.stdout, r"^muster\S* [0-9]")
            done = root.run("muster-pod", "install", "/muster")
            self.assertEqual((0, ""), (done.returncode, done.stderr))
            command, = [rest for word, rest in stages()[1] if word == "CMD"]
            done = root.run(*re.findall(r'"(.*?)"', command))
            self.assertEqual(0, done.returncode, done.stderr)
        finally:
            root.drop()

    def test_muster_pod_needs_nobody(self):
        self.assertNotIn("NEEDED", output("readelf", "-d", os.path.join(BIN, "muster-pod")))
        self.assertNotIn("INTERP", output("readelf", "-l", os.path.join(BIN, "muster-pod")))

    def test_the_build_makes_what_is_installed(self):
        command, = [rest for word, rest in stages()[0] if word == "RUN" and "--build" in rest]
        targets = set(command.split("--target ", 1)[1].split())
        with open(os.path.join(SOURCE, "cmake", "MusterInstall.cmake"), encoding="utf-8") as file:
            installed = set(" ".join(re.findall(r"install\(TARGETS (.*?) (?:RUNTIME|LIBRARY)", file.read())).split())
        self.assertEqual(installed, targets)
        self.assertIn(("RUN", "tools/deps.sh build"), stages()[0])

    def test_it_is_nobody_and_the_pods_user(self):
        user, = [rest for word, rest in stages()[1] if word == "USER"]
        with open(os.path.join(SOURCE, "deploy/kubernetes/base/cluster/statefulset.yaml"), encoding="utf-8") as file:
            self.assertIn("runAsUser: %s\n" % user.split(":")[0], file.read())
        self.assertFalse([word for word, _ in stages()[1] if word in ("ENTRYPOINT", "SHELL")])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
