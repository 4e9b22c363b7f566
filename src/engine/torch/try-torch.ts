import * as tf from '@tensorflow/tfjs-core';
import { type OtherPrecision, otherPrecisions, type Precision } from '../../config/precision.ts';
import { float32 } from '../../util/tensor.ts';
import type { Engine } from '../program.ts';
import { loadAddon } from './addon.ts';
import { createTorchEngine } from './torch-engine.ts';

/** What PyTorch was seen to do here. */
export interface TriedTorch {
  readonly version: string;
  /** GPUs that it computes on; of several, programs use the first. */
  readonly gpus: number;
  readonly precisions: OtherPrecision[];
}

/** Multiplies matrices where the engine torch would compute. @throws Error that says why it does not work. */
export async function tryTorch(threads = 1): Promise<TriedTorch> {
  const { addon } = await loadAddon();
  const engine = await createTorchEngine({ threads });
  await multiply(engine, 'fp32');
  const precisions: OtherPrecision[] = [];
  for (const precision of otherPrecisions) {
    if (precision === 'tf32' && addon.devices() === 0) continue;
    const works = await multiply(engine, precision).then(
      () => true,
      () => false,
    );
    if (works) precisions.push(precision);
  }
  return { version: addon.version, gpus: addon.devices(), precisions };
}

async function multiply(engine: Engine, precision: Precision): Promise<void> {
  const executable = await engine.compile({
    name: `try(${precision})`,
    state: {},
    feeds: { x: { dtype: 'float32', shape: [2, 2] } },
    precision,
    body: (_, { x }) => ({ state: {}, outputs: { square: tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D) } }),
  });
  const state = engine.createState({});
  try {
    const { square } = await executable.run(state, { x: float32(Float32Array.of(1, 2, 3, 4), [2, 2]) });
    if (square?.data.join() !== '7,10,15,22') throw new Error(`it computes ${square?.data}`);
  } finally {
    state.dispose();
    executable.dispose();
  }
}
