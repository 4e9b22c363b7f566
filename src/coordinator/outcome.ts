import type { WorkerExit } from '../executors/executor.ts';
import type { JobResult } from '../protocol/run.ts';
import { ExitCode, type SerializedError, UNEXPECTED } from '../util/errors.ts';

/** How an attempt of a job ended. */
export type AttemptOutcome =
  | { readonly type: 'completed'; readonly result: JobResult }
  | { readonly type: 'stopped' }
  | { readonly type: 'failed'; readonly error: SerializedError; readonly retryable: boolean };

/** What a worker said of its end before it ended. */
export interface LastWords {
  readonly stopped: boolean;
  readonly error?: SerializedError;
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
export function classifyEnd(job: string, exit: WorkerExit, words: LastWords, stopping: boolean): AttemptOutcome {
  if (words.error) {
    const { error } = words;
    return { type: 'failed', error, retryable: exit.status === ExitCode.retryable || isTransient(error) };
  }
  if (stopping && exit.failure === undefined) return { type: 'stopped' };
  return { type: 'failed', ...wordlessFailure(job, exit, words) };
}

/** What may not happen again: devices get lost, and memory is taken by others for a while. */
const transientCodes: readonly string[] = [UNEXPECTED, 'ENGINE_RUN', 'ENGINE_MEMORY'];

function isTransient(error: SerializedError): boolean {
  return error.exitCode === ExitCode.retryable || transientCodes.includes(error.code);
}

/** The failure of a worker that did not report one. */
function wordlessFailure(
  job: string,
  { status, signal, failure }: WorkerExit,
  words: LastWords,
): { readonly error: SerializedError; readonly retryable: boolean } {
  const error = (code: string, message: string, hint?: string, exitCode: number = ExitCode.trainingFailed) => ({
    code,
    message,
    exitCode,
    ...(hint === undefined ? {} : { hint }),
  });
  if (failure !== undefined) {
    return {
      error: error('ENVIRONMENT_SPAWN', `no process could be started for ${job}: ${failure}`, undefined, 4),
      retryable: false,
    };
  }
  if (signal === 'SIGKILL') {
    const hint = 'The system kills processes so when memory runs out: see `dmesg`; a smaller batch needs less memory.';
    return { error: error('TRAINING_KILLED', `the worker of ${job} was killed (SIGKILL)`, hint), retryable: true };
  }
  if (signal !== null) {
    return { error: error('TRAINING_CRASHED', `the worker of ${job} was ended by ${signal}`), retryable: true };
  }
  if (status === ExitCode.ok) {
    return {
      error: error('TRAINING_NO_RESULT', `the worker of ${job} exited with status 0 but left no result`),
      retryable: true,
    };
  }
  if (words.stopped || status === ExitCode.retryable) {
    return { error: error('RETRY_STOPPED', `the worker of ${job} stopped and can go on (status 75)`), retryable: true };
  }
  return {
    error: error('TRAINING_EXITED', `the worker of ${job} exited with status ${status} without a reason`),
    retryable: !permanentStatuses.includes(status),
  };
}
