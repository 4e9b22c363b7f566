import { join } from 'node:path';
import { writeShapes } from '../../src/data/shapes/write.ts';
import { journalOf, untilEvent } from './run.ts';
import { type TinyRuns, tinyRuns } from './tiny-run.ts';

/** Runs of the tiny recipe on images that have to be decoded, long enough to be struck. */
export async function imageRuns(): Promise<TinyRuns> {
  const runs = tinyRuns();
  const images = join(runs.folder, 'images');
  await writeShapes(images, { train: 96, validation: 16, size: 12, seed: 5, format: 'jpg' });
  return {
    ...runs,
    trainArguments: (run, ...more) =>
      runs.trainArguments(
        run,
        ...['--set', `data.source=${images}`],
        ...['--set', 'phases.incubate.epochs=10'],
        ...['--json', ...more],
      ),
  };
}

/** The process of a run's `number`th loader, once it has been started. */
export async function loaderPid(run: string, number = 1): Promise<number> {
  await untilEvent(run, ({ type }) => type === 'loader-started');
  for (;;) {
    const started = (await journalOf(run)).filter(({ type }) => type === 'loader-started');
    const found = started[number - 1];
    if (found) return found.pid as number;
    await untilEvent(run, ({ type, seq }) => type === 'loader-started' && seq > (started.at(-1)?.seq ?? 0));
  }
}
