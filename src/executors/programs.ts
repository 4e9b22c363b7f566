import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { IncubateError } from '../util/errors.ts';

/** Programs in `workers/` that answer one question and exit. */
export type AskableProgram = 'estimate' | 'eval' | 'probe';

/** Path of a compiled program of `workers/`, also where we are run from sources. Throws ENVIRONMENT_INSTALL. */
export function programPath(program: 'job' | 'loader' | AskableProgram): string {
  const [installed, built] = ['../../workers', '../../dist/workers'].map((directory) =>
    fileURLToPath(new URL(`${directory}/${program}.js`, import.meta.url)),
  );
  const path = [installed, built].find((candidate) => candidate !== undefined && existsSync(candidate));
  if (path !== undefined) return path;
  throw new IncubateError('ENVIRONMENT_INSTALL', `the worker program ${installed} is missing`, {
    hint: 'Install incubate again, or run `npm run build` in a checkout.',
  });
}
