import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execaNode } from 'execa';

export type LooseEvent = { seq: number; type: string } & Record<string, unknown>;

/** The complete lines of a run's journal. */
export async function journalOf(run: string): Promise<LooseEvent[]> {
  const text = await readFile(join(run, 'journal.ndjson'), 'utf8');
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LooseEvent);
}

/** Waits until a run's journal holds an event. */
export async function untilEvent(run: string, matches: (event: LooseEvent) => boolean): Promise<LooseEvent> {
  const deadline = Date.now() + 200_000;
  while (Date.now() < deadline) {
    const found = (await journalOf(run).catch(() => [])).find(matches);
    if (found) return found;
    await delay(20);
  }
  throw new Error(`the event did not come in ${run}`);
}

/** Starts the real command-line tool and does not wait for it. */
export function startCli(args: string[]) {
  const launcher = join(import.meta.dirname, '../../bin/incubate.js');
  return execaNode(launcher, args, { reject: false, ipc: false });
}

/** Kills the worker of a job with SIGKILL after it has written a checkpoint, in the middle of its work. */
export async function killWorker(run: string, job: string): Promise<void> {
  await untilEvent(run, (event) => event.type === 'checkpoint' && event.job === job);
  const started = (await journalOf(run)).findLast((event) => event.type === 'job-started' && event.job === job);
  process.kill(started?.pid as number, 'SIGKILL');
}

/** Whether a process is still there. */
export function isAlive(pid: number): boolean {
  try {
    // A zombie is no longer a process that does anything; containers without an init do not reap them.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
  } catch {
    return false;
  }
}
