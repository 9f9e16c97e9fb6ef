'use strict';

// npm memcache: asks on a timer that does not keep the process alive, adds and removes nodes.
// It is given one call at a time: calls that meet at a new node open a connection each, and when
// the surplus ones have been idle for `timeout`, they take the used one down with them.
const { Memcache } = require('memcache');

module.exports = async function open(endpoint, intervalMs) {
    const client = new Memcache({
        nodes: [endpoint],
        timeout: 6000,
        autoDiscover: { enabled: true, configEndpoint: endpoint, pollingInterval: intervalMs },
    });

    client.on('autoDiscoverError', (error) => {
        console.log(`failed discovery ${error}`);
    });
    client.on('error', () => {}); // told by the call that failed
    await client.connect();

    let last = Promise.resolve();
    const inTurn = (call) => {
        const result = last.then(call);

        last = result.catch(() => {});
        return result;
    };

    return {
        nodes: () => client.nodeIds,
        set: (key, value) => inTurn(() => client.set(key, value)).then((stored) => {
            if (!stored) {
                throw new Error('not stored');
            }
        }),
        get: (key) => inTurn(() => client.get(key)),
    };
};
