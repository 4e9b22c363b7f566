import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { loadAddon } from '../../src/engine/torch/addon.ts';
import { thorough } from '../support/faults.ts';
import { torchTest } from '../support/torch.ts';

const program = join(import.meta.dirname, '../../dist/scripts/bench/gpu.js');
const bench = (args: readonly string[]) => execa(process.execPath, [program, ...args], { reject: false });

/** Debian's has PyTorch beside libtorch. */
const python = '/usr/bin/python3';
const hasPeer = (await execa(python, ['-c', 'import torch'], { reject: false })).exitCode === 0;

torchTest('the measurement of a GPU says so where there is none', async (_, { skip }) => {
  skip((await loadAddon()).addon.devices() > 0, 'there is a GPU');
  const { exitCode, stdout, stderr } = await bench([]);
  expect(stderr).toMatch(/^error: there is no GPU that the engine torch could use/);
  expect(stderr).toMatch(/hint: .*--device cpu --small/);
  expect([exitCode, stdout]).toEqual([4, '']);
});

torchTest('the measurement of a GPU works, tried on a processor', async (_, { skip }) => {
  skip(!thorough, 'npm run test:fault tries it');
  skip(!hasPeer, `${python} has no torch`);
  const args = ['--device', 'cpu', '--small', '--rounds', '1', '--json', '--python', python];
  const { exitCode, stdout, stderr } = await bench(args);
  expect([exitCode, stderr]).toEqual([0, '']);
  const { productFlops, rows } = JSON.parse(stdout);
  expect(productFlops).toBeGreaterThan(1e8);
  expect(rows.map(({ name }: { name: string }) => name)).toEqual([
    'tiny',
    'small',
    'small: module 0 of 2',
    'small: module 1 of 2',
  ]);
  for (const { ours, eager, share } of rows) {
    expect(share).toBeGreaterThan(0);
    for (const side of [ours, ...(eager ? [eager] : [])]) {
      expect(side.seconds).toBeGreaterThan(0);
      expect(side.peakBytes).toBeGreaterThan(50e6);
    }
  }
  expect(rows.filter(({ eager }: { eager: object | null }) => eager !== null)).toHaveLength(2);
});

test('the measurement of a GPU refuses what it does not know', async () => {
  const { exitCode, stderr } = await bench(['--device', 'tpu']);
  expect(stderr).toMatch(/--device tpu: cuda or cpu/);
  expect(exitCode).toBe(1);
});
