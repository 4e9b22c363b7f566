import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { IncubateError } from '../util/errors.ts';

/** Path of the program that computes jobs: compiled where we are compiled, the source where we are run from sources. */
export function workerEntry(): string {
  const compiled = fileURLToPath(new URL('../../workers/job.js', import.meta.url));
  if (existsSync(compiled)) return compiled;
  const source = fileURLToPath(new URL('../../workers/job.ts', import.meta.url));
  if (existsSync(source)) return source;
  throw new IncubateError('ENVIRONMENT_INSTALL', `the worker program ${compiled} is missing`, {
    hint: 'Install incubate again, or run `npm run build` in a checkout.',
  });
}
