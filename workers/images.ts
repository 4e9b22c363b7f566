import { parentPort } from 'node:worker_threads';
import { serveChunks } from '../src/data/decoding/thread.ts';

if (parentPort) serveChunks(parentPort);
