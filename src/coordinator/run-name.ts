import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { IncubateError } from '../util/errors.ts';

const validName = /^[\p{L}\p{N}][\p{L}\p{N} ._+@=-]{0,99}$/u;

/** Throws USAGE_RUN_NAME for what cannot be the name of a directory everywhere, or could lead out of the runs directory. */
export function checkRunName(name: string): string {
  if (validName.test(name) && !/[. ]$/.test(name)) return name;
  throw new IncubateError('USAGE_RUN_NAME', `'${name}' cannot be the name of a run`, {
    hint: 'Use up to 100 letters, digits and . _ + @ = - or spaces, beginning with a letter or digit.',
  });
}

/** `<base>-<yyyymmdd-hhmmss>` in local time, with a number behind it where that is taken. */
export function freeRunName(base: string, runsDirectory: string, now = new Date()): string {
  const pad = (value: number) => String(value).padStart(2, '0');
  const day = `${now.getFullYear()}${pad(now.getMonth() + 1)}${pad(now.getDate())}`;
  const time = `${pad(now.getHours())}${pad(now.getMinutes())}${pad(now.getSeconds())}`;
  const stem = basename(base)
    .replace(/\.ya?ml$/, '')
    .replace(/[^\w.-]+/g, '-')
    .replace(/^[^a-z0-9]+/i, '')
    .slice(0, 60);
  const name = `${stem || 'run'}-${day}-${time}`;
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name}-${number}`;
    if (!existsSync(join(runsDirectory, candidate))) return candidate;
  }
}

/** The directory that RUN on the command line means: a path where it has a separator or is one, else a name of a run. */
export function resolveRun(run: string, runsDirectory: string): string {
  const inRuns = resolve(runsDirectory, run);
  const isPath = /[/\\]/.test(run) || run === '.' || run === '..';
  if (isPath || (!existsSync(inRuns) && existsSync(join(run, 'run.json')))) return resolve(run);
  return inRuns;
}
