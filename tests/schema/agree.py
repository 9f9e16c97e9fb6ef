#!/usr/bin/python3
"""Compare the schema with the reader: agree.py SPEC_JUDGE SOURCE_DIR [--seed N] [--count N]

Documents are written down below, or drawn: a valid one, in which some values are replaced by others
that lie at a bound, beyond it, or are of another kind. Each goes to the JSON Schema (Debian's
python3-jsonschema) and, as a line of JSON, to the reader. Both must say the same, but for the rules
of BEYOND, which no schema can express: by those the reader may refuse more, and each of them must
have done so at least once. The schema never refuses what the reader takes.
"""
import argparse
import copy
import json
import os
import random
import re
import subprocess
import sys

import jsonschema
import yaml

# The rules that only the reader knows, by what it says when one is broken.
BEYOND = {
    "steps of a size in Ki or bytes": r"spec\.\w+: must be a multiple of (1Mi|512Ki), got",
    "maxItemSize against memory": r"spec\.maxItemSize: must be at most half of spec\.memory",
    "maxNodes against nodes": r"spec\.maxNodes: must be at least spec\.nodes",
    "which argument takes which value": r"spec\.extraArgs\[\d+\]: ",
    "the size of the node list": r"spec\.endpoint\.domain: is too long for \d+ nodes",
    "3.0 is no whole number": r"must be a (whole number without quotes|size such as 64Mi), got \"[0-9.]+\"",
    "3.0 is no name": r"(metadata\.name|hosts\[\d+\]): must be 1 to \d+ lower case .* got \"[0-9.]+\"",
    "1e+20 is no label": r"labels\.\S+: a label's value must be .* got \"[0-9.e+]+\"",
    "a host as text and as number": r"spec\.placement\.hosts\[\d+\]: \"\w+\" is in the list already",
}


def document(**spec):
    spec.setdefault("nodes", 3)
    return {"apiVersion": "muster/v1", "kind": "MemcachedCluster", "metadata": {"name": "a"},
            "spec": spec}


def without(path):
    doc = document()
    section = doc
    *above, last = path.split(".")
    for name in above:
        section = section[name]
    del section[last]
    return doc


# What people write, right and wrong; and one document for each rule of BEYOND.
WRITTEN = [
    document(), document(nodes=0), document(nodes=1024), document(nodes=1025), document(nodes="3"),
    document(nodes=None), document(nodes=3.0), document(replicas=3), document(placement=None),
    document(rollout={"maxUnavailable": 0}), document(rollout={"maxUnavailable": 0, "maxSurge": 0}),
    document(rollout={"maxSurge": 0}), document(membership="joinable"), document(maxNodes=0),
    document(membership="joinable", maxNodes=3), document(membership="joinable", maxNodes=2),
    document(membership="managed", maxNodes=3), document(maxNodes=3), document(membership=None),
    document(threads=64, maxConnections=527), document(threads=64, maxConnections=528),
    document(maxConnections=47), document(maxConnections=48), document(threads=1, maxConnections=24),
    document(memory="8Mi", maxItemSize="4Mi"), document(memory="8Mi", maxItemSize="5Mi"),
    document(memory="9000Ki"), document(memory="8192Ki"), document(memory=8388609),
    document(memory=8388608), document(memory=8388608.0), document(memory="7Mi"),
    document(memory="4Ti"), document(memory="5Ti"), document(memory="0064Mi"),
    document(endpoint={"domain": ""}), document(endpoint={"domain": "cache.local"}),
    document(endpoint={"domain": "10.0.0.1"}), document(endpoint={"domain": 5}),
    document(endpoint={"domain": True}), document(endpoint={"domain": "a" * 64}),
    document(endpoint={"domain": ".".join(["a" * 40] * 3)}, nodes=1024),
    document(endpoint=None), document(endpoint={"domain": None}), document(clients={"hashing": "x"}),
    document(extraArgs=["-f", "1.1", "-C"]), document(extraArgs=["-f", 1.1]),
    document(extraArgs=["1.1", "-f"]), document(extraArgs=["-m", "64"]), document(extraArgs=None),
    document(extraArgs=["-o", "modern,hashpower=20"]), document(extraArgs=["-o", "hashpower=9"]),
    document(placement={"hosts": ["a", "a"]}), document(placement={"hosts": ["5", 5]}),
    document(placement={"hosts": [1.5]}), document(placement={"hosts": [True, "b"]}),
    document(placement={"hosts": [3.0]}), document(placement={"labels": {"a": None}}),
    document(placement={"labels": {"a": 1, "b": False, "c": 1.5, "d": -3}}),
    document(placement={"labels": {"a": 1e20}}), document(placement={"labels": {"A": "x"}}),
    without("metadata.name"), without("metadata"), without("spec.nodes"), without("spec"),
    without("kind"), without("apiVersion"), dict(document(), kind="Other"), dict(document(), x=1),
    dict(document(), metadata=None), dict(document(), spec=None), [], "text", 3,
    dict(document(), metadata={"name": 5}), dict(document(), metadata={"name": "A"}),
    dict(document(), metadata={"name": True}), dict(document(), metadata={"name": 1.5}),
    dict(document(), metadata={"name": 3.0}), dict(document(), metadata={"name": 10 ** 40}),
]

