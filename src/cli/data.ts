import { Command, InvalidArgumentError, Option } from 'commander';
import { writeShapes } from '../data/shapes/write.ts';
import { benchCommand } from './data-bench.ts';

interface ShapesOptions {
  readonly out: string;
  readonly train: number;
  readonly validation: number;
  readonly size: number;
  readonly seed: number;
  readonly format: 'png' | 'jpg';
}

/** `incubate data`: measures data sets, and makes them. */
export function dataCommand(): Command {
  return new Command('data')
    .description('measure and generate data sets')
    .addCommand(benchCommand())
    .addCommand(shapesCommand());
}

function shapesCommand(): Command {
  return new Command('shapes')
    .description('write the generated data set of shapes as an image folder')
    .requiredOption('--out <dir>', 'folder to create')
    .option('--train <n>', 'training images', between(10, 10_000_000), 6000)
    .option('--validation <n>', 'validation images', between(10, 10_000_000), 1000)
    .option('--size <px>', 'side of the images, pixels', between(8, 4096), 32)
    .option('--seed <n>', 'seed of all random decisions', between(0, Number.MAX_SAFE_INTEGER), 0)
    .addOption(new Option('--format <format>', 'file format').choices(['png', 'jpg']).default('png'))
    .action(async ({ out, ...options }: ShapesOptions) => {
      const { stderr } = process;
      const onProgress = (written: number, total: number) => {
        if (written % 100 === 0 || written === total) stderr.write(`\r${written}/${total} images`);
      };
      await writeShapes(out, { ...options, ...(stderr.isTTY ? { onProgress } : {}) }).finally(() => {
        if (stderr.isTTY) stderr.write('\r\u001b[K');
      });
      console.log(`${out}: ${options.train} training and ${options.validation} validation images in 10 classes`);
    });
}

function between(smallest: number, largest: number) {
  return (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= smallest && value <= largest) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${smallest} to ${largest}.`);
  };
}
