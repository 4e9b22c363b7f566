import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BestOf, type CheckpointSearch, findCheckpoint, saveCheckpoint } from '../checkpoint/directory.ts';
import { encodeSafetensors, readSafetensors } from '../checkpoint/safetensors.ts';
import { type Progress, progressSchema } from '../training/progress.ts';
import type { TrainingState } from '../training/training-state.ts';

const FILES = { parameters: 'parameters.safetensors', m: 'adam-m.safetensors', v: 'adam-v.safetensors' } as const;
/** Absent where a training has none. */
const OPTIONAL = { statistics: 'statistics.safetensors', scaling: 'loss-scaling.safetensors' } as const;
const PROGRESS = 'progress.json';

/**
 * Saves where a training stands: parameters, both optimiser slots, statistics and loss scaling if any, and the progress,
 * one file each.
 *
 * @throws ENVIRONMENT_WRITE as `saveCheckpoint`, which says what `keep` and `best` mean.
 */
export async function saveTraining(root: string, state: TrainingState, keep: number, best?: BestOf): Promise<string> {
  const { directory } = await saveCheckpoint(
    root,
    state.progress.step,
    {
      [FILES.parameters]: encodeSafetensors(state.parameters),
      [FILES.m]: encodeSafetensors(state.m),
      [FILES.v]: encodeSafetensors(state.v),
      ...optional(state),
      [PROGRESS]: `${JSON.stringify(state.progress, null, 2)}\n`,
    },
    keep,
    best,
  );
  return directory;
}

/** A checkpoint of a training. Its tensors are read when they are asked for, as they are several times a network. */
export interface SavedTraining {
  readonly progress: Progress;
  read(): Promise<TrainingState>;
}

/** The newest intact checkpoint below `root`, or null, with the damaged ones that were passed over. */
export async function findTraining(
  root: string,
): Promise<{ readonly saved: SavedTraining | null; readonly rejected: CheckpointSearch['rejected'] }> {
  const { checkpoint, rejected } = await findCheckpoint(root);
  if (!checkpoint) return { saved: null, rejected };
  const tensors = async (name: string) => (await readSafetensors(join(checkpoint.directory, name))).tensors;
  const tensorsIfAny = async (name: string) =>
    existsSync(join(checkpoint.directory, name)) ? await tensors(name) : {};
  const progress = progressSchema.parse(JSON.parse(await readFile(join(checkpoint.directory, PROGRESS), 'utf8')));
  const read = async () => ({
    parameters: await tensors(FILES.parameters),
    m: await tensors(FILES.m),
    v: await tensors(FILES.v),
    statistics: await tensorsIfAny(OPTIONAL.statistics),
    scaling: await tensorsIfAny(OPTIONAL.scaling),
    progress,
  });
  return { saved: { progress, read }, rejected };
}

function optional({ statistics, scaling }: TrainingState): Record<string, Uint8Array[]> {
  const files = [
    [OPTIONAL.statistics, statistics],
    [OPTIONAL.scaling, scaling],
  ] as const;
  const present = files.filter(([, tensors]) => Object.keys(tensors).length > 0);
  return Object.fromEntries(present.map(([name, tensors]) => [name, encodeSafetensors(tensors)]));
}
