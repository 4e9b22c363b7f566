import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { evaluateProgram } from '../../../src/training/evaluate-program.ts';
import { flatten } from '../../../src/training/layout.ts';
import { createStepper } from '../../../src/training/stepper.ts';
import { float32, int32, uint8 } from '../../../src/util/tensor.ts';
import { jobs, tinyBatch, tinyConfig, tinyJob } from '../../support/tiny.ts';

const held = () => {
  const { numTensors, numDataBuffers, numBytes } = tf.memory();
  return { numTensors, numDataBuffers, numBytes };
};
const dropping = { epochs: 1, dropPath: 0.2, clip: 0.5 };

describe.each([
  ['tfjs-cpu', () => createEagerEngine('cpu')],
  ['cpu', async () => createOnnxEngine({ threads: 1 })],
])('tensors of tfjs while the engine %s trains', (name, open) => {
  it.each([
    ['one program', {}],
    ['accumulation', { accumulate: 2 }],
    ['recomputed blocks', { recompute: true }],
  ])('are as many after every step, and none in the end: %s', async (_, training) => {
    const engine = await open();
    await tf.setBackend('cpu');
    const tiny = tinyJob(
      jobs.middle,
      tinyConfig({ training: { mixup: 0.8, cutmix: 1, ...training }, phases: { incubate: dropping } }),
    );
    const { layouts, initial, config, network } = tiny;
    const before = held();
    const zeros = () => float32(new Float32Array(layouts.trained.size));
    const state = engine.createState({
      parameters: flatten(layouts.trained, initial),
      frozen: flatten(layouts.frozen, initial),
      m: zeros(),
      v: zeros(),
      gradient: zeros(),
    });
    const stepper = await createStepper(engine, tiny);
    const evaluation = await engine.compile(evaluateProgram('module-1', network, config, 8));
    const started = held();
    expect(started.numTensors - before.numTensors).toBe(name === 'cpu' ? 0 : 5);
    for (let step = 0; step < 12; step++) {
      const batch = tinyBatch(config, step);
      await stepper.step(state, batch, step, 1e-3);
      await evaluation.run(state, {
        images: uint8(batch.images, [8, 8, 8, 3]),
        labels: int32(batch.labels),
        weights: float32(batch.weights),
      });
      await state.read();
      expect(held(), `step ${step}`).toEqual(started);
    }
    stepper.dispose();
    evaluation.dispose();
    state.dispose();
    expect(held()).toEqual(before);
  });
});
