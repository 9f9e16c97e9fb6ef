"""launch.py PLAN - start one container, or a command in one; wait for it.

PLAN is JSON, made by container.py. A container's plan has `root`; it says "pid N" on standard output,
N being its first process, once that is the program. A command's plan has `inside`, the process whose container it runs in.
Ends with the exit code, 128 more than the signal if there was one. What can't be started ends with 127.
"""
import json
import os
import resource
import signal
import sys
import traceback
import warnings  # os.execvpe loads it, from a root that has none then

import kernel

NOT_STARTED = 127
LOADED = (warnings,)
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
KINDS = (("net", kernel.NEWNET), ("uts", kernel.NEWUTS), ("ipc", kernel.NEWIPC), ("pid", kernel.NEWPID),
         ("mnt", kernel.NEWNS))


def place(root, path, like):
    """A mount point for something like the file or directory `like`."""
    at = root + path
    if os.path.isdir(like):
        os.makedirs(at, exist_ok=True)
    elif not os.path.exists(at):
        os.makedirs(os.path.dirname(at), exist_ok=True)
        os.close(os.open(at, os.O_CREAT | os.O_WRONLY, 0o644))
    return at


def bind(source, target, read_only):
    kernel.mount(source, target, flags=kernel.MS_BIND | kernel.MS_REC)
    if read_only:
        kernel.mount("none", target, flags=kernel.MS_BIND | kernel.MS_REMOUNT | kernel.MS_RDONLY)


def mount_devices(root):
    at = root + "/dev"
    os.makedirs(at, exist_ok=True)
    kernel.mount("tmpfs", at, "tmpfs", kernel.MS_NOSUID, "mode=755,size=64k")
    for name in DEVICES:
        bind("/dev/" + name, place(root, "/dev/" + name, "/dev/" + name), False)
    os.mkdir(at + "/shm")
    kernel.mount("tmpfs", at + "/shm", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=1777,size=64m")


def build_root(plan):
    root = plan["root"]
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("overlay", root, "overlay", 0,
                 "lowerdir=%s,upperdir=%s,workdir=%s" % (plan["image"], plan["upper"], plan["work"]))
    os.makedirs(root + "/proc", exist_ok=True)
    kernel.mount("proc", root + "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    mount_devices(root)
    for mount in plan["mounts"]:
        bind(mount["source"], place(root, mount["target"], mount["source"]), mount["readOnly"])
    if plan["readOnlyRoot"]:
        kernel.mount("none", root, flags=kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY)
    kernel.enter_root(root)


def execute(plan):
    """Become the program. Does not return."""
    kernel.drop_privileges(plan["uid"], plan["gid"], plan["groups"], plan["capabilities"], plan["escalate"])
    kernel.die_with_parent(signal.SIGKILL)  # who changes its user loses it
    os.umask(0o022)
    os.chdir(plan["directory"])
    os.execvpe(plan["argv"][0], plan["argv"], plan["environment"])


def child(plan, group):
    try:
        os.setsid()
        if group is not None:
            os.write(group, b"0")  # this process, and what it becomes
        if plan["log"]:
            log = os.open(plan["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            os.dup2(log, 1)
            os.dup2(log, 2)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        if "inside" not in plan:
            build_root(plan)
            kernel.set_hostname(plan["hostname"])
        execute(plan)
    except OSError as error:
        os.write(2, ("cannot start %s: %s\n" % (plan["argv"], error)).encode())
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    os._exit(NOT_STARTED)


def main():
    plan = json.loads(sys.argv[1])
    environment = plan["environment"]
    group = os.open(plan["group"] + "/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC) if plan.get("group") else None
    if "inside" in plan:
        for name, kind in KINDS:
            kernel.setns("/proc/%d/ns/%s" % (plan["inside"], name), kind)
    else:
        kernel.setns(plan["network"], kernel.NEWNET)
        kernel.unshare(kernel.NEWNS | kernel.NEWUTS | kernel.NEWIPC | kernel.NEWPID)
    os.environ["PATH"] = environment.get("PATH", os.defpath)  # where execvpe searches
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # container runtimes allow more
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    begun, held = os.pipe()  # the child's end is closed when it becomes the program, or ends
    pid = os.fork()
    if pid == 0:
        child(plan, group)
    os.close(held)
    os.read(begun, 1)  # else a hook could come before the container has its root
    os.write(1, b"pid %d\n" % pid)
    _, status = os.waitpid(pid, 0)
    sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


main()
