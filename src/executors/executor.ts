import type { CoordinatorMessage, WorkerMessage } from '../protocol/messages.ts';
import type { Beat } from '../protocol/pulse.ts';

/** What to start, and who hears of it. */
export interface WorkerStart {
  /** Absolute path of the job's `spec.json`. */
  readonly specPath: string;
  /** File that the worker's standard output and error are appended to. */
  readonly logPath: string;
  readonly cwd: string;
  /** Added to the coordinator's environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly onMessage: (message: WorkerMessage) => void;
  readonly onBeat: (beat: Beat) => void;
}

export interface WorkerExit {
  readonly status: number | null;
  readonly signal: string | null;
  /** Why there never was a process. */
  readonly failure?: string;
}

/** A running worker process with all its descendants. */
export interface Worker {
  readonly pid: number | undefined;
  /** Settles, never rejects, when the process has gone and everything it sent has been delivered. */
  readonly exited: Promise<WorkerExit>;
  send(message: CoordinatorMessage): void;
  /** Signals the worker and its descendants. */
  signal(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/** How a job becomes a process. */
export interface Executor {
  start(options: WorkerStart): Worker;
}
