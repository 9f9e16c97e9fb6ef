"""The cluster's resolver: answers A questions from a table, as CoreDNS does for Kubernetes.

A name that has other records, or names below it only, is answered empty; one that nobody knows, NXDOMAIN.
"""
import asyncio
import random
import struct

PORT = 53
TTL_S = 5  # the Kubernetes plugin's default
ANSWERS_MAX = 25  # what fits into 512 bytes with compressed names
_A, _IN = 1, 1
_NXDOMAIN = 3


def question(request):
    """The name that is asked for, the type, and where the question ends."""
    labels, at = [], 12
    while request[at] != 0:
        size = request[at]
        labels.append(request[at + 1:at + 1 + size].decode("ascii").lower())
        at += 1 + size
    return ".".join(labels), struct.unpack_from("!H", request, at + 1)[0], at + 5


def answer(request, table):
    """The reply to `request`; `table` is {name: [address]}."""
    name, kind, end = question(request)
    found, code = [], 0
    if table.get(name):
        found = random.sample(table[name], min(len(table[name]), ANSWERS_MAX)) if kind == _A else []
    elif name not in table:
        code = _NXDOMAIN
    header = request[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(found), 0, 0)
    records = b"".join(struct.pack("!HHHIH4B", 0xc00c, _A, _IN, TTL_S, 4, *map(int, ip.split(".")))
                       for ip in found)
    return header + request[12:end] + records


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, names):
        self.names = names
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        try:
            reply = answer(data, self.names.table)
        except (IndexError, UnicodeDecodeError, struct.error):
            return
        self.transport.sendto(reply, peer)


class Names:
    def __init__(self):
        self.table = {}
        self._transport = None

    async def start(self, address):
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Protocol(self), local_addr=(address, PORT))

    def stop(self):
        self._transport.close()
