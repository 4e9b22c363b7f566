import { Command, Option } from 'commander';
import { writeShapes } from '../data/shapes/write.ts';
import { between } from './between.ts';
import { progressCounter } from './progress-counter.ts';

interface ShapesOptions {
  readonly out: string;
  readonly train: number;
  readonly validation: number;
  readonly size: number;
  readonly seed: number;
  readonly format: 'png' | 'jpg';
}

/** `incubate data shapes`: the generated images as files. */
export function shapesCommand(): Command {
  return new Command('shapes')
    .description('write the generated data set of shapes as an image folder')
    .requiredOption('--out <dir>', 'folder to create')
    .option('--train <n>', 'training images', between(10, 10_000_000), 6000)
    .option('--validation <n>', 'validation images', between(10, 10_000_000), 1000)
    .option('--size <px>', 'side of the images, pixels', between(8, 4096), 32)
    .option('--seed <n>', 'seed of all random decisions', between(0, Number.MAX_SAFE_INTEGER), 0)
    .addOption(new Option('--format <format>', 'file format').choices(['png', 'jpg']).default('png'))
    .action(async ({ out, ...options }: ShapesOptions) => {
      const progress = progressCounter('images');
      await writeShapes(out, { ...options, onProgress: progress.show }).finally(progress.clear);
      console.log(`${out}: ${options.train} training and ${options.validation} validation images in 10 classes`);
    });
}
