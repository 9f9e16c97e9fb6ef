"""Figures of manifests, and how one follows from another."""
import re

import yaml

MI = 1 << 20
UNITS = {"": 1, "k": 1000, "M": 1000 ** 2, "G": 1000 ** 3, "Ki": 1 << 10, "Mi": MI, "Gi": 1 << 30, "Ti": 1 << 40}
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
MARGIN_S = 45   # of a pod's grace: a leader's change, and memcached's end
ENDING_S = 15   # of that, what is memcached's
DEFAULTS = {"memory": "64Mi", "threads": 4, "maxConnections": 1024, "maxItemSize": "1Mi"}
ROLLOUT = {"maxUnavailable": 1, "drain": "2m", "drainEnds": "clients", "convergeTimeout": "30s"}


def size(text):
    number, unit = re.fullmatch(r"([0-9]+)([A-Za-z]*)", str(text)).groups()
    return int(number) * UNITS[unit]


def seconds(text):
    parts = re.findall(r"([0-9]+)(ms|s|m|h|d)", text)
    if "".join(number + unit for number, unit in parts) != text:
        raise ValueError("'%s' is no duration" % text)
    return sum(int(number) * SECONDS[unit] for number, unit in parts)


def spec_of(config_map):
    """The spec that a ConfigMap holds, in one form: defaults set, sizes in bytes, times in seconds."""
    text, = config_map["data"].values()
    document = yaml.safe_load(text)
    spec = dict(DEFAULTS, **document["spec"])
    spec["rollout"] = dict(ROLLOUT, **spec.get("rollout", {}))
    for name in ("memory", "maxItemSize"):
        spec[name] = size(spec[name])
    for name in ("drain", "convergeTimeout"):
        spec["rollout"][name] = seconds(spec["rollout"][name])
    return dict(document, spec=spec)


def memcached_bytes(spec):
    """docs/operations.md: what a memcached may need, whole MiB."""
    need = spec["memory"] * 5 // 4 + 64 * MI + 64 * 1024 * spec["maxConnections"] + 2 * MI * spec["threads"]
    return (need + MI - 1) // MI * MI


def grace_s(spec):
    return spec["rollout"]["convergeTimeout"] + spec["rollout"]["drain"] + MARGIN_S


def leave_s(spec):
    return grace_s(spec) - ENDING_S
