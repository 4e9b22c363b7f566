import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { readsText } from '../config/data-formats.ts';
import type { RunConfig } from '../config/schema.ts';
import { SHAPES } from '../data/shapes/source.ts';
import { augmentationOf } from '../data/transforms/augmentation.ts';
import type { Worker } from '../executors/executor.ts';
import { localExecutor } from '../executors/local.ts';
import { programPath } from '../executors/programs.ts';
import type { LoaderSpec } from '../protocol/loader.ts';
import type { JournalEntry } from '../protocol/messages.ts';
import type { JobPlan } from '../protocol/plan.ts';
import type { RunRecord } from '../protocol/run.ts';
import { writeFileAtomic } from '../util/atomic-file.ts';
import { ExitCode, messageOf, type SerializedError } from '../util/errors.ts';
import { makeDirectory } from '../util/make-directory.ts';
import { type LoaderAddress, makeLoaderAddress, removeLoaderRemains } from './loader-address.ts';
import { processTag } from './process-identity.ts';
import { type Limits, watchWorker } from './watchdog.ts';

export interface LoaderOptions {
  readonly runDirectory: string;
  readonly record: RunRecord;
  /** The jobs that are left to be done. */
  readonly jobs: readonly JobPlan[];
  /** Jobs that run at a time, at most. */
  readonly places: number;
  /** Tells people why there is no loader where there should be one. */
  readonly notice: (text: string) => void;
}

/** A session's loader. */
export interface LoaderKeeper {
  /** What jobs are told; undefined once it is given up. */
  readonly address: string | undefined;
  /** Starts it, and again when it ends, a few times. */
  start(note: (entry: JournalEntry) => void): void;
  /** Ends it; resolves when it has gone. */
  stop(): Promise<void>;
}

/** Starts that may fail one after the other, before it is given up. */
const ATTEMPTS = 5;
/** Seconds before the second attempt; doubles each time. */
const FIRST_DELAY = 0.25;
/** Seconds that a loader must have lived for earlier failures to be forgotten. */
const SOUND = 60;
/** Threads that decode: as many as a job has for it at least. */
const FEWEST_THREADS = 4;

/**
 * The loader of a session, or undefined where nothing would be gained by one: jobs share what it decodes only if several run
 * at a time, and images that are generated need no decoding.
 *
 * No run fails for want of a loader: jobs that miss it decode for themselves.
 */
export async function prepareLoader(options: LoaderOptions): Promise<LoaderKeeper | undefined> {
  const { record, jobs, places, runDirectory } = options;
  await removeLoaderRemains(runDirectory);
  const modules = jobs.filter(({ kind }) => kind === 'module').length;
  if (!sharesSomething(record.config) || Math.min(modules, places) < 2) return undefined;
  try {
    const place = await makeLoaderAddress(runDirectory);
    const specPath = await writeSpec(options, place);
    return keeperOf({ config: record.config, place, specPath, logPath: join(dirname(specPath), 'log.txt') });
  } catch (error) {
    options.notice(`jobs decode images for themselves, as there is no place for a loader: ${messageOf(error)}`);
    return undefined;
  }
}

/**
 * What is cut out of images at random before they are scaled is another image each time: nothing but batches can be shared.
 * Text is read once by each job, and then lies in its memory.
 */
function sharesSomething(config: RunConfig): boolean {
  const { sharing, source, cacheMiB } = config.data;
  if (sharing === 'off' || source === SHAPES || readsText(config)) return false;
  return sharing === 'batches' || (cacheMiB > 0 && !augmentationOf(config).crop);
}

interface LoaderFiles {
  readonly config: RunConfig;
  readonly place: LoaderAddress;
  readonly specPath: string;
  readonly logPath: string;
}

function keeperOf({ config, place, specPath, logPath }: LoaderFiles): LoaderKeeper {
  const executor = localExecutor(programPath('loader'));
  const threads = Math.max(FEWEST_THREADS, availableParallelism());
  let isStopping = false;
  let isGivenUp = false;
  let loader: Worker | undefined;
  let timer: NodeJS.Timeout | undefined;
  let failures = 0;
  let ended = Promise.resolve();

  const start = (note: (entry: JournalEntry) => void) => {
    const started = performance.now();
    let reason: string | undefined;
    let isHopeless = false;
    const watchdog = watchWorker(limitsOf(config), {
      onState() {},
      onStall() {
        reason = 'showed no sign of life and was ended';
        worker.signal('SIGKILL');
      },
    });
    const worker = executor.start({
      specPath,
      logPath,
      cwd: process.cwd(),
      environment: { UV_THREADPOOL_SIZE: String(threads), CUDA_VISIBLE_DEVICES: '' },
      onMessage(message) {
        if (message.type !== 'failed') return;
        reason = `has failed: ${message.error.message}`;
        isHopeless = isPermanent(message.error);
      },
      onBeat: watchdog.beat,
    });
    loader = worker;
    const { pid } = worker;
    if (pid !== undefined) {
      const tag = processTag(pid);
      note({ type: 'loader-started', pid, ...(tag === undefined ? {} : { process: tag }) });
    }
    ended = worker.exited.then(({ status, signal, failure }) => {
      watchdog.dispose();
      loader = undefined;
      if (isStopping) return;
      failures = performance.now() - started > SOUND * 1000 ? 1 : failures + 1;
      const why = reason ?? (failure && `could not be started: ${failure}`);
      const retryIn = FIRST_DELAY * 2 ** (failures - 1);
      isGivenUp = isHopeless || failures >= ATTEMPTS;
      note({
        type: 'loader-exited',
        status,
        signal,
        ...(why === undefined ? {} : { reason: why }),
        ...(isGivenUp ? {} : { retryIn }),
      });
      if (isGivenUp) return;
      timer = setTimeout(tryStart, retryIn * 1000, note);
      timer.unref();
    });
  };
  /** A log that cannot be written, for instance, is no reason to end the run. */
  const tryStart = (note: (entry: JournalEntry) => void) => {
    try {
      start(note);
    } catch (error) {
      isGivenUp = true;
      note({ type: 'loader-exited', status: null, signal: null, reason: `could not be started: ${messageOf(error)}` });
    }
  };

  return {
    get address() {
      return isGivenUp ? undefined : place.address;
    },
    start: tryStart,
    async stop() {
      isStopping = true;
      clearTimeout(timer);
      // It keeps nothing that could be lost.
      loader?.signal('SIGKILL');
      await ended;
      await place.remove().catch(() => {});
    },
  };
}

/** A data set that has changed, or cannot be read, stays so; jobs find that out for themselves. */
function isPermanent({ exitCode }: SerializedError): boolean {
  return exitCode === ExitCode.data || exitCode === ExitCode.usage;
}

/** Its main thread counts an advance every second. */
function limitsOf({ execution }: RunConfig): Limits {
  const { heartbeatLimit, firstStepLimit } = execution;
  return { heartbeatLimit, firstStepLimit, stepLimit: heartbeatLimit };
}

async function writeSpec(
  { runDirectory, record, places }: LoaderOptions,
  { address, directory }: LoaderAddress,
): Promise<string> {
  const { config, dataset } = record;
  const spec: LoaderSpec = { config, dataset, address, directory, jobs: places };
  const path = join(runDirectory, 'loader', 'spec.json');
  await makeDirectory(dirname(path));
  await writeFileAtomic(path, `${JSON.stringify(spec, null, 2)}\n`);
  return path;
}
