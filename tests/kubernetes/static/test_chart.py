#!/usr/bin/python3
"""test_chart.py SOURCE_DIR BIN_DIR TOOLS_DIR - the chart means what kustomize means, object by object,
and refuses values that it does not know."""
import copy
import json
import os
import re
import sys
import unittest

import jsonschema
import yaml

from figures import spec_of
from rendered import CHART, SPEC_MAP, TOOLS, VARIANTS, Failed, by_helm, by_kustomize, helm, pod_of, run, title

HASH = r"-[0-9a-z]{10}$"
HELM_LABELS = {"app.kubernetes.io/managed-by", "helm.sh/chart"}


def normal(document):
    """A document without what each of both ways adds, or writes otherwise."""
    document = copy.deepcopy(document)
    metadata = document["metadata"]
    metadata.pop("namespace", None)  # helm sets it when it installs
    metadata["labels"] = {name: value for name, value in metadata.get("labels", {}).items() if name not in HELM_LABELS}
    if document["kind"] == "Job":  # helm's is named by what it applies, kustomize's names what it reads so
        metadata["name"] = re.sub(r"-apply-[0-9a-f]{8}$", "-apply", metadata["name"])
        volume, = [one for one in pod_of(document)["spec"]["volumes"] if one["name"] == "spec"]
        volume["configMap"]["name"] = re.sub(HASH, "", volume["configMap"]["name"])
    if re.fullmatch(SPEC_MAP, title(document)):
        metadata["name"] = re.sub(HASH, "", metadata["name"])
        document["data"] = spec_of(document)
    return document


def by_title(documents):
    return {title(document): document for document in map(normal, documents) if document["kind"] != "Namespace"}


class Same(unittest.TestCase):
    maxDiff = 4000

    def test_both_ways_mean_the_same(self):
        for variant in VARIANTS:
            ours, charts = by_title(by_kustomize(variant)), by_title(by_helm(variant))
            with self.subTest(variant=variant):
                self.assertEqual(sorted(ours), sorted(charts))
            for name in sorted(set(ours) & set(charts)):
                with self.subTest(variant=variant, of=name):
                    self.assertEqual(ours[name], charts[name])

    def test_another_cluster_is_called_otherwise_everywhere(self):
        documents = helm("--set", "cluster.name=pages,controller.enabled=false,etcd.enabled=false,"
                         "cluster.joinThroughPeers=true,podMonitor=true")
        self.assertFalse([name for name in map(title, documents) if "/pages" not in name])
        self.assertNotIn("sessions", yaml.safe_dump(documents))

    def test_another_spec_or_image_is_another_job(self):
        def job(*values):
            name, = [title(document) for document in helm(*values) if document["kind"] == "Job"]
            return name
        names = {job(), job("--set", "cluster.drainSeconds=1"), job("--set", "image.tag=9.9.9")}
        self.assertEqual(3, len(names))
        self.assertEqual(job(), job("--set", "etcd.storage=9Gi"))
        specs = {pod_of(document)["spec"]["volumes"][0]["configMap"]["name"] for variant in ("base", "dev", "production")
                 for document in by_kustomize(variant) if document["kind"] == "Job"}
        self.assertEqual(3, len(specs), specs)


