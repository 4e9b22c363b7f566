import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import type { OnnxState } from '../../../src/engine/onnx-state.ts';
import type { Program } from '../../../src/engine/program.ts';
import { evaluateLogits } from '../../../src/tasks/classification.ts';
import { evaluateProgram } from '../../../src/training/evaluate-program.ts';
import { flatten } from '../../../src/training/layout.ts';
import { createStepper } from '../../../src/training/stepper.ts';
import { float32, type HostTensor, int32, uint8 } from '../../../src/util/tensor.ts';
import { expectAllClose, programOf, runOn } from '../../support/compare-engines.ts';
import { rowsByName } from '../../support/lowering-pairs.ts';
import { jobs, runSteps, tinyBatch, tinyConfig, tinyJob, tinyResnet } from '../../support/tiny.ts';
import { webgpuTest } from '../../support/webgpu.ts';

const cpu = () => createOnnxEngine({ threads: 1 });
const webgpu = (deviceOnly = false) => createOnnxEngine({ threads: 1, provider: 'webgpu', deviceOnly });
const vector = (...numbers: number[]) => float32(Float32Array.from(numbers));

/** Everything that a step may hold: mixing, stochastic depth, clipping. */
const full = {
  training: { mixup: 0.8, cutmix: 1 },
  phases: Object.fromEntries(
    ['meta', 'incubate', 'finetune'].map((phase) => [phase, { epochs: 1, dropPath: 0.2, clip: 0.5 }]),
  ),
};

