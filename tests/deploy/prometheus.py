#!/usr/bin/python3
"""A real Prometheus on a real installation: prometheus.py SOURCE_DIR BIN_DIR

`muster up` runs with two controllers; what its daemons answer over HTTP is held against promtool
and against `muster get`; Prometheus scrapes them with the shipped rules, every query of the
dashboard is put to it, and alerts fire when the thing happens and end when it is over.
"""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

PATIENCE_S = 60
ANSWER_S = 20
AT_ONCE_S = 4  # a machine that stands still for a moment included, what waits for etcd or idle clients not
KINDS = ["clusters", "nodes", "joins", "hosts", "events"]
VARIABLES = {"$cluster": ".*", "$__rate_interval": "1m"}


def wait_for(what, probe):
    """The first true value of `probe`."""
    end = time.monotonic() + PATIENCE_S
    while True:
        value = probe()
        if value:
            return value
        if end < time.monotonic():
            sys.exit("waited in vain for: %s" % what)
        time.sleep(0.2)


def fetch(url, timeout=ANSWER_S):
    """(status, body); status 0 when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except (OSError, http.client.HTTPException):
        return 0, ""


class Installation:
    """`muster up` on a network of its own, in a directory of its own."""

    def __init__(self, binaries, work):
        pid = os.getpid()
        self.muster = os.path.join(binaries, "muster")
        self.watcher_program = os.path.join(binaries, "muster-watcher")
        self.state = os.path.join(work, "state")
        # Beyond the addresses of other tests; the guest's is none of the pool of `muster up`.
        self.net = "127.%d.%d" % (200 + (pid >> 8) % 16, pid % 256)
        self.guest = "127.%d.%d.7" % (216 + (pid >> 8) % 16, pid % 256)
        self.options = ["--state-dir", self.state]
        self.controllers = ["%s.251:11280" % self.net, "%s.252:11280" % self.net]
        self.watcher = "%s.250:11281" % self.net

    def up(self, source):
        self.run("up", "--detach", "--network", self.net + ".0/24", "--controllers", "2",
                 "-f", os.path.join(source, "examples/quickstart.yaml"))

    def run(self, *arguments):
        done = subprocess.run([self.muster, *arguments, *self.options], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit("muster %s: %s" % (" ".join(arguments), done.stderr))
        return done.stdout

    def down(self):
        """Stop it, and remove what it left; a program that died of a fault is told of."""
        subprocess.run([self.muster, "down", *self.options], capture_output=True)
        for name in os.listdir(os.path.join(self.state, "log")):
            with open(os.path.join(self.state, "log", name), encoding="utf-8", errors="replace") as log:
                for line in log:
                    if re.search(r"Sanitizer|runtime error:|check failed", line):
                        print("%s: %s" % (name, line.rstrip()))
        subprocess.run([self.muster, "down", "--purge", *self.options], capture_output=True)

    def pid(self, name):
        with open(os.path.join(self.state, "run", name + ".pid"), encoding="utf-8") as file:
            return int(re.search(r"\d+", file.read()).group())


class Prometheus:
    """With the shipped rules, but without patience; scrapes each second."""

    def __init__(self, source, work, installation):
        rules = open(os.path.join(source, "deploy/prometheus/muster-alerts.yml"), encoding="utf-8").read()
        self.url = "http://%s.249:9090" % installation.net
        with open(os.path.join(work, "muster-alerts.yml"), "w", encoding="utf-8") as file:
            file.write(re.sub(r"for: \d+m", "for: 0s", rules))
        config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                  "rule_files": ["muster-alerts.yml"],
                  "scrape_configs": [
                      {"job_name": "muster-controller",
                       "static_configs": [{"targets": installation.controllers}]},
                      {"job_name": "muster-watcher",
                       "static_configs": [{"targets": [installation.watcher]}]}]}
        path = os.path.join(work, "prometheus.yml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        self.loud = []
        self.log = open(os.path.join(work, "prometheus.log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            ["prometheus", "--config.file=" + path, "--storage.tsdb.path=" + os.path.join(work, "data"),
             "--web.listen-address=" + self.url[len("http://"):]],
            stdout=self.log, stderr=self.log, cwd=work)

    def ask(self, path, **parameters):
        status, body = fetch("%s/api/v1/%s?%s" % (self.url, path, urllib.parse.urlencode(parameters)))
        return json.loads(body) if body[:1] == "{" else {"status": "error", "error": status}

    def targets_up(self):
        active = self.ask("targets").get("data", {}).get("activeTargets", [])
        return len(active) == 3 and all(target["health"] == "up" for target in active)

    def has_evaluated(self):
        groups = self.ask("rules").get("data", {}).get("groups", [])
        return groups != [] and all(rule["health"] == "ok" for group in groups for rule in group["rules"])

    def fires(self, alert):
        alerts = self.ask("alerts").get("data", {}).get("alerts", [])
        return any(a["labels"]["alertname"] == alert and a["state"] == "firing" for a in alerts)

    def is_quiet(self):
        alerts = self.ask("alerts").get("data", {}).get("alerts", ["nobody answers"])
        self.loud = [str(alert) for alert in alerts]
        return alerts == []

    def stop(self):
        if self.loud:
            print("\n".join(self.loud))
        self.process.terminate()
        self.process.wait()
        self.log.close()


def check_metrics(address, names):
    status, body = fetch("http://%s/metrics" % address)
    if status != 200:
        sys.exit("%s: /metrics answers %d" % (address, status))
    checked = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True, text=True)
    if checked.returncode != 0 or checked.stdout + checked.stderr != "":
        sys.exit("%s: promtool says: %s%s" % (address, checked.stdout, checked.stderr))
    names.update(re.findall(r"^# TYPE (\S+)", body, re.M))


def check_documented(source, names):
    page = open(os.path.join(source, "docs/metrics.md"), encoding="utf-8").read()
    listed = set(re.findall(r"^\| `(\w+)`", page, re.M))
    if names - listed:
        sys.exit("docs/metrics.md lacks %s" % sorted(names - listed))
    return listed


def check_health(installation):
    for address in installation.controllers + [installation.watcher]:
        for path in ("/healthz", "/readyz"):
            wait_for(address + path, lambda: fetch("http://%s%s" % (address, path))[0] == 200)
    for address in (installation.controllers[0], installation.watcher):
        status, body = fetch("http://%s/nothing" % address)
        if status != 404 or "/metrics" not in body:
            sys.exit("%s: an unknown path is answered with %d: %s" % (address, status, body))


def check_api(installation):
    """Byte for byte what `muster get` prints, of each controller."""
    for address in installation.controllers:
        for path, arguments in ([(kind, [kind]) for kind in KINDS] +
                                [("clusters/quickstart", ["clusters", "quickstart"]),
                                 ("nodes/quickstart", ["nodes", "quickstart"]),
                                 ("hosts/local", ["hosts", "local"])]):
            url = "http://%s/api/v1/%s" % (address, path)
            # Something may change between the two: they have to be the same at some time.
            wait_for("%s and muster get %s to be the same" % (url, arguments),
                     lambda: fetch(url) == (200, installation.run("get", *arguments, "-o", "json")))
        for path, status in (("nodes/nobody", 404), ("wishes", 404), ("nodes/No-Name!", 400)):
            answer = fetch("http://%s/api/v1/%s" % (address, path))
            if answer[0] != status or "error" not in json.loads(answer[1]):
                sys.exit("%s: %s is answered with %s" % (address, path, answer))


def dashboard_queries(source):
    board = json.load(open(os.path.join(source, "deploy/grafana/muster.json"), encoding="utf-8"))
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    if len(queries) < 20:
        sys.exit("the dashboard has %d queries only" % len(queries))
    return queries


def check_queries(prometheus, queries, listed):
    for query in queries:
        for name, value in VARIABLES.items():
            query = query.replace(name, value)
        for metric in re.findall(r"\b(?:muster|process)_\w+", query):
            if metric not in listed and re.sub(r"_(bucket|sum|count)$", "", metric) not in listed:
                sys.exit("there is no metric %s, in: %s" % (metric, query))
        answer = prometheus.ask("query", query=query)
        if answer["status"] != "success":
            sys.exit("%s: %s" % (query, answer.get("error")))


def check_rules(prometheus, source, listed):
    groups = prometheus.ask("rules")["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    page = open(os.path.join(source, "docs/troubleshooting.md"), encoding="utf-8").read()
    anchors = {title.lower() for title in re.findall(r"^### (\w+)$", page, re.M)}
    for rule in rules:
        runbook = rule["annotations"]["runbook"]
        if rule["health"] != "ok":
            sys.exit("%s: %s" % (rule["name"], rule.get("lastError")))
        if not runbook.startswith("docs/troubleshooting.md#") or runbook.split("#")[1] not in anchors:
            sys.exit("%s: there is no section %s" % (rule["name"], runbook))
    check_queries(prometheus, [rule["query"] for rule in rules], listed)


def check_alerts(prometheus, installation):
    """Leaders that stand still; a partition that somebody writes nonsense to."""
    wait_for("no alert while all is well", prometheus.is_quiet)
    pids = [installation.pid("controller-1"), installation.pid("controller-2")]
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        wait_for("MusterLeaderMissing", lambda: prometheus.fires("MusterLeaderMissing"))
        wait_for("MusterControllerDown", lambda: prometheus.fires("MusterControllerDown"))
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    wait_for("no alert once all is well again",
             prometheus.is_quiet)
    write_nonsense(installation)
    wait_for("MusterConfigurationTampered", lambda: prometheus.fires("MusterConfigurationTampered"))


def check_without_etcd(installation):
    """A controller is not ready then, and says why; a watcher whose nodes serve is."""
    controller, watcher = installation.controllers[0], installation.watcher
    pid = installation.pid("etcd")
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_for("a controller that is not ready",
                 lambda: fetch("http://%s/readyz" % controller)[0] == 503)
        status, body = fetch("http://%s/api/v1/clusters" % controller)
        if status != 502 or "etcd" not in body:
            sys.exit("without etcd, the API answers %d: %s" % (status, body))
        for url in ("http://%s/healthz" % controller, "http://%s/metrics" % controller,
                    "http://%s/readyz" % watcher, "http://%s/metrics" % watcher):
            if fetch(url, timeout=AT_ONCE_S)[0] != 200:
                sys.exit("%s does not answer while etcd is away" % url)
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for("a controller that is ready", lambda: fetch("http://%s/readyz" % controller)[0] == 200)


def check_crowd(installation):
    """Clients that say nothing and one that reads nothing: scrapes and changes go on."""
    address = (installation.net + ".251", 11280)
    crowd = [socket.create_connection(address, timeout=5) for _ in range(200)]
    try:
        for client in crowd[:100]:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        if fetch("http://%s:%d/healthz" % address, timeout=AT_ONCE_S)[0] != 200:
            sys.exit("/healthz waits for 200 others")
        installation.run("scale", "quickstart", "--nodes", "4")
        installation.run("wait", "quickstart", "--for", "converged", "--timeout", "60s")
    finally:
        for client in crowd:
            client.close()


def check_sidecar(installation, work):
    """Ready once its memcached is a node that serves, and not when that is dead."""
    address, admin = installation.guest, installation.guest + ":11281"
    spec = os.path.join(work, "open.yaml")
    with open(spec, "w", encoding="utf-8") as file:
        file.write("apiVersion: muster/v1\nkind: MemcachedCluster\nmetadata:\n  name: open\n"
                   "spec:\n  nodes: 1\n  membership: joinable\n  maxNodes: 3\n")
    with open(os.path.join(work, "sidecar.log"), "w", encoding="utf-8") as log:
        memcached = subprocess.Popen(["memcached", "-l", address, "-p", "11211", "-u", "root", "-m", "8"])
        sidecar = subprocess.Popen(
            [installation.watcher_program, "--mode", "sidecar", "--host", "guest", "--cluster", "open",
             "--memcached-address", address + ":11211", "--partition", os.path.join(work, "partition"),
             "--state-dir", os.path.join(work, "sidecar"), "--etcd-endpoints",
             "http://%s.250:2379" % installation.net, "--admin-listen", admin, "--stay", "--trusted-keys",
             os.path.join(installation.state, "keys/trusted.pub")], stdout=log, stderr=log)
    try:
        wait_for("a sidecar that is not ready", lambda: fetch("http://%s/readyz" % admin)[0] == 503)
        installation.run("apply", "-f", spec)
        wait_for("a sidecar that is ready", lambda: fetch("http://%s/readyz" % admin)[0] == 200)
        memcached.kill()
        wait_for("a sidecar without memcached", lambda: fetch("http://%s/readyz" % admin)[0] == 503)
        if fetch("http://%s/healthz" % admin)[0] != 200:
            sys.exit("the sidecar itself is well, and does not say so")
    finally:
        for process in (sidecar, memcached):
            process.kill()
            process.wait()


def check_end(installation):
    """A cluster's series end with it."""
    addresses = installation.controllers + [installation.watcher]
    series = 'cluster="quickstart"'
    for address in addresses:
        wait_for("series of the cluster", lambda: series in fetch("http://%s/metrics" % address)[1])
    installation.run("delete", "cluster", "quickstart", "--wait")
    for address in addresses:
        wait_for("no series of a cluster that is gone",
                 lambda: fetch("http://%s/metrics" % address)[0] == 200
                 and series not in fetch("http://%s/metrics" % address)[1])


