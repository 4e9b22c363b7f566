import { createServer, type Socket } from 'node:net';
import type { BatchStore } from './batch-store.ts';
import { createFrameReader, encodeFrame } from './frames.ts';
import type { ImageStore } from './image-store.ts';
import { type Answer, LOADER_PROTOCOL, MAX_UNANSWERED, parseRequest, type Request } from './messages.ts';
import type { SharedFile } from './shared-file.ts';

/** Bytes of answers that a consumer may leave unread; those to so many requests are fewer. */
const MAX_UNREAD = 4 << 20;
/** Milliseconds between signs of life for those who wait. */
const ALIVE_INTERVAL = 1_000;

export interface ServerOptions {
  readonly address: string;
  readonly file: SharedFile;
  /** Fingerprint of the data set, which a consumer must read too. */
  readonly fingerprint: string;
  /** What jobs share. */
  readonly store: { readonly images: ImageStore } | { readonly batches: BatchStore };
  /** Called once a second. */
  readonly onAlive?: () => void;
}

export interface LoaderServer {
  /** Consumers that are connected. */
  readonly consumers: number;
  close(): void;
}

/** Serves decoded images or batches to whoever connects. Resolves when it listens. */
export async function startServer(options: ServerOptions): Promise<LoaderServer> {
  const consumers = new Set<Consumer>();
  const server = createServer((socket) => {
    const consumer = openConsumer(socket, options);
    consumers.add(consumer);
    socket.on('close', () => consumers.delete(consumer));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.address, resolve);
  });
  const timer = setInterval(() => {
    options.onAlive?.();
    if ('batches' in options.store) options.store.batches.look(performance.now());
    for (const consumer of consumers) consumer.showLife();
  }, ALIVE_INTERVAL);
  return {
    get consumers() {
      return consumers.size;
    },
    close() {
      clearInterval(timer);
      server.close();
      for (const consumer of consumers) consumer.close();
    },
  };
}

interface Consumer {
  showLife(): void;
  close(): void;
}

/** Nothing here waits for a consumer: what it does not read is little, and what it holds is given back when it goes. */
function openConsumer(socket: Socket, { file, fingerprint, store }: ServerOptions): Consumer {
  let isWelcome = false;
  let unanswered = 0;
  let lastId = -1;
  const send = (answer: Answer) => {
    if (socket.destroyed) return;
    socket.write(encodeFrame(answer));
    if (socket.writableLength > MAX_UNREAD) socket.destroy();
  };
  const answer = (what: Answer) => {
    unanswered -= 1;
    send(what);
  };
  const reader =
    'batches' in store
      ? store.batches.open((id, found) => {
          answer(
            'failed' in found
              ? { type: 'failed', id, ...(found.error && { error: found.error }) }
              : { type: 'batch', id, ...found },
          );
        })
      : undefined;

  const greet = ({ protocol, fingerprint: read }: Extract<Request, { type: 'hello' }>): boolean => {
    const refusal =
      protocol !== LOADER_PROTOCOL
        ? `it speaks version ${LOADER_PROTOCOL} of the protocol and not ${protocol}`
        : read !== fingerprint
          ? 'it reads other images'
          : undefined;
    if (refusal !== undefined) {
      socket.end(encodeFrame({ type: 'refused', reason: refusal } satisfies Answer));
      return true;
    }
    isWelcome = true;
    send({ type: 'welcome', file: file.path, mark: file.mark });
    return true;
  };

  /** Whether the request makes sense; a consumer whose requests do not is none of ours. */
  const handle = (request: Request | undefined): boolean => {
    if (!request) return false;
    if (request.type === 'hello') return !isWelcome && greet(request);
    if (!isWelcome) return false;
    const { id } = request;
    if (request.type === 'done') {
      reader?.done(id);
      return true;
    }
    if (id <= lastId || unanswered >= MAX_UNANSWERED) return false;
    lastId = id;
    unanswered += 1;
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
    showLife() {
      if (isWelcome && unanswered > 0 && socket.writableLength === 0) send({ type: 'alive' });
    },
    close: () => socket.destroy(),
  };
}