describe('training on the WebGPU provider', () => {
  const variants: [string, object, object?][] = [
    ['1 micro-batch', {}],
    ['2 micro-batches', { accumulate: 2 }],
    ['recomputed blocks', { recompute: true }],
    ['residual network', {}, tinyResnet],
    ['residual network in micro-batches', { accumulate: 2 }, tinyResnet],
    ['residual network, recomputed', { recompute: true }, tinyResnet],
  ];
  for (const [variant, settings, model = {}] of variants) {
    for (const job of Object.values(jobs)) {
      webgpuTest(`has the losses of cpu over 5 steps: ${job.id}, ${variant}`, async () => {
        const tiny = tinyJob(job, tinyConfig({ ...full, model, training: { ...full.training, ...settings } }));
        const [expected, found] = [await runSteps(cpu(), tiny, 5), await runSteps(webgpu(), tiny, 5)];
        for (const [step, loss] of expected.losses.entries()) {
          expect(Number.isFinite(loss)).toBe(true);
          expect(Math.abs((found.losses[step] as number) - loss)).toBeLessThan(1e-4);
        }
        expect(new Set(expected.losses).size).toBe(5);
        const [frozen, untouched] = [found, expected].map(({ tensors }) => tensors.frozen?.data);
        expect(frozen).toEqual(untouched);
      });
    }
  }

  webgpuTest('leaves no node of a training step to the processor', async () => {
    for (const [job, recompute, model] of [
      [jobs.meta, false, {}],
      [jobs.middle, false, {}],
      [jobs.finetune, false, {}],
      [jobs.finetune, true, {}],
      [jobs.middle, false, tinyResnet],
      [jobs.finetune, true, tinyResnet],
    ] as const) {
      const tiny = tinyJob(job, tinyConfig({ ...full, model, training: { ...full.training, recompute } }));
      const stepper = await createStepper(webgpu(true), tiny);
      expect(stepper.flops).toBeGreaterThan(0);
      stepper.dispose();
    }
  });

  webgpuTest('and none of an evaluation', async () => {
    for (const job of [jobs.meta, jobs.middle, jobs.finetune]) {
      const { network, config } = tinyJob(job, tinyConfig());
      const executable = await webgpu(true).compile(evaluateProgram(job.id, network, config, 8));
      expect(executable.cost.flops).toBeGreaterThan(0);
      executable.dispose();
    }
  });

  webgpuTest('has the sums of cpu in an evaluation', async () => {
    const { network, config, layouts, initial } = tinyJob(jobs.middle, tinyConfig());
    const { images, labels } = tinyBatch(config, 0);
    const feeds = {
      images: uint8(images, [8, 8, 8, 3]),
      labels: int32(labels),
      weights: float32(Float32Array.of(1, 1, 1, 1, 1, 1, 1, 0)),
    };
    const sums = [];
    for (const engine of [cpu(), webgpu(true)]) {
      const executable = await engine.compile(evaluateProgram('module-1', network, config, 8));
      const state = engine.createState({
        parameters: flatten(layouts.trained, initial),
        frozen: flatten(layouts.frozen, initial),
      });
      sums.push(await executable.run(state, feeds));
      executable.dispose();
      state.dispose();
    }
    const [expected, found] = sums as [Record<string, HostTensor>, Record<string, HostTensor>];
    expect(expected.count?.data[0]).toBe(7);
    expect(Object.keys(found).sort()).toEqual(['count', 'loss', 'top1', 'top5']);
    for (const name of ['count', 'top1', 'top5']) expect(found[name], name).toEqual(expected[name]);
    expect(Math.abs((found.loss?.data[0] as number) - (expected.loss?.data[0] as number))).toBeLessThan(1e-4);
  });

  webgpuTest('counts scores that are not finite as wrong', async () => {
    const [nan, infinite] = [Number.NaN, Number.POSITIVE_INFINITY];
    const rows = [
      [9, 1, 2],
      [nan, 1, 2],
      [infinite, 1, 2],
      [9, -infinite, 2],
      [3e38, 1, 2],
    ];
    const engine = webgpu(true);
    const executable = await engine.compile({
      name: 'evaluate',
      state: {},
      feeds: { logits: { dtype: 'float32', shape: [5, 3] }, labels: { dtype: 'int32', shape: [5] } },
      body(_, { logits, labels }) {
        const { top1, count } = evaluateLogits(logits as tf.Tensor2D, labels as tf.Tensor1D, tf.ones([5]));
        const finite = tf.isFinite(tf.cast(labels as tf.Tensor, 'int32'));
        return { state: {}, outputs: { top1, count, finite } };
      },
    });
    const feeds = { logits: float32(Float32Array.from(rows.flat()), [5, 3]), labels: int32(new Int32Array(5)) };
    expect(await executable.run(engine.createState({}), feeds)).toEqual({
      top1: float32(Float32Array.of(2), []),
      count: float32(Float32Array.of(5), []),
      finite: uint8(Uint8Array.of(1, 1, 1, 1, 1)),
    });
    executable.dispose();
  });

  webgpuTest('keeps all vectors of the state on the device', async () => {
    const tiny = tinyJob(jobs.middle, tinyConfig());
    const zeros = () => float32(new Float32Array(tiny.layouts.trained.size));
    const parameters = flatten(tiny.layouts.trained, tiny.initial);
    const frozen = flatten(tiny.layouts.frozen, tiny.initial);
    const engine = webgpu();
    const state = engine.createState({ parameters, m: zeros(), v: zeros(), frozen }) as OnnxState;
    const stepper = await createStepper(engine, tiny);
    for (const step of [0, 1]) {
      await stepper.step(state, tinyBatch(tiny.config, step), step, 1e-3);
      const locations = ['parameters', 'm', 'v', 'frozen'].map((name) => state.get(name).location);
      expect(locations).toEqual(['gpu-buffer', 'gpu-buffer', 'gpu-buffer', 'gpu-buffer']);
    }
    stepper.dispose();
    state.dispose();
  });
});

/** state x [3] is doubled, i is counted up, b stays; outputs their sum and a comparison. */
const counting: Program = {
  name: 'counting',
  state: {
    x: { dtype: 'float32', shape: [3] },
    i: { dtype: 'int32', shape: [] },
    b: { dtype: 'uint8', shape: [2] },
    kept: { dtype: 'float32', shape: [3] },
  },
  feeds: { by: { dtype: 'float32', shape: [] } },
  body: ({ x, i, b, kept }, { by }) => ({
    state: {
      x: tf.mul(x as tf.Tensor, by as tf.Tensor),
      i: tf.add(i as tf.Tensor, tf.scalar(1, 'int32')),
      // One tensor under two names, one of them unchanged.
      kept: kept as tf.Tensor,
    },
    outputs: {
      sum: tf.sum(tf.add(x as tf.Tensor, tf.cast(tf.sum(b as tf.Tensor), 'float32'))),
      large: tf.greater(x as tf.Tensor, 3),
    },
  }),
};

