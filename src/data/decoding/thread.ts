import type { MessagePort } from 'node:worker_threads';
import { type SerializedError, serializeError } from '../../util/errors.ts';
import { doWork } from './do-work.ts';
import { resultBytes, type WorkItem } from './work.ts';

/** Images that a thread is given in one go, as each message costs about as much as a small image. */
export interface Chunk {
  readonly id: number;
  readonly items: readonly WorkItem[];
}

export interface ChunkDone {
  readonly id: number;
  /** The results, one after the other. */
  readonly bytes: Uint8Array;
  /** What went wrong with items, by their places. */
  readonly errors: readonly (readonly [place: number, error: SerializedError])[];
}

/** Does the work of all chunks that come through a port, one after the other. */
export function serveChunks(port: MessagePort): void {
  let last = Promise.resolve();
  port.on('message', (chunk: Chunk) => {
    last = last.then(async () => {
      const done = await doChunk(chunk);
      port.postMessage(done, [done.bytes.buffer as ArrayBuffer]);
    });
  });
}

async function doChunk({ id, items }: Chunk): Promise<ChunkDone> {
  const bytes = new Uint8Array(items.reduce((sum, item) => sum + resultBytes(item), 0));
  const errors: [number, SerializedError][] = [];
  let offset = 0;
  for (const [place, item] of items.entries()) {
    try {
      const doing = doWork(item, bytes, offset);
      if (doing) await doing;
    } catch (error) {
      errors.push([place, serializeError(error)]);
    }
    offset += resultBytes(item);
  }
  return { id, bytes, errors };
}