NAMES = ["a", "sessions", "a-b", "0", "a" * 40, "a" * 41, "a" * 63, "a" * 64, "-a", "a-", "A", "",
         "a.b", "ä", "a b", 7, -7, True, None, 2.5, [], {}]
SIZES = ["8Mi", "64Mi", "1Gi", "7Mi", "4Ti", "5Ti", "4095Gi", "4097Gi", "65536Ki", "65537Ki", "0",
         "512Ki", "1Mi", "1536Ki", "8388608", "64", "64M", "64MiB", " 64Mi", "-1Mi", "1.5Gi", 8388608,
         67108864, 524288, 1000, -1, None, True, [], {}]
DURATIONS = ["0s", "1s", "30s", "999ms", "1000ms", "1d", "24h", "25h", "86400s", "86401s", "2m",
             "1440m", "1441m", "86400000ms", "86400001ms", "1", "s", "1.5s", "-1s", "1 s", "010s", 30,
             None, True, []]
COUNTS = [0, 1, 2, 3, 4, 23, 24, 31, 32, 48, 63, 64, 65, 100, 512, 528, 1023, 1024, 1025, 10 ** 6,
          10 ** 6 + 1, -1, "3", 1.5, 3.0, None, True, [], {}]
WORDS = ["zone", "host", "managed", "joinable", "joined", "clients", "evidence", "time", "ketama", "modulo",
         "rendezvous", "", "Zone", None, True, 1]
DOMAINS = ["", "local", "cache.local", "a.b.c.example.com", "a..b", ".a", "a.", "1.2.3.4", "a.1",
           "1.a", "x" * 63 + ".local", "x" * 64 + ".local", ("x" * 31 + ".") * 3 + "x" * 32,
           ("x" * 31 + ".") * 4 + "x", "Cache.local", 5, True, None]
ARGS = ["-C", "-f", "1.1", "1.25", "-n", "48", "-R", "20", "-o", "modern", "no_modern,track_sizes",
        "hashpower=17", "hashpower=28", "idle_timeout=60", "lru_crawler,", "-B", "ascii", "binary",
        "-D", ":", "-m", "64", "-c", "--foo", "", "x" * 257, 1.5, 48, None, True]
VALUES = {
    "metadata.name": NAMES, "spec.endpoint.domain": DOMAINS,
    "spec.memory": SIZES, "spec.maxItemSize": SIZES,
    "spec.rollout.drain": DURATIONS, "spec.rollout.convergeTimeout": DURATIONS,
    "spec.rollout.progressDeadline": DURATIONS, "spec.repair.failAfter": DURATIONS,
    "spec.membership": WORDS, "spec.placement.spreadBy": WORDS, "spec.rollout.drainEnds": WORDS,
    "spec.clients.hashing": WORDS,
}


def fields_of(schema, path=""):
    """The paths of all fields of the schema."""
    for name, member in schema["properties"].items():
        below = path + "." + name if path else name
        if "properties" in member:
            yield from fields_of(member, below)
        elif below not in ("apiVersion", "kind"):
            yield below


def draw_labels(chance):
    names = ["team", "tier", "a" * 63, "a" * 64, "Team", "x.y", "5"]
    values = ["gold", "", "a_b.c-D", "a" * 63, "a" * 64, "a b", "ä", 5, -5, 1.5, True, None, [], {}]
    if chance.random() < 0.1:
        return chance.choice([None, [], "text", 3])
    if chance.random() < 0.05:
        return {"l%d" % i: "x" for i in range(chance.choice([32, 33]))}
    return {chance.choice(names): chance.choice(values) for _ in range(chance.randrange(3))}


