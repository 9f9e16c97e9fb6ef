#!/usr/bin/python3
"""test_manifests.py SOURCE_DIR BIN_DIR TOOLS_DIR - what each variant of the manifests, by kustomize and
by helm, has to be: valid, whole in itself, closed, and of one mind about figures."""
import copy
import os
import re
import subprocess
import sys
import unittest

from figures import MI, ROLLOUT, grace_s, leave_s, memcached_bytes, seconds, size, spec_of
from flows import Flows, selects
from rendered import BIN, SPEC_MAP, VARIANTS, by_helm, by_kustomize, containers_of, pod_of, title
from schemas import Schemas

# Secrets are made by hand (docs/kubernetes.md), and never stand in manifests.
SECRETS = {"muster-signing-key", "muster-trusted-keys", "muster-etcd-client", "sessions-join-token", "muster-gitops"}
PROGRAMS = {"muster", "muster-controller", "muster-watcher", "muster-gitops", "muster-pod"}
POD_VOLUME = 32 * MI
GRACE_MAX_S = 86400 + 86400 + 45  # with the longest times that the chart takes
ALIVE_S = 4  # that `muster-pod alive` waits


def each():
    for variant in VARIANTS:
        for form, render in (("kustomize", by_kustomize), ("helm", by_helm)):
            if (variant, form) not in each.done:
                each.done[variant, form] = render(variant)
            yield variant, form, each.done[variant, form]


each.done = {}


class Each(unittest.TestCase):
    def of_all(self, check):
        for variant, form, documents in each():
            with self.subTest(variant=variant, form=form):
                check(documents)

    def of_pods(self, check):
        for variant, form, documents in each():
            for document in documents:
                if pod_of(document):
                    with self.subTest(variant=variant, form=form, of=title(document)):
                        check(document, pod_of(document)["spec"])

    def of_clusters(self, check):
        for variant, form, documents in each():
            spec = spec_of(spec_map(documents))["spec"]
            with self.subTest(variant=variant, form=form):
                check(documents, one(documents, "StatefulSet", "sessions"), spec)


def one(documents, kind, name):
    found, = [document for document in documents if title(document) == "%s/%s" % (kind, name)]
    return found


def spec_map(documents):
    found, = [document for document in documents if re.fullmatch(SPEC_MAP, title(document))]
    return found


def container(stateful_set, name):
    found, = [item for item in containers_of(stateful_set) if item["name"] == name]
    return found


def environment(item):
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in item.get("env", [])}


class Validity(Each):
    def test_each_object_is_what_its_schema_says(self):
        schemas = Schemas()
        self.of_all(lambda documents: self.assertEqual(
            [], [mistake for document in documents for mistake in schemas.mistakes(document)]))

    def test_a_field_that_no_schema_knows_is_refused(self):
        schemas = Schemas()
        for document in by_kustomize("everything") + by_kustomize("base"):
            for path in every_mapping_of(document):
                broken = copy.deepcopy(document)
                at = broken
                for step in path:
                    at = at[step]
                at["noSuchField"] = True
                self.assertNotEqual([], schemas.mistakes(broken), "%s %s" % (title(document), path))

    def test_names_are_there_once(self):
        def check(documents):
            names = [title(document) for document in documents]
            self.assertEqual(len(names), len(set(names)), names)
        self.of_all(check)

    def test_muster_takes_the_specs(self):
        def check(documents):
            text, = spec_map(documents)["data"].values()
            done = subprocess.run([os.path.join(BIN, "muster"), "lint", "-"], input=text, text=True,
                                  capture_output=True, timeout=60, check=False)
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.of_all(check)


def every_mapping_of(document, path=()):
    """The paths of all mappings whose fields a schema names: not labels, data, or sizes."""
    free = {"labels", "annotations", "matchLabels", "selector", "data", "requests", "limits", "nodeSelector"}
    if isinstance(document, dict):
        if not (path and (path[-1] in free and not {"matchLabels"} & set(document))):
            yield path
        for name, value in document.items():
            yield from every_mapping_of(value, path + (name,))
    elif isinstance(document, list):
        for i, value in enumerate(document):
            yield from every_mapping_of(value, path + (i,))


