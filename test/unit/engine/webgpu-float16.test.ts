import * as tf from '@tensorflow/tfjs-core';
import { describe, expect } from 'vitest';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import type { Program } from '../../../src/engine/program.ts';
import { flatten } from '../../../src/training/layout.ts';
import { createStepper } from '../../../src/training/stepper.ts';
import { float32, type HostTensor } from '../../../src/util/tensor.ts';
import { runOn } from '../../support/compare-engines.ts';
import { jobs, runSteps, tinyBatch, tinyConfig, tinyJob } from '../../support/tiny.ts';
import { float16Test } from '../../support/webgpu.ts';

const emulated = () => createOnnxEngine({ threads: 1, emulate: true });
/** Refuses what the adapter cannot compute. */
const webgpu = () => createOnnxEngine({ threads: 1, provider: 'webgpu', deviceOnly: true });

const config = (accumulate: number) =>
  tinyConfig({
    training: { precision: 'fp16', mixup: 0.8, cutmix: 1, accumulate },
    phases: Object.fromEntries(
      ['meta', 'incubate', 'finetune'].map((phase) => [phase, { epochs: 1, dropPath: 0.2, clip: 0.5 }]),
    ),
  });

describe('training in float16 on the WebGPU provider', () => {
  for (const accumulate of [1, 2]) {
    for (const job of Object.values(jobs)) {
      float16Test(`has the losses of its emulation over 5 steps: ${job.id}, ${accumulate} micro-batches`, async () => {
        const tiny = tinyJob(job, config(accumulate));
        const [expected, found] = [await runSteps(emulated(), tiny, 5), await runSteps(webgpu(), tiny, 5)];
        for (const [step, loss] of expected.losses.entries())
          expect(Math.abs((found.losses[step] as number) - loss)).toBeLessThan(2e-3);
        // Both skip the same steps.
        for (const name of ['lossScale', 'goodSteps'] as const)
          expect(found.tensors[name], name).toEqual(expected.tensors[name]);
        expect(found.tensors.goodSteps?.data[0]).toBeGreaterThan(0);
      });
    }
  }

  float16Test('skips a step that overflows, and only that', async () => {
    const tiny = tinyJob(jobs.finetune, config(1));
    const zeros = () => float32(new Float32Array(tiny.layouts.trained.size));
    const scalar = (value: number) => float32(Float32Array.of(value), []);
    const given = { parameters: flatten(tiny.layouts.trained, tiny.initial), m: zeros(), v: zeros() };
    const scaling = { lossScale: scalar(2 ** 60), goodSteps: scalar(7) };
    const engine = webgpu();
    const state = engine.createState({ ...given, ...scaling, biasCorrection1: scalar(0), biasCorrection2: scalar(0) });
    const stepper = await createStepper(engine, tiny);
    await stepper.step(state, tinyBatch(tiny.config, 0), 0, 1e-3);
    expect(await state.read()).toEqual({
      ...given,
      lossScale: scalar(2 ** 59),
      goodSteps: scalar(0),
      biasCorrection1: scalar(0),
      biasCorrection2: scalar(0),
    });
    state.write({ lossScale: scalar(2 ** 10) });
    await stepper.step(state, tinyBatch(tiny.config, 1), 1, 1e-3);
    const { parameters, ...rest } = (await state.read()) as Record<string, HostTensor>;
    expect(parameters?.data).not.toEqual(given.parameters.data);
    expect(parameters?.data.every(Number.isFinite)).toBe(true);
    expect([rest.lossScale?.data[0], rest.goodSteps?.data[0]]).toEqual([2 ** 10, 1]);
    stepper.dispose();
    state.dispose();
  });
});

describe('a product of many terms', () => {
  const terms = 8192;
  const program: Program = {
    name: 'product',
    state: {},
    feeds: { a: { dtype: 'float32', shape: [4, terms] }, b: { dtype: 'float32', shape: [terms, 4] } },
    precision: 'fp16',
    body: (_, { a, b }) => ({ state: {}, outputs: { y: tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D) } }),
  };

  float16Test('is summed in float32', async () => {
    const a = float32(
      Float32Array.from({ length: 4 * terms }, (_, index) => 1 + (index % 7) / 8),
      [4, terms],
    );
    const b = float32(new Float32Array(4 * terms).fill(1 / terms), [terms, 4]);
    const { y } = await runOn(webgpu(), program, { a, b });
    const [sum, share] = [a.data.subarray(0, terms).reduce((total, value) => total + value, 0), 1 / terms];
    expect(Math.abs((y?.data[0] as number) / (sum * share) - 1)).toBeLessThan(2 ** -11);
  });
});
