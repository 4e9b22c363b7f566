import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import { assertSameDataset } from '../data/identity.ts';
import { openDataset } from '../data/open.ts';
import type { LoaderSpec } from '../protocol/loader.ts';
import { ExitCode, IncubateError, serializeError } from '../util/errors.ts';
import { createImageStore } from './image-store.ts';
import { planMemory } from './memory.ts';
import { openBatchStore } from './open-batch-store.ts';
import { startServer } from './server.ts';
import { createSharedFile } from './shared-file.ts';

/** Decoding ahead is worth less than the steps that it is ahead of. */
const NICENESS = 5;

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
 * @throws DATA_* where the data set is not what the run was created with; what the system says where nothing can be shared.
 */
async function startLoader(spec: LoaderSpec, onAlive: () => void): Promise<void> {
  lowerPriority();
  const { config, address, directory } = spec;
  // One that was killed has left its socket.
  if (process.platform !== 'win32') rmSync(address, { force: true });
  const server = await startServer(address, onAlive);
  const images = spec.dataset.train + spec.dataset.validation;
  const memory = planMemory(config, images, spec.jobs);
  const dataset = await openDataset({ ...config, data: { ...config.data, cacheMiB: memory.privateMiB } });
  assertSameDataset(spec.dataset, dataset.identity);
  const { train, validation } = dataset;
  const labels = Int32Array.from({ length: images }, (_, index) =>
    index < train.length ? train.label(index) : validation.label(index - train.length),
  );
  const file = createSharedFile(directory, labels, memory.sharedBytes);
  const { imageSize, channels } = config.model;
  const store =
    memory.slots === 0
      ? { images: createImageStore(file, { imageSize, channels, splits: { train, validation } }) }
      : { batches: openBatchStore(config, dataset, file, memory.slotBytes) };
  server.serve({ file, store, fingerprint: dataset.identity.fingerprint });
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
