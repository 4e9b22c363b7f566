import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { RunConfig } from '../../src/config/schema.ts';
import { readJournal } from '../../src/coordinator/journal.ts';
import type { LoaderBenchSettings } from './loader-reading.ts';

export interface TrainingResult {
  readonly sharing: RunConfig['data']['sharing'];
  /** Seconds of the run. */
  readonly wall: number;
  /** Seconds of all epochs of all jobs, and of these what steps waited for their batches. */
  readonly seconds: number;
  readonly waiting: number;
}

/** Trains a small network on the images, two modules side by side, and adds up what its epochs tell. */
export async function trainingWaits(
  sharing: RunConfig['data']['sharing'],
  { source, imageSize, batchSize, trainLimit }: LoaderBenchSettings,
  runsDirectory: string,
): Promise<TrainingResult> {
  const launcher = fileURLToPath(new URL('../../../bin/incubate.js', import.meta.url));
  const settings = {
    'model.name': 'vit-tiny',
    'model.width': 96,
    'model.heads': 3,
    'model.depth': 4,
    'model.patch': Math.max(4, imageSize / 8),
    'model.imageSize': imageSize,
    'division.modules': 2,
    'data.source': source,
    'data.sharing': sharing,
    'data.trainLimit': trainLimit ?? null,
    'data.validationLimit': 1000,
    'training.batchSize': batchSize,
    'phases.meta.epochs': 1,
    'phases.incubate.epochs': 2,
    'phases.finetune.epochs': 1,
    'devices.slots': 2,
    'devices.engine': 'cpu',
  };
  const sets = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  const started = performance.now();
  await execa(process.execPath, [launcher, 'train', '--run', sharing, '--runs-dir', runsDirectory, ...sets], {
    stdin: 'ignore',
    stderr: 'ignore',
  });
  const wall = (performance.now() - started) / 1000;
  const epochs = readJournal(`${runsDirectory}/${sharing}`).events.filter((event) => event.type === 'epoch');
  return {
    sharing,
    wall,
    seconds: epochs.reduce((sum, event) => sum + event.seconds, 0),
    waiting: epochs.reduce((sum, event) => sum + (event.dataSeconds ?? 0), 0),
  };
}