class Values(unittest.TestCase):
    def setUp(self):
        with open(os.path.join(CHART, "values.yaml"), encoding="utf-8") as file:
            self.values = yaml.safe_load(file)
        with open(os.path.join(CHART, "values.schema.json"), encoding="utf-8") as file:
            self.schema = json.load(file)

    def mappings(self, schema, path=()):
        yield path, schema
        for name, inner in schema.get("properties", {}).items():
            if inner.get("type") == "object":
                yield from self.mappings(inner, path + (name,))

    def test_values_that_nobody_knows_are_refused(self):
        for path, schema in self.mappings(self.schema):
            if "properties" not in schema:
                continue
            at = ".".join(path + ("noSuchValue",))
            with self.subTest(at=at), self.assertRaisesRegex(Failed, "additional properties 'noSuchValue' not allowed"):
                helm("--set", at + "=1")

    def test_values_out_of_bounds_are_refused(self):
        for value in ("cluster.nodes=0", "cluster.nodes=three", "cluster.name=Sessions", "cluster.memoryMi=1.5",
                      "cluster.memoryMi=4", "cluster.zoneSpread=Sometimes", "cluster.drainEnds=never", "etcd.replicas=2",
                      "cluster.cpu=fast", "secrets.signingKey=", "etcd.endpoints={etcd:2379}", "cluster.maxNodes=2",
                      "cluster.maxItemSizeMi=33", "cluster.domain=a..b", "etcd.enabled=false",
                      "etcd.endpoints={http://etcd:2379}", "etcd.clientSecret=etcd", "cluster.name=muster-etcd"):
            with self.subTest(value=value), self.assertRaises(Failed):
                helm("--set", value)

    def test_the_schema_names_each_default_and_no_more(self):
        def names(mapping, path=()):
            for name, value in mapping.items():
                yield path + (name,)
                if isinstance(value, dict):
                    yield from names(value, path + (name,))
        known = {path + (name,) for path, schema in self.mappings(self.schema) for name in schema.get("properties", {})}
        free = {("global",)}
        optional = {path for path in known if path[-2:-1] in (("requests",), ("limits",), ("affinity",))}
        self.assertEqual(set(), set(names(self.values)) - known)
        self.assertEqual(set(), known - set(names(self.values)) - free - optional)
        jsonschema.Draft202012Validator.check_schema(self.schema)

    def test_each_value_changes_something(self):
        """Of every default another value that the schema takes: then something is rendered otherwise. How
        those that are left out work together is what the variants show."""
        base = ["--set", "gitops.enabled=true,cluster.joinThroughPeers=true"]
        before = helm(*base)
        for path, schema in self.mappings(self.schema):
            for name, inner in schema.get("properties", {}).items():
                at = ".".join(path + (name,))
                # The Job's are tried by themselves: it is not there with gitops.
                if path == ("apply",) or at in ("global", "gitops.enabled", "cluster.joinThroughPeers", "etcd.enabled", "etcd.endpoints",
                          "etcd.clientSecret") \
                        or inner.get("type") == "object" or path[-1:] in (("requests",), ("limits",)):
                    continue
                with self.subTest(at=at):
                    self.assertNotEqual(before, helm(*base, "--set-json", "%s=%s" % (at, other(self.values, path, name, inner))))

    def test_policies_let_through_to_where_etcd_is(self):
        documents = helm("-f", "values/external-etcd.yaml", "--set-json",
                         'etcd.endpoints=["https://a.example.com:12379", "https://10.0.0.1", "https://b.example.com:12379"]')
        policies = [document["spec"] for document in documents if document["kind"] == "NetworkPolicy"]
        self.assertEqual(3, len(policies))
        for policy in policies:
            self.assertEqual([12379, 443], [port["port"] for port in policy["egress"][1]["ports"]])

    def test_a_repository_that_anybody_may_read_needs_no_secret(self):
        follower, = [document for document in helm("--set", "gitops.enabled=true,gitops.secret=")
                     if title(document) == "Deployment/muster-gitops"]
        self.assertNotIn("MUSTER_TOKEN_FILE", yaml.safe_dump(follower))
        self.assertNotIn("token", [volume["name"] for volume in pod_of(follower)["spec"]["volumes"]])

    def test_the_job_is_as_it_is_told_or_not_there(self):
        def jobs(*values):
            return [document for document in helm(*values) if document["kind"] == "Job"]
        self.assertEqual([], jobs("--set", "apply.enabled=false"))
        job, = jobs("--set", "apply.ttlSeconds=7", "--set-json", 'apply.annotations={"argocd.argoproj.io/hook": "Sync"}')
        self.assertEqual(7, job["spec"]["ttlSecondsAfterFinished"])
        self.assertEqual({"argocd.argoproj.io/hook": "Sync"}, job["metadata"]["annotations"])
        for value in ("apply.ttlSeconds=0", "apply.annotations.x=1"):
            with self.subTest(value=value), self.assertRaises(Failed):
                helm("--set", value)

    def test_pods_take_what_a_platform_wants_of_them(self):
        affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
        nodes, = [document for document in helm("--set-json", "cluster=" + json.dumps({
            "affinity": affinity, "podLabels": {"team": "shop"}, "podAnnotations": {"sidecar.istio.io/inject": "false"}}))
            if title(document) == "StatefulSet/sessions"]
        pod = pod_of(nodes)
        self.assertEqual(affinity, pod["spec"]["affinity"])
        self.assertEqual("shop", pod["metadata"]["labels"]["team"])
        self.assertEqual("memcached", pod["metadata"]["labels"]["app.kubernetes.io/name"])
        self.assertEqual("false", pod["metadata"]["annotations"]["sidecar.istio.io/inject"])
        self.assertNotIn("team", nodes["spec"]["selector"]["matchLabels"])
        for value in ({"podLabels": {"app.kubernetes.io/name": "x"}}, {"podAnnotations": {"muster.io/port": "1"}},
                      {"podLabels": {"team": 1}}, {"affinity": {"nodes": {}}}):
            with self.subTest(value=value), self.assertRaises(Failed):
                helm("--set-json", "cluster=" + json.dumps(value))

    def test_helm_finds_nothing_to_complain_of(self):
        for arguments in [arguments for _, _, arguments in VARIANTS.values()]:
            arguments = [os.path.join(CHART, one) if one.startswith("values/") else one for one in arguments]
            said = run(os.path.join(TOOLS, "helm"), "lint", "--strict", CHART, *arguments)
            self.assertNotRegex(said, r"\[(WARNING|ERROR)\]")


def other(values, path, name, schema):
    """A value that is not the default, as JSON."""
    for step in path:
        values = values[step]
    default = values[name]
    if "enum" in schema:
        return json.dumps(next(one for one in schema["enum"] if one != default))
    if "$ref" in schema:
        return json.dumps("3")
    if name in ("tolerations", "imagePullSecrets"):
        return json.dumps([{"key": "x"} if name == "tolerations" else {"name": "x"}])
    if isinstance(default, list):
        return json.dumps(["-v"])
    return json.dumps(not default if isinstance(default, bool) else default + 1 if isinstance(default, int)
                      else "other")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
