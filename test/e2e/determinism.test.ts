import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { thorough } from '../support/faults.ts';
import { type TrainTask, trainInProcess } from '../support/train-process.ts';

/** This project's documentation, of which as many sequences are read as there are images. */
const text = {
  source: fileURLToPath(new URL('../../docs', import.meta.url)),
  format: 'text',
  trainLimit: 200,
  validationLimit: 32,
};

/**
 * Model families: a new one is a further entry. Large enough that operators share their work among threads, with all that
 * draws random numbers switched on.
 */
const families: Record<string, { readonly model: object; readonly division: object; readonly data?: object }> = {
  vit: {
    model: { name: 'vit-tiny', width: 96, heads: 3, depth: 6, patch: 4, imageSize: 16 },
    division: { modules: 3 },
  },
  resnet: {
    model: { name: 'resnet-20', width: 8, depth: 9, imageSize: 16 },
    division: { modules: 3 },
  },
  gpt: {
    model: { name: 'gpt-nano', width: 96, heads: 3, depth: 6, context: 16 },
    division: { modules: 3 },
    data: text,
  },
  lstm: {
    model: { name: 'lstm', width: 64, depth: 6, context: 12 },
    division: { modules: 3 },
    data: text,
  },
};

const jobs = [
  { id: 'meta', kind: 'meta' },
  { id: 'module-1', kind: 'module', module: 1 },
  { id: 'finetune', kind: 'finetune' },
];
/** Methods with a step of their own; no family of text has heads for local losses. */
const methods: readonly (readonly [string, TrainTask['job']])[] = [
  ['infopro', { id: 'train', kind: 'train' }],
  ['dgl', { id: 'train', kind: 'train' }],
  ['imitation', { id: 'module-1', kind: 'module', module: 1 }],
];

const phase = { epochs: 9, warmupEpochs: 1, dropPath: 0.2, clip: 0.5 };
const STEPS = 20;

/** 20 steps are three epochs and a part of the fourth. */
const configOf = (family: string, training: object = {}) => ({
  ...families[family],
  data: { shapes: { train: 192, validation: 32 }, padding: 1, ...families[family]?.data },
  training: { batchSize: 32, referenceBatch: null, ...training },
  phases: { meta: phase, incubate: phase, finetune: phase, train: phase },
});

/** Equal reports of two processes that run side by side, in all that they tell. */
async function expectEqual(task: TrainTask) {
  const [first, second] = await Promise.all([trainInProcess(task), trainInProcess(task)]);
  expect(second).toEqual(first);
  expect(first.done).toBe(STEPS);
  expect(first.evaluation).not.toBeNull();
  // They were trained, all parameters of them, and no two tensors are alike by mistake.
  const before = new Map(first.initial);
  const after = new Map(first.final);
  const parameters = [...after.keys()].filter((path) => path.startsWith('/parameters/'));
  expect(parameters.length).toBeGreaterThan(7);
  for (const path of parameters) expect(after.get(path), path).not.toBe(before.get(path.slice('/parameters'.length)));
  for (const slots of ['/m/', '/v/']) {
    const paths = [...after.keys()].filter((path) => path.startsWith(slots));
    expect(paths.length, slots).toBe(parameters.length);
  }
  // But for the two biases of an LSTM's layer, which have the same gradient.
  const distinct = [...after].filter(([path]) => !/^\/[mv]\/.*\.bias_hh/.test(path)).map(([, hash]) => hash);
  expect(new Set(distinct).size).toBe(distinct.length);
  return after;
}

describe.each(Object.keys(families))('%s: two processes have equal SHA-256 of all state after 20 steps', (family) => {
  const seen = new Set<string | undefined>();
  /** Of all families one job, of one the methods; the rest is left to `npm run test:fault`. */
  const isTried = thorough || family === 'vit';

  for (const threads of thorough ? [1, 2] : [2]) {
    it.each(thorough ? jobs : jobs.slice(-1))(`$id, threads: ${threads}`, async (job) => {
      const final = await expectEqual({ config: configOf(family), job, threads, steps: STEPS });
      const [[, hash] = []] = [...final];
      if (threads === 2) {
        expect(seen).not.toContain(hash);
        seen.add(hash);
      }
    });
  }

  it.runIf(thorough).each([
    ['micro-batches', { accumulate: 2 }],
    ['recomputed blocks', { recompute: true }],
  ])('module-1, threads: 2, %s', async (_, training) => {
    const job = { id: 'module-1', kind: 'module', module: 1 };
    await expectEqual({ config: configOf(family, training), job, threads: 2, steps: STEPS });
  });

  const possible = methods
    .filter(([name]) => name === 'imitation' || !families[family]?.data)
    .filter(([name]) => thorough || name === 'infopro');
  it.runIf(isTried).each(possible)('%s, threads: 2', async (name, job) => {
    await expectEqual({ config: { ...configOf(family), method: { name } }, job, threads: 2, steps: STEPS });
  });
});
