#!/usr/bin/python3
"""test_components.py SOURCE_DIR BIN_DIR TOOLS_DIR - components of kustomize come in any order: that is the
same, or the wrong one is refused. Nothing is left out in silence."""
import itertools
import os
import sys
import unittest

from rendered import DEPLOY, Failed, composed, title

COMPONENTS = sorted(os.listdir(os.path.join(DEPLOY, "components")))
# plain-sidecar moves what join-through-peers looks for; gitops brings pods that openshift looks for.
REFUSED = {("plain-sidecar", "join-through-peers"), ("openshift", "gitops")}


class Orders(unittest.TestCase):
    def test_each_two_of_them_in_both_orders(self):
        refused, before = set(), {}
        for pair in itertools.permutations(COMPONENTS, 2):
            try:
                found = {title(document): document for document in composed(["base"], pair)}
            except Failed:
                refused.add(pair)
                continue
            with self.subTest(pair=pair):
                self.assertEqual(before.setdefault(frozenset(pair), found), found)
        self.assertEqual(REFUSED, refused)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
