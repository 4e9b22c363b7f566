import { Command, InvalidArgumentError } from 'commander';
import type { DataBench } from '../data/bench.ts';
import { percent } from '../report/figures.ts';
import { addConfigOptions, type ConfigOptions, configFromOptions } from './config-options.ts';

type BenchOptions = ConfigOptions & { readonly seconds: number; readonly json?: boolean };

/** `incubate data bench`: how fast the configured training batches of a data set are made. */
export function benchCommand(): Command {
  const command = new Command('bench')
    .description(
      'make the training batches of a configuration for some seconds, and show how fast and of what the time is made',
    )
    .argument('<source>', 'image folder, or another value of data.source')
    .option('--seconds <n>', 'how long', positiveNumber, 10)
    .option('--json', 'print the figures as one JSON document');
  return addConfigOptions(command).action(async (source: string, options: BenchOptions) => {
    const { config } = await configFromOptions({ ...options, data: source });
    // Imported here, as the image library would slow `--help` down.
    const { benchDataset } = await import('../data/bench.ts');
    const bench = await benchDataset(config, options.seconds);
    process.stdout.write(options.json ? `${JSON.stringify(bench, null, 2)}\n` : benchText(bench));
  });
}

function benchText({ source, images, seconds, imagesPerSecond, threads, cached, image }: DataBench): string {
  const { sample, decode, transform, decodeShare } = image;
  const from = cached ? 'from memory after the first epoch' : 'decoded anew';
  return [
    `source     ${source}`,
    `batches    ${images} images in ${seconds.toFixed(1)} s: ${imagesPerSecond.toFixed(0)} a second, ${from}, at most ${threads} threads`,
    `one image  ${(decode + transform).toFixed(3)} ms of the processor (mean of ${sample})`,
    `  decode     ${decode.toFixed(3)} ms, ${percent(decodeShare)}`,
    `  transform  ${transform.toFixed(3)} ms, ${percent(1 - decodeShare)}`,
    '',
  ].join('\n');
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('It must be a number above 0.');
}
