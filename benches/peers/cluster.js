// Node's cluster as most people write it: on SIGHUP new workers first, and when they listen, the old ones disconnect.
const cluster = require('node:cluster');

cluster.setupPrimary({ exec: require.resolve('./server.js') });
const raise = () => Promise.all([1, 2].map(() => new Promise((done) => {
    const worker = cluster.fork();
    worker.once('listening', () => done(worker));
})));
let workers = raise();
process.on('SIGHUP', () => {
    workers = workers.then(async (old) => {
        const next = await raise();
        old.forEach((worker) => worker.disconnect());
        return next;
    });
});
process.on('SIGTERM', () => process.exit(0));
