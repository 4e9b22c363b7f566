import { describe, expect, it } from 'vitest';
import { normalisationOf } from '../../../src/data/normalisation.ts';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import type { Engine } from '../../../src/engine/program.ts';
import { evaluateProgram } from '../../../src/training/evaluate-program.ts';
import { flatten, unflatten } from '../../../src/training/layout.ts';
import { microBatchRows } from '../../../src/training/micro-batches.ts';
import { createStepper } from '../../../src/training/stepper.ts';
import { initialState } from '../../../src/training/training-state.ts';
import { bytesOf, float32, type HostTensor, int32, uint8 } from '../../../src/util/tensor.ts';
import { plainResnet } from '../../support/plain-resnet.ts';
import {
  jobs,
  runSteps,
  type TinyJob,
  tensorCounts,
  tinyBatch,
  tinyConfig,
  tinyJob,
  tinyResnet,
} from '../../support/tiny.ts';

const job = (kind: (typeof jobs)[keyof typeof jobs], training: object = {}) =>
  tinyJob(kind, tinyConfig({ model: tinyResnet, training }));
const cpu = () => createOnnxEngine({ threads: 1 });
const engines: [string, () => Promise<Engine>][] = [
  ['cpu', async () => cpu()],
  ['tfjs-cpu', () => createEagerEngine('cpu')],
];
const statisticsIn = ({ layouts }: TinyJob, { statistics }: Record<string, HostTensor<'float32'>>) =>
  unflatten(layouts.statistics, statistics as HostTensor<'float32'>);

/** Rows of a batch as planes of normalised pixels, [image][channel][row][column]. */
function planesOf({ config }: TinyJob, rows: readonly number[]): number[][][][] {
  const { imageSize: side, channels } = config.model;
  const { mean, std } = normalisationOf(config);
  const { images } = tinyBatch(config, 0);
  const numbers = (length: number) => Array.from({ length }, (_, index) => index);
  const pixel = (row: number, c: number, i: number, j: number) =>
    ((images[((row * side + i) * side + j) * channels + c] as number) / 255 - (mean[c] as number)) / (std[c] as number);
  return rows.map((row) =>
    numbers(channels).map((c) => numbers(side).map((i) => numbers(side).map((j) => pixel(row, c, i, j)))),
  );
}

describe.each(engines)('running statistics on the engine %s', (_, open) => {
  it.each([1, 2])('move by a tenth towards those of each of %i micro-batches', async (accumulate) => {
    const tiny = job(jobs.finetune, { accumulate });
    const found = statisticsIn(tiny, (await runSteps(await open(), tiny, 1)).tensors);
    const { batchSize } = tiny.config.training;
    const batches = Array.from({ length: accumulate }, (_unused, index) =>
      microBatchRows(batchSize, accumulate, index),
    );
    const seen = batches.map((rows) => plainResnet(planesOf(tiny, rows), tiny.initial, 'batch').statistics);
    expect(Object.keys(found)).toHaveLength(2 * (seen[0]?.size ?? 0));
    for (const [name, values] of Object.entries(found)) {
      const [norm, kind] = name.split('.running_') as [string, 'mean' | 'var'];
      for (const [channel, value] of values.data.entries()) {
        let expected = tiny.initial[name]?.data[channel] as number;
        for (const statistics of seen) {
          const batch = statistics.get(norm)?.[kind === 'mean' ? 'mean' : 'variance'][channel] as number;
          expected = 0.9 * expected + 0.1 * batch;
        }
        expect(Math.abs(value - expected), `${name}[${channel}]`).toBeLessThan(1e-4 * Math.max(1, Math.abs(expected)));
      }
    }
  });

  it('are the only thing that a step of learning rate 0 moves, and as far as any other', async () => {
    const tiny = job(jobs.middle);
    const engine = await open();
    const after = async (lr: number) => {
      const state = engine.createState(initialState(tiny.layouts, tiny.initial, tiny.config.training));
      const stepper = await createStepper(engine, tiny);
      await stepper.step(state, tinyBatch(tiny.config, 0), 0, lr);
      const tensors = await state.read();
      stepper.dispose();
      state.dispose();
      return tensors;
    };
    const [still, moved] = [await after(0), await after(1e-2)];
    expect(still.statistics).toEqual(moved.statistics);
    expect(still.statistics).not.toEqual(flatten(tiny.layouts.statistics, tiny.initial));
    expect(still.parameters).toEqual(flatten(tiny.layouts.trained, tiny.initial));
    expect(moved.parameters).not.toEqual(still.parameters);
  });

  it.each([jobs.first, jobs.middle, jobs.last])(
    'of frozen slices in training mode move as the trained ones do (%o)',
    async (kind) => {
      const tiny = job(kind, { frozenSlices: 'train' });
      const { tensors } = await runSteps(await open(), tiny, 1);
      // A hybrid has every block once, so its parts make a network under their own models' names.
      const plainName = (name: string) => name.replace(/^meta\./, '');
      const weights = Object.fromEntries(
        Object.entries(tiny.initial).map(([name, tensor]) => [plainName(name), tensor]),
      );
      expect(Object.keys(weights)).toHaveLength(Object.keys(tiny.initial).length);
      const rows = Array.from({ length: tiny.config.training.batchSize }, (_unused, row) => row);
      const { statistics } = plainResnet(planesOf(tiny, rows), weights, 'batch');
      const found = statisticsIn(tiny, tensors);
      expect(Object.keys(found)).toHaveLength(2 * statistics.size);
      expect(Object.keys(found).some((name) => name.startsWith('meta.'))).toBe(true);
      for (const [name, values] of Object.entries(found)) {
        const [norm, statistic] = plainName(name).split('.running_') as [string, 'mean' | 'var'];
        const batch = statistics.get(norm)?.[statistic === 'mean' ? 'mean' : 'variance'] as number[];
        for (const [channel, value] of values.data.entries()) {
          const expected = 0.9 * (tiny.initial[name]?.data[channel] as number) + 0.1 * (batch[channel] as number);
          const tolerance = 1e-4 * Math.max(1, Math.abs(expected));
          expect(Math.abs(value - expected), `${name}[${channel}]`).toBeLessThan(tolerance);
        }
      }
      const before = flatten(tiny.layouts.frozen, tiny.initial);
      expect(Buffer.from(bytesOf(tensors.frozen as HostTensor)).equals(bytesOf(before))).toBe(true);
      expect(tiny.layouts.frozen.parameters.some(({ statistic }) => statistic)).toBe(false);
    },
  );

  it('of frozen slices in evaluation mode never move', async () => {
    for (const kind of [jobs.first, jobs.middle, jobs.last]) {
      const tiny = job(kind, { frozenSlices: 'eval' });
      const frozen = tiny.layouts.frozen.parameters.filter(({ statistic }) => statistic);
      expect(frozen.length).toBeGreaterThan(0);
      const { tensors } = await runSteps(await open(), tiny, 3);
      const before = flatten(tiny.layouts.frozen, tiny.initial);
      expect(Buffer.from(bytesOf(tensors.frozen as HostTensor)).equals(bytesOf(before))).toBe(true);
      const own = Object.keys(statisticsIn(tiny, tensors));
      expect(own.filter((name) => name.startsWith('meta.'))).toEqual([]);
    }
  });
});

