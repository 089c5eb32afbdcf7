// A module, with an await of its own before it listens.
import { createServer } from 'node:http';
import { setTimeout } from 'node:timers/promises';

await setTimeout(10);
const { HEIRLOOM_GENERATION: generation, HEIRLOOM_SLOT: slot, RELEASE: release } = process.env;
createServer((request, response) => response.end(`${generation}.${slot} ${process.pid} ${release}\n`)).listen(0, '127.0.0.1');
