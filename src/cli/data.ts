import { Command, InvalidArgumentError, Option } from 'commander';
import { writeShapes } from '../data/shapes/write.ts';

interface ShapesOptions {
  readonly out: string;
  readonly train: number;
  readonly validation: number;
  readonly size: number;
  readonly seed: number;
  readonly format: 'png' | 'jpg';
}

/** `incubate data`: makes data sets. */
export function dataCommand(): Command {
  return new Command('data').description('make data sets').addCommand(shapesCommand());
}

function shapesCommand(): Command {
  return new Command('shapes')
    .description('write the generated data set of shapes as an image folder')
    .requiredOption('--out <dir>', 'folder to create')
    .option('--train <n>', 'training images', atLeast(10), 6000)
    .option('--validation <n>', 'validation images', atLeast(10), 1000)
    .option('--size <px>', 'side of the images, pixels', atLeast(8), 32)
    .option('--seed <n>', 'seed of all random decisions', atLeast(0), 0)
    .addOption(new Option('--format <format>', 'file format').choices(['png', 'jpg']).default('png'))
    .action(async ({ out, ...options }: ShapesOptions) => {
      await writeShapes(out, options);
      console.log(`${out}: ${options.train} training and ${options.validation} validation images in 10 classes`);
    });
}

function atLeast(smallest: number) {
  return (text: string): number => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= smallest && value <= 10_000_000) return value;
    throw new InvalidArgumentError(`It must be a whole number of at least ${smallest}.`);
  };
}
