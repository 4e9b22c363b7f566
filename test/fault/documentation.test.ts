import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { liveFaults, restFaults } from '../../scripts/soak/schedule.ts';

const root = join(import.meta.dirname, '../..');
const text = readFileSync(join(root, 'docs/reliability.md'), 'utf8');

it('every file that docs/reliability.md names as a proof exists, and every file of this suite is named', () => {
  const named = [...text.matchAll(/`((?:test|scripts|src)\/[\w./-]+)`/g)].map(([, path]) => path as string);
  expect(named.length).toBeGreaterThan(15);
  for (const path of named) expect(existsSync(join(root, path)), path).toBe(true);
  for (const file of readdirSync(import.meta.dirname)) expect(named).toContain(`test/fault/${file}`);
});

it('every kind of fault of the soak has its figure', () => {
  for (const kind of [...liveFaults, ...restFaults])
    expect(text).toMatch(new RegExp(`^\\| \`${kind}\` \\| \\d+ \\|`, 'm'));
});
