'use strict';

// npm ecad only resolves: it gives the list, and the application makes a client of it. Asked again
// on a timer here; the client is npm memcached.
const Ecad = require('ecad');
const Memcached = require('memcached');

function promised(call) {
    return new Promise((resolve, reject) => {
        call((error, value) => (error ? reject(error) : resolve(value)));
    });
}

module.exports = async function open(endpoint, intervalMs) {
    const resolver = new Ecad({ endpoints: [endpoint], timeout: 6000 });
    let nodes = [];
    let client = null;

    async function look() {
        try {
            const list = await promised((done) => resolver.fetch(done));

            if (list.join() !== nodes.join()) {
                const former = client;

                client = new Memcached(list, { timeout: 6000 });
                nodes = list;
                setTimeout(() => former && former.end(), 2000);
            }
        } catch (error) {
            console.log(`failed discovery ${error}`);
        }
        setTimeout(look, intervalMs);
    }

    await look();
    return {
        nodes: () => nodes,
        set: (key, value) => promised((done) => client.set(key, value, 0, done)),
        get: (key) => promised((done) => client.get(key, done)),
    };
};
