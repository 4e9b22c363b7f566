import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ExitCode } from '../../../src/util/errors.ts';

const root = join(import.meta.dirname, '../../..');
const page = await readFile(join(root, 'docs/errors.md'), 'utf8');

/** Every string literal in the sources that reads as an error code. */
async function usedCodes(): Promise<string[]> {
  const families = 'TRAINING|USAGE|CONFIG|ENVIRONMENT|ENGINE|LOCKED|RUN|CHECKPOINT|DATA|RETRY';
  const literal = new RegExp(`'((?:${families})(?:_[A-Z_]+)?)'`, 'g');
  const codes = new Set<string>();
  for (const directory of ['src', 'workers']) {
    const files = await readdir(join(root, directory), { recursive: true });
    for (const file of files.filter((name) => name.endsWith('.ts'))) {
      const source = await readFile(join(root, directory, file), 'utf8');
      for (const [, code] of source.matchAll(literal)) codes.add(code as string);
    }
  }
  return [...codes].sort();
}

it('docs/errors.md lists exactly the codes that are used', async () => {
  const documented = [...page.matchAll(/^\| `([A-Z_]+)` \| .+ \| .+ \|$/gm)].map((match) => match[1]);
  expect(documented.sort()).toEqual(await usedCodes());
});

it('docs/errors.md lists every exit status', () => {
  const statuses = [...page.matchAll(/^\| (\d[\d, ]*) \|/gm)].flatMap((match) => (match[1] ?? '').split(', '));
  const byNumber = (a: number, b: number) => a - b;
  expect(statuses.map(Number).sort(byNumber)).toEqual(Object.values(ExitCode).sort(byNumber));
});
