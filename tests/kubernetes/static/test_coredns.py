#!/usr/bin/python3
"""test_coredns.py SOURCE_DIR BIN_DIR TOOLS_DIR - the manifests of deploy/coredns are valid, and what a
controller writes into etcd is what CoreDNS's etcd plugin looks for with that Corefile.

There is no CoreDNS in Debian. `Plugin` looks names up as its documentation says: the labels of a name
in reverse order below `path`, a JSON message with host, port and ttl as value."""
import base64
import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

from rendered import BIN, SOURCE, containers_of, kustomize, pod_of, title
from schemas import Schemas

FOLDER = os.path.join(SOURCE, "deploy", "coredns")
PATIENCE_S = 60
DOMAIN = "cache.example.com"


def corefile():
    """(zone, options of the etcd plugin)."""
    with open(os.path.join(FOLDER, "Corefile"), encoding="utf-8") as file:
        text = "".join(line for line in file if not line.startswith("#"))
    if text.count("{") != text.count("}"):
        raise ValueError("a block that does not end")
    zone, port = re.match(r"\s*([-a-z.]+):([0-9]+) \{", text).groups()
    options = dict(line.split(None, 1) for line in re.search(r"etcd \{(.*?)\}", text, re.S).group(1).strip().split("\n")
                   for line in [line.strip()])
    return zone, int(port), options


class Plugin:
    def __init__(self, etcd):
        self.etcd = etcd
        self.path = corefile()[2]["path"]

    def range(self, key, end=None):
        wanted = {"key": key, "range_end": end}
        body = {name: base64.b64encode(value.encode()).decode() for name, value in wanted.items() if value}
        request = urllib.request.Request(self.etcd + "/v3/kv/range", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=5) as reply:
            return [(base64.b64decode(pair["key"]).decode(), json.loads(base64.b64decode(pair["value"])))
                    for pair in json.load(reply).get("kvs", [])]

    def messages(self, name):
        """What a name's key holds; else, as the plugin does, all below it."""
        key = "/".join([self.path] + name.split(".")[::-1])
        return self.range(key) or self.range(key + "/", key + "0")


class Manifests(unittest.TestCase):
    def test_they_are_valid_and_closed(self):
        schemas, documents = Schemas(), kustomize(FOLDER)
        self.assertEqual([], [mistake for document in documents for mistake in schemas.mistakes(document)])
        deployment, = [document for document in documents if pod_of(document)]
        config, = [document for document in documents if document["kind"] == "ConfigMap"]
        self.assertEqual(config["metadata"]["name"], pod_of(deployment)["spec"]["volumes"][0]["configMap"]["name"])
        item, = containers_of(deployment)
        self.assertEqual(corefile()[1], item["ports"][0]["containerPort"])
        self.assertLess(1023, item["ports"][0]["containerPort"], "nobody may not listen there")
        # CoreDNS' image has the one capability that "restricted" admits on its program's file: without it in
        # the container the program can't even be started.
        self.assertEqual({"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                          "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}, item["securityContext"])

    def test_it_asks_the_etcds_of_the_base(self):
        settings, = [document for document in kustomize(os.path.join(SOURCE, "deploy/kubernetes/base"))
                     if title(document) == "ConfigMap/muster-settings"]
        self.assertEqual(settings["data"]["etcd-endpoints"].split(","), corefile()[2]["endpoint"].split())
        self.assertEqual((DOMAIN, 1053), corefile()[:2])


class Records(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.mkdtemp(prefix="muster-coredns-")
        os.chmod(self.work, 0o755)
        pid = os.getpid()
        self.net = "127.%d.%d" % (184 + (pid >> 8) % 16, pid % 256)
        self.addCleanup(self.end)
        with open(os.path.join(self.work, "spec.yaml"), "w", encoding="utf-8") as file:
            file.write("apiVersion: muster/v1\nkind: MemcachedCluster\nmetadata:\n  name: sessions\nspec:\n  nodes: 2\n"
                       "  memory: 8Mi\n  maxItemSize: 1Mi\n  rollout:\n    drain: 0s\n  endpoint:\n    domain: %s\n" % DOMAIN)
        self.muster("up", "--detach", "--network", self.net + ".0/24", "-f", os.path.join(self.work, "spec.yaml"))
        self.plugin = Plugin("http://%s.250:2379" % self.net)

    def end(self):
        subprocess.run([os.path.join(BIN, "muster"), "down", "--purge", "--state-dir", self.work + "/state"],
                       capture_output=True, check=False, timeout=PATIENCE_S)
        shutil.rmtree(self.work, ignore_errors=True)

    def muster(self, *arguments):
        return subprocess.run([os.path.join(BIN, "muster"), *arguments, "--state-dir", self.work + "/state"],
                              capture_output=True, text=True, check=True, timeout=PATIENCE_S).stdout

    def until(self, what, condition):
        end = time.monotonic() + PATIENCE_S
        while not condition():
            self.assertLess(time.monotonic(), end, "waited in vain: " + what)
            time.sleep(0.1)

    def test_each_name_that_clients_are_told_is_a_record_of_its_node(self):
        self.muster("wait", "sessions", "--for", "converged")
        nodes = json.loads(self.muster("get", "nodes", "sessions", "-o", "json"))
        self.assertEqual(2, len(nodes))
        addresses = set()
        for slot in ("0001", "0002"):
            (key, message), = self.plugin.messages("%s.sessions.%s" % (slot, DOMAIN))
            self.assertEqual("/skydns/com/example/cache/sessions/" + slot, key)
            self.check(message)
            addresses.add(message["host"])
        self.assertEqual(2, len(addresses))
        (_, endpoint), = self.plugin.messages("sessions.cfg." + DOMAIN)
        self.check(endpoint)
        self.assertIn(endpoint["host"], addresses)
        # A name above others is all of them, as a headless Service's is.
        self.assertEqual(addresses, {message["host"] for _, message in self.plugin.messages("sessions." + DOMAIN)})
        self.assertEqual([], self.plugin.messages("0003.sessions." + DOMAIN))
        self.muster("scale", "sessions", "--nodes", "1")
        self.until("the record of who left is gone",
                   lambda: not self.plugin.messages("0002.sessions." + DOMAIN))
        self.muster("delete", "cluster", "sessions", "--wait")
        self.until("no record is left", lambda: not self.plugin.messages(DOMAIN))

    def check(self, message):
        self.assertEqual({"host", "port", "ttl"}, set(message))
        ipaddress.IPv4Address(message["host"])
        self.assertEqual((11211, 5), (message["port"], message["ttl"]))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
