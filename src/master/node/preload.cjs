'use strict';
// Loaded by heirloom before a Node worker's script. When the next generation serves, this one is a lame duck: it answers
// `Connection: close`, and closes idle connections only when they have been left alone for a while.
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
    const channel = require('diagnostics_channel');
    const http = require('http');
    const current = Symbol('heirloom.response');
    const sockets = new Set();
    const servers = new Set();
    let since = null;
    let linger = 0;
    let timer = null;

    const tellToLeave = (response) => {
        if (!response.headersSent) response.shouldKeepAlive = false;
    };

    channel.channel('http.server.request.start').subscribe(({ request, response, server }) => {
        const socket = request.socket;
        if (since !== null) return tellToLeave(response);
        if (socket[current] === undefined) {
            servers.add(server);
            sockets.add(socket);
            socket.once('close', () => sockets.delete(socket));
        }
        socket[current] = response;
    });

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

    process.on('internalMessage', (message) => {
        if (!message || message.cmd !== 'NODE_HEIRLOOM') return;
        clearTimeout(timer);
        if (message.act !== 'lameduck') {
            since = null;
            return;
        }
        since = Date.now();
        linger = message.linger;
        for (const socket of sockets) tellToLeave(socket[current]);
        timer = setTimeout(() => {
            for (const server of servers) if (server.closeIdleConnections) server.closeIdleConnections();
        }, linger);
        timer.unref();
    });
}
