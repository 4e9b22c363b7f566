import { describe, expect, it } from 'vitest';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import type { Engine } from '../../../src/engine/program.ts';
import { taskOf } from '../../../src/tasks/task.ts';
import { flatten, unflatten } from '../../../src/training/layout.ts';
import { parameterState } from '../../../src/training/network-layouts.ts';
import { stepSettings } from '../../../src/training/stepper.ts';
import { accumulateProgram } from '../../../src/training/train-programs.ts';
import { randomStream } from '../../../src/util/random.ts';
import { float32, type HostTensor } from '../../../src/util/tensor.ts';
import { thorough } from '../../support/faults.ts';
import {
  type Job,
  jobs,
  tinyConfig,
  tinyGpt,
  tinyGru,
  tinyJob,
  tinyLstm,
  tinyResnet,
  tinySamples,
} from '../../support/tiny.ts';

/**
 * Halves of the distances that differences are taken over, and what rounding adds to them. Where a kink of a ReLU is near,
 * a difference across it is off whatever the gradient, so one of several distances must do.
 */
const families = [
  { family: 'vision transformer', model: {}, widths: [5e-3], rounding: 2e-4 },
  { family: 'decoder', model: tinyGpt, widths: [5e-3], rounding: 2e-4 },
  { family: 'LSTM', model: tinyLstm, widths: [5e-3], rounding: 2e-4 },
  { family: 'GRU', model: tinyGru, widths: [5e-3], rounding: 2e-4 },
  { family: 'residual network', model: tinyResnet, widths: [5e-4, 2e-4, 2e-3], rounding: 1e-3 },
] as const;

/** Loss and flat gradient of one batch at given flat parameters. */
async function differentiable(engine: Engine, job: Job, model = {}) {
  const config = tinyConfig({ model, training: { batchSize: 4 } });
  const tiny = tinyJob(job, config);
  const { trained } = tiny.layouts;
  const program = await engine.compile(accumulateProgram(stepSettings(tiny)));
  const feeds = taskOf(config).drawFeeds(tinySamples(config, 1), { seed: 0, stream: job.id, step: 0 });
  const evaluate = async (parameters: HostTensor<'float32'>) => {
    const gradientBefore = float32(new Float32Array(trained.size));
    const before = parameterState(tiny.layouts, tiny.initial);
    const state = engine.createState({ ...before, parameters, gradient: gradientBefore });
    const outputs = await program.run(state, {
      ...feeds,
      carry: float32(Float32Array.of(0), []),
    });
    const { gradient } = await state.read(['gradient']);
    state.dispose();
    return { loss: outputs.loss?.data[0] as number, gradient: gradient as HostTensor<'float32'> };
  };
  return { trained, start: flatten(trained, tiny.initial), evaluate };
}

describe.each([
  ['cpu', () => createOnnxEngine({ threads: 1 }), Object.values(jobs)],
  ['tfjs-cpu', () => createEagerEngine('cpu'), thorough ? Object.values(jobs) : [jobs.middle]],
] as const)('gradients on the engine %s', (_, open, kinds) => {
  const cases = families.flatMap((family) => kinds.map((job) => ({ ...family, id: job.id, job })));
  it.each(cases)('of $id ($family) agree with finite differences', async ({ job, model, widths, rounding }) => {
    const { trained, start, evaluate } = await differentiable(await open(), job, model);
    const { gradient } = await evaluate(start);
    const names = trained.parameters.map(({ name }) => name);
    for (const name of names) {
      // Along the gradient itself the slope is its norm, which keeps rounding small against the difference.
      const direction = float32(new Float32Array(trained.size));
      const slice = unflatten(trained, direction)[name]?.data as Float32Array;
      slice.set(unflatten(trained, gradient)[name]?.data as Float32Array);
      const norm = Math.hypot(...slice);
      if (norm < 1e-7) {
        // A bias of the keys shifts all scores of a query alike, so only parts of a gradient may vanish, never all of it.
        throw new Error(`${name} has no gradient`);
      }
      const shifted = (distance: number) =>
        evaluate(
          float32(start.data.map((value, index) => value + (distance * (direction.data[index] as number)) / norm)),
        );
      let difference = Number.POSITIVE_INFINITY;
      for (const width of widths) {
        const slope = ((await shifted(width)).loss - (await shifted(-width)).loss) / (2 * width);
        difference = Math.min(difference, Math.abs(slope - norm));
        if (difference < 0.02 * norm + rounding) break;
      }
      expect(difference, name).toBeLessThan(0.02 * norm + rounding);
    }
  });
});

describe('the gradient of a frozen-upstream module', () => {
  it('depends on the downstream slices that it passes through', async () => {
    const engine = createOnnxEngine({ threads: 1 });
    const { start, evaluate } = await differentiable(engine, jobs.middle);
    const { gradient } = await evaluate(start);
    const stream = randomStream(0, 'other');
    const elsewhere = await evaluate(float32(start.data.map((value) => value + 0.05 * stream.normal())));
    expect(Math.hypot(...gradient.data)).toBeGreaterThan(0);
    expect([...elsewhere.gradient.data]).not.toEqual([...gradient.data]);
  });
});