class References(Each):
    def test_what_is_referred_to_is_there(self):
        def check(documents):
            maps = {document["metadata"]["name"]: document["data"] for document in documents
                    if document["kind"] == "ConfigMap"}
            # A cluster alone uses the settings of the release that has the controllers.
            elsewhere = set() if "muster-settings" in maps else {"muster-settings"}
            for document in documents:
                for item in containers_of(document):
                    for entry in item.get("env", []):
                        wanted = entry.get("valueFrom", {}).get("configMapKeyRef")
                        if wanted and wanted["name"] not in elsewhere and not wanted.get("optional"):
                            self.assertIn(wanted["key"], maps[wanted["name"]])
                for volume in pod_of(document)["spec"].get("volumes", []) if pod_of(document) else []:
                    if "configMap" in volume:
                        self.assertIn(volume["configMap"]["name"], maps)
                    if "secret" in volume:
                        self.assertIn(volume["secret"]["secretName"], SECRETS)
        self.of_all(check)

    def test_volumes_are_mounted_and_mounts_are_volumes(self):
        def check(document, pod):
            volumes = {volume["name"] for volume in pod.get("volumes", [])}
            volumes |= {claim["metadata"]["name"] for claim in document["spec"].get("volumeClaimTemplates", [])}
            mounts = {mount["name"] for item in containers_of(document) for mount in item.get("volumeMounts", [])}
            self.assertEqual(volumes, mounts)
        self.of_pods(check)

    def test_ports_that_are_named_are_there(self):
        def check(documents):
            for document in documents:
                for item in containers_of(document):
                    names = {port["name"] for port in item.get("ports", [])}
                    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                        for way in ("httpGet", "tcpSocket"):
                            if way in item.get(probe, {}):
                                self.assertIn(item[probe][way]["port"], names)
            for service in documents:
                if service["kind"] == "Service":
                    pods = [pod for pod in documents if pod_of(pod) and selects(
                        {"matchLabels": service["spec"]["selector"]}, pod_of(pod)["metadata"]["labels"])]
                    self.assertEqual(1, len(pods), "%s selects %s" % (title(service), pods))
                    names = {port["name"] for item in containers_of(pods[0]) for port in item.get("ports", [])}
                    for port in service["spec"]["ports"]:
                        self.assertIn(port["targetPort"], names)
        self.of_all(check)

    def test_selectors_select_one_workload(self):
        def check(documents):
            for document in documents:
                selector = document.get("spec", {}).get(
                    "podSelector" if document["kind"] == "NetworkPolicy" else "selector")
                if document["kind"] in ("NetworkPolicy", "PodDisruptionBudget", "StatefulSet", "Deployment", "PodMonitor"):
                    found = [title(pod) for pod in documents
                             if pod_of(pod) and selects(selector, pod_of(pod)["metadata"]["labels"])]
                    alone = document["kind"] == "PodMonitor" and not found
                    self.assertTrue(len(found) == 1 or alone, "%s selects %s" % (title(document), found))
        self.of_all(check)

    def test_programs_and_their_variables_exist(self):
        helps = {}

        def known(command):
            if command[0] not in helps:
                asked = [command[:2] + ["--help"] if command[0] == "muster" else [command[0], "--help"]]
                if command[0] in ("muster", "muster-gitops"):
                    asked.append(["muster", "options"])
                helps[command[0]] = "".join(subprocess.run(
                    [os.path.join(BIN, words[0]), *words[1:]], capture_output=True, text=True, timeout=60,
                    check=True).stdout for words in asked)
            return helps[command[0]]

        def check(document, _):
            for item in containers_of(document):
                if not item["image"].split("/")[-1].startswith("muster:"):
                    continue
                self.assertIn(item["command"][0], PROGRAMS)
                variables = [name for name in environment(item) if name.startswith("MUSTER_")]
                options = [word.split("=")[0] for word in item.get("args", []) if word.startswith("--")]
                for pattern in [r"\[%s[,\]]" % name for name in variables] + [r"%s\b" % name for name in options]:
                    self.assertTrue(re.search(pattern, known(item["command"])), (item["command"], pattern))
        self.of_pods(check)


