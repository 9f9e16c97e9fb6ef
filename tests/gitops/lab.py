"""What the tests of `muster gitops` share: a real etcd, real repositories, servers for them.

Everything lives in a directory and on loopback addresses of the test's own, and is ended with it.
"""
import base64
import contextlib
import http.server
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

BIN = os.environ["MUSTER_BIN_DIR"]
MUSTER = os.path.join(BIN, "muster")
WAIT_S = 60
GIT_ENV = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
           "GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "ann@example.com",
           "GIT_COMMITTER_NAME": "Ann", "GIT_COMMITTER_EMAIL": "ann@example.com"}


def address():
    """A loopback address that belongs to this process alone."""
    pid = os.getpid()
    return "127.%d.%d.7" % (130 + (pid >> 8) % 100, pid & 255)


def wait_for(condition, what):
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("not within %d s: %s" % (WAIT_S, what))


def answers(ip, port):
    with contextlib.closing(socket.socket()) as probe:
        return probe.connect_ex((ip, port)) == 0


def document(name, nodes, more=""):
    return ("apiVersion: muster/v1\nkind: MemcachedCluster\nmetadata:\n  name: %s\nspec:\n"
            "  nodes: %d\n%s" % (name, nodes, more))


class Etcd:
    def __init__(self, folder):
        self.ip = address()
        url, peer = "http://%s:2379" % self.ip, "http://%s:2380" % self.ip
        self.url = url
        self.process = subprocess.Popen(
            ["etcd", "--data-dir", os.path.join(folder, "etcd"), "--listen-client-urls", url,
             "--advertise-client-urls", url, "--listen-peer-urls", peer,
             "--initial-advertise-peer-urls", peer, "--initial-cluster", "default=" + peer],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        wait_for(lambda: answers(self.ip, 2379), "etcd listens")
        wait_for(lambda: self.ask("kv/range", {"key": base64.b64encode(b"x").decode()}), "etcd serves")

    def ask(self, path, body):
        request = urllib.request.Request("%s/v3/%s" % (self.url, path), json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=WAIT_S) as reply:
                return json.load(reply)
        except OSError:
            return None

    def keys(self, prefix):
        """{key: value} of all below the prefix."""
        first = prefix.encode()
        last = first[:-1] + bytes([first[-1] + 1])
        found = self.ask("kv/range", {"key": base64.b64encode(first).decode(),
                                      "range_end": base64.b64encode(last).decode()})
        return {base64.b64decode(kv["key"]).decode(): json.loads(base64.b64decode(kv["value"]))
                for kv in found.get("kvs", [])}

    def revision(self):
        return int(self.ask("kv/range", {"key": base64.b64encode(b"x").decode()})["header"]["revision"])

    def delete(self, key):
        self.ask("kv/deleterange", {"key": base64.b64encode(key.encode()).decode()})

    def stop(self):
        self.process.kill()
        self.process.wait()


class Repository:
    """A bare repository, and a work tree from which is pushed."""

    def __init__(self, folder, name="repo"):
        self.bare = os.path.join(folder, name + ".git")
        self.work = os.path.join(folder, name + ".work")
        self.env = dict(os.environ, **GIT_ENV)
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", self.bare], check=True, env=self.env)
        subprocess.run(["git", "init", "-q", "-b", "main", self.work], check=True, env=self.env)
        self.git("remote", "add", "origin", self.bare)

    def git(self, *args):
        done = subprocess.run(["git", "-C", self.work, *args], env=self.env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise AssertionError("git %s: %s" % (" ".join(args), done.stderr))
        return done.stdout.strip()

    def write(self, path, text):
        whole = os.path.join(self.work, path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "w", encoding="utf-8") as out:
            out.write(text)

    def push(self, title="change", *options, force=False):
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", title, *options)
        self.git("push", "-q", *(["--force"] if force else []), "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")


class Follower:
    """`muster gitops` as a daemon."""

    def __init__(self, test, *args):
        self.log = open(os.path.join(test.folder, "log-%d" % len(test.followers)), "w+", encoding="utf-8")
        self.process = subprocess.Popen([MUSTER, "gitops", *args], env=test.env, stdout=self.log,
                                        stderr=self.log, start_new_session=True)
        test.followers.append(self)

    def text(self):
        with open(self.log.name, encoding="utf-8") as log:
            return log.read()

    def catches(self, signum):
        """Whether it has begun to take that signal; before, it would die of it."""
        with open("/proc/%d/status" % self.process.pid, encoding="utf-8") as status:
            caught = next((line.split()[1] for line in status if line.startswith("SigCgt:")), "0")
        return int(caught, 16) >> (signum - 1) & 1

    def now(self):
        wait_for(lambda: self.catches(signal.SIGHUP), "it takes signals")
        self.process.send_signal(signal.SIGHUP)

    def end(self, signum=signal.SIGTERM):
        wait_for(lambda: self.process.poll() is not None or self.catches(signum), "it takes signals")
        self.process.send_signal(signum)
        code = self.process.wait(WAIT_S)
        self.log.close()
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()


class GitHandler(http.server.BaseHTTPRequestHandler):
    """git http-backend behind HTTP; the server has `root` and `token`."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.serve(b"")

    def do_POST(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            self.serve(self.read_chunks())
        else:
            self.serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def read_chunks(self):
        body = b""
        while True:
            size = int(self.rfile.readline(), 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return body

    def serve(self, body):
        token = self.server.token
        if token is not None:
            wanted = "Basic " + base64.b64encode(("git:" + token).encode()).decode()
            if self.headers.get("Authorization") != wanted:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
        path, _, query = self.path.partition("?")
        env = dict(os.environ, **GIT_ENV, GIT_PROJECT_ROOT=self.server.root, GIT_HTTP_EXPORT_ALL="1",
                   PATH_INFO=path, QUERY_STRING=query, REQUEST_METHOD=self.command,
                   CONTENT_TYPE=self.headers.get("Content-Type", ""), CONTENT_LENGTH=str(len(body)),
                   HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""))
        out = subprocess.run(["git", "http-backend"], input=body, env=env, stdout=subprocess.PIPE,
                             check=False).stdout
        head, _, rest = out.partition(b"\r\n\r\n")
        fields = [line.split(": ", 1) for line in head.decode().splitlines()]
        status = next((value for name, value in fields if name == "Status"), "200")
        self.send_response(int(status.split()[0]))
        for name, value in fields:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest)


@contextlib.contextmanager
def git_http(root, token=None, cert=None, ip=None):
    server = http.server.ThreadingHTTPServer((ip or address(), 0), GitHandler)
    server.daemon_threads = True
    server.root, server.token = root, token
    if cert is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*cert)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield "%s://%s:%d" % ("http" if cert is None else "https", *server.server_address)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def sshd(folder, keys):
    """Debian's sshd for this user; yields (port, the file of known hosts)."""
    ip, port = address(), 22022
    host = os.path.join(folder, "host")
    for kind in ("ed25519", "ecdsa"):
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", host + kind], check=True)
    config = os.path.join(folder, "sshd.conf")
    with open(config, "w", encoding="utf-8") as out:
        out.write("ListenAddress %s\nPort %d\nHostKey %sed25519\nHostKey %secdsa\nAuthorizedKeysFile %s\n"
                  "PidFile none\nUsePAM no\nPasswordAuthentication no\nStrictModes no\n"
                  "PermitRootLogin yes\n" % (ip, port, host, host, keys))
    os.makedirs("/run/sshd", exist_ok=True)
    known = os.path.join(folder, "known_hosts")
    with open(host + "ed25519.pub", encoding="utf-8") as key, open(known, "w", encoding="utf-8") as out:
        out.write("[%s]:%d %s\n" % (ip, port, " ".join(key.read().split()[:2])))
    process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", config], stderr=subprocess.DEVNULL,
                               start_new_session=True)
    try:
        wait_for(lambda: answers(ip, port), "sshd listens")
        yield "%s:%d" % (ip, port), known
    finally:
        process.kill()
        process.wait()


class Lab(unittest.TestCase):
    """One etcd for all tests of a class, a prefix and a repository for each."""

    @classmethod
    def setUpClass(cls):
        cls.etcd_folder = tempfile.mkdtemp(prefix="muster-gitops-")
        cls.etcd = None
        try:
            cls.etcd = Etcd(cls.etcd_folder)
        except BaseException:
            shutil.rmtree(cls.etcd_folder)
            raise

    @classmethod
    def tearDownClass(cls):
        cls.etcd.stop()
        shutil.rmtree(cls.etcd_folder, ignore_errors=True)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="muster-gitops-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.followers = []
        self.addCleanup(self.end_followers)
        self.prefix = "/t/" + self.id().rsplit(".", 1)[1].replace("_", "-")
        self.env = dict(os.environ, MUSTER_ETCD_ENDPOINTS=self.etcd.url, MUSTER_PREFIX=self.prefix,
                        TMPDIR=self.folder, HOME=self.folder)
        self.repo = Repository(self.folder)

    def end_followers(self):
        for follower in self.followers:
            follower.kill()

    # ---- muster ----

    def muster(self, *args, code=0, text=None):
        done = subprocess.run([MUSTER, *args], env=self.env, input=text, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, code, "muster %s: %s%s" % (" ".join(args), done.stdout, done.stderr))
        return done.stdout + done.stderr

    def once(self, *args, code=0, repo=None):
        return self.muster("gitops", "--repo", repo or self.repo.bare, "--once", *args, code=code)

    def follow(self, *args, repo=None):
        return Follower(self, "--repo", repo or self.repo.bare, "--interval", "1h",
                        "--admin-listen", "none", "--cache-dir",
                        os.path.join(self.folder, "cache-%d" % len(self.followers)), *args)

    # ---- etcd ----

    def specs(self):
        """{name: record} of all clusters."""
        return {key.split("/")[-2]: value
                for key, value in self.etcd.keys(self.prefix + "/clusters/").items()
                if key.endswith("/spec")}

    def nodes(self):
        """{name: count of nodes} of the clusters that are not being deleted."""
        return {name: record["spec"]["nodes"] for name, record in self.specs().items()
                if not record["deleting"]}

    def source(self, name="gitops"):
        return self.etcd.keys(self.prefix + "/sources/").get("%s/sources/%s" % (self.prefix, name))

    def events(self, reason=None):
        return [event["message"] for _, event in sorted(self.etcd.keys(self.prefix + "/events/").items())
                if reason in (None, event["reason"])]
