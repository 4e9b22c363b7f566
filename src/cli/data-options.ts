import { type Command, Option } from 'commander';
import { imageFormats } from '../config/data-formats.ts';
import type { RunConfig } from '../config/schema.ts';
import { between } from './between.ts';

/** Options of the commands that work on a data set without a run. */
export interface DataOptions {
  readonly format: string;
  readonly holdout?: string;
  readonly subset?: string;
  readonly shots?: string;
  readonly seed: number;
  readonly json?: boolean;
}

/** Gives a command the data set as its argument, and the options that say what of it is meant. */
export function addDataOptions(command: Command, json: string, formats: readonly string[] = imageFormats): Command {
  return command
    .argument('<source>', 'image folder, archive, manifest, shards or packed set; see docs/data.md')
    .addOption(new Option('--format <format>', 'what it is').choices(['auto', ...formats]).default('auto'))
    .option('--holdout <share>', 'share held out where there is no validation split (default: 0.1)')
    .option('--subset <size>', 'class-balanced part of the training images: 500 or 25%')
    .option('--shots <n>', 'training images of every class')
    .option('--seed <n>', 'seed of all random decisions', between(0, Number.MAX_SAFE_INTEGER), 0)
    .option('--json', json);
}

/**
 * The configuration that is meant; `sets` are further settings, as given to `--set`.
 *
 * Throws CONFIG_VALUE where an option has a wrong value.
 */
export async function dataConfig(
  source: string,
  { format, holdout, subset, shots, seed }: DataOptions,
  sets: readonly string[] = [],
): Promise<RunConfig> {
  const { resolveConfig } = await import('../config/resolve.ts');
  const { config } = await resolveConfig({
    flags: { data: source, subset, shots, seed: String(seed) },
    sets: [
      `data.format=${format}`,
      // The default recipe's are for three channels, and no image is normalised here.
      'data.mean=null',
      'data.std=null',
      ...(holdout === undefined ? [] : [`data.holdout=${holdout}`]),
      ...sets,
    ],
  });
  return config;
}