class Certificates(Each):
    NAMES = {"ca": "ca.crt", "cert": "tls.crt", "key": "tls.key"}

    def test_all_that_speaks_to_etcd_reads_the_settings(self):
        def check(documents):
            for document in documents:
                for item in containers_of(document):
                    found = environment(item)
                    if "MUSTER_ETCD_ENDPOINTS" not in found:
                        continue
                    for part in self.NAMES:
                        self.assertEqual({"configMapKeyRef": {"name": "muster-settings", "key": "etcd-" + part,
                                                              "optional": True}}, found["MUSTER_ETCD_" + part.upper()])
                    mounts = {mount["mountPath"]: mount["name"] for mount in item["volumeMounts"]}
                    volume, = [volume for volume in pod_of(document)["spec"]["volumes"]
                               if volume["name"] == mounts["/etc/muster/etcd"]]
                    self.assertEqual("muster-etcd-client", volume["secret"]["secretName"])
        self.of_all(check)

    def test_the_settings_name_them_where_etcd_wants_them(self):
        for variant, form, documents in each():
            for document in documents:
                if title(document) != "ConfigMap/muster-settings":
                    continue
                with self.subTest(variant=variant, form=form):
                    named = {name: path for name, path in document["data"].items() if name != "etcd-endpoints"}
                    wanted = {"etcd-" + part: "/etc/muster/etcd/" + name for part, name in self.NAMES.items()}
                    self.assertEqual(wanted if "https:" in document["data"]["etcd-endpoints"] else {}, named)


