import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Writes, and waits where the reader lags behind, so that what was not read yet is not collected in memory. */
export async function writeWaiting(stream: Writable, data: string | Uint8Array): Promise<void> {
  if (!stream.write(data)) await once(stream, 'drain');
}