describe('state on the device', () => {
  webgpuTest('goes in, through steps and out again, in every type', async () => {
    const engine = webgpu();
    const given = {
      x: vector(1, 2, 3),
      i: int32(Int32Array.of(7), []),
      b: uint8(Uint8Array.of(1, 200)),
      kept: vector(4, 5, 6),
    };
    const state = engine.createState(given);
    expect(await state.read()).toEqual(given);
    const executable = await engine.compile(counting);
    const by = { by: float32(Float32Array.of(2), []) };
    const first = await executable.run(state, by);
    expect(first).toEqual({ sum: float32(Float32Array.of(609), []), large: uint8(Uint8Array.of(0, 0, 0)) });
    const second = await executable.run(state, by);
    expect(second).toEqual({ sum: float32(Float32Array.of(615), []), large: uint8(Uint8Array.of(0, 1, 1)) });
    const expected = { ...given, x: vector(4, 8, 12), i: int32(Int32Array.of(9), []) };
    expect(await state.read()).toEqual(expected);
    // Reading changes nothing, and what is written afterwards counts.
    expect(await state.read(['x'])).toEqual({ x: expected.x });
    state.write({ x: vector(0, 0, 1) });
    expect((await executable.run(state, by)).sum).toEqual(float32(Float32Array.of(604), []));
    await expect(state.read(['y'])).rejects.toMatchObject({ code: 'ENGINE_STATE' });
    executable.dispose();
    state.dispose();
  });

  webgpuTest('of another provider is refused', async () => {
    const tensors = {
      x: vector(1, 2, 3),
      i: int32(Int32Array.of(0), []),
      b: uint8(Uint8Array.of(0, 0)),
      kept: vector(0, 0, 0),
    };
    const feeds = { by: float32(Float32Array.of(2), []) };
    for (const [one, other] of [
      [cpu(), webgpu()],
      [webgpu(), cpu()],
    ] as const) {
      const executable = await one.compile(counting);
      await expect(executable.run(other.createState(tensors), feeds)).rejects.toMatchObject({ code: 'ENGINE_STATE' });
    }
  });

  webgpuTest('is given back: memory stays flat over many steps', async () => {
    const size = 1_000_000;
    const engine = webgpu();
    const state = engine.createState({ x: float32(new Float32Array(size)) });
    const executable = await engine.compile({
      name: 'grow',
      state: { x: { dtype: 'float32', shape: [size] } },
      feeds: {},
      body: ({ x }) => ({ state: { x: tf.add(x as tf.Tensor, 1) }, outputs: {} }),
    });
    for (let step = 0; step < 20; step++) await executable.run(state, {});
    const before = process.memoryUsage.rss();
    for (let step = 0; step < 200; step++) await executable.run(state, {});
    // A software adapter's buffers are in this process: 200 that were kept would be 800 MB.
    expect(process.memoryUsage.rss() - before).toBeLessThan(100e6);
    expect(((await state.read()).x as HostTensor<'float32'>).data[size - 1]).toBe(220);
  });
});

describe('a program that the provider cannot run alone', () => {
  const counting: Program = {
    name: 'counting',
    state: {},
    feeds: { x: { dtype: 'float32', shape: [4] } },
    body: (_, { x }) => ({ state: {}, outputs: { y: tf.sum(tf.cast(tf.isNaN(x as tf.Tensor), 'float32')) } }),
  };

  webgpuTest('is left to the processor in part, or refused where that is asked for', async () => {
    const executable = await webgpu().compile(counting);
    const { y } = await executable.run(webgpu().createState({}), { x: vector(1, Number.NaN, 3, 4) });
    expect(y).toEqual(float32(Float32Array.of(1), []));
    await expect(webgpu(true).compile(counting)).rejects.toMatchObject({ code: 'ENGINE_COMPILE' });
  });
});

describe('lowerings on the WebGPU provider', () => {
  for (const [name, { pairs }] of Object.entries(rowsByName)) {
    webgpuTest(`agree with simpler operations of tfjs, in value and gradients: ${name}`, async () => {
      const [engine, eager] = [webgpu(), await createEagerEngine('cpu')];
      for (const pair of fc.sample(pairs, { numRuns: 4, seed: 3 })) {
        const reference = programOf({ ...pair, body: pair.composed ?? pair.body }, true);
        const expected = await runOn(eager, reference, pair.inputs);
        expectAllClose(await runOn(engine, programOf(pair, true), pair.inputs), expected, pair.name);
      }
    });
  }
});
