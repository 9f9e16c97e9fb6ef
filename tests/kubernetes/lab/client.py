"""client.py SERVICE:PORT - an application that discovers, and uses every node without end.

Begins at the discovery Service, then polls the nodes that it uses, as ElastiCache's clients do: one after the
other, on its data connections; the Service again when none of them answers. One line of JSON
for each new list, each operation that fails, and now and then the count of those that went well.
"""
import json
import socket
import sys
import time

from pymemcache.client.base import Client

POLL_S = 0.5
PAUSE_S = 0.01
TELL_S = 1.0
TIMEOUT_S = 1.0  # of who has failed before, and of who can be passed over
PATIENCE_S = 6.0  # longer than a machine stands still


def say(**what):
    print(json.dumps(dict(what, at=time.time())), flush=True)


def discover(host, port):
    """(version, [(ip, port)]) as a node or the Service tells."""
    with socket.create_connection((host, port), TIMEOUT_S) as connection:
        connection.sendall(b"config get cluster\r\n")
        answer = b""
        while not answer.endswith(b"END\r\n"):
            part = connection.recv(65536)
            if not part:
                raise ConnectionError("closed")
            answer += part
    if not answer.startswith(b"CONFIG"):
        raise ConnectionError("no list yet")
    lines = answer.decode().split("\n")
    return int(lines[1]), [(m.split("|")[1], int(m.split("|")[2])) for m in lines[2].split(" ")]


class Application:
    def __init__(self, service):
        self.service = service
        self.version = 0
        self.nodes = []
        self.clients = {}
        self.failed = set()
        self.polled = self.told = 0.0
        self.number = self.good = 0

    def poll(self):
        """The newest list of who answers first; lower versions are refused."""
        turn = self.number % max(len(self.nodes), 1)
        for host, port in self.nodes[turn:] + self.nodes[:turn] + [self.service]:
            try:
                version, nodes = discover(host, port)
            except OSError:
                continue
            if version > self.version:
                self.version, self.nodes = version, nodes
                for gone in set(self.clients) - set(nodes):
                    self.clients.pop(gone).close()
                say(version=version, nodes=[ip for ip, _ in nodes])
            return

    def use(self, node):
        client = self.clients.get(node)
        if client is None:
            patience_s = TIMEOUT_S if node in self.failed else PATIENCE_S
            client = self.clients[node] = Client(node, connect_timeout=patience_s, timeout=patience_s)
        key, value = "k%d" % (self.number % 100), b"v%d" % self.number
        try:
            client.set(key, value, noreply=False)
            got = client.get(key)
            if got != value:
                say(failed=node[0], why="got %r" % got)
            self.good += 1
        except Exception as error:  # whatever a client may say
            self.clients.pop(node).close()
            self.failed.add(node)
            say(failed=node[0], why="%s %s" % (type(error).__name__, error))

    def run(self):
        while True:
            self.number += 1
            now = time.monotonic()
            if now - self.polled >= POLL_S or not self.nodes:
                self.polled = now
                self.poll()
            for node in list(self.nodes):
                self.use(node)
            if now - self.told >= TELL_S:
                self.told = now
                say(good=self.good)
            time.sleep(PAUSE_S)


host, _, port = sys.argv[1].rpartition(":")
Application((host, int(port))).run()
