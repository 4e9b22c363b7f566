import type { WorkerExit } from '../executors/executor.ts';
import type { JobResult } from '../protocol/run.ts';
import { formatDuration } from '../util/duration.ts';
import {
  type ErrorCode,
  ExitCode,
  IncubateError,
  type SerializedError,
  serializeError,
  UNEXPECTED,
} from '../util/errors.ts';
import type { Stall } from './watchdog.ts';

/** How an attempt of a job ended. */
export type AttemptOutcome =
  | { readonly type: 'completed'; readonly result: JobResult }
  | { readonly type: 'stopped' }
  | { readonly type: 'failed'; readonly error: SerializedError; readonly retryable: boolean };

/** What is known of a worker's end beside its exit status. */
export interface Evidence {
  /** The worker said that it stopped at a checkpoint. */
  readonly stopped: boolean;
  /** The error that the worker reported. */
  readonly error?: SerializedError;
  /** The limit that it passed, for which it was killed. */
  readonly stall?: Stall;
  /** Whether the system held the process with a signal when the limit was passed. */
  readonly suspended?: boolean;
  /** Whether the system killed a process for want of memory meanwhile. */
  readonly oomKilled?: boolean;
  /** The last lines that the worker wrote. */
  readonly logTail: readonly string[];
}

const permanentStatuses: readonly (number | null)[] = [
  ExitCode.usage,
  ExitCode.invalidConfig,
  ExitCode.environment,
  ExitCode.locked,
  ExitCode.corruptRun,
  ExitCode.data,
];

/** Tells apart why a worker ended without a result. */
export function classifyEnd(job: string, exit: WorkerExit, evidence: Evidence, stopping: boolean): AttemptOutcome {
  if (evidence.error) {
    const { error } = evidence;
    return { type: 'failed', error, retryable: exit.status === ExitCode.retryable || isTransient(error) };
  }
  if (stopping && exit.failure === undefined) return { type: 'stopped' };
  return { type: 'failed', ...wordlessFailure(job, exit, evidence) };
}

/** Whether a job found too little memory for its step: on its device, on its heap or in the machine. */
export function isOutOfMemory({ code }: SerializedError): boolean {
  return code === 'ENGINE_MEMORY' || code === 'TRAINING_MEMORY';
}

/** What may not happen again: devices get lost, and memory is taken by others for a while. */
const transientCodes: readonly string[] = [UNEXPECTED, 'ENGINE_RUN', 'ENGINE_MEMORY'];

function isTransient(error: SerializedError): boolean {
  return error.exitCode === ExitCode.retryable || transientCodes.includes(error.code);
}

interface Failure {
  readonly error: SerializedError;
  readonly retryable: boolean;
}

/** The failure of a worker that did not report one. */
function wordlessFailure(job: string, exit: WorkerExit, evidence: Evidence): Failure {
  const { status, signal, failure } = exit;
  if (failure !== undefined) {
    return failureOf('ENVIRONMENT_SPAWN', `no process could be started for ${job}: ${failure}`, undefined, false);
  }
  if (evidence.stall) return stalled(job, evidence.stall, evidence.suspended === true);
  if (signal !== null) return endedBySignal(job, signal, evidence);
  if (status === ExitCode.ok) {
    return failureOf('TRAINING_NO_RESULT', `the worker of ${job} exited with status 0 but left no result`);
  }
  if (evidence.stopped || status === ExitCode.retryable) {
    return failureOf('RETRY_STOPPED', `the worker of ${job} stopped and can go on (status 75)`);
  }
  const retryable = !permanentStatuses.includes(status);
  const message = `the worker of ${job} exited with status ${status} without a reason`;
  return failureOf('TRAINING_EXITED', message, undefined, retryable);
}

/** What a step was doing for too long, by the limit that was passed. */
const overdue = {
  heartbeatLimit: 'showed no sign of life',
  firstStepLimit: 'had not done its first step',
  stepLimit: 'had not ended a step',
} as const;

function stalled(job: string, { limit, state, seconds }: Stall, suspended: boolean): Failure {
  const why = suspended ? ', as something has suspended it (SIGSTOP)' : '';
  return failureOf(
    'TRAINING_STALLED',
    `the worker of ${job} ${overdue[limit]} after ${formatDuration(seconds)} (${state})${why}, and was ended`,
    `Where that is no fault, raise execution.${limit}.`,
  );
}

/** Signals by which processes end at their own mistakes. */
const crashes: Readonly<Record<string, string>> = {
  SIGSEGV: 'used memory that is not its own',
  SIGBUS: 'used memory that is not there, or read a file that was cut off',
  SIGABRT: 'gave up',
  SIGILL: 'met an instruction that this processor does not have',
  SIGFPE: 'failed at arithmetic',
  SIGTRAP: 'gave up',
};
/** V8's last words when its heap is full; then it aborts. */
const HEAP_EXHAUSTED = /JavaScript heap out of memory/;
const lessMemory =
  '`incubate plan` tells what jobs need: raise training.accumulate, lower devices.slots, or set training.recompute.';

function endedBySignal(job: string, signal: string, { oomKilled, logTail }: Evidence): Failure {
  if (signal === 'SIGKILL' && oomKilled) {
    const message = `the system killed the worker of ${job}, as memory had run out (SIGKILL)`;
    return failureOf('TRAINING_MEMORY', message, lessMemory);
  }
  if (signal === 'SIGABRT' && logTail.some((line) => HEAP_EXHAUSTED.test(line))) {
    return failureOf('TRAINING_MEMORY', `the worker of ${job} gave up, as its heap was full (SIGABRT)`, lessMemory);
  }
  if (signal === 'SIGKILL' || signal === 'SIGTERM' || signal === 'SIGHUP' || signal === 'SIGINT') {
    const hint =
      oomKilled === undefined
        ? `The system kills processes so when memory runs out: see \`dmesg\`. ${lessMemory}`
        : 'The system counts no process that it killed for want of memory, so somebody or some program did it.';
    return failureOf('TRAINING_KILLED', `the worker of ${job} was killed from outside (${signal})`, hint);
  }
  const what = crashes[signal];
  return failureOf('TRAINING_CRASHED', `the worker of ${job} ${what ? `${what} and ` : ''}was ended by ${signal}`);
}

function failureOf(code: ErrorCode, message: string, hint?: string, retryable = true): Failure {
  return {
    error: serializeError(new IncubateError(code, message, hint === undefined ? {} : { hint })),
    retryable,
  };
}
