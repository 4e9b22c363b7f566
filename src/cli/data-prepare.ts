import { Command, Option } from 'commander';
import { between } from './between.ts';
import { addDataOptions, type DataOptions, dataConfig } from './data-options.ts';
import { progressCounter } from './progress-counter.ts';

type PrepareOptions = DataOptions & {
  readonly out: string;
  readonly size: number;
  readonly channels: string;
  readonly resize: string;
};

/** `incubate data prepare`: a data set decoded once, for all runs on it. */
export function prepareCommand(): Command {
  const command = new Command('prepare')
    .description('write a data set as a packed one: decoded and resized images, verified by hash when they are used')
    .requiredOption('--out <dir>', 'directory to create')
    .option('--size <px>', 'side of the images, pixels', between(1, 4096), 32)
    .addOption(new Option('--channels <n>', '1: grey, 3: RGB').choices(['1', '3']).default('3'))
    .addOption(
      new Option('--resize <how>', 'crop: shorter side to size, centre crop; stretch: all of the image')
        .choices(['crop', 'stretch'])
        .default('crop'),
    );
  return addDataOptions(command, 'print what was written as one JSON document').action(prepare);
}

async function prepare(source: string, options: PrepareOptions): Promise<void> {
  const { out, size, channels, resize, json } = options;
  const config = await dataConfig(source, options, [
    `model.imageSize=${size}`,
    `model.channels=${channels}`,
    `data.resize=${resize}`,
  ]);
  const { preparePacked } = await import('../data/prepare.ts');
  const progress = progressCounter('images');
  const { classes, splits } = await preparePacked(config, out, { onProgress: progress.show }).finally(progress.clear);
  const { train, validation } = splits;
  const document = {
    out,
    size,
    channels: Number(channels),
    classes: classes.length,
    train: train.images,
    validation: validation.images,
    bytes: train.pixels.bytes + validation.pixels.bytes,
  };
  process.stdout.write(
    json
      ? `${JSON.stringify(document, null, 2)}\n`
      : `${out}: ${train.images} training and ${validation.images} validation images of ${size}×${size} in ${classes.length} classes\n`,
  );
}
