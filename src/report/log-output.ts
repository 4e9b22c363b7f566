import type { Writable } from 'node:stream';
import { writeWaiting } from '../util/write-waiting.ts';
import { type LogReader, readLog } from './log-reader.ts';

/** A job and where its log lies. */
export interface JobLog {
  readonly job: string;
  readonly path: string;
}

/** Copies logs to a stream: of one job byte for byte, of several with the job before each line. */
export interface LogOutput {
  /** Copies what was added since the last call; `all` also copies lines that have no end yet. */
  copy(all: boolean): Promise<void>;
  /** Jobs that have written something. */
  readonly seen: ReadonlySet<string>;
}

export function copyLogs(logs: readonly JobLog[], lines: number | undefined, stream: Writable): LogOutput {
  const readers: (readonly [string, LogReader])[] = logs.map(({ job, path }) => [job, readLog(path, lines)]);
  const width = Math.max(...logs.map(({ job }) => job.length));
  const seen = new Set<string>();
  return {
    seen,
    async copy(all) {
      for (const [job, reader] of readers) {
        for await (const bytes of reader.read(all)) {
          seen.add(job);
          await writeWaiting(stream, logs.length === 1 ? bytes : withPrefix(`${job.padEnd(width)} | `, bytes));
        }
      }
    },
  };
}

/** Also ends a last line that has no end, as another job's may follow. */
function withPrefix(prefix: string, bytes: Buffer): string {
  const lines = bytes.toString('utf8').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => `${prefix}${line}\n`).join('');
}
