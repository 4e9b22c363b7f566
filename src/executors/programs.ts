import { packagePath } from '../util/package.ts';

/** Programs in `workers/` that answer one question and exit. */
export type AskableProgram = 'estimate' | 'eval' | 'probe';

/** Path of a built program of `workers/`. Throws ENVIRONMENT_INSTALL. */
export function programPath(program: 'job' | 'loader' | AskableProgram): string {
  return packagePath(`dist/programs/${program}.js`);
}