def draw_list(chance, values, most):
    if chance.random() < 0.1:
        return chance.choice([None, {}, "text", 3])
    if chance.random() < 0.05:
        return ["h%d" % i for i in range(chance.choice([most, most + 1]))]
    return [chance.choice(values) for _ in range(chance.randrange(4))]


def draw_value(chance, path):
    if path.endswith("labels"):
        return draw_labels(chance)
    if path.endswith("hosts"):
        return draw_list(chance, NAMES, 256)
    if path.endswith("extraArgs"):
        return draw_list(chance, ARGS, 32)
    return chance.choice(VALUES.get(path, COUNTS))


def put(doc, path, value):
    *above, last = path.split(".")
    for name in above:
        if not isinstance(doc.get(name), dict):
            doc[name] = {}
        doc = doc[name]
    doc[last] = value


def good_value(chance, path, validators):
    """A value that the field's own part of the schema takes."""
    for _ in range(50):
        value = draw_value(chance, path)
        if validators[path].is_valid(value):
            return value
    return None


def draw(chance, fields, validators):
    """A document of mostly good values, with at most three that may be anything."""
    doc = document(nodes=chance.choice([1, 3, 100]))
    for path in chance.sample(fields, chance.randrange(len(fields))):
        value = good_value(chance, path, validators)
        if value is not None:
            put(doc, path, value)
    for path in chance.sample(fields, chance.choice([0, 0, 1, 1, 2, 3])):
        put(doc, path, draw_value(chance, path))
    if chance.random() < 0.1:
        put(doc, chance.choice(["x", "metadata.uid", "spec.node", "spec.rollout.surge"]), 1)
    if chance.random() < 0.05:
        put(doc, chance.choice(["spec", "spec.rollout", "spec.placement", "metadata"]),
            chance.choice([None, [], "text", {}]))
    return doc


def subschema(schema, path):
    for name in path.split("."):
        schema = schema["properties"][name]
    return schema


def judge(program, docs):
    lines = "".join(json.dumps(doc, ensure_ascii=False) + "\n" for doc in docs)
    told = subprocess.run([program], input=lines, capture_output=True, text=True, check=True,
                          timeout=120).stdout.splitlines()
    if len(told) != len(docs):
        sys.exit("%d documents, %d answers" % (len(docs), len(told)))
    return [[] if line == "ok" else line.strip("\x1f").split("\x1f") for line in told]


def beyond(mistakes, hit):
    """Whether only rules that a schema can't express are broken; those are noted in `hit`."""
    found = [[name for name, rule in BEYOND.items() if re.search(rule, mistake)]
             for mistake in mistakes]
    if not all(found):
        return False
    hit.update(name for names in found for name in names)
    return True


def examples(root):
    folder = os.path.join(root, "examples")
    for name in sorted(os.listdir(folder)):
        if name.endswith(".yaml"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                yield from yaml.safe_load_all(file)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("judge")
    parser.add_argument("root")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    with open(os.path.join(options.root, "deploy/muster-cluster.schema.json"),
              encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    fields = list(fields_of(schema))
    validators = {path: jsonschema.Draft202012Validator(subschema(schema, path)) for path in fields}
    chance = random.Random(options.seed)
    docs = copy.deepcopy(WRITTEN) + list(examples(options.root))
    docs += [draw(chance, fields, validators) for _ in range(options.count)]
    good = differences = 0
    hit = set()
    for doc, mistakes in zip(docs, judge(options.judge, docs)):
        valid = validator.is_valid(doc)
        good += not mistakes
        if valid == (not mistakes) or (valid and beyond(mistakes, hit)):
            continue
        differences += 1
        if differences <= 20:
            print("the schema %s, the reader says %s: %s" % (
                "takes it" if valid else "refuses it", mistakes or "ok", json.dumps(doc)))
    for name in sorted(set(BEYOND) - hit):
        print("no document breaks this rule alone: %s" % name)
    print("%d documents, %d of them good, %d differences" % (len(docs), good, differences))
    sys.exit(1 if differences or set(BEYOND) - hit or good < len(docs) / 10 else 0)


main()
