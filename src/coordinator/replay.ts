import type { ConfigChange, JournalEvent } from '../protocol/messages.ts';
import type { JobPlan } from '../protocol/plan.ts';
import type { WorkerState } from '../protocol/pulse.ts';
import type { Diagnostics, Evaluation, JobResult } from '../protocol/run.ts';
import type { SerializedError } from '../util/errors.ts';

export type JobStatus = 'pending' | 'running' | 'retrying' | 'completed' | 'failed' | 'stopped';

/** What the journal says of a job. */
export interface JobState {
  readonly id: string;
  readonly status: JobStatus;
  /** Attempts started so far, over all sessions. */
  readonly attempts: number;
  /** Failures that count against the retries: those since the job was created or last given up. */
  readonly failures: number;
  readonly epoch?: number;
  readonly epochs?: number;
  readonly loss?: number;
  /** Of the last epoch that was evaluated, or of the finished job. */
  readonly evaluation?: Evaluation;
  readonly cold?: Evaluation;
  readonly diagnostics?: Diagnostics;
  readonly engine?: string;
  /** Step of the last checkpoint. */
  readonly step?: number;
  readonly result?: JobResult;
  readonly error?: SerializedError;
  /** Number of the event by which the job was given up. */
  readonly failedAt?: number;
  /** Micro-batches of a step, where a want of memory made them more than configured. */
  readonly accumulate?: number;
  /** Steps that were skipped, as they were not finite. */
  readonly skipped?: number;
  /** Images that cannot be decoded and were skipped. */
  readonly damaged?: number;
  /** Times that training went back to a checkpoint, as a step was not finite. */
  readonly rollbacks?: number;
  /** The worker of the last attempt while nothing says that it has exited. */
  readonly worker?: {
    readonly pid: number;
    readonly lease: string;
    readonly process?: string;
    readonly state: WorkerState;
  };
}

export interface RunState {
  readonly jobs: ReadonlyMap<string, JobState>;
  readonly completed: boolean;
  /** Settings that are no longer as the run was created with, by their dotted paths. */
  readonly changes: readonly ConfigChange[];
  /** Outcome of the last session; absent before the first and while one runs, or when it was killed. */
  readonly outcome?: 'completed' | 'failed' | 'stopped';
  /** The loader's process while nothing says that it has exited. */
  readonly loader?: { readonly pid: number; readonly process?: string };
  readonly sessions: number;
  /** Wall time of all sessions; of one that was killed, up to its last event. */
  readonly seconds: number;
  /** Time of the last event, ISO 8601. */
  readonly updated?: string;
}

/** Folds a journal into the state of the run: the one source of status, resume, progress and tables. */
export function replay(events: Iterable<JournalEvent>, planned: readonly JobPlan[] = []): RunState {
  let updated: string | undefined;
  const jobs = new Map<string, JobState>(planned.map(({ id }) => [id, newJob(id)]));
  let completed = false;
  let sessions = 0;
  let seconds = 0;
  let session: { readonly from: string; to: string } | undefined;
  let outcome: RunState['outcome'];
  let loader: RunState['loader'];
  const changes: ConfigChange[] = [];

  const closeSession = () => {
    if (session) seconds += (Date.parse(session.to) - Date.parse(session.from)) / 1000;
    session = undefined;
  };
  for (const event of events) {
    // These two begin a session; the time before them belongs to none.
    const begins = event.type === 'session-started' || event.type === 'journal-recovered';
    if (session && !begins) session.to = event.time;
    updated = event.time;
    if ('job' in event) {
      const state = jobs.get(event.job) ?? newJob(event.job);
      // Long journals consist of these, and a copy for each would take most of the time; nobody else has the state yet.
      const isFrequent = event.type === 'epoch' || event.type === 'checkpoint';
      jobs.set(event.job, isFrequent ? Object.assign(state, notesOf(event)) : advance(state, event));
    } else if (event.type === 'session-started') {
      closeSession();
      sessions += 1;
      outcome = undefined;
      session = { from: event.time, to: event.time };
    } else if (event.type === 'session-ended') {
      session = undefined;
      seconds += event.seconds;
      outcome = event.outcome;
      loader = undefined;
    } else if (event.type === 'loader-started') {
      const { pid, process } = event;
      loader = process === undefined ? { pid } : { pid, process };
    } else if (event.type === 'loader-exited') {
      loader = undefined;
    } else if (event.type === 'reconfigured') {
      changes.push(...event.changes);
    } else if (event.type === 'run-completed') {
      completed = true;
    }
  }
  closeSession();
  return {
    jobs,
    completed,
    changes,
    sessions,
    seconds,
    ...(loader === undefined ? {} : { loader }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(updated === undefined ? {} : { updated }),
  };
}

function newJob(id: string): JobState {
  return { id, status: 'pending', attempts: 0, failures: 0 };
}

/** The state of a job after one of its events. */
export function advance(state: JobState, event: Extract<JournalEvent, { readonly job: string }>): JobState {
  switch (event.type) {
    case 'job-started': {
      const { error: _, failedAt: __, ...rest } = state;
      const { pid, lease } = event;
      const tag = event.process === undefined ? {} : { process: event.process };
      const worker = { pid, lease, ...tag, state: 'starting' } as const;
      return { ...rest, status: 'running', attempts: event.attempt, worker };
    }
    case 'job-state':
      return state.worker ? { ...state, worker: { ...state.worker, state: event.state } } : state;
    case 'job-exited': {
      const { worker: _, ...rest } = state;
      return rest;
    }
    case 'job-completed': {
      const { result } = event;
      const { cold, diagnostics } = result;
      const assembly = { ...(cold && { cold }), ...(diagnostics && { diagnostics }) };
      return { ...state, status: 'completed', failures: 0, result, evaluation: result.metrics, ...assembly };
    }
    case 'job-failed': {
      const { error, accumulate, retryIn, seq } = event;
      if (retryIn === undefined) return { ...state, status: 'failed', failures: 0, error, failedAt: seq };
      // What is tried in another way was not yet tried in that way.
      if (accumulate !== undefined) return { ...state, status: 'retrying', error, accumulate };
      return { ...state, status: 'retrying', failures: state.failures + 1, error };
    }
    case 'job-stopped':
      return { ...state, status: 'stopped' };
    case 'compiled':
      return { ...state, engine: event.engine };
    case 'epoch':
      return { ...state, ...notesOf(event) };
    case 'evaluated':
      return event.what === 'cold' ? { ...state, cold: event.evaluation } : { ...state, evaluation: event.evaluation };
    case 'diagnosed':
      return { ...state, diagnostics: event.diagnostics };
    case 'checkpoint':
      return { ...state, step: event.step };
    case 'skipped':
      return { ...state, skipped: event.skipped };
    case 'damaged':
      return { ...state, damaged: event.damaged };
    case 'rolled-back':
      return { ...state, rollbacks: event.rollbacks };
    case 'resumed':
    case 'warning':
      return state;
  }
}

/** What an epoch or a checkpoint changes in the state of its job. */
function notesOf(event: Extract<JournalEvent, { readonly type: 'epoch' | 'checkpoint' }>): Partial<JobState> {
  if (event.type === 'checkpoint') return { step: event.step };
  const { epoch, epochs, loss, evaluation } = event;
  return evaluation === undefined ? { epoch, epochs, loss } : { epoch, epochs, loss, evaluation };
}
