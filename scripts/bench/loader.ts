/*
 * `npm run bench:loader -- --data FOLDER`: the processor time of four jobs that read the same images with a loader, beside
 * that of one that decodes them itself; and how long training steps wait for their batches, with a loader and without.
 * Without a folder, of generated JPEGs; `--only memory`, `reading` or `training` does one of them.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeShapes } from '../../src/data/shapes/write.ts';
import { alignTable } from '../../src/report/table.ts';
import { copyingBatches } from './loader-memory.ts';
import { jobsReading, type ReadingCase, type ReadingResult } from './loader-reading.ts';
import { type TrainingResult, trainingWaits } from './loader-training.ts';
import { median } from './median.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    epochs: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '1' },
    size: { type: 'string', default: '32' },
    batch: { type: 'string', default: '128' },
    images: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'boolean' },
  },
});

const cases: readonly ReadingCase[] = (['off', 'images', 'batches'] as const).flatMap((sharing) =>
  [1, 4].map((consumers) => ({ consumers, sharing })),
);

const folder = await mkdtemp(join(tmpdir(), 'incubate-bench-'));
try {
  const source = values.data ?? (await generated());
  const settings = {
    source,
    imageSize: Number(values.size),
    batchSize: Number(values.batch),
    epochs: Number(values.epochs),
    ...(values.images === undefined ? {} : { trainLimit: Number(values.images) }),
  };
  const reading: ReadingResult[] = [];
  const rounds = (part: string) => (values.only === undefined || values.only === part ? Number(values.rounds) : 0);
  for (let round = 0; round < rounds('reading'); round++)
    for (const each of cases) reading.push(await jobsReading(each, settings, folder));
  const training: TrainingResult[] = [];
  for (let round = 0; round < rounds('training'); round++)
    for (const sharing of ['off', 'images', 'batches'] as const)
      training.push(await trainingWaits(sharing, settings, join(folder, `runs-${round}`)));
  const memory =
    rounds('memory') > 0 ? copyingBatches(settings.batchSize, 3 * settings.imageSize ** 2, folder) : undefined;
  if (values.json) console.log(JSON.stringify({ memory, reading, training }, null, 2));
  else {
    const tables = [
      ...(memory
        ? [
            `shared memory, batches of ${memory.bytes} bytes: written ${memory.write.toFixed(1)} GB/s, read ${memory.read.toFixed(1)} GB/s`,
          ]
        : []),
      ...(reading.length > 0 ? [readingTable(reading)] : []),
      ...(training.length > 0 ? [trainingTable(training)] : []),
    ];
    console.log(tables.join('\n\n'));
  }
} finally {
  await rm(folder, { recursive: true });
}

async function generated(): Promise<string> {
  const target = join(folder, 'images');
  await writeShapes(target, { train: 10_000, validation: 500, size: Number(values.size), seed: 0, format: 'jpg' });
  return target;
}

/** Medians over the rounds; ratios are taken within each round. */
function readingTable(results: readonly ReadingResult[]): string {
  const of = (consumers: number, sharing: ReadingCase['sharing']) =>
    results.filter((result) => result.consumers === consumers && result.sharing === sharing);
  const alone = of(1, 'off');
  const rows = cases.map(({ consumers, sharing }) => {
    const rounds = of(consumers, sharing);
    const one = of(1, sharing);
    const middle = (figure: (result: ReadingResult, round: number) => number) => median(rounds.map(figure));
    const ratios = (part: 'reading' | 'cpu') =>
      [alone, one].map((base) =>
        middle((result, round) => result[part] / (base[round] as ReadingResult)[part]).toFixed(2),
      );
    return [
      String(consumers),
      sharing,
      `${middle(({ reading }) => reading).toFixed(1)} s`,
      ...ratios('reading'),
      `${middle(({ cpu }) => cpu).toFixed(1)} s`,
      ...ratios('cpu'),
      String(Math.round(middle(({ images, seconds }) => (consumers * images) / seconds))),
    ];
  });
  const ratios = ['of one alone', 'of one so'];
  const head = ['jobs', 'sharing', 'CPU reading', ...ratios, 'CPU in all', ...ratios, 'images/s'];
  return alignTable([head, ...rows]);
}

function trainingTable(results: readonly TrainingResult[]): string {
  const rows = results.map(({ sharing, wall, seconds, waiting }) => [
    sharing,
    `${wall.toFixed(1)} s`,
    `${seconds.toFixed(1)} s`,
    `${waiting.toFixed(2)} s`,
    `${((100 * waiting) / seconds).toFixed(2)} %`,
  ]);
  return alignTable([['sharing', 'run', 'epochs', 'steps waited', 'share'], ...rows]);
}
