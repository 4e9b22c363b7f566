import { createServer, type Socket } from 'node:net';
import type { BatchReader, BatchStore } from './batch-store.ts';
import { createFrameReader, encodeFrame } from './frames.ts';
import type { ImageStore } from './image-store.ts';
import { type Answer, LOADER_PROTOCOL, MAX_UNANSWERED, parseRequest, type Request } from './messages.ts';
import type { SharedFile } from './shared-file.ts';

/** Bytes of answers that a consumer may leave unread; those to so many requests are fewer. */
const MAX_UNREAD = 4 << 20;
/** Milliseconds between signs of life for those who wait. */
const ALIVE_INTERVAL = 1_000;

/** What is served. */
export interface Service {
  readonly file: SharedFile;
  /** Fingerprint of the data set, which a consumer must read too. */
  readonly fingerprint: string;
  /** What jobs share. */
  readonly store: { readonly images: ImageStore } | { readonly batches: BatchStore };
}

export interface LoaderServer {
  /** Consumers that are connected. */
  readonly consumers: number;
  /** Begins to answer; those who came before have been told meanwhile that they are not forgotten. */
  serve(service: Service): void;
  close(): void;
}

/** Listens for consumers of decoded images or batches. Resolves when they can connect. */
export async function startServer(address: string, onAlive: () => void = () => {}): Promise<LoaderServer> {
  const consumers = new Set<Consumer>();
  let service: Service | undefined;
  const server = createServer((socket) => {
    const consumer = openConsumer(socket);
    consumers.add(consumer);
    socket.on('close', () => consumers.delete(consumer));
    if (service) consumer.serve(service);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, resolve);
  });
  const timer = setInterval(() => {
    onAlive();
    if (service && 'batches' in service.store) service.store.batches.look(performance.now());
    for (const consumer of consumers) consumer.showLife();
  }, ALIVE_INTERVAL);
  return {
    get consumers() {
      return consumers.size;
    },
    serve(what) {
      service = what;
      for (const consumer of consumers) consumer.serve(what);
    },
    close() {
      clearInterval(timer);
      server.close();
      for (const consumer of consumers) consumer.close();
    },
  };
}

interface Consumer {
  serve(service: Service): void;
  showLife(): void;
  close(): void;
}

/** Nothing here waits for a consumer: what it does not read is little, and what it holds is given back when it goes. */
function openConsumer(socket: Socket): Consumer {
  let service: Service | undefined;
  let reader: BatchReader | undefined;
  let hello: Extract<Request, { type: 'hello' }> | undefined;
  let isWelcome = false;
  let unanswered = 0;
  let lastId = -1;
  const send = (answer: Answer) => {
    if (socket.destroyed) return;
    socket.write(frameOf(answer));
    if (socket.writableLength > MAX_UNREAD) socket.destroy();
  };
  const answer = (what: Answer) => {
    unanswered -= 1;
    send(what);
  };

  /** Once both are there: somebody who has said what it reads, and something to serve. */
  const greet = () => {
    if (!hello || !service || socket.destroyed) return;
    const { file, fingerprint, store } = service;
    const refusal =
      hello.protocol !== LOADER_PROTOCOL
        ? `it speaks version ${LOADER_PROTOCOL} of the protocol and not ${hello.protocol}`
        : hello.fingerprint !== fingerprint
          ? 'it reads other images'
          : undefined;
    if (refusal !== undefined) {
      socket.end(encodeFrame({ type: 'refused', reason: refusal } satisfies Answer));
      return;
    }
    isWelcome = true;
    if ('batches' in store) {
      reader = store.batches.open((id, found) => {
        if (!('failed' in found)) answer({ type: 'batch', id, ...found });
        else answer({ type: 'failed', id, ...(found.error && { error: found.error }) });
      });
    }
    send({ type: 'welcome', file: file.path, mark: file.mark });
  };

  /** Whether the request makes sense; a consumer whose requests do not is none of ours. */
  const handle = (request: Request | undefined): boolean => {
    if (!request) return false;
    if (request.type === 'hello') {
      if (hello) return false;
      hello = request;
      greet();
      return true;
    }
    if (!isWelcome || !service) return false;
    const { id } = request;
    if (request.type === 'done') {
      reader?.done(id);
      return true;
    }
    if (id <= lastId || unanswered >= MAX_UNANSWERED) return false;
    lastId = id;
    unanswered += 1;
    const { store } = service;
    if (request.type === 'batch') {
      if (reader) reader.ask(id, request.key);
      else answer({ type: 'failed', id });
    } else if ('images' in store) {
      const places = request.indices.map((index) => store.images.place(request.split, index));
      void Promise.all(places).then((images) => answer({ type: 'images', id, images }));
    } else answer({ type: 'failed', id });
    return true;
  };

  const read = createFrameReader((value) => {
    if (!socket.destroyed && !handle(parseRequest(value))) socket.destroy();
  });
  socket.on('data', (piece: Buffer) => {
    if (!read(piece)) socket.destroy();
  });
  // What went wrong shows in that it closes.
  socket.on('error', () => {});
  socket.on('close', () => reader?.close());
  return {
    serve(what) {
      service = what;
      greet();
    },
    showLife() {
      if ((!isWelcome || unanswered > 0) && socket.writableLength === 0) send({ type: 'alive' });
    },
    close: () => socket.destroy(),
  };
}

/** An answer that is too long for a message, for all that it tells of damage, is none: consumers find that out themselves. */
function frameOf(answer: Answer): Buffer {
  try {
    return encodeFrame(answer);
  } catch (error) {
    if (!('id' in answer)) throw error;
    return encodeFrame({ type: 'failed', id: answer.id } satisfies Answer);
  }
}
