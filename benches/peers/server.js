// Answers with the process that answers. Its socket is what Server::Starter hands it, or LISTEN_FDS, or a port.
const http = require('node:http');

const server = http.createServer((_, response) => response.end(`${process.pid}\n`));
server.keepAliveTimeout = 30_000;
const handed = (process.env.SERVER_STARTER_PORT || '').split('=')[1];
const fd = handed ? Number(handed) : process.env.LISTEN_FDS ? 3 : undefined;
server.listen(fd ? { fd } : { host: '127.0.0.1', port: Number(process.env.PORT) }, () => process.send?.('ready'));
const stop = () => server.close(() => process.exit(0));
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
