import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { deserializeError, IncubateError } from '../../util/errors.ts';
import type { StoredImage } from '../sources/image-set.ts';
import type { Chunk, ChunkDone } from './thread.ts';
import { resultBytes, type WorkItem } from './work.ts';

/** Most images of a message. */
const MOST_IN_CHUNK = 32;
/** Threads unless UV_THREADPOOL_SIZE says otherwise, as libuv has it for its own. */
const STANDARD_THREADS = 4;

interface Waiting {
  readonly item: WorkItem;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  /** What it has been given and not done yet. */
  readonly chunks: Map<number, readonly Waiting[]>;
  items: number;
}

const threads: Thread[] = [];
let waiting: Waiting[] = [];
let chunkId = 0;

/**
 * Does the work on an image in one of a few threads, so that it goes on while a training step blocks this one. The result
 * does not depend on their number. Images that are given in one turn of the event loop travel together.
 *
 * @throws DATA_IMAGE naming an image that cannot be decoded
 */
export function doInThread(item: WorkItem): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (waiting.length === 0) queueMicrotask(dispatch);
    waiting.push({ item, resolve, reject });
  });
}

/** Most threads that images are worked on in. */
export function mostThreads(): number {
  const given = Number(process.env.UV_THREADPOOL_SIZE);
  return Number.isInteger(given) && given > 0 ? Math.min(given, 1024) : STANDARD_THREADS;
}

function dispatch(): void {
  const all = waiting;
  waiting = [];
  const size = Math.min(MOST_IN_CHUNK, Math.ceil(all.length / mostThreads()));
  for (let from = 0; from < all.length; from += size) {
    const part = all.slice(from, from + size);
    try {
      give(leastBusy(), part);
    } catch (error) {
      for (const { reject } of part) reject(error);
    }
  }
}

function give(thread: Thread, part: readonly Waiting[]): void {
  const items = part.map(({ item }) => ({ ...item, image: ownBytes(item.image) }));
  const chunk: Chunk = { id: chunkId++, items };
  thread.chunks.set(chunk.id, part);
  thread.items += part.length;
  thread.worker.ref();
  thread.worker.postMessage(chunk);
}

/** A message takes all of the memory that bytes are a part of. */
function ownBytes(image: StoredImage): StoredImage {
  if (image.kind === 'encoded') return { kind: 'encoded', bytes: image.bytes.slice() };
  if (image.kind === 'pixels') return { kind: 'pixels', pixels: { ...image.pixels, data: image.pixels.data.slice() } };
  return image;
}

/** A thread without work, a new one as long as there may be more, or the one that has least to do. */
function leastBusy(): Thread {
  const [least] = [...threads].sort((a, b) => a.items - b.items);
  if (least && (least.items === 0 || threads.length >= mostThreads())) return least;
  return startThread();
}

function startThread(): Thread {
  const worker = new Worker(threadProgram());
  const thread: Thread = { worker, chunks: new Map(), items: 0 };
  threads.push(thread);
  worker.on('message', (done: ChunkDone) => {
    const items = thread.chunks.get(done.id) ?? [];
    thread.chunks.delete(done.id);
    thread.items -= items.length;
    // A process may end while its threads have nothing to do.
    if (thread.items === 0) worker.unref();
    settle(items, done);
  });
  worker.on('error', (error) => {
    threads.splice(threads.indexOf(thread), 1);
    for (const { reject } of [...thread.chunks.values()].flat()) reject(error);
  });
  return thread;
}

function settle(part: readonly Waiting[], { bytes, errors }: ChunkDone): void {
  const failed = new Map(errors);
  let offset = 0;
  for (const [place, { item, resolve, reject }] of part.entries()) {
    const end = offset + resultBytes(item);
    const error = failed.get(place);
    if (error) reject(deserializeError(error));
    else resolve(bytes.subarray(offset, end));
    offset = end;
  }
}

/** The compiled program of `workers/`, also where we are run from sources. */
function threadProgram(): string {
  const [installed, built] = ['../../../workers', '../../../dist/workers'].map((directory) =>
    fileURLToPath(new URL(`${directory}/images.js`, import.meta.url)),
  );
  const path = [installed, built].find((candidate) => candidate !== undefined && existsSync(candidate));
  if (path !== undefined) return path;
  throw new IncubateError('ENVIRONMENT_INSTALL', `the worker program ${installed} is missing`, {
    hint: 'Install incubate again, or run `npm run build` in a checkout.',
  });
}
