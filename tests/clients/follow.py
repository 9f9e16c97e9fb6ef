"""follow.py ENDPOINT - pymemcache's HashClient with the list that a few lines of ours read.

Says what follow.js says. The endpoint is asked before each round; a change makes a new client.
"""
import hashlib
import os
import socket
import sys
import time

from pymemcache.client.hash import HashClient

KEYS = ['follow:' + hashlib.sha1(f'{os.getpid()} {i}'.encode()).hexdigest() for i in range(120)]
ANSWER_S = 10
PAUSE_S = 0.05


def ask(host, port, request):
    """The answer to one request, up to its END."""
    with socket.create_connection((host, port), ANSWER_S) as connection:
        connection.sendall(request)
        answer = b''
        while not answer.endswith(b'END\r\n'):
            part = connection.recv(65536)
            if not part:
                raise ConnectionError(f'{host}:{port} closed the connection')
            answer += part
    return answer


def discover(endpoint):
    """The nodes of the cluster: (ip, port), in the order of the list."""
    host, port = endpoint.rsplit(':', 1)
    lines = ask(host, int(port), b'config get cluster\r\n').decode().split('\n')
    members = (member.split('|') for member in lines[2].split(' '))
    return [(ip, int(port)) for _, ip, port in members]


def play_round(client, nodes, text):
    """Set and get all keys; each node must hold some of them."""
    for key in KEYS:
        if not client.set(key, text, noreply=False):
            raise ValueError(f'{key} was not stored')
    for key in KEYS:
        value = client.get(key)
        if value != text.encode():
            raise ValueError(f'got {value}, expected {text}')
    for node in nodes:
        if b'VALUE' not in ask(*node, f'get {" ".join(KEYS)}\r\n'.encode()):
            raise ValueError(f'no key lies at {node}')


def main(endpoint):
    """Follow the cluster without end."""
    nodes = client = told = None
    number = 0
    while True:
        before = discover(endpoint)
        if before != nodes:
            nodes = before
            client = HashClient(nodes, connect_timeout=6, timeout=6)
        failure = None
        number += 1
        try:
            play_round(client, nodes, f'pymemcache {number}')
        except Exception as error:  # whatever a client may say
            failure = error
        if discover(endpoint) == nodes:
            if failure is not None:
                print('failed', failure, 'with', nodes, flush=True)
            elif told != nodes:
                told = nodes
                names = sorted(f'{ip}:{port}' for ip, port in nodes)
                print('nodes', len(names), ','.join(names), flush=True)
        time.sleep(PAUSE_S)


main(sys.argv[1])
