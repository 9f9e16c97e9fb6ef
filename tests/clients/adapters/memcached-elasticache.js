'use strict';

// npm memcached-elasticache: asks the endpoint on a timer, makes a new inner client on a change.
const Client = require('memcached-elasticache');

function promised(call) {
    return new Promise((resolve, reject) => {
        call((error, value) => (error ? reject(error) : resolve(value)));
    });
}

module.exports = async function open(endpoint, intervalMs) {
    let nodes = [];
    const client = new Client(endpoint, { autoDiscoverInterval: intervalMs, timeout: 6000 });

    client.on('autoDiscover', (list) => {
        nodes = list;
    });
    client.on('autoDiscoverFailure', (error) => {
        console.log(`failed discovery ${error}`);
    });
    return {
        nodes: () => nodes,
        set: (key, value) => promised((done) => client.set(key, value, 0, done)),
        get: (key) => promised((done) => client.get(key, done)),
    };
};
