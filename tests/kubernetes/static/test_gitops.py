#!/usr/bin/python3
"""test_gitops.py SOURCE_DIR BIN_DIR TOOLS_DIR - examples/gitops-kubernetes renders to valid objects whose
figures agree, and what Flux and Argo CD are told leads there."""
import os
import re
import subprocess
import sys
import unittest

from figures import MI, grace_s, memcached_bytes, seconds, size, spec_of
from rendered import BIN, SOURCE, SPEC_MAP, containers_of, documents, kustomize, pod_of, read, title
from schemas import Schemas

EXAMPLE = os.path.join(SOURCE, "examples", "gitops-kubernetes")


def followers():
    return [document for name in ("flux", "argocd")
            for document in documents(read(os.path.join(EXAMPLE, name, "caches.yaml")))]


class Example(unittest.TestCase):
    def setUp(self):
        self.objects = {title(document): document for document in kustomize(os.path.join(EXAMPLE, "caches"))}

    def test_all_is_valid(self):
        schemas = Schemas()
        for document in list(self.objects.values()) + followers():
            self.assertEqual([], schemas.mistakes(document))
        done = subprocess.run([os.path.join(BIN, "muster"), "lint", os.path.join(EXAMPLE, "caches/sessions.yaml")],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(0, done.returncode, done.stderr)

    def test_pods_are_as_the_spec_says(self):
        spec = spec_of(*(self.objects[name] for name in self.objects if re.fullmatch(SPEC_MAP, name)))["spec"]
        nodes = self.objects["StatefulSet/sessions"]
        memcached, = [item for item in containers_of(nodes) if item["name"] == "memcached"]
        self.assertEqual(spec["nodes"], nodes["spec"]["replicas"])
        self.assertEqual(memcached_bytes(spec), size(memcached["resources"]["limits"]["memory"]))
        self.assertEqual(grace_s(spec), pod_of(nodes)["spec"]["terminationGracePeriodSeconds"])
        for option, value in (("memory-limit", spec["memory"] // MI), ("threads", spec["threads"]),
                              ("conn-limit", spec["maxConnections"])):
            self.assertIn("--%s=%d" % (option, value), memcached["args"])

    def test_both_followers_take_the_folder_and_wait_long_enough(self):
        flux, = [document for document in followers() if document["kind"] == "Kustomization"]
        argocd, = [document for document in followers() if document["kind"] == "Application"]
        for path in (flux["spec"]["path"], argocd["spec"]["source"]["path"]):
            self.assertTrue(os.path.isfile(os.path.join(EXAMPLE, path, "kustomization.yaml")), path)
        job = self.objects["Job/sessions-apply"]
        wait, = re.findall(r"--wait=(\w+)", " ".join(containers_of(job)[0]["args"]))
        self.assertIs(flux["spec"]["wait"], True)
        # Each in time to tell the next one how it ended; and one that is gone by then would tell nothing.
        self.assertLess(seconds(wait), job["spec"]["activeDeadlineSeconds"])
        self.assertLess(job["spec"]["activeDeadlineSeconds"], seconds(flux["spec"]["timeout"]))
        self.assertLess(seconds(flux["spec"]["timeout"]), job["spec"]["ttlSecondsAfterFinished"])
        # A hook behind the sync would wait for pods, and they for it.
        self.assertEqual("Sync", job["metadata"]["annotations"]["argocd.argoproj.io/hook"])
        self.assertEqual("enabled", job["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/force"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
