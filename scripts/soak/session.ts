import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execaNode } from 'execa';
import { readJournal } from '../../src/coordinator/journal.ts';
import type { JournalEvent } from '../../src/protocol/messages.ts';
import type { LiveFault } from './schedule.ts';
import { strike } from './strike.ts';

/** The launcher, seen from the sources or from where they are compiled to. */
const launcher = ['../../bin/incubate.js', '../../../bin/incubate.js']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((path) => existsSync(path)) as string;

/** Starts the real command-line tool, without the caller's settings. */
export function startCli(args: readonly string[]) {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(INCUBATE_|FORCE_COLOR$|NO_COLOR$)/.test(name));
  return execaNode(launcher, args, {
    reject: false,
    ipc: false,
    env: Object.fromEntries(inherited),
    extendEnv: false,
    stdin: 'ignore',
  });
}

export interface SessionReport {
  /** Exit status, or the signal that ended the coordinator. */
  readonly ending: number | string;
  readonly stderr: string;
  readonly struck: readonly LiveFault[];
  readonly violations: readonly string[];
}

/** Runs `train` or `resume` and strikes it with faults as they fall due. */
export async function runSession(
  runDirectory: string,
  args: readonly string[],
  faults: readonly LiveFault[],
): Promise<SessionReport> {
  const before = eventsOf(runDirectory).length;
  const child = startCli(args);
  let alive = true;
  child.then(() => {
    alive = false;
  });
  const struck: LiveFault[] = [];
  const violations: string[] = [];
  for (const fault of faults) {
    while (alive && eventsOf(runDirectory).length < before + fault.after) await delay(15);
    await delay(fault.delay);
    const needsWorker = fault.kind.includes('worker');
    while (alive && needsWorker && runningWorkers(eventsOf(runDirectory)).length === 0) await delay(15);
    if (!alive) break;
    const found = await strike(fault, {
      coordinator: child.pid as number,
      workers: runningWorkers(eventsOf(runDirectory)),
      loader: runningLoader(eventsOf(runDirectory)),
      async rival() {
        const { exitCode, stderr } = await startCli(['resume', runDirectory]);
        return { exitCode, stderr: String(stderr) };
      },
      alive: () => alive,
    });
    if (found !== 'missed') struck.push(fault);
    if (found !== undefined && found !== 'missed') violations.push(found);
  }
  const { exitCode, signal, stderr } = await child;
  return { ending: exitCode ?? signal ?? 'nothing', stderr: String(stderr), struck, violations };
}

/** The events of a run that may not be there yet, or be written at this moment. */
export function eventsOf(runDirectory: string): readonly JournalEvent[] {
  try {
    return readJournal(runDirectory).events;
  } catch {
    return [];
  }
}

function runningWorkers(events: readonly JournalEvent[]): number[] {
  const workers = new Map<string, number>();
  for (const event of events) {
    if (event.type === 'session-started') workers.clear();
    else if (event.type === 'job-started') workers.set(event.job, event.pid);
    else if (event.type === 'job-exited') workers.delete(event.job);
  }
  return [...workers.values()];
}

function runningLoader(events: readonly JournalEvent[]): number | undefined {
  const told = events.findLast(({ type }) => /^(?:session|loader)-/.test(type));
  return told?.type === 'loader-started' ? told.pid : undefined;
}

export function checkpointsOf(runDirectory: string, job: string): string {
  return join(runDirectory, 'jobs', job, 'checkpoints');
}
