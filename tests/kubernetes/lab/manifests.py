"""Manifests: rendered, read, checked, and looked into."""
import base64
import copy
import hashlib
import json
import re
import subprocess

import yaml

import fields

NAMESPACE = "default"
_SUFFIXES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


class Mistake(Exception):
    """A manifest says what the lab can't do, or what makes no sense."""


def kustomize(directory):
    """What `kubectl kustomize` makes of a directory."""
    done = subprocess.run(["kubectl", "kustomize", directory], text=True, capture_output=True)
    if done.returncode != 0:
        raise Mistake("kubectl kustomize %s: %s" % (directory, done.stderr))
    return read(done.stdout)


def helm(chart, release, namespace, values, more):
    """What `helm install` would make of a chart; `more` are values by name, with __ for dots."""
    command = ["helm", "template", release, chart, "--namespace", namespace, "--values", values]
    for name, value in more.items():
        command += ["--set", "%s=%s" % (name.replace("__", "."), value)]
    done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode != 0:
        raise Mistake("%s: %s" % (" ".join(command), done.stderr))
    return [merged({"metadata": {"namespace": namespace}}, one) for one in read(done.stdout)]


def read(text):
    """The manifests of a YAML text, all of them checked; those that are for others left out."""
    found = [one for one in yaml.load_all(text, Loader=yaml.CSafeLoader) if one]
    mine = [one for one in found if one.get("kind") not in fields.OTHERS]
    wrong = [mistake for one in mine for mistake in fields.check(one)]
    if wrong:
        raise Mistake("\n".join(wrong))
    return mine


def key(manifest):
    metadata = manifest["metadata"]
    return manifest["kind"], metadata.get("namespace", NAMESPACE), metadata["name"]


def content(manifest):
    """The bytes that a Secret or a ConfigMap holds, by key."""
    if manifest["kind"] == "ConfigMap":
        return {name: text.encode() for name, text in (manifest.get("data") or {}).items()}
    found = {name: base64.b64decode(text) for name, text in (manifest.get("data") or {}).items()}
    found.update((name, text.encode()) for name, text in (manifest.get("stringData") or {}).items())
    return found


def digest(value):
    """A short name for a value: equal values have the same."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:10]


def selects(selector, labels):
    """Whether a selector ({} selects all) or the `matchLabels` of one does."""
    wanted = selector.get("matchLabels", {}) if selector else {}
    return all(labels.get(name) == value for name, value in wanted.items())


def merged(manifest, change):
    """A copy of `manifest` with `change` laid over it, as a JSON merge patch."""
    if not isinstance(change, dict):
        return copy.deepcopy(change)
    result = copy.deepcopy(manifest) if isinstance(manifest, dict) else {}
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def amount(text):
    """A quantity's number of units; those below one round up."""
    match = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(text))
    if match.group(2) == "m":
        return -(-int(match.group(1)) // 1000)
    return int(float(match.group(1)) * _SUFFIXES[match.group(2)])
