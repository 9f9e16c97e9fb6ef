"""The lab's own kubelet, tried with small pods."""
import asyncio
import signal
import time
import unittest
from unittest import mock

import fields
import limits
import manifests
from scene import Scene


def container(name, script, **more):
    return dict({"name": name, "image": "test", "command": ["sh", "-c", script]}, **more)


def traps(said, then="exit 0"):
    """A script that says something at SIGTERM."""
    return "trap 'echo %s; %s' TERM; echo up; while :; do sleep 0.05; done" % (said, then)


def pod(name, *containers, init=(), **spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
            "spec": dict({"containers": list(containers), "initContainers": list(init)}, **spec)}


class Kubelet(Scene):
    backoff_scale = 0.01

    def start(self, manifest):
        self.cluster.apply(manifests.read(manifests.yaml.dump(manifest)))
        return self.cluster.pod(manifest["metadata"]["name"])

    def said(self, one, name):
        return one.container(name).container.said()

    def order(self, one, *whats):
        """When what happened to containers, in the order in which it did."""
        return [(what, detail.split(":")[0].split(" ")[0]) for _, what, detail in one.events if what in whats]

    async def end(self, one, grace_s=None):
        one.delete(grace_s)
        await asyncio.wait_for(one.gone.wait(), 30)

    async def test_init_containers_run_one_after_the_other_and_again_until_they_succeed(self):
        one = self.start(pod("a", container("main", "cat /shared/first /shared/second; " + traps("x"), volumeMounts=[
            {"name": "shared", "mountPath": "/shared"}]), init=[
                container("first", "if test -e /shared/tried; then echo 1 >/shared/first; else touch /shared/tried; "
                          "exit 3; fi", volumeMounts=[{"name": "shared", "mountPath": "/shared"}]),
                container("second", "test -s /shared/first && echo 2 >/shared/second", volumeMounts=[
                    {"name": "shared", "mountPath": "/shared"}])],
            volumes=[{"name": "shared", "emptyDir": {"medium": "Memory"}}]))
        await self.until("ready", lambda: one.ready)
        await self.until("said", lambda: self.said(one, "main").split() == ["1", "2", "up"])
        self.assertEqual(self.order(one, "started", "ended"), [
            ("started", "first"), ("ended", "first"), ("started", "first"), ("ended", "first"),
            ("started", "second"), ("ended", "second"), ("started", "main")])

    async def test_a_sidecar_has_started_before_the_next_and_ends_after_the_mains(self):
        shared = [{"name": "shared", "mountPath": "/shared"}]
        one = self.start(pod("b", container("main", traps("x")), container("other", traps("y", "sleep 0.5; exit 0")), init=[
            container("one", "sleep 1.2; touch /shared/started; " + traps("o"), restartPolicy="Always",
                      volumeMounts=shared, startupProbe={"exec": {"command": ["cat", "/shared/started"]},
                                                         "periodSeconds": 1, "failureThreshold": 60}),
            container("two", "cat /shared/started && echo after; " + traps("t"), restartPolicy="Always",
                      volumeMounts=shared)], volumes=[{"name": "shared", "emptyDir": {}}]))
        names = ["one", "two", "main", "other"]
        await self.until("all have set their traps", lambda: one.ready and all(
            "up" in self.said(one, name) for name in names))
        self.assertEqual([name for _, name in self.order(one, "started")], names)
        self.assertEqual(self.said(one, "two").split(), ["after", "up"])
        await self.end(one)
        self.assertEqual([name for _, name in self.order(one, "ended")], ["main", "other", "two", "one"])
        self.assertEqual(self.order(one, "killed"), [])

    async def test_the_hook_counts_in_the_grace_period_and_what_stays_is_killed(self):
        one = self.start(pod("c", container(
            "main", "trap '' TERM; echo up; while :; do sleep 0.1; done",
            lifecycle={"preStop": {"exec": {"command": ["sh", "-c", "sleep 5; echo hooked >/proc/1/fd/1"]}}}),
            terminationGracePeriodSeconds=6))
        await self.until("up", lambda: "up" in self.said(one, "main").split())
        began = time.monotonic()
        await self.end(one)
        self.assertIn(("hooked", "main"), self.order(one, "hooked"))
        self.assertEqual([what for what, _ in self.order(one, "hook", "hooked", "term", "killed", "ended")],
                         ["hook", "hooked", "term", "killed", "ended"])
        self.assertTrue(5.9 < time.monotonic() - began < 10.9, time.monotonic() - began)

    @mock.patch("pod.GRACE_LEAST_S", 20)  # a busy machine takes more than two for a shell
    async def test_a_hook_that_takes_all_the_time_leaves_some_for_the_rest(self):
        one = self.start(pod("d", container("main", traps("termed"), lifecycle={
            "preStop": {"exec": {"command": ["sleep", "100"]}}}), terminationGracePeriodSeconds=1))
        await self.until("up", lambda: "up" in self.said(one, "main").split())
        log = one.container("main").container
        await self.end(one)
        self.assertEqual(log.ended[-1][1], 0)
        self.assertIn("main: timed out", [detail for _, what, detail in one.events if what == "hooked"])

    async def test_liveness_restarts_and_readiness_does_not(self):
        probe = {"periodSeconds": 1, "failureThreshold": 2, "timeoutSeconds": 30}
        one = self.start(pod("e", container(
            "main", "touch /tmp/well /tmp/live; " + traps("x"),
            readinessProbe=dict(probe, exec={"command": ["cat", "/tmp/well"]}),
            livenessProbe=dict(probe, exec={"command": ["cat", "/tmp/live"]}))))
        kept = await self.until("ready", lambda: one.ready and one.container("main"))
        await kept.container.execute(["rm", "/tmp/well"], 30)
        await self.until("unready", lambda: not one.ready)
        self.assertEqual(kept.restarts, 0)
        await kept.container.execute(["rm", "/tmp/live"], 30)
        await self.until("restarted and ready", lambda: one.ready and kept.restarts == 1)

    async def test_users_groups_roots_and_privileges_are_as_declared(self):
        one = self.start(pod("f", container(
            "main", "id; touch /x || echo closed; touch /shared/y && stat -c '%U:%g %a' /shared/y /secret/..data/token; "
            "while read -r name value; do case $name in CapBnd:|CapEff:|NoNewPrivs:) echo $name$value;; esac; done "
            "</proc/self/status; " + traps("x"),
            securityContext={"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False,
                             "capabilities": {"drop": ["ALL"]}},
            volumeMounts=[{"name": "shared", "mountPath": "/shared"},
                          {"name": "secret", "mountPath": "/secret", "readOnly": True}]),
            securityContext={"runAsUser": 1234, "runAsGroup": 1234, "fsGroup": 77, "runAsNonRoot": True},
            volumes=[{"name": "shared", "emptyDir": {}},
                     {"name": "secret", "secret": {"secretName": "s", "defaultMode": 0o400}}]))
        await self.until("waits for its secret", lambda: "volumes" in one.messages)
        self.cluster.apply([{"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"token": "t"}}])
        await self.until("up", lambda: one.ready and "up" in self.said(one, "main").split())
        said = self.said(one, "main")
        for text in ("uid=1234 gid=1234 groups=1234,77", "closed", ":77 644", "root:77 440", "CapBnd:0000000000000000",
                     "CapEff:0000000000000000", "NoNewPrivs:1"):
            self.assertIn(text, said)

    async def test_a_volume_in_memory_is_as_large_as_it_says(self):
        one = self.start(pod("v", container(
            "main", "cat /dev/zero >/shared/a 2>/dev/null; stat -c %s /shared/a; echo more >/shared/b; "
            "test -s /shared/b || echo full; " + traps("x"),
            volumeMounts=[{"name": "shared", "mountPath": "/shared"}]),
            volumes=[{"name": "shared", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}]))
        await self.until("up", lambda: one.ready and "up" in self.said(one, "main").split())
        self.assertEqual(self.said(one, "main").splitlines()[0], str(1 << 20))
        self.assertIn("full", self.said(one, "main").split())

    @unittest.skipUnless(limits.AVAILABLE, "no control groups of memory are here")
    async def test_a_container_that_takes_more_than_its_limit_is_killed(self):
        def eater(name, limit):
            return pod(name, container(
                "main", "x=0123456789abcdef; n=0; while [ $n -lt 21 ]; do x=$x$x; n=$((n+1)); done; echo 32 MiB",
                resources={"limits": {"memory": limit}}), restartPolicy="Never")
        small, large = self.start(eater("small", "16Mi")), self.start(eater("large", "256Mi"))
        await self.until("both have ended", lambda: (small.phase, large.phase) == ("Failed", "Succeeded"))
        self.assertEqual(small.container("main").exit_code, 128 + signal.SIGKILL)

    async def test_variables_come_from_fields_secrets_and_each_other(self):
        self.cluster.apply([{"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "v"}}])
        manifest = pod("g", container("main", "echo \"$HOSTNAME $WHERE $ZERO $(hostname)\"; " + traps("$$(x)"), env=[
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "K", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
            {"name": "WHERE", "value": "$(IP)/$(K)/$(APP)/$(LATER)/$$(IP)"}, {"name": "LATER", "value": "x"},
            {"name": "ZERO", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}}],
            resources={"limits": {"memory": "64Mi"}}))
        one = self.start(manifest)
        await self.until("up", lambda: one.ready and "up" in self.said(one, "main").split())
        self.assertEqual(self.said(one, "main").splitlines()[0], "g %s/v/g/$(LATER)/$(IP) 64 g" % one.ip)

    async def test_what_crashes_is_started_again_with_its_volumes_and_an_end_by_plan_is_not(self):
        one = self.start(pod("h", container("main", "echo run >>/shared/runs; test $(ls /shared | cat | sh -c 'read x; "
                                            "cat /shared/runs' | sh -c 'n=0; while read -r x; do n=$((n+1)); done; echo $n') "
                                            "-ge 3", volumeMounts=[{"name": "shared", "mountPath": "/shared"}]),
                             restartPolicy="OnFailure", volumes=[{"name": "shared", "emptyDir": {}}]))
        await self.until("succeeded", lambda: one.phase == "Succeeded")
        self.assertEqual([code for _, code in one.container("main").container.ended], [1, 1, 0])

    async def test_a_lost_machine_ends_all_at_once_without_a_word(self):
        one = self.start(pod("i", container("main", traps("termed"), lifecycle={"preStop": {"exec": {"command": [
            "sh", "-c", "echo hooked >/proc/1/fd/1"]}}})))
        kept = await self.until("up", lambda: one.ready and "up" in self.said(one, "main").split() and one.container("main"))
        self.cluster.lose(one)
        await asyncio.wait_for(kept.container.wait(), 30)
        self.assertTrue(one.ready)  # nobody knows
        self.cluster.declare_lost(one)
        await asyncio.wait_for(one.gone.wait(), 30)
        self.assertEqual(self.order(one, "hook", "term"), [])


class Fields(unittest.TestCase):
    def test_what_is_not_done_is_refused(self):
        good = pod("a", container("m", "true"))
        self.assertEqual(fields.check(good), [])
        self.assertEqual(fields.check(pod("a", container("m", "true", tty=True))),
                         ["Pod/a.spec.containers[0].tty: the lab does not do this"])
        self.assertEqual(fields.check(pod("a", container("m", "true"), hostNetwork=True)),
                         ["Pod/a.spec.hostNetwork: the lab does not do this"])
        self.assertEqual(fields.check(pod("a", container("m", "true"), dnsPolicy="None")),
                         ["Pod/a.spec.dnsPolicy: the lab does not do None"])
        self.assertEqual(fields.check(pod("a", container("m", "true"), dnsPolicy="ClusterFirst")), [])
        self.assertEqual(fields.check({"kind": "Gateway", "metadata": {"name": "a"}}), ["Gateway/a: no kind of the lab"])
