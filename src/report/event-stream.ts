import { readFileSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { journalPath } from '../coordinator/journal.ts';
import type { RunObserver } from '../coordinator/observer.ts';

/** A run's events for programs: the lines of its journal and, between them, lines of progress. See docs/events.md. */
export interface EventStream extends RunObserver {
  /** Writes what the journal holds and the stream has not yet had. */
  catchUp(runDirectory: string): void;
}

/**
 * Streams events as NDJSON. Without the lines of progress, the output is the journal byte for byte, from its first line
 * on: events of earlier sessions come first. A reader that lags behind gets fewer lines of progress, and every event.
 */
export function streamEvents(stream: Writable): EventStream {
  let written = 0;
  return {
    catchUp(runDirectory) {
      // The journal numbers its lines from 1 on.
      const lines = readFileSync(journalPath(runDirectory), 'utf8').split('\n').slice(written, -1);
      if (lines.length > 0) stream.write(`${lines.join('\n')}\n`);
      written += lines.length;
    },
    event(event) {
      if (event.seq <= written) return;
      written = event.seq;
      stream.write(`${JSON.stringify(event)}\n`);
    },
    progress(job, { type, ...details }) {
      if (stream.writableNeedDrain) return;
      stream.write(`${JSON.stringify({ type, time: new Date().toISOString(), job, ...details })}\n`);
    },
    notice() {},
    close() {},
  };
}
