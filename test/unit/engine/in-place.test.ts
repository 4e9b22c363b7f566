import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { overwritableState } from '../../../src/engine/in-place.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import type { Program } from '../../../src/engine/program.ts';
import { traceProgram } from '../../../src/engine/trace.ts';
import { stepPrograms, stepSettings } from '../../../src/training/stepper.ts';
import { float32 } from '../../../src/util/tensor.ts';
import { jobs, tinyConfig, tinyJob } from '../../support/tiny.ts';

const square = { dtype: 'float32', shape: [2, 2] } as const;

function program(body: (a: tf.Tensor, b: tf.Tensor) => { state: tf.TensorContainerObject; outputs?: object }): Program {
  return {
    name: 'example',
    state: { a: square, b: square },
    feeds: {},
    body(state) {
      const { state: next, outputs = {} } = body(state.a as tf.Tensor, state.b as tf.Tensor);
      return { state: next as Record<string, tf.Tensor>, outputs: outputs as Record<string, tf.Tensor> };
    },
  };
}

/** Programs, and the state that may be written over, with a and b after two steps from 1 … 4 and 5 … 8. */
const cases: [string, Program, string[], { a: number[]; b: number[] }][] = [
  [
    'elementwise updates',
    program((a, b) => ({ state: { a: tf.add(a, b), b: tf.mul(b, 2) } })),
    // b is read for a as well, at any time.
    ['a'],
    { a: [16, 20, 24, 28], b: [20, 24, 28, 32] },
  ],
  [
    'an exchange',
    program((a, b) => ({ state: { a: tf.neg(b), b: tf.neg(a) } })),
    [],
    { a: [1, 2, 3, 4], b: [5, 6, 7, 8] },
  ],
  [
    'products',
    program((a, b) => ({ state: { a: tf.add(tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D), 1) } })),
    [],
    { a: [262, 305, 578, 673], b: [5, 6, 7, 8] },
  ],
  [
    'an output that reads later',
    program((a, b) => ({ state: { a: tf.add(a, 1) }, outputs: { sum: tf.sum(tf.mul(a, b)) } })),
    [],
    { a: [3, 4, 5, 6], b: [5, 6, 7, 8] },
  ],
  [
    'a view that is read later',
    program((a, b) => ({
      state: { a: tf.add(a, 1) },
      outputs: { view: tf.sum(tf.matMul(tf.reshape(a, [1, 4]), tf.reshape(b, [4, 1]))) },
    })),
    [],
    { a: [3, 4, 5, 6], b: [5, 6, 7, 8] },
  ],
];

describe('state in place', () => {
  it.each(cases)('of %s', async (_name, example, overwritable, expected) => {
    expect([...overwritableState(traceProgram(example))]).toEqual(overwritable);
    const engine = createOnnxEngine({ threads: 2 });
    const executable = await engine.compile(example);
    const state = engine.createState({
      a: float32(Float32Array.of(1, 2, 3, 4), [2, 2]),
      b: float32(Float32Array.of(5, 6, 7, 8), [2, 2]),
    });
    const first = await state.read();
    await executable.run(state, {});
    await executable.run(state, {});
    const { a, b } = await state.read();
    expect({ a: [...(a?.data ?? [])], b: [...(b?.data ?? [])] }).toEqual(expected);
    // What was read before keeps its values.
    expect([...(first.a?.data ?? [])]).toEqual([1, 2, 3, 4]);
    executable.dispose();
  });

  it.each([1, 2])('holds for parameters and slots of a training step in %i micro-batches', (accumulate) => {
    const config = tinyConfig({ training: { accumulate } });
    const { network, phase } = tinyJob(jobs.middle, config);
    const settings = stepSettings({ name: 'step', network, phase, config });
    const names = stepPrograms(settings).map((step) => [...overwritableState(traceProgram(step.program))].sort());
    const slots = ['m', 'parameters', 'v'];
    expect(names).toEqual(accumulate === 1 ? [slots] : [['gradient'], slots]);
  });
});
