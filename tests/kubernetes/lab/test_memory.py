"""The overlay `dev`: a memcached as full as it gets, with all its clients, against the limit that its container has.

What counts is what the process holds (VmHWM). Buffers of sockets are the kernel's, and kept small here.
"""
import asyncio
import re
import socket

from installation import DATA_PORT
from story import Story

MI = 1 << 20
ITEM_BYTES = 1000
BATCH = 5000
FILL_S = 100
OWN_FILES = 40      # of --conn-limit memcached has some for itself, and others are connected, too
KEYS_EACH = 100     # of one request; its answer is longer than what a client takes that does not read
REQUESTS_EACH = 200
TIMEOUT_S = 10
RECEIVED_BYTES = 4096
SMALL = [{"name": "net.ipv4.tcp_wmem", "value": "4096 16384 65536"}]


class Filler:
    """One connection that stores, and those of clients that ask and don't read."""

    def __init__(self, address):
        self.address = (address, DATA_PORT)
        self.main = socket.create_connection(self.address, TIMEOUT_S)
        self.file = self.main.makefile("rb")
        self.held = []
        self.count = 0

    def stats(self):
        self.main.sendall(b"stats\r\n")
        lines = iter(self.file.readline, b"END\r\n")
        return {words[1].decode(): words[2].decode() for words in map(bytes.split, lines) if len(words) == 3}

    def fill(self):
        """Until items are evicted."""
        value = b"x" * ITEM_BYTES
        while int(self.stats()["evictions"]) == 0:
            self.main.sendall(b"".join(b"set k%09d 0 0 %d noreply\r\n%s\r\n" % (i, ITEM_BYTES, value)
                                       for i in range(self.count, self.count + BATCH)))
            self.count += BATCH

    def connect(self, clients):
        keys = b" ".join(b"k%09d" % (self.count - 1 - i) for i in range(KEYS_EACH))
        for _ in range(clients):
            one = socket.socket()
            self.held.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED_BYTES)
            one.settimeout(TIMEOUT_S)
            one.connect(self.address)
            one.setblocking(False)
            try:
                for _ in range(REQUESTS_EACH):
                    if one.send(b"get %s\r\n" % keys) < len(keys) + 6:
                        break
            except BlockingIOError:
                pass
        return int(self.stats()["curr_connections"])

    def close(self):
        for one in self.held + [self.main]:
            one.close()


class Memory(Story):
    def figure(self, option):
        words = self.memcached.container.spec["args"]
        return int(next(word for word in words if word.startswith(option + "=")).partition("=")[2])

    def held_bytes(self):
        with open("/proc/%d/status" % self.memcached.container.pid, encoding="utf-8") as file:
            return int(re.search(r"VmHWM:\s+([0-9]+) kB", file.read()).group(1)) * 1024

    async def test_a_full_memcached_stays_below_its_limit(self):
        await self.begin(3)
        one = self.at.pod(0)
        self.memcached = one.container("memcached")
        limit = self.memcached.container.spec["resources"]["limits"]["memory"]
        self.assertTrue(limit.endswith("Mi"))
        clients = self.figure("--conn-limit") - OWN_FILES
        self.cluster.network.set(one.network_namespace, SMALL)
        filler = Filler(one.ip)
        try:
            await asyncio.wait_for(asyncio.to_thread(filler.fill), FILL_S)
            full = self.held_bytes()
            connected = await asyncio.wait_for(asyncio.to_thread(filler.connect, clients), FILL_S)
            held = self.held_bytes()
        finally:
            filler.close()
        print("full: %d MiB; with %d connections: %d MiB; limit: %s" % (full // MI, connected, held // MI, limit))
        self.assertGreaterEqual(connected, clients)
        self.assertGreater(full, self.figure("--memory-limit") * MI)
        self.assertGreater(held, full)
        self.assertLess(held, int(limit[:-2]) * MI)
        await self.settled(3)
