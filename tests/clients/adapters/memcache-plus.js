'use strict';

// npm memcache-plus discovers once, when it is made. So a fresh one is made on a timer here, and
// takes over where it has found another list.
const MemcachePlus = require('memcache-plus');

const DISCOVERED_MS = 10000;
const LOOK_MS = 20;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function discover(endpoint) {
    const client = new MemcachePlus({ hosts: [endpoint], autodiscover: true, netTimeout: 6000 });
    const end = Date.now() + DISCOVERED_MS;

    while (client.ring === undefined) {
        if (end < Date.now()) {
            throw new Error('nothing discovered');
        }
        await pause(LOOK_MS);
    }
    return client;
}

module.exports = async function open(endpoint, intervalMs) {
    let client = await discover(endpoint);

    async function look() {
        try {
            const fresh = await discover(endpoint);
            const changed = [...fresh.hosts].join() !== [...client.hosts].join();
            const former = changed ? client : fresh;

            client = changed ? fresh : client;
            setTimeout(() => former.disconnect(), changed ? 2000 : 0);
        } catch (error) {
            console.log(`failed discovery ${error}`);
        }
        setTimeout(look, intervalMs);
    }

    setTimeout(look, intervalMs);
    return {
        nodes: () => client.hosts,
        set: (key, value) => client.set(key, value),
        get: (key) => client.get(key),
    };
};
