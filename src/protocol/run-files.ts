import { join } from 'node:path';
import type { ZodType } from 'zod';
import { readsText } from '../config/data-formats.ts';
import type { RunConfig } from '../config/schema.ts';
import { IncubateError, messageOf } from '../util/errors.ts';

/** Where a job keeps its files. */
export function jobDirectory(runDirectory: string, job: string): string {
  return join(runDirectory, 'jobs', job);
}

/** The file of a run's tokenizer, if it is about text. */
export function tokenizerPath(runDirectory: string): string {
  return join(runDirectory, 'tokenizer.json');
}

/** A run's configuration with the tokenizer that the run has kept. */
export function withOwnTokenizer(config: RunConfig, runDirectory: string): RunConfig {
  if (!readsText(config)) return config;
  return { ...config, data: { ...config.data, tokenizer: tokenizerPath(runDirectory) } };
}

/** Parses a JSON file of a run. Throws RUN_FORMAT naming the path and what is wrong. */
export function parseRunFile<T>(content: string, schema: ZodType<T>, path: string): T {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    throw new IncubateError('RUN_FORMAT', `${path} is damaged: ${messageOf(error)}`, { cause: error });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new IncubateError(
    'RUN_FORMAT',
    `${path} is damaged: ${issue?.path.join('.') || 'content'}: ${issue?.message}`,
    {
      hint: 'Restore the file from a backup, or start a new run.',
    },
  );
}
