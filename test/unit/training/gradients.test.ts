import { describe, expect, it } from 'vitest';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import type { Engine } from '../../../src/engine/program.ts';
import { flatten, unflatten } from '../../../src/training/layout.ts';
import { stepSettings } from '../../../src/training/stepper.ts';
import { accumulateProgram } from '../../../src/training/train-programs.ts';
import { randomStream } from '../../../src/util/random.ts';
import { float32, type HostTensor, int32, uint8 } from '../../../src/util/tensor.ts';
import { CLASSES, type Job, jobs, tinyBatch, tinyConfig, tinyJob } from '../../support/tiny.ts';

const config = tinyConfig({ training: { batchSize: 4 } });

/** Loss and flat gradient of one batch at given flat parameters. */
async function differentiable(engine: Engine, job: Job) {
  const tiny = tinyJob(job, config);
  const { trained, frozen } = tiny.layouts;
  const program = await engine.compile(accumulateProgram(stepSettings(tiny, CLASSES)));
  const batch = tinyBatch(config, 0);
  const evaluate = async (parameters: HostTensor<'float32'>) => {
    const state = engine.createState({
      parameters,
      gradient: float32(new Float32Array(trained.size)),
      ...(frozen.size > 0 ? { frozen: flatten(frozen, tiny.initial) } : {}),
    });
    const outputs = await program.run(state, {
      images: uint8(batch.images, [4, 8, 8, 3]),
      labels: int32(batch.labels),
      carry: float32(Float32Array.of(0), []),
    });
    const { gradient } = await state.read(['gradient']);
    state.dispose();
    return { loss: outputs.loss?.data[0] as number, gradient: gradient as HostTensor<'float32'> };
  };
  return { trained, start: flatten(trained, tiny.initial), evaluate };
}

describe.each([
  ['cpu', () => createOnnxEngine({ threads: 1 })],
  ['tfjs-cpu', () => createEagerEngine('cpu')],
])('gradients on the engine %s', (_, open) => {
  it.each(Object.values(jobs))('of $id agree with finite differences, parameter by parameter', async (job) => {
    const { trained, start, evaluate } = await differentiable(await open(), job);
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
      const width = 5e-3;
      const shifted = (sign: number) =>
        evaluate(
          float32(start.data.map((value, index) => value + (sign * width * (direction.data[index] as number)) / norm)),
        );
      const slope = ((await shifted(1)).loss - (await shifted(-1)).loss) / (2 * width);
      expect(Math.abs(slope - norm), name).toBeLessThan(0.02 * norm + 2e-4);
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
