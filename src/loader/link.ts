import { createConnection, type Socket } from 'node:net';
import { createFrameReader, encodeFrame } from './frames.ts';
import { type Answer, parseAnswer, type Request } from './messages.ts';

/** Seconds for which a consumer waits for a loader that does not answer, or is not there. */
export const PATIENCE = 20;
/** Milliseconds between two looks at the clock. */
const LOOK = 500;
/** Milliseconds between attempts to connect, while it is waited for and after that. */
const RETRY = 100;
const LATE_RETRY = 5_000;

export interface LinkListener {
  /** A connection is there; requests may be sent. Connections follow each other. */
  onConnected(): void;
  onAnswer(answer: Answer): void;
  /** It has been waited long enough, `why` says for what; called again only after an answer has come. */
  onPatienceLost(why: string): void;
  /** Whether an answer is being waited for. */
  isWaiting(): boolean;
}

export interface Link {
  /** Sends where a connection is there. */
  send(request: Request): void;
  close(): void;
}

/**
 * A connection to a loader, which is made again whenever it is lost.
 *
 * Time is added up look by look: a process whose main thread was busy computing does not take that for the loader's silence.
 */
export function openLink(address: string, listener: LinkListener): Link {
  let socket: Socket | undefined;
  let isConnected = false;
  let isClosed = false;
  let isLost = false;
  let waited = 0;
  let retry: NodeJS.Timeout | undefined;
  let lookedAt = performance.now();

  const connect = () => {
    const attempt = createConnection(address);
    socket = attempt;
    const read = createFrameReader((value) => {
      const answer = parseAnswer(value);
      if (!answer) return void attempt.destroy();
      if (attempt.destroyed || isClosed) return;
      waited = 0;
      isLost = false;
      listener.onAnswer(answer);
    });
    attempt.on('connect', () => {
      isConnected = true;
      listener.onConnected();
    });
    attempt.on('data', (piece: Buffer) => {
      if (!read(piece)) attempt.destroy();
    });
    attempt.on('error', () => {});
    attempt.on('close', () => {
      isConnected = false;
      if (isClosed) return;
      retry = setTimeout(connect, isLost ? LATE_RETRY : RETRY);
    });
  };
  const look = () => {
    const now = performance.now();
    const passed = Math.min(now - lookedAt, 2 * LOOK) / 1000;
    lookedAt = now;
    if (!listener.isWaiting()) waited = 0;
    else waited += passed;
    if (waited < PATIENCE || isLost) return;
    isLost = true;
    const why = isConnected ? 'does not answer' : 'cannot be reached';
    // One that hangs is not waited for again.
    socket?.destroy();
    listener.onPatienceLost(why);
  };
  const timer = setInterval(look, LOOK);
  connect();
  return {
    send(request) {
      if (isConnected) socket?.write(encodeFrame(request));
    },
    close() {
      isClosed = true;
      clearInterval(timer);
      clearTimeout(retry);
      socket?.destroy();
    },
  };
}
