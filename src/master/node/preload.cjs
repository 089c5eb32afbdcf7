'use strict';
// Loaded by heirloom before a Node worker's script. When the next generation serves, this one is a lame duck: it answers
// `Connection: close` (HTTP/1) or GOAWAY (HTTP/2), and closes idle connections only when they have been left alone for a
// while. In the end, WebSockets are closed with 1001, "going away". While a worker serves, next to nothing is done for a request.
// It is for this process alone: what the script starts does not inherit it.
const own = __filename;
const flag = process.execArgv.indexOf(own);
if (flag > 0) process.execArgv.splice(flag - 1, 2);
const options = process.env.NODE_OPTIONS;
if (options && options.includes('--require=' + own)) {
    const rest = options.replace('--require=' + own, '').trim();
    if (rest) process.env.NODE_OPTIONS = rest;
    else delete process.env.NODE_OPTIONS;
}

if (process.connected && require('cluster').isWorker) {
    const http = require('http');
    const net = require('net');
    const known = new WeakSet();
    const servers = new Set();
    const sessions = new Map(); // of HTTP/2, and what has been asked there
    const webSockets = new Set();
    let since = null;
    let linger = 0;
    let timer = null;

    // Whatever answers over HTTP/1 comes by here, at the last moment at which it can be said.
    const writeHead = http.ServerResponse.prototype.writeHead;
    http.ServerResponse.prototype.writeHead = function () {
        if (since !== null) this.shouldKeepAlive = false;
        return writeHead.apply(this, arguments);
    };

    // What `close()` of a server does at once where this exists, it does for a lame duck in its time.
    // An https server takes it over from here when that module is loaded.
    const close = http.Server.prototype.closeIdleConnections;
    if (close) {
        http.Server.prototype.closeIdleConnections = function closeIdleConnections() {
            const left = since === null ? 0 : since + linger - Date.now();
            if (left <= 0) close.call(this);
            else setTimeout(() => close.call(this), left).unref();
        };
    }

    // Every server of every kind listens by this.
    const listen = net.Server.prototype.listen;
    net.Server.prototype.listen = function () {
        if (!known.has(this)) {
            known.add(this);
            this.on('close', () => servers.delete(this));
            if (typeof this.updateSettings === 'function') this.on('session', follow);
            followUpgrades(this);
        }
        servers.add(this);
        return listen.apply(this, arguments);
    };

    // GOAWAY goes out before the end of an answer that is still owed, so that whoever waits for it hears of both at once;
    // after the last one it would meet the next request on its way. Who is owed nothing hears of it when it asks again.
    const follow = (session) => {
        const owed = new Set();
        sessions.set(session, owed);
        session.once('close', () => sessions.delete(session));
        session.on('stream', (stream) => {
            owed.add(stream);
            stream.once('close', () => owed.delete(stream));
            if (since !== null) session.close();
        });
    };

    // A server that nobody upgrades must not look like one, so this comes and goes with the script's own listener.
    const followUpgrades = (server) => {
        let follows = false;
        const upgraded = (request, socket) => {
            if (String(request.headers.upgrade).toLowerCase() !== 'websocket') return;
            webSockets.add(socket);
            socket.once('close', () => webSockets.delete(socket));
        };
        const begin = () => {
            if (follows) return;
            follows = true;
            server.prependListener('upgrade', upgraded);
        };
        if (server.listenerCount('upgrade') > 0) begin();
        server.on('newListener', (event) => {
            if (event === 'upgrade') begin();
        });
        server.on('removeListener', (event) => {
            if (event !== 'upgrade' || !follows || server.listenerCount('upgrade') > 1) return;
            follows = false;
            server.removeListener('upgrade', upgraded);
        });
    };

    const acts = {
        lameduck(message) {
            since = Date.now();
            linger = message.linger;
            for (const [session, owed] of sessions) if ([...owed].some((stream) => !stream.writableEnded)) session.close();
            timer = setTimeout(() => {
                for (const server of servers) if (server.closeIdleConnections) server.closeIdleConnections();
                for (const session of sessions.keys()) session.close();
            }, linger);
            timer.unref();
        },
        resume() {
            since = null;
        },
        goodbye() {
            for (const socket of webSockets) if (socket.writable) socket.write(Buffer.from([0x88, 2, 1001 >> 8, 1001 & 255]));
        },
    };
    process.on('internalMessage', (message) => {
        if (!message || message.cmd !== 'NODE_HEIRLOOM' || !acts[message.act]) return;
        if (message.act !== 'goodbye') clearTimeout(timer);
        acts[message.act](message);
    });
}
