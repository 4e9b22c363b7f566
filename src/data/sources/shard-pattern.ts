import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { IncubateError } from '../../util/errors.ts';
import { readError } from './file-error.ts';

/** More shards than any data set has: a mistyped pattern must not fill the memory. */
const MOST = 100_000;

/** Whether a path that does not exist may be a pattern. */
export function isPattern(place: string): boolean {
  return /\{[^{}]*(?:\.\.|,)[^{}]*\}|[*?]/.test(place);
}

/**
 * The files that a pattern stands for: `{000..009}` counts with leading zeros, `{a,b}` lists, and `*` and `?` in the file's
 * name match what is there.
 *
 * @throws DATA_FORMAT where it stands for too many files, DATA_FILE where one that it names is not there, DATA_EMPTY where
 * nothing matches.
 */
export async function expandPattern(pattern: string): Promise<string[]> {
  const found = await Promise.all(
    expandBraces(pattern).map(async (path) => {
      if (!/[*?]/.test(basename(path))) {
        await stat(path).catch((error: unknown) => {
          throw readError(path, error);
        });
        return [path];
      }
      const directory = dirname(path);
      const names = await readdir(directory).catch((error: unknown) => {
        throw readError(directory, error);
      });
      const matching = wildcard(basename(path));
      return names
        .filter((name) => matching.test(name))
        .sort()
        .map((name) => join(directory, name));
    }),
  );
  const paths = found.flat();
  if (paths.length > 0) return paths;
  throw new IncubateError('DATA_EMPTY', `no file matches ${pattern}`, { hint: 'Check the folder and the pattern.' });
}

/** `a{0..2}{x,y}` → a0x a0y a1x …: the first braces change slowest. */
function expandBraces(pattern: string): string[] {
  const match = /^([^{}]*)\{([^{}]*)\}(.*)$/s.exec(pattern);
  if (!match) return [pattern];
  const [, before = '', inside = '', after = ''] = match;
  const choices = alternatives(inside);
  const rest = choices === null ? [] : expandBraces(after);
  if (choices === null) {
    throw new IncubateError('DATA_FORMAT', `{${inside}} in ${pattern} is neither a range nor a list`, {
      hint: 'For example shard-{000000..000009}.tar or {train,val}-0.tar.',
    });
  }
  if (choices.length * rest.length > MOST) {
    throw new IncubateError('DATA_FORMAT', `${pattern} stands for more than ${MOST} files`, {
      hint: 'Check the numbers in the braces.',
    });
  }
  return choices.flatMap((choice) => rest.map((end) => `${before}${choice}${end}`));
}

function alternatives(inside: string): string[] | null {
  const range = /^(\d{1,9})\.\.(\d{1,9})$/.exec(inside);
  if (!range) return inside.includes(',') ? inside.split(',') : null;
  const [first = '', last = ''] = range.slice(1);
  const count = Math.min(MOST + 1, Number(last) - Number(first) + 1);
  if (count < 1) return null;
  return Array.from({ length: count }, (_, index) => String(Number(first) + index).padStart(first.length, '0'));
}

function wildcard(pattern: string): RegExp {
  const escaped = pattern.replaceAll(/[\\^$.+()[\]{}|]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'su');
}