class Closed(Each):
    """Pod Security Standards, "restricted", and more."""

    def test_pods_are_nobody(self):
        def check(_, pod):
            context = pod["securityContext"]
            self.assertIs(context["runAsNonRoot"], True)
            if "runAsUser" in context:
                self.assertLess(0, context["runAsUser"])
                self.assertEqual([context["runAsUser"]] * 2, [context["fsGroup"], context["runAsGroup"]])
            self.assertEqual({"type": "RuntimeDefault"}, context["seccompProfile"])
            self.assertIs(pod["automountServiceAccountToken"], False)
            self.assertFalse({"hostNetwork", "hostPID", "hostIPC", "hostUsers", "shareProcessNamespace"} & set(pod))
            for volume in pod.get("volumes", []):
                self.assertIn((set(volume) - {"name"}).pop(), {"emptyDir", "secret", "configMap"})
        self.of_pods(check)

    def test_each_pod_has_a_policy(self):
        def check(documents):
            policies = [document["spec"] for document in documents if document["kind"] == "NetworkPolicy"]
            for document in documents:
                if pod_of(document):
                    mine = [policy for policy in policies
                            if selects(policy["podSelector"], pod_of(document)["metadata"]["labels"])]
                    self.assertEqual([["Ingress", "Egress"]], [policy["policyTypes"] for policy in mine], title(document))
        self.of_all(check)

    def test_openshift_says_who_they_are_and_where_names_are(self):
        for variant, form, documents in each():
            named = {name for document in documents if pod_of(document)
                     for name in pod_of(document)["spec"]["securityContext"] if name.startswith(("runAsU", "runAsG", "fs"))}
            dns = {frozenset(port["port"] for port in policy["spec"]["egress"][0]["ports"]) for policy in documents
                   if policy["kind"] == "NetworkPolicy" and policy["spec"]["egress"] != [{}]}
            with self.subTest(variant=variant, form=form):
                if variant in ("openshift", "everything"):
                    self.assertEqual((set(), {frozenset((53, 5353))}), (named, dns))
                else:
                    self.assertEqual(({"runAsUser", "runAsGroup", "fsGroup"}, {frozenset((53,))}), (named, dns))

    def test_containers_can_nothing(self):
        def check(document, _):
            for item in containers_of(document):
                self.assertEqual({"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                  "capabilities": {"drop": ["ALL"]}}, item["securityContext"], item["name"])
                self.assertFalse([port for port in item.get("ports", []) if "hostPort" in port])
                self.assertIn("memory", item["resources"]["limits"], item["name"])
                self.assertNotIn("cpu", item["resources"]["limits"], item["name"])
                self.assertIn("cpu", item["resources"]["requests"], item["name"])
        self.of_pods(check)

    def test_services_set_no_options(self):
        # A Service muster-data would set MUSTER_DATA_PORT.
        self.of_pods(lambda _, pod: self.assertIs(pod["enableServiceLinks"], False))

    def test_no_shell_is_needed(self):
        def check(document, _):
            for item in containers_of(document):
                words = item["command"] + item.get("args", [])
                self.assertFalse([word for word in words if re.search(r"(^|/)(ba|da|a)?sh$|[;|&<>`]", word)], words)
                self.assertNotIn(item["command"][0], ("sh", "bash", "env"))
        self.of_pods(check)

    def test_images_have_a_version(self):
        def check(document, _):
            for item in containers_of(document):
                self.assertRegex(item["image"], r"(:v?[0-9][-.\w]*|@sha256:[0-9a-f]{64})$")
        self.of_pods(check)

    def test_no_secret_stands_in_a_manifest(self):
        self.of_all(lambda documents: self.assertFalse(
            [title(document) for document in documents if document["kind"] in ("Secret", "Role", "ClusterRole")]))

    def test_who_may_speak_to_whom(self):
        stranger = {"app.kubernetes.io/name": "other"}
        client = {"muster.io/client": "sessions"}
        anywhere, monitoring = {"kubernetes.io/metadata.name": "web"}, {"muster.io/monitoring": "true"}
        for variant in ("base", "dev", "production", "everything"):
            for form in (by_kustomize, by_helm):
                flows = Flows(form(variant))
                own_etcd = "store" in flows.labels
                rows = [
                    ("controller", "memcached", 11211, None, True), ("controller", "memcached", 11210, None, True),
                    ("memcached", "memcached", 11211, None, True), ("memcached", "memcached", 11210, None, True),
                    (client, "memcached", 11211, anywhere, True), (client, "memcached", 11210, {}, True),
                    (stranger, "memcached", 11211, anywhere, False), (stranger, "memcached", 11211, {}, False),
                    (client, "memcached", 11281, anywhere, False), (stranger, "memcached", 11281, monitoring, True),
                    (stranger, "controller", 11280, monitoring, True), (stranger, "controller", 11280, anywhere, False),
                    ("memcached", "controller", 11280, None, False),
                ] + ([
                    ("controller", "store", 2379, None, True), ("memcached", "store", 2379, None, True),
                    ("store", "store", 2380, None, True), ("memcached", "store", 2380, None, False),
                    ("controller", "store", 2380, None, False), (stranger, "store", 2379, {}, False),
                    (client, "store", 2379, anywhere, False), ("store", "memcached", 11211, None, False),
                ] + ([("apply", "store", 2379, None, True)] if "apply" in flows.labels else []) if own_etcd else []) + ([
                    ("gitops", "memcached", 11211, None, False), (stranger, "gitops", 11282, monitoring, True),
                    (stranger, "gitops", 11282, anywhere, False),
                ] if "gitops" in flows.labels else [])
                for source, target, port, foreign, may in rows:
                    with self.subTest(variant=variant, form=form.__name__, source=source, target=target, port=port):
                        self.assertEqual(may, flows.open(source, target, port, foreign))


class Figures(Each):
    def test_pods_are_as_the_spec_says(self):
        def check(documents, nodes, spec):
            self.assertEqual("joined", spec["membership"])
            self.assertEqual(spec["nodes"], nodes["spec"]["replicas"])
            self.assertLess(spec["nodes"], spec["maxNodes"])
            args = dict(word.split("=", 1) for word in container(nodes, "memcached")["args"])
            self.assertEqual({
                "--listen": "$(POD_IP)", "--port": "11211", "--memory-limit": str(spec["memory"] // MI),
                "--threads": str(spec["threads"]), "--conn-limit": str(spec["maxConnections"]),
                "--max-item-size": "%dm" % (spec["maxItemSize"] // MI)}, args)
            budget = one(documents, "PodDisruptionBudget", "sessions")
            self.assertEqual(budget["spec"]["unhealthyPodEvictionPolicy"], "IfHealthyBudget")  # warm caches
            self.assertEqual(spec["rollout"]["maxUnavailable"], budget["spec"]["maxUnavailable"])
        self.of_clusters(check)

    def test_memory_follows_from_the_spec(self):
        def check(_, nodes, spec):
            resources = container(nodes, "memcached")["resources"]
            self.assertEqual(memcached_bytes(spec), size(resources["limits"]["memory"]))
            self.assertEqual(resources["limits"]["memory"], resources["requests"]["memory"])
            volume, = [volume for volume in pod_of(nodes)["spec"]["volumes"] if volume["name"] == "muster"]
            self.assertEqual("Memory", volume["emptyDir"]["medium"])
            self.assertEqual(POD_VOLUME, size(volume["emptyDir"]["sizeLimit"]))
            # What the watcher writes into it counts as the watcher's.
            self.assertLess(2 * POD_VOLUME, size(container(nodes, "watcher")["resources"]["limits"]["memory"]))
        self.of_clusters(check)

    def test_the_grace_lasts_until_the_node_has_left(self):
        def check(_, nodes, spec):
            self.assertEqual(grace_s(spec), pod_of(nodes)["spec"]["terminationGracePeriodSeconds"])
            hooks = container(nodes, "memcached")["lifecycle"]
            file = environment(container(nodes, "watcher"))["MUSTER_LEAVE_FILE"]
            self.assertTrue(file.startswith("/muster/"))
            self.assertEqual(["/muster/bin/muster-pod", "leave", file, "%d" % leave_s(spec)],
                             hooks["preStop"]["exec"]["command"])
            self.assertEqual(["/muster/bin/muster-pod", "stay", file], hooks["postStart"]["exec"]["command"])
        self.of_clusters(check)

    def test_lost_clients_are_noticed_before_the_usual_drain_ends(self):
        def check(_, nodes, __):
            pod = pod_of(nodes)["spec"]
            set_to = {one["name"].rpartition("tcp_keepalive_")[2]: int(one["value"])
                      for one in pod["securityContext"].get("sysctls", [])}
            if "restartPolicy" in container(nodes, "watcher"):
                noticed_s = set_to["time"] + set_to["intvl"] * set_to["probes"]
                self.assertLess(noticed_s, seconds(ROLLOUT["drain"]))
            else:  # an older kubelet refuses them
                self.assertEqual({}, set_to)
        self.of_clusters(check)

    def test_the_longest_times_are_ones_that_programs_take(self):
        nodes = one(by_helm("base", "--set", "cluster.drainSeconds=86400,cluster.convergeSeconds=86400"),
                    "StatefulSet", "sessions")
        hook = container(nodes, "memcached")["lifecycle"]["preStop"]["exec"]["command"]
        done = subprocess.run([os.path.join(BIN, "muster-pod"), "leave", "/dev/null/none", hook[-1]],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertIn("/dev/null/none", done.stderr)  # the time was taken, the file was not
        self.assertEqual(GRACE_MAX_S, pod_of(nodes)["spec"]["terminationGracePeriodSeconds"])

    def test_the_watcher_is_started_first_or_leaves_by_itself(self):
        def check(_, nodes, __):
            pod = pod_of(nodes)["spec"]
            names = [item["name"] for item in pod["initContainers"]]
            watcher = environment(container(nodes, "watcher"))
            self.assertEqual("install", names[0])
            if len(names) == 2:
                self.assertEqual("watcher", names[1])
                self.assertEqual("Always", pod["initContainers"][1]["restartPolicy"])
                self.assertEqual("true", watcher["MUSTER_STAY"])
            else:
                self.assertEqual(["memcached", "watcher"], [item["name"] for item in pod["containers"]])
                self.assertNotIn("restartPolicy", pod["containers"][1])
                self.assertNotIn("MUSTER_STAY", watcher)
            # A watcher that gave up earlier than the hook would have memcached end in the midst of its drain.
            self.assertLess(GRACE_MAX_S, seconds(watcher["MUSTER_LEAVE_TIMEOUT"]))
            self.assertEqual("/readyz", container(nodes, "watcher")["readinessProbe"]["httpGet"]["path"])
            self.assertNotIn("readinessProbe", container(nodes, "memcached"))
        self.of_clusters(check)

    def test_memcached_is_asked_whether_it_lives(self):
        def check(_, nodes, __):
            memcached = container(nodes, "memcached")
            # A connection (tcpSocket) is accepted for a process that hangs, too.
            self.assertEqual({"command": ["/muster/bin/muster-pod", "alive"]}, memcached["livenessProbe"]["exec"])
            self.assertLess(ALIVE_S, memcached["livenessProbe"]["timeoutSeconds"])
            self.assertEqual("$(POD_IP):11211", environment(memcached)["MUSTER_MEMCACHED_ADDRESS"])
            order = [entry["name"] for entry in memcached["env"]]
            self.assertLess(order.index("POD_IP"), order.index("MUSTER_MEMCACHED_ADDRESS"))
        self.of_clusters(check)

    def test_who_a_node_is(self):
        def check(_, nodes, __):
            watcher = environment(container(nodes, "watcher"))
            self.assertEqual("$(POD_NAMESPACE)/$(POD_NAME)", watcher["MUSTER_IDENTITY"])
            self.assertEqual("$(POD_NAME)", watcher["MUSTER_HOST"])
            self.assertEqual("metadata.labels['apps.kubernetes.io/pod-index']",
                             watcher["MUSTER_ORDINAL"]["fieldRef"]["fieldPath"])
            order = [entry["name"] for entry in container(nodes, "watcher")["env"]]
            for name in ("POD_NAMESPACE", "POD_NAME", "POD_IP"):  # what refers to them stands behind them
                users = [user for user, value in watcher.items() if "$(%s)" % name in str(value)]
                self.assertTrue(users and all(order.index(name) < order.index(user) for user in users), order)
            self.assertEqual("Parallel", nodes["spec"]["podManagementPolicy"])
            self.assertEqual("sessions-nodes", nodes["spec"]["serviceName"])
        self.of_clusters(check)

    def test_etcds_name_as_many_as_there_are(self):
        def check(documents):
            for document in documents:
                if title(document) != "StatefulSet/muster-etcd":
                    continue
                names = ["muster-etcd-%d" % i for i in range(document["spec"]["replicas"])]
                self.assertEqual(",".join("%s=http://%s.muster-etcd:2380" % (name, name) for name in names),
                                 environment(containers_of(document)[0])["ETCD_INITIAL_CLUSTER"])
                for claim in document["spec"].get("volumeClaimTemplates", []):  # etcd's own files beside the data: logs, snapshots
                    quota = int(environment(containers_of(document)[0])["ETCD_QUOTA_BACKEND_BYTES"])
                    self.assertLessEqual(2 * quota, size(claim["spec"]["resources"]["requests"]["storage"]))
                self.assertEqual(",".join("http://%s.muster-etcd:2379" % name for name in names),
                                 one(documents, "ConfigMap", "muster-settings")["data"]["etcd-endpoints"])
        self.of_all(check)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
