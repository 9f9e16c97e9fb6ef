#!/usr/bin/python3
"""muster gitops against real repositories and a real etcd, looked at from outside."""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import unittest
import urllib.request

from lab import BIN, MUSTER, Lab, Repository, address, document, git_http, sshd, wait_for


class Commits(Lab):
    """What commits do."""

    def test_adds_changes_deletes_and_reverts(self):
        for name in "abc":
            self.repo.write("prod/%s.yaml" % name, document(name, 3))
        first = self.repo.push("first")
        self.assertIn("cluster/a created", self.once("--path", "prod"))
        self.assertEqual(self.nodes(), {"a": 3, "b": 3, "c": 3})
        self.assertEqual(self.source()["revision"], first)
        self.repo.write("prod/a.yaml", document("a", 5))
        self.repo.git("rm", "-q", "prod/b.yaml")
        self.repo.push("second")
        self.once("--path", "prod")
        self.assertEqual(self.nodes(), {"a": 5, "c": 3})
        self.assertTrue(self.specs()["b"]["deleting"])
        self.etcd.delete(self.prefix + "/clusters/b/spec")  # as the controller does in the end
        self.repo.git("revert", "--no-edit", "HEAD")
        self.repo.push("third")
        self.once("--path", "prod")
        self.assertEqual(self.nodes(), {"a": 3, "b": 3, "c": 3})
        self.assertEqual(self.source()["state"], "Synced")

    def test_does_nothing_when_nothing_changed(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push()
        self.once()
        before = self.specs()
        self.once()
        self.assertEqual(self.specs(), before)
        self.assertEqual(len(self.events("SourceApplied")), 1)

    def test_a_dry_run_writes_nothing(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push()
        before = self.etcd.revision()
        self.assertIn("cluster/a created (dry run)", self.once("--dry-run"))
        self.assertEqual(self.etcd.revision(), before)

    def test_a_moved_file_changes_nothing(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push()
        self.once()
        before = self.specs()
        self.repo.git("mv", "a.yaml", "renamed.yml")
        head = self.repo.push("move")
        self.once()
        self.assertEqual(self.specs(), before)
        self.assertEqual(self.source()["revision"], head)

    def test_a_broken_commit_leaves_the_last_good_one_in_force(self):
        self.repo.write("a.yaml", document("a", 3))
        good = self.repo.push("good")
        self.once()
        self.repo.write("a.yaml", document("a", 4))
        self.repo.write("b.yaml", document("b", 0, "  nods: 7\n"))
        bad = self.repo.push("bad")
        said = self.once(code=3)
        self.assertIn("b.yaml:6:10: spec.nodes: must be between 1 and 1024, got 0", said)
        self.assertIn('b.yaml:7:3: spec: unknown field "nods"', said)
        source = self.source()
        self.assertEqual((source["state"], source["revision"], source["head"]), ("Refused", good, bad))
        self.assertIn("b.yaml:6:10", source["error"])
        self.assertEqual(self.nodes(), {"a": 3})
        # What is in force stays so: a cluster that is deleted by hand comes back from the good commit.
        self.etcd.delete(self.prefix + "/clusters/a/spec")
        self.once(code=3)
        self.assertEqual(self.nodes(), {"a": 3})
        self.assertEqual(len(self.events("SourceRefused")), 1)
        self.assertEqual(len(self.events("Recreated")), 1)
        self.repo.git("rm", "-q", "b.yaml")
        self.repo.push("mended")
        self.once()
        self.assertEqual(self.nodes(), {"a": 4})
        self.assertEqual((self.source()["state"], self.source()["error"]), ("Synced", ""))

    def test_follows_a_branch_that_was_rewritten_and_says_so(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push("first")
        self.repo.write("a.yaml", document("a", 5))
        self.repo.push("second")
        self.once()
        self.repo.git("reset", "-q", "--hard", "HEAD~1")
        self.repo.write("a.yaml", document("a", 7))
        head = self.repo.push("other", force=True)
        self.once("--forward-only", code=5)
        self.assertEqual(self.nodes(), {"a": 5})
        self.assertIn("rewritten", self.source()["error"])
        self.once()
        self.assertEqual(self.nodes(), {"a": 7})
        self.assertEqual(self.source()["revision"], head)
        self.assertEqual(len(self.events("SourceRewritten")), 1)

    def test_of_another_repository_no_commit_is_in_force_until_one_is_applied(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push()
        self.once()
        other = Repository(self.folder, "other")
        other.write("a.yaml", "nothing: [")
        other.push()
        self.once(repo=other.bare, code=3)
        source = self.source()
        self.assertEqual((source["repository"], source["state"], source["revision"], source["clusters"]),
                         (other.bare, "Refused", "", 0))
        other.write("a.yaml", document("a", 4))
        head = other.push()
        self.once("--forward-only", repo=other.bare)
        self.assertEqual((self.nodes(), self.source()["revision"]), ({"a": 4}, head))
        self.assertEqual(self.events("SourceRewritten"), [])

    def test_a_branch_that_is_gone_changes_nothing(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push()
        self.once()
        self.repo.git("push", "-q", "origin", "HEAD:other")
        self.repo.git("--git-dir", self.repo.bare, "symbolic-ref", "HEAD", "refs/heads/other")
        self.repo.git("push", "-q", "origin", ":main")
        self.assertIn("there is no branch 'main'", self.once(code=4))
        self.assertEqual(self.nodes(), {"a": 3})
        self.assertEqual(self.source()["state"], "Refused")

    def test_does_not_delete_most_clusters_unasked(self):
        for name in "abcd":
            self.repo.write("prod/%s.yaml" % name, document(name, 1))
        self.repo.push()
        self.once("--path", "prod")
        self.repo.git("mv", "prod", "production")
        self.repo.push("the directory has another name")
        self.assertIn("prod: there is no such directory", self.once("--path", "prod", code=4))
        self.assertEqual(len(self.nodes()), 4)
        self.repo.write("prod/a.yaml", document("a", 1))
        self.repo.push("one of them stays")
        self.assertIn("would delete 3 of 4 clusters", self.once("--path", "prod", code=1))
        self.assertEqual((len(self.nodes()), self.source()["state"]), (4, "Refused"))
        self.once("--path", "prod", "--allow-empty")
        self.assertEqual((self.nodes(), self.source()["state"]), ({"a": 1}, "Synced"))
        self.repo.git("rm", "-q", "prod/a.yaml")
        self.repo.push("none")
        self.once("--path", "prod", code=4)
        self.once("--path", "prod", "--allow-empty")
        self.assertEqual(self.nodes(), {})

    def test_refuses_what_is_no_plain_file(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push()
        self.once()
        os.symlink("/etc/passwd", os.path.join(self.repo.work, "link.yaml"))
        self.repo.write("big.yaml", "#" * (1 << 20) + "\n" + document("big", 1))
        self.repo.git("update-index", "--add", "--cacheinfo",
                      "160000,%s,module" % self.repo.git("rev-parse", "HEAD"))
        self.repo.write(".github/ci.yaml", "not: a spec\n")
        self.repo.git("add", "link.yaml", "big.yaml", ".github")
        self.repo.git("commit", "-q", "-m", "odd")
        self.repo.git("push", "-q", "origin", "HEAD:main")
        said = self.once(code=3)
        self.assertIn("link.yaml: is a symbolic link", said)
        self.assertIn("big.yaml: is larger than 1 MiB", said)
        self.assertIn("module: is a submodule", said)
        self.assertNotIn("ci.yaml", said)
        self.assertEqual(self.nodes(), {"a": 3})

    def test_no_text_of_a_repository_steers_a_terminal(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push("red \033[31m")
        self.assertIn("(red ?[31m)", self.once())
        self.repo.write("\033[2J\n.yaml", "nothing: [")
        self.repo.push()
        said = self.once(code=3)
        self.assertIn("?[2J .yaml:", said)
        self.assertNotIn("\033", said)
        self.assertNotIn("\033", json.dumps(self.source(), ensure_ascii=False))


class Others(Lab):
    """Who else writes specs."""

    def test_drift_is_told_and_left_alone_or_healed(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push()
        self.once()
        self.muster("scale", "a", "--nodes", "6")
        self.assertIn("cluster/a drifted: nodes is 6, set by scale, the repository says 3", self.once())
        self.once()
        drift = self.source()["drift"]
        self.assertEqual([(d["cluster"], d["field"], d["wanted"], d["found"], d["manager"]) for d in drift],
                         [("a", "nodes", "3", "6", "scale")])
        self.assertEqual(self.events("Drifted"), ["nodes is 6, set by scale, source gitops says 3"])
        self.assertEqual(self.nodes(), {"a": 6})
        self.once("--force-conflicts")
        self.assertEqual((self.nodes(), self.source()["driftTotal"]), ({"a": 3}, 0))
        self.assertEqual(len(self.events("DriftEnded")), 1)

    def test_a_change_of_a_field_that_somebody_holds_is_a_conflict(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.write("b.yaml", document("b", 3))
        good = self.repo.push()
        self.once()
        self.muster("scale", "a", "--nodes", "6")
        self.repo.write("a.yaml", document("a", 4))
        self.repo.write("b.yaml", document("b", 4))
        self.repo.push("both")
        said = self.once(code=5)
        self.assertIn("a.yaml:1:1: cluster 'a': spec.nodes is to be 4, but is 6, set by scale", said)
        self.assertEqual(self.nodes(), {"a": 6, "b": 3}, "all of the commit or nothing")
        self.assertEqual((self.source()["state"], self.source()["revision"]), ("Conflict", good))
        self.once("--force-conflicts")
        self.assertEqual(self.nodes(), {"a": 4, "b": 4})

    def test_two_sources_leave_each_other_alone(self):
        other = Repository(self.folder, "other")
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push()
        other.write("b.yaml", document("b", 3))
        other.push()
        self.once("--source", "one")
        self.once("--source", "two", repo=other.bare)
        self.once("--source", "one")
        self.assertEqual(self.nodes(), {"a": 3, "b": 3})
        other.write("a.yaml", document("a", 3))
        other.push("takes a as well")
        said = self.once("--source", "two", repo=other.bare, code=5)
        self.assertIn("a.yaml:1:1: cluster 'a' comes from the source 'one'", said)
        other.git("rm", "-q", "a.yaml")
        other.push("gives it back")
        self.once("--source", "two", repo=other.bare)
        self.repo.write("c.yaml", document("c", 3))
        self.repo.git("rm", "-q", "a.yaml")
        self.repo.push("deletes its own only")
        self.once("--source", "one", "--allow-empty")
        self.assertEqual(self.nodes(), {"b": 3, "c": 3})

    def test_a_name_is_for_one_repository(self):
        other = Repository(self.folder, "other")
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push()
        other.write("b.yaml", document("b", 3))
        other.push()
        follower = self.follow()
        wait_for(self.source, "the first round")
        self.assertIn("the source 'gitops' follows " + self.repo.bare, self.once(repo=other.bare, code=5))
        self.assertEqual(self.nodes(), {"a": 3})
        self.assertEqual(follower.end(), 0)
        self.once("--allow-empty", repo=other.bare)
        self.assertEqual(self.nodes(), {"b": 3})

    def test_two_followers_of_one_source_do_no_harm(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push()
        one, two = self.follow(), self.follow()
        wait_for(lambda: self.nodes() == {"a": 3}, "applied")
        for nodes in (4, 5, 6):
            self.repo.write("a.yaml", document("a", nodes))
            head = self.repo.push("to %d" % nodes)
            one.now()
            two.now()
            wait_for(lambda: self.nodes() == {"a": nodes} and self.source()["revision"] == head, "followed")
        self.assertEqual(self.specs()["a"]["generation"], 4)
        self.assertEqual((one.end(), two.end()), (0, 0))

    def test_a_cluster_on_its_way_out_is_waited_for(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.write("b.yaml", document("b", 3))
        self.repo.push()
        self.once()
        self.muster("delete", "cluster", "a")
        self.repo.write("b.yaml", document("b", 4))
        self.repo.push("b only")
        self.once()
        self.assertEqual(self.nodes(), {"b": 4})
        self.etcd.delete(self.prefix + "/clusters/a/spec")
        self.once()
        self.assertEqual(self.nodes(), {"a": 3, "b": 4})
        self.assertEqual(len(self.events("Recreated")), 1)


class Signatures(Lab):
    """Who may sign."""

    def setUp(self):
        super().setUp()
        self.allowed = os.path.join(self.folder, "allowed_signers")
        self.keys = {}
        for name in ("ann", "eve", "old"):
            path = os.path.join(self.folder, name)
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
            with open(path + ".pub", encoding="utf-8") as key:
                self.keys[name] = " ".join(key.read().split()[:2])
        self.repo.git("config", "gpg.format", "ssh")
        self.allow('ann@example.com namespaces="git" %s' % self.keys["ann"])

    def allow(self, *lines):
        with open(self.allowed, "w", encoding="utf-8") as out:
            out.write("\n".join(lines) + "\n")

    def sign(self, name, nodes):
        self.repo.git("config", "user.signingkey", os.path.join(self.folder, name))
        self.repo.write("a.yaml", document("a", nodes))
        return self.repo.push("by " + name, "-S")

    def look(self, code=0):
        return self.once("--allowed-signers", self.allowed, code=code)

    def test_a_commit_of_who_may_sign_is_taken(self):
        self.sign("ann", 3)
        self.look()
        self.assertEqual((self.nodes(), self.source()["signer"]), ({"a": 3}, "ann@example.com"))

    def test_others_are_refused_until_one_signs_who_may(self):
        good = self.sign("ann", 3)
        self.look()
        self.sign("eve", 4)
        self.assertIn("signed with a key that is not allowed", self.look(code=1))
        self.repo.write("a.yaml", document("a", 5))
        self.repo.push("not signed", "--no-gpg-sign")
        self.assertIn("the commit is not signed", self.look(code=1))
        self.assertEqual((self.nodes(), self.source()["revision"]), ({"a": 3}, good))
        self.sign("ann", 6)
        self.look()
        self.assertEqual(self.nodes(), {"a": 6}, "the head counts, not what came before")

    def test_a_commit_from_before_signatures_were_asked_for_is_not_kept_up(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push("not signed")
        self.once()
        self.assertIn("the commit is not signed", self.look(code=1))
        self.assertEqual(self.source()["state"], "Refused")
        self.repo.write("a.yaml", document("a", 4))
        self.repo.push("not signed, either")
        self.assertIn("is in force, but is not verified: what it brought stays, and is not kept up", self.look(code=1))
        self.assertEqual(self.nodes(), {"a": 3})
        self.etcd.delete(self.prefix + "/clusters/a/spec")
        self.look(code=1)
        self.assertEqual(self.nodes(), {})
        self.sign("ann", 5)
        self.look()
        self.assertEqual((self.nodes(), self.source()["signer"]), ({"a": 5}, "ann@example.com"))

    def test_a_changed_commit_does_not_verify(self):
        self.sign("ann", 3)
        raw = self.repo.git("cat-file", "commit", "HEAD").replace("by ann", "by eve")
        forged = subprocess.run(["git", "-C", self.repo.work, "hash-object", "-t", "commit", "-w", "--stdin"],
                                input=raw + "\n", text=True, stdout=subprocess.PIPE, check=True).stdout.strip()
        self.repo.git("push", "-q", "--force", "origin", forged + ":refs/heads/main")
        self.assertIn("does not verify", self.look(code=1))
        self.assertEqual(self.nodes(), {})

    def test_a_key_counts_in_its_time_only(self):
        self.allow('old@example.com valid-before="20200101" %s' % self.keys["old"])
        self.sign("old", 3)
        self.assertIn("not allowed, or not any more", self.look(code=1))
        self.allow('old@example.com valid-after="20990101" %s' % self.keys["old"])
        self.look(code=1)
        self.allow('old@example.com valid-after="20200101" %s' % self.keys["old"])
        self.look()
        # What is in force was verified before it came into force.
        self.allow('old@example.com valid-before="20200102" %s' % self.keys["old"])
        self.look()
        self.assertEqual(self.source()["state"], "Synced")

    def test_a_key_for_something_else_does_not_count(self):
        self.allow('ann@example.com namespaces="file" %s' % self.keys["ann"])
        self.sign("ann", 3)
        self.look(code=1)
        self.assertEqual(self.nodes(), {})

    def test_gpg_is_told_to_be_unsupported(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push("plain")
        raw = self.repo.git("cat-file", "commit", "HEAD")
        head, _, rest = raw.partition("\n\n")
        signed = "%s\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\n%s\n" % (head, rest)
        forged = subprocess.run(["git", "-C", self.repo.work, "hash-object", "-t", "commit", "-w", "--stdin"],
                                input=signed, text=True, stdout=subprocess.PIPE, check=True).stdout.strip()
        self.repo.git("push", "-q", "--force", "origin", forged + ":refs/heads/main")
        self.assertIn("GPG, which is not supported", self.look(code=1))


class Servers(Lab):
    """How a repository is reached."""

    def test_a_repository_that_is_away_for_a_while(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push()
        self.once()
        os.rename(self.repo.bare, self.repo.bare + ".away")
        self.once(code=1)
        self.once(code=1)
        source = self.source()
        self.assertEqual((source["state"], self.nodes()), ("Unreachable", {"a": 3}))
        self.assertLess(source["checkedMs"], source["sinceMs"])
        os.rename(self.repo.bare + ".away", self.repo.bare)
        self.once()
        self.assertEqual(self.source()["state"], "Synced")
        self.assertEqual((len(self.events("SourceUnreachable")), len(self.events("SourceRecovered"))), (1, 1))

    def test_smart_http_with_a_token(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push()
        # As a Secret of Kubernetes is mounted: name -> ..data/name.
        token = os.path.join(self.folder, "..data")
        with open(token, "w", encoding="utf-8") as out:
            out.write("s3cret\n")
        os.symlink("..data", os.path.join(self.folder, "token"))
        token = os.path.join(self.folder, "token")
        with git_http(self.folder, token="s3cret") as url:
            self.assertIn("credentials are asked for", self.once(repo=url + "/repo.git", code=1))
            self.once("--token-file", token, repo=url + "/repo.git")
            self.assertEqual(self.nodes(), {"a": 3})
            with open(token, "w", encoding="utf-8") as out:
                out.write("wrong\n")
            self.assertIn("credentials are refused", self.once("--token-file", token, repo=url + "/repo.git", code=1))
            self.assertNotIn("s3cret", str(self.source()))

    def test_https_with_a_certificate(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push()
        cert, key = os.path.join(self.folder, "cert"), os.path.join(self.folder, "key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=git",
                        "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
                       check=True, stderr=subprocess.DEVNULL)
        with git_http(self.folder, cert=(cert, key), ip="127.0.0.1") as url:
            url = url.replace("127.0.0.1", "localhost")
            self.assertIn("certificate", self.once(repo=url + "/repo.git", code=1))
            self.once("--ca-file", cert, repo=url + "/repo.git")
        self.assertEqual(self.nodes(), {"a": 3})

    @unittest.skipUnless(os.path.exists("/usr/sbin/sshd") and os.getuid() == 0, "needs sshd, and root")
    def test_ssh_checks_the_hosts_key(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push()
        key = os.path.join(self.folder, "key")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        with sshd(self.folder, key + ".pub") as (where, known):
            url = "ssh://root@%s%s" % (where, self.repo.bare)
            unknown = os.path.join(self.folder, "unknown")
            with open(unknown, "w", encoding="utf-8"):
                pass
            self.assertIn("its key is not the one in --known-hosts",
                          self.once("--ssh-key", key, "--known-hosts", unknown, repo=url, code=1))
            self.once("--ssh-key", key, "--known-hosts", known, repo=url)
        self.assertEqual(self.nodes(), {"a": 3})

    def test_a_server_that_hangs_is_given_up(self):
        with contextlib.closing(socket.create_server((address(), 0))) as silent:
            url = "http://%s:%d/repo.git" % silent.getsockname()
            begin = time.monotonic()
            self.assertIn("no end after 1 s", self.once("--fetch-timeout", "1s", repo=url, code=7))
            self.assertLess(time.monotonic() - begin, 30)
            follower = self.follow("--fetch-timeout", "1h", repo=url)
            silent.settimeout(60)
            connection, _ = silent.accept()  # of the first
            connection.close()
            connection, _ = silent.accept()
            with connection:
                begin = time.monotonic()
                self.assertEqual(follower.end(), 0)
                self.assertLess(time.monotonic() - begin, 30, "a fetch keeps nobody from ending")

    def test_a_server_that_sends_rubbish_is_told(self):
        with contextlib.closing(socket.create_server((address(), 0))) as server:
            def serve():
                with contextlib.suppress(OSError):
                    while True:
                        connection, _ = server.accept()
                        with connection:
                            connection.recv(4096)
                            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: "
                                               b"application/x-git-upload-pack-advertisement\r\n"
                                               b"Content-Length: 9\r\n\r\nffffbroken"[:-1])
            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            self.once("--fetch-timeout", "5s", repo="http://%s:%d/repo.git" % server.getsockname(), code=1)
            server.shutdown(socket.SHUT_RDWR)

    def test_a_cache_that_is_damaged_is_fetched_anew(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push()
        cache = os.path.join(self.folder, "cache")
        self.once("--cache-dir", cache)
        shutil.rmtree(os.path.join(cache, "repository", "objects"))
        self.repo.write("a.yaml", document("a", 4))
        self.repo.push()
        self.once("--cache-dir", cache)
        self.assertEqual(self.nodes(), {"a": 4})

    def test_what_can_not_work_is_refused_at_once(self):
        for args, said in (
                (["--repo", "git://x/y"], "'git' is not supported"),
                (["--repo", "https://a:b@x/y"], "has a password in it"),
                (["--repo", "http://example.com/y", "--token-file", "t"], "plain text"),
                (["--repo", "ssh://x/y"], "--ssh-key FILE is needed"),
                (["--repo", "/x", "--path", "../y"], "--path: must be"),
                (["--repo", "/x", "--source", "scale"], "--source"),
                (["--repo", "/x", "--dry-run"], "--dry-run: goes with --once"),
                (["--repo", "/x", "--branch", "a..b"], "--branch")):
            self.assertIn(said, self.muster("gitops", *args, code=2))

    def test_the_program_is_found_beside_muster_and_else_in_path(self):
        alone = shutil.copy(MUSTER, self.folder)
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push()
        for path, code, said in ((BIN + ":" + os.environ["PATH"], 0, "source/gitops Synced"),
                                 ("/nonexistent", 1, "muster: muster-gitops can't be started")):
            done = subprocess.run([alone, "gitops", "--repo", self.repo.bare, "--once"], text=True,
                                  env=dict(self.env, PATH=path), stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=60)
            self.assertEqual(done.returncode, code, done.stdout)
            self.assertIn(said, done.stdout)


class Daemon(Lab):
    """The program that follows for good."""

    def test_follows_and_tells(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push("first")
        with contextlib.closing(socket.create_server((address(), 0))) as probe:
            where = "%s:%d" % probe.getsockname()
        follower = self.follow("--admin-listen", where)
        wait_for(lambda: self.nodes() == {"a": 3}, "the first commit")
        self.repo.write("a.yaml", document("a", 4))
        head = self.repo.push("second")
        follower.now()
        wait_for(lambda: self.nodes() == {"a": 4}, "the second commit")
        wait_for(lambda: self.source()["revision"] == head, "told")
        self.assertTrue(self.source()["running"])

        def metrics():
            with urllib.request.urlopen("http://%s/metrics" % where, timeout=20) as reply:
                return reply.read().decode()
        text = wait_for(lambda: (lambda text: text if head in text else "")(metrics()), "counted")
        self.assertIn('muster_gitops_state{source="gitops",state="Synced"} 1', text)
        self.assertIn('muster_gitops_changes_total{source="gitops",change="configured"} 1', text)
        with urllib.request.urlopen("http://%s/readyz" % where, timeout=20) as reply:
            self.assertEqual(reply.read(), b"ready: Synced\n")
        self.assertEqual(follower.end(), 0)
        self.assertFalse(self.source()["running"])

    def test_looks_by_itself(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push()
        self.follow("--interval", "1s")
        wait_for(lambda: self.nodes() == {"a": 3}, "the first commit")
        self.repo.write("a.yaml", document("a", 4))
        self.repo.push()
        wait_for(lambda: self.nodes() == {"a": 4}, "the second commit")

    def test_a_kill_in_between_loses_nothing(self):
        self.repo.write("a.yaml", document("a", 3))
        self.repo.push()
        follower = self.follow()
        wait_for(self.source, "the first round")
        follower.kill()
        self.repo.write("a.yaml", document("a", 4))
        self.repo.push()
        self.follow()
        wait_for(lambda: self.nodes() == {"a": 4}, "the next process")


if __name__ == "__main__":
    sys.exit(0 if unittest.main(exit=False, verbosity=1).result.wasSuccessful() else 1)
