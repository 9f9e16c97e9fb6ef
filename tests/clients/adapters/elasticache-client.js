'use strict';

// npm elasticache-client: asks on a timer; its constructor turns the event loop (deasync) until
// the first answer.
const Client = require('elasticache-client');

function promised(call) {
    return new Promise((resolve, reject) => {
        call((error, value) => (error ? reject(error) : resolve(value)));
    });
}

module.exports = async function open(endpoint, intervalMs) {
    const client = new Client(endpoint, { autodiscovery: true, update_time: intervalMs },
                              { timeout: 6000 });

    return {
        nodes: () => client.memcached.servers,
        set: (key, value) => promised((done) => client.set(key, value, 0, done)),
        get: (key) => promised((done) => client.get(key, done)),
    };
};
