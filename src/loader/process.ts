import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import { trainBatchOptions } from '../data/batch-options.ts';
import { batchesPerEpoch, epochAssembler, evaluationAssembler } from '../data/batches.ts';
import type { Batch, BatchKey, Dataset } from '../data/dataset.ts';
import { assertSameDataset } from '../data/identity.ts';
import { openDataset } from '../data/open.ts';
import type { LoaderSpec } from '../protocol/loader.ts';
import { ExitCode, IncubateError, serializeError } from '../util/errors.ts';
import { type BatchStore, createBatchStore } from './batch-store.ts';
import { createImageStore } from './image-store.ts';
import { planMemory } from './memory.ts';
import { type LoaderServer, startServer } from './server.ts';
import { createSharedFile, FIRST_OFFSET, type SharedFile } from './shared-file.ts';

/** Decoding ahead is worth less than the steps that it is ahead of. */
const NICENESS = 5;
/** Orders of epochs that are kept: those of the jobs that run, and of the epochs that they pass to. */
const ORDERS = 32;

/** How a loader shows that it lives. */
export interface LoaderLife {
  /** It serves from now on. */
  onReady(): void;
  /** Called once a second. */
  onAlive(): void;
}

/** The life of a loader process: serves what a spec file says until it is killed, or says why it cannot. */
export async function runLoaderProcess(specPath: string | undefined, life: LoaderLife): Promise<void> {
  // Without the coordinator that started it, nobody needs it.
  process.on('disconnect', () => process.exit(ExitCode.retryable));
  try {
    if (specPath === undefined) throw new IncubateError('USAGE', 'a loader takes the path of its spec.json');
    await startLoader(JSON.parse(readFileSync(specPath, 'utf8')) as LoaderSpec, life.onAlive);
    life.onReady();
  } catch (error) {
    // Its standard error is its log.
    console.error(error);
    const serialized = serializeError(error);
    await new Promise((resolve) => {
      if (process.send) process.send({ type: 'failed', error: serialized }, undefined, undefined, resolve);
      else resolve(undefined);
    });
    process.exit(serialized.exitCode);
  }
}

/**
 * Opens the data set of a loader's specification and serves it.
 *
 * @throws DATA_* where the data set is not what the run was created with, ENVIRONMENT_* where nothing can be shared.
 */
async function startLoader(spec: LoaderSpec, onAlive: () => void): Promise<LoaderServer> {
  lowerPriority();
  const { config, address, directory } = spec;
  const images = spec.dataset.train + spec.dataset.validation;
  const memory = planMemory(config, images, spec.jobs);
  const dataset = await openDataset({ ...config, data: { ...config.data, cacheMiB: memory.privateMiB } });
  assertSameDataset(spec.dataset, dataset.identity);
  // One that was killed has left its socket.
  if (process.platform !== 'win32') rmSync(address, { force: true });
  const file = createSharedFile(directory, memory.sharedBytes);
  const { imageSize, channels } = config.model;
  const { train, validation } = dataset;
  const store =
    memory.slots === 0
      ? { images: createImageStore(file, { imageSize, channels, splits: { train, validation } }) }
      : { batches: batchStore(spec, dataset, file, memory.slotBytes) };
  return await startServer({ address, file, store, fingerprint: dataset.identity.fingerprint, onAlive });
}

function batchStore(
  { config }: LoaderSpec,
  { train, validation }: Dataset,
  file: SharedFile,
  slotBytes: number,
): BatchStore {
  const perEpoch = batchesPerEpoch(train.length, config.training.batchSize);
  const assemblers = new Map<string, (index: number) => Promise<Batch>>();
  const epochOf = (stream: string, epoch: number) => {
    const name = `${epoch}/${stream}`;
    const make =
      assemblers.get(name) ?? epochAssembler(train, trainBatchOptions(config, { stream, epoch, firstBatch: 0 }));
    // The one that was used last is the last.
    assemblers.delete(name);
    assemblers.set(name, make);
    for (const oldest of assemblers.keys()) if (assemblers.size > ORDERS) assemblers.delete(oldest);
    return make;
  };
  const assemble = async (key: BatchKey): Promise<Batch> => {
    assertWithin(key, { perEpoch, images: validation.length, batchSize: config.training.batchSize });
    if (key.kind === 'train') return epochOf(key.stream, key.epoch)(key.index);
    const { imageSize, channels } = config.model;
    return evaluationAssembler(validation, { batchSize: key.batchSize, imageSize, channels })(key.index);
  };
  return createBatchStore({
    file,
    // The file may be shorter than planned.
    slots: Math.floor((file.bytes - FIRST_OFFSET) / slotBytes),
    bytes: slotBytes,
    assemble,
    place: (key) =>
      key.kind === 'train'
        ? { sequence: `train/${key.stream}`, position: key.epoch * perEpoch + key.index }
        : { sequence: `evaluation/${key.batchSize}`, position: key.index },
  });
}

/** Throws for a batch that there is none of: what a consumer of the same data and settings never asks for. */
function assertWithin(
  key: BatchKey,
  { perEpoch, images, batchSize }: { readonly perEpoch: number; readonly images: number; readonly batchSize: number },
): void {
  const isThere =
    key.kind === 'train'
      ? key.index < perEpoch
      : key.batchSize <= batchSize && key.index < Math.ceil(images / key.batchSize);
  if (!isThere) throw new RangeError(`there is no batch ${JSON.stringify(key)}`);
}

/** Of all threads that there are; Linux keeps a priority for each. Those to come take after the one that starts them. */
function lowerPriority(): void {
  for (const thread of threads()) {
    try {
      setPriority(thread, NICENESS);
    } catch {
      // It has ended meanwhile, or the system does not let us: the loader works all the same.
    }
  }
}

function threads(): number[] {
  try {
    return readdirSync('/proc/self/task').map(Number);
  } catch {
    return [0];
  }
}
