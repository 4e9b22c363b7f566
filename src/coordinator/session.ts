import { isAsynchronous } from '../config/methods.ts';
import { outputsOf, samplesIn } from '../data/identity.ts';
import type { Executor } from '../executors/executor.ts';
import { statePartsOf } from '../methods/objective.ts';
import type { JournalEntry } from '../protocol/messages.ts';
import type { JobPlan, Lease } from '../protocol/plan.ts';
import type { JobResult, RunRecord } from '../protocol/run.ts';
import { halvedMicroBatches } from '../training/accumulation.ts';
import { jobNetwork } from '../training/phases.ts';
import { type AttemptReport, type RunContext, runAttempt } from './attempt.ts';
import type { Journal } from './journal.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { RunObserver } from './observer.ts';
import { isOutOfMemory } from './outcome.ts';
import { advance, type JobState } from './replay.ts';
import type { JobEnd } from './schedule.ts';
import type { Termination } from './termination.ts';

export interface SessionOptions {
  readonly runDirectory: string;
  readonly record: RunRecord;
  readonly journal: Journal;
  readonly observer: RunObserver;
  readonly termination: Termination;
  readonly executor: Executor;
  readonly retries: number;
  readonly leases: LeaseKeeper;
  readonly devices: RunContext['devices'];
  readonly oomKills?: RunContext['oomKills'];
  readonly loader: RunContext['loader'];
  readonly states: ReadonlyMap<string, JobState>;
  /** Results of completed jobs; the session adds to them. */
  readonly results: Map<string, JobResult>;
}

/** One coordinator's time with a run. */
export interface Session {
  readonly states: ReadonlyMap<string, JobState>;
  /** Why the session cannot go on, other than a job's failure: the journal cannot be written, for instance. */
  readonly broken: { readonly error: unknown } | undefined;
  /** Keeps an entry in the journal and tells the observer; a journal that fails breaks the session. */
  note(entry: JournalEntry): void;
  abort(error: unknown): void;
  runJob(job: JobPlan, lease: Lease): Promise<JobEnd>;
  end(outcome: 'completed' | 'failed' | 'stopped', signal?: string): void;
}

export function openSession(options: SessionOptions): Session {
  const { journal, observer, record, results, termination } = options;
  const started = performance.now();
  const states = new Map(options.states);
  let broken: Session['broken'];

  const abort = (error: unknown) => {
    broken ??= { error };
    termination.raise('stop');
  };
  const note = (entry: JournalEntry) => {
    try {
      const event = journal.append(entry);
      if ('job' in event) states.set(event.job, advance(stateOf(event.job), event));
      observer.event(event);
    } catch (error) {
      abort(error);
    }
  };
  const stateOf = (job: string): JobState =>
    states.get(job) ?? { id: job, status: 'pending', attempts: 0, failures: 0 };
  const context: RunContext = {
    runDirectory: options.runDirectory,
    record,
    executor: options.executor,
    termination,
    note,
    leases: options.leases,
    devices: options.devices,
    loader: options.loader,
    onProgress: (job, message) => observer.progress(job, message),
    ...(options.oomKills && { oomKills: options.oomKills }),
  };

  /** Notes how an attempt ended, and decides whether there is another. */
  const conclude = (job: JobPlan, attempt: number, report: AttemptReport): JobEnd => {
    const about = { job: job.id, attempt };
    if (report.type === 'completed') {
      results.set(job.id, report.result);
      note({ type: 'job-completed', ...about, result: report.result });
      return 'completed';
    }
    if (report.type === 'stopped') {
      if (stateOf(job.id).attempts === attempt) note({ type: 'job-stopped', ...about });
      return 'stopped';
    }
    const { failures } = stateOf(job.id);
    const accumulate = isOutOfMemory(report.error) ? smallerMicroBatches(job) : null;
    const retryIn = accumulate === null ? record.config.execution.retryDelay * 2 ** failures : 0;
    const again = accumulate !== null || (report.retryable && failures < options.retries);
    note({
      type: 'job-failed',
      ...about,
      error: report.error,
      ...(again ? { retryIn } : {}),
      ...(accumulate === null ? {} : { accumulate }),
      ...(report.logTail === undefined ? {} : { logTail: report.logTail }),
    });
    if (accumulate !== null) note({ type: 'warning', ...about, message: microBatchNotice(record, job, accumulate) });
    return again ? { retryInSeconds: retryIn } : 'failed';
  };

  const smallerMicroBatches = ({ id, kind }: JobPlan): number | null => {
    const { data, training, execution } = record.config;
    if (kind === 'evaluate' || execution.onOutOfMemory === 'retry' || isAsynchronous(record.config)) return null;
    const accumulate = stateOf(id).accumulate ?? training.accumulate;
    return halvedMicroBatches({ data, training: { ...training, accumulate } });
  };

  note({ type: 'session-started', pid: process.pid });
  return {
    states,
    get broken() {
      return broken;
    },
    note,
    abort,
    async runJob(job, lease) {
      const { attempts, accumulate } = stateOf(job.id);
      const attempt = { job, number: attempts + 1, lease, ...(accumulate === undefined ? {} : { accumulate }) };
      return conclude(job, attempt.number, await runAttempt(context, attempt));
    },
    end(outcome, signal) {
      const seconds = (performance.now() - started) / 1000;
      note({ type: 'session-ended', outcome, seconds, ...(signal === undefined ? {} : { signal }) });
    },
  };
}

/** What fewer images at a time mean. Batch normalisation and contrast see the images of a micro-batch only. */
function microBatchNotice({ config, dataset, plan }: RunRecord, job: JobPlan, accumulate: number): string {
  const { batchSize } = config.training;
  const { network, objective } = jobNetwork(job, plan.modules, config, outputsOf(dataset));
  const normalises = statePartsOf(network, objective).some(
    ({ mode, spec }) => mode === 'train' && spec.parameters.some(({ statistic }) => statistic),
  );
  const contrasts = config.method.name === 'infopro' && config.method.infopro.loss === 'contrast';
  const consequences = [
    ...(normalises ? ['batch normalisation takes its statistics from as few images'] : []),
    ...(contrasts ? ['contrast compares as few images'] : []),
  ];
  const consequence =
    consequences.length > 0 ? consequences.join(', and ') : 'the gradient is the same but for roundings';
  return (
    `memory ran out, so each step of ${batchSize} ${samplesIn(dataset)} is now done in ${accumulate} micro-batches of ` +
    `${batchSize / accumulate}; ${consequence}`
  );
}
