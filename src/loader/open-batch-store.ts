import type { RunConfig } from '../config/schema.ts';
import { evaluationBatchOptions, trainBatchOptions } from '../data/batch-options.ts';
import { batchesPerEpoch, epochAssembler, evaluationAssembler } from '../data/batches.ts';
import type { Batch, BatchKey, Dataset } from '../data/dataset.ts';
import { type BatchStore, createBatchStore } from './batch-store.ts';
import type { SharedFile } from './shared-file.ts';

/** Orders of epochs that are kept: those of the jobs that run, and of the epochs that they pass to. */
const ORDERS = 32;

/**
 * The batches of a run's configuration, in slots of a shared file.
 *
 * @param slotBytes length of a slot
 */
export function openBatchStore(
  config: RunConfig,
  { train, validation }: Pick<Dataset, 'train' | 'validation'>,
  file: SharedFile,
  slotBytes: number,
): BatchStore {
  const perEpoch = batchesPerEpoch(train.length, config.training.batchSize, config.data.repeats);
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
    return evaluationAssembler(validation, evaluationBatchOptions(config, key.batchSize))(key.index);
  };
  return createBatchStore({
    file,
    // The file may be shorter than planned.
    slots: Math.floor((file.bytes - file.first) / slotBytes),
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
