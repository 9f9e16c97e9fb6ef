#!/usr/bin/python3
"""Where pymemcache's HashClient looks for keys: rendezvous.py FILE

The file has lists, each a line "list HOST:PORT …" with lines "key TEXT" behind it. Prints the place
of the key's node in its list, a line for each key.
"""
import sys

from pymemcache.client.hash import HashClient


class Asked(HashClient):
    """Finds the client of a key without connecting to it."""

    def place(self, key, names):
        return names.index(self._make_client_key(self._get_client(key).server))


client = None
names = []
with open(sys.argv[1], encoding="ascii") as lines:
    for line in lines:
        word, _, rest = line.rstrip("\n").partition(" ")
        if word == "list":
            names = rest.split(" ")
            servers = [name.rsplit(":", 1) for name in names]
            client = Asked([(host, int(port)) for host, port in servers])
        else:
            print(client.place(rest, names))
