#!/usr/bin/python3
"""The pipeline of examples/gitops, run as CI runs it, in a real repository against `muster up`."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from lab import BIN, MUSTER, Repository

EXAMPLE = os.path.join(os.environ["MUSTER_SOURCE_DIR"], "examples/gitops")


class Pipeline(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="muster-pipeline-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        pid = os.getpid()
        self.env = dict(os.environ, MUSTER_STATE_DIR=os.path.join(self.folder, "state"), HOME=self.folder,
                        MUSTER_NETWORK="127.%d.%d.0/24" % (30 + (pid >> 8) % 40, pid & 255),
                        PATH=BIN + ":" + os.environ["PATH"], WAIT="60s")
        self.repo = Repository(self.folder)
        shutil.copytree(EXAMPLE, self.repo.work, dirs_exist_ok=True)
        self.repo.push("the example")

    def run_it(self, *args, code=0):
        done = subprocess.run(args, cwd=self.repo.work, env=self.env, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120)
        self.assertEqual(done.returncode, code, "%s: %s" % (" ".join(args), done.stdout))
        return done.stdout

    def clusters(self):
        found = json.loads(self.run_it(MUSTER, "get", "clusters", "-o", "json"))
        return {cluster["name"]: cluster for cluster in found}

    def edit(self, path, before, after):
        whole = os.path.join(self.repo.work, path)
        with open(whole, encoding="utf-8") as text:
            content = text.read()
        self.assertIn(before, content)
        with open(whole, "w", encoding="utf-8") as text:
            text.write(content.replace(before, after, 1))

    def test_pull_request_and_merge(self):
        self.addCleanup(lambda: subprocess.run([MUSTER, "down", "--purge"], env=self.env, check=False,
                                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        first = os.path.join(self.folder, "first.yaml")
        with open(first, "w", encoding="utf-8") as out:
            out.write("apiVersion: muster/v1\nkind: MemcachedCluster\nmetadata:\n  name: other\n"
                      "spec:\n  nodes: 1\n  rollout:\n    drain: 1s\n")
        self.run_it(MUSTER, "up", "--detach", "-f", first)
        said = self.run_it("./pipeline.sh", "check", "staging")
        self.assertIn("sessions", said)
        self.assertEqual(set(self.clusters()), {"other"}, "a check changes nothing")
        said = self.run_it("./pipeline.sh", "deploy", "staging")
        self.assertIn("cluster/sessions created", said)
        self.assertEqual(set(self.clusters()), {"other", "pages", "sessions"})
        # The same documents as the same source: a follower takes over where the pipeline ended.
        said = self.run_it(MUSTER, "gitops", "--repo", self.repo.bare, "--path", "clusters/staging",
                           "--source", "staging", "--once")
        self.assertNotIn("cluster/", said)
        # A pull request with a mistake fails its check.
        self.edit("clusters/staging/clusters.yaml", "nodes: 2", "nodes: two")
        self.assertIn("clusters.yaml:20:10: spec.nodes", self.run_it("./pipeline.sh", "check", "staging", code=3))
        self.repo.git("checkout", "-q", "clusters")
        # One that removes a cluster shows that, and deletes it when it is merged.
        whole = os.path.join(self.repo.work, "clusters/staging/clusters.yaml")
        with open(whole, encoding="utf-8") as text:
            kept = text.read().partition("---\n")[2]
        with open(whole, "w", encoding="utf-8") as text:
            text.write("# Made by render.sh from overlays/staging.\n" + kept)
        self.edit("base/kustomization.yaml", "  - pages.yaml\n", "")
        self.assertIn("pages", self.run_it("./pipeline.sh", "check", "staging"))
        self.run_it("./pipeline.sh", "deploy", "staging")
        self.assertEqual(set(self.clusters()), {"other", "sessions"}, "what the source did not apply stays")

    def test_both_services_call_the_script(self):
        for path in (".github/workflows/muster.yml", ".gitlab-ci.yml"):
            with open(os.path.join(self.repo.work, path), encoding="utf-8") as text:
                content = text.read()
            self.assertIn("./pipeline.sh check", content)
            self.assertIn("./pipeline.sh deploy", content)

    def test_what_is_rendered_is_what_the_overlays_say(self):
        if shutil.which("kubectl") is None and shutil.which("kustomize") is None:
            self.skipTest("no kustomize")
        self.run_it("./render.sh", "--check", "staging", "prod")
        self.edit("base/pages.yaml", "nodes: 1", "nodes: 2")
        self.assertIn("is not what overlays/staging says",
                      self.run_it("./render.sh", "--check", "staging", code=1))


if __name__ == "__main__":
    sys.exit(0 if unittest.main(exit=False, verbosity=1).result.wasSuccessful() else 1)
