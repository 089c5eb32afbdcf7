// A server as anybody writes it. Reload it, change the text, reload it again: nobody who asks for it notices.
//
//     cargo run --release -- run -w 4 -- node examples/node/server.js
//     cargo run --release -- reload
const http = require('node:http');

const text = `hello from worker ${process.env.HEIRLOOM_SLOT ?? 'none'} of generation ${process.env.HEIRLOOM_GENERATION ?? 'none'}\n`;
const server = http.createServer((request, response) => response.end(text));
server.listen(8000, () => console.log('listening on', server.address().port));
