import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readSweep } from '../../../src/config/sweep.ts';

const folder = mkdtempSync(join(tmpdir(), 'incubate sweep 🐣 '));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function matrixFile(content: string): string {
  files += 1;
  const path = join(folder, `matrix ${files}.yaml`);
  writeFileSync(path, content);
  return path;
}

/** Points as their labels and settings. */
async function pointsOf(sources: Parameters<typeof readSweep>[0]) {
  const points = await readSweep(sources);
  return points.map(({ label, assignments }) => [
    label,
    Object.fromEntries(assignments.map(({ key, value }) => [key, value])),
  ]);
}

describe('--vary', () => {
  it('gives every combination, of which the first named changes slowest', async () => {
    expect(await pointsOf({ vary: ['data.trainLimit=100%,50%', 'seed=0, 1'] })).toEqual([
      ['data.trainLimit=100-seed=0', { 'data.trainLimit': '100%', seed: 0 }],
      ['data.trainLimit=100-seed=1', { 'data.trainLimit': '100%', seed: 1 }],
      ['data.trainLimit=50-seed=0', { 'data.trainLimit': '50%', seed: 0 }],
      ['data.trainLimit=50-seed=1', { 'data.trainLimit': '50%', seed: 1 }],
    ]);
  });

  it('takes lists, nothing and texts as values', async () => {
    expect(await pointsOf({ vary: ['division.depths=[4,4],[2,6]'] })).toEqual([
      ['division.depths=4-4', { 'division.depths': [4, 4] }],
      ['division.depths=2-6', { 'division.depths': [2, 6] }],
    ]);
    expect(await pointsOf({ vary: ['data.trainLimit=null,500'] })).toEqual([
      ['data.trainLimit=null', { 'data.trainLimit': null }],
      ['data.trainLimit=500', { 'data.trainLimit': 500 }],
    ]);
    expect(await pointsOf({ vary: ['data.source=/data/some set,shapes'] })).toEqual([
      ['data.source=data-some-set', { 'data.source': '/data/some set' }],
      ['data.source=shapes', { 'data.source': 'shapes' }],
    ]);
  });

  it.each([
    ['nothing to vary', [], 'USAGE_SWEEP', 'varies nothing'],
    ['no values', ['seed='], 'USAGE_VARY', 'has no list of values'],
    ['no key', ['=1,2'], 'USAGE_VARY', "'=1,2'"],
    ['no equals sign', ['seed'], 'USAGE_VARY', "'seed'"],
    ['an empty value', ['seed=0,,1'], 'USAGE_VARY', 'has no list of values'],
    ['what is no list', ['seed=[0,1'], 'USAGE_VARY', 'has no list of values'],
    ['an unknown setting', ['sead=0,1'], 'CONFIG_KEY', "unknown setting 'sead' (--vary)"],
    ['a section', ['model=a,b'], 'CONFIG_KEY', "'model' is a section"],
    ['a wrong value', ['seed=0,one'], 'CONFIG_VALUE', 'seed is "one" (--vary)'],
    ['a setting twice', ['seed=0,1', 'seed=2'], 'USAGE_SWEEP', 'seed is varied twice'],
    ['a value twice', ['seed=0,0'], 'USAGE_SWEEP', 'two runs would be named …-seed=0'],
    [
      'two values of one name',
      ['data.trainLimit=50,50%'],
      'USAGE_SWEEP',
      '{"data.trainLimit":50} and {"data.trainLimit":"50%"}',
    ],
    ['several mistakes', ['seed=x', 'sead=1'], 'CONFIG', '2 problems'],
  ])('refuses %s', async (_, vary, code, message) => {
    await expect(readSweep({ vary })).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });
});

describe('a matrix file', () => {
  it('has lists of values and names for settings that go together', async () => {
    const matrix = matrixFile(`
budget:
  short: { phases: { meta: { epochs: 4 }, finetune: { epochs: 2 } } }
  long:
    phases:
      meta: { epochs: 40 }
seed: [3, 5]
`);
    const short = { 'phases.meta.epochs': 4, 'phases.finetune.epochs': 2 };
    expect(await pointsOf({ matrix, vary: ['training.mixup=0'] })).toEqual([
      ['budget=short-seed=3-training.mixup=0', { ...short, seed: 3, 'training.mixup': 0 }],
      ['budget=short-seed=5-training.mixup=0', { ...short, seed: 5, 'training.mixup': 0 }],
      ['budget=long-seed=3-training.mixup=0', { 'phases.meta.epochs': 40, seed: 3, 'training.mixup': 0 }],
      ['budget=long-seed=5-training.mixup=0', { 'phases.meta.epochs': 40, seed: 5, 'training.mixup': 0 }],
    ]);
  });

  it.each([
    ['a list', '- seed', 'CONFIG_MATRIX', 'is not a mapping'],
    ['nothing', '', 'CONFIG_MATRIX', 'is not a mapping'],
    ['an empty list', 'seed: []', 'CONFIG_MATRIX', 'seed'],
    ['an empty mapping', 'budget: {}', 'CONFIG_MATRIX', 'budget'],
    ['a single value', 'seed: 3', 'CONFIG_MATRIX', 'seed'],
    ['names without settings', 'budget: { short: 3 }', 'CONFIG_MATRIX', 'budget'],
    ['an unknown setting', 'x: [1]', 'CONFIG_KEY', "'x'"],
    ['an unknown setting of a name', 'a:\n  b: { model: { widht: 3 } }', 'CONFIG_KEY', 'line 2'],
    ['a wrong value', 'seed: [a]', 'CONFIG_VALUE', 'line 1'],
    ['what is no YAML', 'seed: [', 'CONFIG_SYNTAX', 'yaml:1:'],
    ['a setting of a name and by itself', 'a:\n  b: { seed: 3 }\nseed: [1]', 'USAGE_SWEEP', 'seed is varied twice'],
  ])('with %s is refused', async (_, content, code, message) => {
    const matrix = matrixFile(content);
    await expect(readSweep({ matrix })).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it('that is not there is refused', async () => {
    await expect(readSweep({ matrix: join(folder, 'nope.yaml') })).rejects.toMatchObject({ code: 'CONFIG_FILE' });
  });
});