it('frozen slices normalise by their running statistics, or by the batch where they are in training mode', async () => {
  const losses = async (frozenSlices: string, scale: number) => {
    const tiny = job(jobs.middle, { frozenSlices });
    const initial = Object.fromEntries(
      Object.entries(tiny.initial).map(([name, { data, shape }]) => {
        const isFrozen = name.startsWith('meta.') && name.endsWith('running_var');
        return [
          name,
          float32(
            Float32Array.from(data, (value) => (isFrozen ? value * scale : value)),
            shape,
          ),
        ];
      }),
    );
    return (await runSteps(cpu(), { ...tiny, initial }, 2)).losses;
  };
  expect(await losses('train', 1)).toEqual(await losses('train', 4));
  expect(await losses('eval', 1)).not.toEqual(await losses('eval', 4));
  expect(await losses('eval', 1)).not.toEqual(await losses('train', 1));
});

it('evaluation normalises by the running statistics and leaves them alone', async () => {
  const tiny = job(jobs.finetune);
  const engine = cpu();
  const { batchSize, ...model } = { batchSize: 8, ...tiny.config.model };
  const executable = await engine.compile(evaluateProgram('test', tiny.network, tiny.config, batchSize));
  const state = engine.createState(initialState(tiny.layouts, tiny.initial, tiny.config.training));
  const { images, labels, weights } = tinyBatch(tiny.config, 0);
  const { loss } = await executable.run(state, {
    images: uint8(images, [batchSize, model.imageSize, model.imageSize, model.channels]),
    labels: int32(labels),
    weights: float32(weights),
  });
  const rows = Array.from({ length: batchSize }, (_, row) => row);
  const { logits } = plainResnet(planesOf(tiny, rows), tiny.initial, 'running');
  const expected = logits.reduce((sum, row, at) => {
    const total = Math.log(row.reduce((powers, value) => powers + Math.exp(value), 0));
    return sum + total - (row[labels[at] as number] as number);
  }, 0);
  expect(Math.abs((loss?.data[0] as number) / expected - 1)).toBeLessThan(1e-5);
  expect((await state.read(['statistics'])).statistics).toEqual(flatten(tiny.layouts.statistics, tiny.initial));
});

it.each([{}, { recompute: true }, { accumulate: 2 }])(
  'an eager step leaves no tensor behind (%o)',
  async (training) => {
    expect(new Set(await tensorCounts(await createEagerEngine('cpu'), job(jobs.middle, training))).size).toBe(1);
  },
);

it('a batch with one value of each channel has no variance and is refused', async () => {
  const model = { ...tinyResnet, imageSize: 4 };
  const tiny = tinyJob(jobs.finetune, tinyConfig({ model, training: { batchSize: 1 } }));
  await expect(createStepper(cpu(), tiny)).rejects.toMatchObject({
    code: 'CONFIG_MODEL',
    message: expect.stringContaining('bn1'),
    hint: expect.stringContaining('training.batchSize'),
  });
});

it('two computations of 20 steps end with equal bits of all state', async () => {
  for (const kind of [jobs.meta, jobs.middle, jobs.finetune]) {
    const run = () => runSteps(createOnnxEngine({ threads: 2 }), job(kind, { mixup: 0.8 }), 20);
    const [one, other] = [await run(), await run()];
    expect(Object.keys(one.tensors)).toContain('statistics');
    expect(other.losses).toEqual(one.losses);
    for (const [name, tensor] of Object.entries(one.tensors))
      expect(Buffer.from(bytesOf(tensor)).equals(bytesOf(other.tensors[name] as HostTensor)), name).toBe(true);
  }
});
