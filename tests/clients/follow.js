'use strict';

// follow.js PACKAGE ENDPOINT - let a stock client discover a cluster and follow it.
//
// Sets and gets keys through the client without end, and asks each node that the client knows,
// by a bare connection, whether some of them really lie there. Says on standard output:
//
//     nodes COUNT HOST:PORT,…    with this list a whole round went well (once per change)
//     failed WHAT                a key or a discovery failed
//
// A call that was under way while the client changed its own list is not held against it.

const crypto = require('crypto');
const net = require('net');

const POLL_MS = 200;
const PAUSE_MS = 50;
const WATCH_MS = 20; // shorter than POLL_MS, so that no list is missed
const KEYS = 120;
const ANSWER_MS = 10000;
const DISCOVERED_MS = 15000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const list = (client) => [...client.nodes()].sort().join(',');

// Keys that look alike end up at few nodes with some clients' hashes: these don't. Another client that
// follows the same cluster, in a container perhaps, has others.
const keys = Array.from({ length: KEYS }, (unused, i) => {
    return 'follow:' + crypto.createHash('sha1').update(`${process.argv[2]} ${process.pid} ${i}`).digest('hex');
});

// How many of the keys a node holds.
function keysAt(node) {
    const colon = node.lastIndexOf(':');

    return new Promise((resolve, reject) => {
        let reply = '';
        const socket = net.connect(Number(node.slice(colon + 1)), node.slice(0, colon), () => {
            socket.write(`get ${keys.join(' ')}\r\n`);
        });

        socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error(`${node} does not answer`)));
        socket.on('error', reject);
        socket.on('close', () => reject(new Error(`${node} closed the connection`)));
        socket.on('data', (bytes) => {
            reply += bytes;
            if (reply.endsWith('END\r\n')) {
                resolve(reply.split('VALUE follow:').length - 1);
                socket.destroy();
            }
        });
    });
}

async function round(client, text) {
    await Promise.all(keys.map((name) => client.set(name, text)));
    for (const value of await Promise.all(keys.map((name) => client.get(name)))) {
        if (value !== text) {
            throw new Error(`got '${value}', expected '${text}'`);
        }
    }
    for (const node of client.nodes()) {
        if ((await keysAt(node)) === 0) {
            throw new Error(`no key lies at ${node}`);
        }
    }
}

async function discovered(client) {
    const end = Date.now() + DISCOVERED_MS;

    while (list(client) === '') {
        if (end < Date.now()) {
            throw new Error(`nothing discovered in ${DISCOVERED_MS} ms`);
        }
        await pause(PAUSE_MS);
    }
}

// How often the client's list has changed: one that is back may have been another one in between.
function countChanges(client) {
    const seen = { list: list(client), changes: 0 };

    setInterval(() => {
        const now = list(client);

        seen.changes += now === seen.list ? 0 : 1;
        seen.list = now;
    }, WATCH_MS);
    return seen;
}

async function main(name, endpoint) {
    const client = await require(`./adapters/${name}.js`)(endpoint, POLL_MS);
    let told = '';

    await discovered(client);
    const seen = countChanges(client);
    for (let i = 0;; i++) {
        const before = list(client);
        const changes = seen.changes;
        let failure = null;

        try {
            await round(client, `${name} ${i}`);
        } catch (error) {
            failure = error;
        }
        if (before === list(client) && changes === seen.changes) {
            if (failure !== null) {
                console.log(`failed ${failure} with ${before}`);
            } else if (told !== before) {
                told = before;
                console.log(`nodes ${before.split(',').length} ${before}`);
            }
        }
        await pause(PAUSE_MS);
    }
}

main(process.argv[2], process.argv[3]).catch((error) => {
    console.log(`failed ${error && error.stack}`);
    process.exit(1);
});
