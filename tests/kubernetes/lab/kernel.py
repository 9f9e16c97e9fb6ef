"""The system calls that Python 3.11 lacks: namespaces, mounts, privileges."""
import ctypes
import os

NEWNS = 0x00020000
NEWUTS = 0x04000000
NEWIPC = 0x08000000
NEWPID = 0x20000000
NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18

_MNT_DETACH = 2
_PIVOT_ROOT = 155  # x86-64
_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522

# By number, as in <linux/capability.h>; Kubernetes' names are these.
CAPABILITIES = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
    "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
    "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
    "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
    "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
    "CHECKPOINT_RESTORE")

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, "%s: %s" % (what, os.strerror(code)))


def setns(path, kind):
    """Enter the namespace that the file `path` stands for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.setns(descriptor, kind), "setns " + path)
    finally:
        os.close(descriptor)


def unshare(kinds):
    _check(_libc.unshare(kinds), "unshare")


def mount(source, target, kind=None, flags=0, data=None):
    _check(_libc.mount(source.encode(), target.encode(), kind.encode() if kind else None,
                       ctypes.c_ulong(flags), data.encode() if data else None),
           "mount %s on %s" % (source, target))


def unmount(target):
    _check(_libc.umount2(target.encode(), _MNT_DETACH), "umount " + target)


def enter_root(directory):
    """Make the mount `directory` the root of this mount namespace, without what was the root."""
    os.chdir(directory)
    _check(_libc.syscall(_PIVOT_ROOT, b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _MNT_DETACH), "umount")
    os.chdir("/")


def set_hostname(name):
    _check(_libc.sethostname(name.encode(), len(name)), "sethostname")


def die_with_parent(signal):
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0), "prctl")


def drop_privileges(uid, gid, groups, capabilities, escalate):
    """Become that user. Root keeps `capabilities` only, others keep none."""
    for number, name in enumerate(CAPABILITIES):
        if name not in capabilities:
            _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)  # EINVAL: this kernel does not have it
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if uid == 0:
        bits = sum(1 << CAPABILITIES.index(name) for name in capabilities)
        _set_capabilities(bits)
    if not escalate:
        _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def _set_capabilities(bits):
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    low, high = bits & 0xffffffff, bits >> 32
    _check(_libc.capset(header, (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)), "capset")
