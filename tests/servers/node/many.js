// What tests/node.rs asks of one script: each word of the command line is something that it does.
const fs = require('fs');
const dgram = require('dgram');
const http = require('http');
const { HEIRLOOM_GENERATION: generation, HEIRLOOM_SLOT: slot, RELEASE: release, CONDUCT: conduct } = process.env;
const who = `${generation}.${slot} ${process.pid} ${release}\n`;
const server = () => http.createServer((request, response) => response.end(who));

const deeds = {
    // Two servers on any port each, one on IPv6, one at a path.
    servers() {
        server().listen(0, '127.0.0.1', function () { console.log('first', this.address().port); });
        server().listen(0, '127.0.0.1', function () { console.log('second', this.address().port); });
        server().listen(0, '::1', function () { console.log('third', this.address().port); });
        server().listen('sockets/node', () => console.log('fourth'));
    },
    one() {
        server().listen(0, '127.0.0.1');
    },
    // The first server, and the second only in the first release.
    fewer() {
        server().listen(0, '127.0.0.1');
        if (release === '1') server().listen(0, '::1');
    },
    datagrams() {
        const socket = dgram.createSocket('udp4');
        socket.on('message', (message, { port, address }) => socket.send(`${message} ${who}`, port, address));
        socket.bind(0, '127.0.0.1', () => console.log('datagrams', socket.address().port));
    },
    taken() {
        server().on('error', (error) => console.log('error', error.code)).listen(Number(process.env.TAKEN), '127.0.0.1');
    },
    words() {
        process.on('message', (message) => {
            console.log('heard', message);
            process.exit(0);
        });
        process.send('ready');
        process.send({ words: 'of mine' });
    },
    // A line that is none, into the channel, when somebody asks for it.
    rubbish() {
        http.createServer((request, response) => {
            if (request.url === '/rubbish') fs.writeSync(3, 'rubbish\n');
            response.end(who);
        }).listen(0, '127.0.0.1');
    },
    upgrade() {
        server().on('upgrade', (request, socket) => {
            socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n');
        }).listen(0, '127.0.0.1');
    },
    // Echoes, with who it is, and writes how a connection ended.
    websocket() {
        const sockets = new (require('ws').WebSocketServer)({ host: '127.0.0.1', port: 0 });
        sockets.on('connection', (socket) => {
            socket.on('message', (message) => socket.send(`${message} ${who}`));
            socket.on('close', (code) => console.log('closed', code));
        });
    },
    // No http: who it is, and the end.
    raw() {
        require('net').createServer((socket) => socket.resume().end(who)).listen(0, '127.0.0.1');
    },
    // The second one cannot be had.
    twice() {
        server().listen(0, '127.0.0.1', function () {
            server().on('error', (error) => console.log('error', error.code)).listen(this.address().port, '127.0.0.1');
        });
    },
    // Whoever asks for `/full` takes all descriptors of this worker, and gives them back on USR2.
    full() {
        const taken = [];
        const take = () => {
            try {
                for (;;) taken.push(fs.openSync('/dev/null'));
            } catch (error) {
                console.log('full', error.code);
            }
        };
        http.createServer((request, response) => {
            if (request.url === '/full') request.socket.on('close', () => setImmediate(take));
            response.end(who);
        }).listen(0, '127.0.0.1');
        process.on('SIGUSR2', () => {
            while (taken.length > 0) fs.closeSync(taken.pop());
            console.log('free');
        });
    },
    // A script that is its own primary elsewhere.
    cluster() {
        const cluster = require('cluster');
        if (cluster.isPrimary ?? cluster.isMaster) throw new Error('it is a primary');
        server().listen(0, '127.0.0.1');
    },
    child() {
        const child = require('child_process').fork(__filename, ['tell']);
        child.on('message', (message) => console.log('child', message));
    },
    tell() {
        process.send(`${process.execArgv.length} ${require('cluster').isWorker}`);
    },
    secure() {
        const options = { key: fs.readFileSync('key.pem'), cert: fs.readFileSync('cert.pem') };
        require('https').createServer(options, (request, response) => response.end(who)).listen(0, '127.0.0.1');
    },
    secure2() {
        const options = { key: fs.readFileSync('key.pem'), cert: fs.readFileSync('cert.pem') };
        require('http2').createSecureServer(options, (request, response) => response.end(who)).listen(0, '127.0.0.1');
    },
    busy() {
        setInterval(() => {}, 1000);
    },
};
for (const word of process.argv.slice(2)) deeds[word]();
if (conduct) deeds[conduct]();
