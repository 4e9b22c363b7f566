import { expect, it } from 'vitest';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { unflatten } from '../../../src/training/layout.ts';
import { createStepper } from '../../../src/training/stepper.ts';
import { initialState } from '../../../src/training/training-state.ts';
import type { HostTensor } from '../../../src/util/tensor.ts';
import { tinyBatch, tinyConfig, tinyJob, trainJob } from '../../support/tiny.ts';

/** A step's first moments by parameter, which are a tenth of the clipped gradient. */
async function clippedGradients(clip: number | null, accumulate = 1) {
  const config = tinyConfig({
    method: { name: 'dgl' },
    training: { accumulate },
    phases: { train: { epochs: 1, dropPath: 0, clip } },
  });
  const tiny = tinyJob(trainJob, config);
  const engine = createOnnxEngine({ threads: 1 });
  const state = engine.createState(initialState(tiny.layouts, tiny.initial, config.training));
  const stepper = await createStepper(engine, tiny);
  await stepper.step(state, tinyBatch(config, 0), 0, 1e-3);
  const { m } = await state.read(['m']);
  state.dispose();
  stepper.dispose();
  const tensors = Object.entries(unflatten(tiny.layouts.trained, m as HostTensor<'float32'>));
  return tensors.map(([name, { data }]) => [name, [...data].map((value) => 10 * value)] as const);
}

/** The module that a parameter of three modules of two blocks belongs to. */
function moduleOf(name: string): number {
  const auxiliary = /^auxiliary\.module-(\d)/.exec(name)?.[1];
  if (auxiliary !== undefined) return Number(auxiliary);
  const block = /^blocks\.(\d)/.exec(name)?.[1];
  if (block !== undefined) return Math.floor(Number(block) / 2);
  return /^(?:norm|head)\./.test(name) ? 2 : 0;
}

const normOf = (tensors: readonly (readonly [string, readonly number[]])[], module: number) =>
  Math.hypot(...tensors.filter(([name]) => moduleOf(name) === module).flatMap(([, values]) => values));

it.each([1, 2])('the gradient of each module is clipped by its own norm (%i micro-batches)', async (accumulate) => {
  const free = await clippedGradients(null, accumulate);
  const norms = [0, 1, 2].map((module) => normOf(free, module));
  // One module above the limit, the others below.
  const sorted = [...norms].sort((a, b) => a - b) as [number, number, number];
  const limit = (sorted[1] + sorted[2]) / 2;
  const clipped = await clippedGradients(limit, accumulate);
  for (const [module, norm] of norms.entries())
    expect(normOf(clipped, module) / Math.min(norm, limit)).toBeCloseTo(1, 4);
  for (const [at, [name, values]] of clipped.entries()) {
    if ((norms[moduleOf(name)] as number) < limit) expect(values, name).toEqual(free[at]?.[1]);
  }
});
