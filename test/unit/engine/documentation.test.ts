import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { kernelTable, withKernelTable } from '../../../scripts/docs/kernel-table.ts';
import { kernels } from '../../../src/engine/kernels/table.ts';
import { lowerings } from '../../../src/engine/lowerings/table.ts';

const page = await readFile(join(import.meta.dirname, '../../../docs/engine.md'), 'utf8');

it('docs/engine.md lists every kernel as the code has it (npm run docs:kernels)', () => {
  expect(page).toBe(withKernelTable(page));
});

it('every kernel is in one family, and those with shapes of their own have a lowering', () => {
  const names = kernelTable().map((row) => row.split(' | ')[0]);
  expect(names.length).toBe(new Set(names).size);
  expect(Object.keys(lowerings).sort()).toEqual(Object.keys(kernels).sort());
});