def write_nonsense(installation):
    with socket.create_connection((installation.net + ".1", 11211), timeout=5) as peer:
        peer.sendall(b"set muster:config 0 0 8\r\nnonsense\r\n")
        answer = peer.recv(100)
    if not answer.startswith(b"STORED"):
        sys.exit("the partition answers %r" % answer)


def main():
    source, binaries = sys.argv[1:]
    work = tempfile.mkdtemp()
    os.chmod(work, 0o755)
    installation = prometheus = None
    names = set()
    try:
        installation = Installation(binaries, work)
        installation.up(source)
        check_health(installation)
        for address in installation.controllers + [installation.watcher]:
            check_metrics(address, names)
        listed = check_documented(source, names)
        check_api(installation)
        prometheus = Prometheus(source, work, installation)
        wait_for("all targets up", prometheus.targets_up)
        check_queries(prometheus, dashboard_queries(source), listed)
        wait_for("the rules to be evaluated", prometheus.has_evaluated)
        check_rules(prometheus, source, listed)
        check_alerts(prometheus, installation)
        check_without_etcd(installation)
        check_crowd(installation)
        check_sidecar(installation, work)
        check_end(installation)
    finally:
        if prometheus is not None:
            prometheus.stop()
        if installation is not None:
            installation.down()
        shutil.rmtree(work, ignore_errors=True)
    return 0


sys.exit(main())
