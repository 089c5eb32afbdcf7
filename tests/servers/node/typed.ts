// TypeScript, which Node takes by itself from version 24 on.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

const { HEIRLOOM_GENERATION: generation, HEIRLOOM_SLOT: slot, RELEASE: release } = process.env;
const answer = (request: IncomingMessage, response: ServerResponse): void => {
    response.end(`${generation}.${slot} ${process.pid} ${release}\n`);
};
createServer(answer).listen(0, '127.0.0.1');
