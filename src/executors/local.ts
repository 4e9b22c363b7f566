import { closeSync, openSync } from 'node:fs';
import { execa } from 'execa';
import { workerMessageSchema } from '../protocol/journal-schema.ts';
import { createBeatReader, PULSE_DESCRIPTOR } from '../protocol/pulse.ts';
import { writeError } from '../util/atomic-file.ts';
import { workerFlags } from '../util/garbage.ts';
import type { Executor, Worker, WorkerExit, WorkerStart } from './executor.ts';
import { programPath } from './programs.ts';

/** Runs workers as processes of this machine, each leading a process group of its own. */
export function localExecutor(entry: string = programPath('job')): Executor {
  return { start: (options) => startWorker(entry, options) };
}

function startWorker(entry: string, options: WorkerStart): Worker {
  const log = openLog(options.logPath);
  const subprocess = execa(process.execPath, [...workerFlags, entry, options.specPath, `${PULSE_DESCRIPTOR}`], {
    cwd: options.cwd,
    env: options.environment,
    // The log is the worker's own descriptor: its last words are kept even when the coordinator is killed.
    stdio: ['ignore', log, log, 'pipe'],
    ipc: true,
    serialization: 'advanced',
    // Signals of the terminal reach the coordinator alone, and one signal reaches a worker with all its descendants.
    detached: true,
    cleanup: false,
    buffer: false,
    reject: false,
  });
  closeSync(log);
  const pulse = subprocess.stdio[PULSE_DESCRIPTOR];
  const readBeats = createBeatReader(options.onBeat);
  pulse?.on('data', (data: Buffer) => readBeats(data.toString('latin1')));
  pulse?.on('error', () => {});
  subprocess.on('message', (message: unknown) => {
    const parsed = workerMessageSchema.safeParse(message);
    if (parsed.success) options.onMessage(parsed.data);
    else options.onMessage({ type: 'warning', message: 'the worker sent a message that is not understood' });
  });

  const { pid } = subprocess;
  const signal = (name: 'SIGTERM' | 'SIGKILL') => {
    if (pid !== undefined) signalGroup(pid, name);
  };
  const exited = subprocess.then((result): WorkerExit => {
    // Descendants do not outlive their worker.
    signal('SIGKILL');
    const failure = pid === undefined ? { failure: result.shortMessage ?? 'the process could not be started' } : {};
    return { status: result.exitCode ?? null, signal: result.signal ?? null, ...failure };
  });
  return {
    pid,
    exited,
    send(message) {
      // The channel may close at any moment; the exit tells the rest.
      if (subprocess.connected) subprocess.send(message, () => {});
    },
    signal,
  };
}

/** Signals every process of a group; a group that has gone is none of an error. */
export function signalGroup(leader: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // ESRCH: all of them have exited.
  }
}

/** A descriptor for appending. Its type is execa's, which names the first few though it passes on any. */
function openLog(path: string): 3 {
  try {
    return openSync(path, 'a') as 3;
  } catch (error) {
    throw writeError(path, error);
  }
}
