// What tests/node.rs runs, as anybody would write it: http, http2, express or fastify, on the port and host that are asked for.
const [kind = 'http', port = '0', host = '127.0.0.1'] = process.argv.slice(2);
const { HEIRLOOM_GENERATION: generation, HEIRLOOM_SLOT: slot, RELEASE: release } = process.env;
const who = `${generation}.${slot} ${process.pid} ${release}\n`;
const where = Number.isNaN(Number(port)) ? { path: port } : { port: Number(port), host };

// 32 MB, once for all who ask for it.
let big;

// `/slow` takes its time, `/big` is big, everything else is who answers.
function answer(path, send) {
    if (path.startsWith('/slow')) setTimeout(send, 300, who);
    else send(path.startsWith('/big') ? (big ??= Buffer.alloc(32e6, who)) : who);
}

const kinds = {
    http() {
        require('http').createServer((request, response) => answer(request.url, (text) => response.end(text))).listen(where);
    },
    http2() {
        require('http2').createServer((request, response) => answer(request.url, (text) => response.end(text))).listen(where);
    },
    express() {
        const app = require('express')();
        app.use((request, response) => answer(request.url, (text) => response.type('text').send(text)));
        app.listen(where.path ?? where.port, where.host);
    },
    fastify() {
        const app = require('fastify')();
        app.all('*', (request, reply) => answer(request.url, (text) => reply.send(text)));
        app.listen(where);
    },
};
kinds[kind]();
