// Clients of tests/node.rs: `client.js KIND URL`, on lines from standard input.
const [kind, url] = process.argv.slice(2);
const lines = require('readline').createInterface({ input: process.stdin });

const kinds = {
    // Sends each line, and writes what it hears and how it ends.
    websocket() {
        const socket = new WebSocket(url);
        socket.onopen = () => console.log('open');
        socket.onmessage = ({ data }) => console.log('heard', data.trim());
        socket.onclose = ({ code }) => {
            console.log('closed', code);
            process.exit();
        };
        lines.on('line', (line) => socket.send(line));
    },
    // Asks again and again, four at a time, on a connection that is kept until it is told to leave. What the server says it
    // has not looked at (GOAWAY names the last request that it has) is asked again, as every browser does. A line is
    // answered with the number of answers; and in the end, there is the number of requests that got none.
    http2() {
        const http2 = require('http2');
        let [answered, failed, session] = [0, 0, null];
        const connect = () => {
            const connected = http2.connect(url, { rejectUnauthorized: false });
            const forget = () => {
                if (session === connected) session = null;
            };
            connected.on('goaway', forget).on('close', forget).on('error', forget);
            return connected;
        };
        const ask = () => {
            session ??= connect();
            const request = session.request({ ':path': '/' });
            let whole = false;
            request.on('end', () => (whole = true)).on('error', (error) => (whole = error));
            request.on('close', () => {
                if (request.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM) return ask();
                if (whole === true) answered += 1;
                else console.log('failed with', whole, (failed += 1));
                setTimeout(ask, Math.random() * 10);
            });
            request.resume();
        };
        for (let client = 0; client < 4; client += 1) ask();
        lines.on('line', () => console.log('answered', answered));
        lines.on('close', () => {
            console.log('failed', failed);
            process.exit();
        });
    },
};
kinds[kind]();
