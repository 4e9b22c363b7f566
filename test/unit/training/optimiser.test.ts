import { describe, expect, it } from 'vitest';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { adamw, adamwFeeds, adamwScalars } from '../../../src/training/adamw.ts';
import { layoutOf } from '../../../src/training/layout.ts';
import { randomStream } from '../../../src/util/random.ts';
import { float32, type HostTensor } from '../../../src/util/tensor.ts';
import { jobs, runSteps, tinyConfig, tinyFamilies, tinyJob } from '../../support/tiny.ts';

describe('AdamW', () => {
  const init = { kind: 'zeros' } as const;
  const layout = layoutOf([
    { name: 'bias', shape: [3], init, decay: false },
    { name: 'weight', shape: [2, 4], init, decay: true },
  ]);

  it.each([null, 0.5])('equals the published algorithm in double precision (clip %s)', async (clip) => {
    const settings = { weightDecay: 0.05, beta1: 0.9, beta2: 0.999, eps: 1e-8, clip };
    const engine = createOnnxEngine({ threads: 1 });
    const vector = { dtype: 'float32', shape: [11] } as const;
    const program = await engine.compile({
      name: 'adamw',
      state: { parameters: vector, m: vector, v: vector },
      feeds: { gradient: vector, ...adamwFeeds },
      body({ parameters, m, v }, { gradient, ...scalars }) {
        if (!parameters || !m || !v || !gradient) throw new RangeError('missing');
        const { gradientNorm, ...state } = adamw({ parameters, m, v }, gradient, scalars, layout, settings);
        return { state: { ...state }, outputs: { gradientNorm } };
      },
    });
    const stream = randomStream(0, 'adamw');
    const normal = () => Float32Array.from({ length: 11 }, stream.normal);
    const expected = { p: Array.from(normal()), m: Array<number>(11).fill(0), v: Array<number>(11).fill(0) };
    const zeros = () => float32(new Float32Array(11));
    const state = engine.createState({ parameters: float32(Float32Array.from(expected.p)), m: zeros(), v: zeros() });

    for (let step = 1; step <= 20; step++) {
      const lr = 0.01 / step;
      const gradient = normal();
      const norm = Math.hypot(...gradient);
      const scale = clip === null ? 1 : Math.min(1, clip / (norm + 1e-6));
      const outputs = await program.run(state, { gradient: float32(gradient), ...adamwScalars(settings, step, lr) });
      expect(outputs.gradientNorm?.data[0]).toBeCloseTo(norm, 4);
      gradient.forEach((value, index) => {
        const g = value * scale;
        const decayed = index < 8; // the weight's eight values come first
        expected.m[index] = 0.9 * (expected.m[index] as number) + 0.1 * g;
        expected.v[index] = 0.999 * (expected.v[index] as number) + 0.001 * g * g;
        const mean = (expected.m[index] as number) / (1 - 0.9 ** step);
        const root = Math.sqrt((expected.v[index] as number) / (1 - 0.999 ** step));
        const kept = (expected.p[index] as number) * (decayed ? 1 - lr * 0.05 : 1);
        expected.p[index] = kept - (lr * mean) / (root + 1e-8);
      });
    }
    const { parameters } = (await state.read(['parameters'])) as Record<string, HostTensor<'float32'>>;
    for (const [index, value] of expected.p.entries()) expect(parameters?.data[index]).toBeCloseTo(value, 5);
  });
});

describe.each(tinyFamilies)('a module job of a %s', (_, model) => {
  it('changes all of its own parameters and no byte of the frozen slices', async () => {
    const engine = createOnnxEngine({ threads: 1 });
    for (const job of [jobs.first, jobs.middle, jobs.last]) {
      const tiny = tinyJob(job, tinyConfig({ model }));
      const before = await runSteps(engine, tiny, 0);
      const { tensors } = await runSteps(engine, tiny, 3);
      expect(tensors.frozen?.data).toEqual(before.tensors.frozen?.data);
      const unchanged = tensors.parameters?.data.filter(
        (value, index) => value === before.tensors.parameters?.data[index],
      );
      expect(unchanged?.length).toBe(0);
    }
  });

  it('clips by the norm of its own gradient alone', async () => {
    // With a limit far below the norm, m after one step is 0.1 times a vector of exactly that norm.
    const phases = { incubate: { epochs: 1, clip: 1e-3 } };
    const { tensors } = await runSteps(
      createOnnxEngine({ threads: 1 }),
      tinyJob(jobs.middle, tinyConfig({ model, phases })),
      1,
    );
    expect(Math.hypot(...(tensors.m?.data ?? []))).toBeCloseTo(0.1 * 1e-3, 8);
  });
});

describe('gradient accumulation', () => {
  it.each([
    ['plain', {}],
    ['mixed, with stochastic depth', { mixup: 0.8, cutmix: 1 }],
  ])('equals the whole batch to 1e-6 (%s)', async (_, mixing) => {
    const engine = createOnnxEngine({ threads: 1 });
    const phases = { finetune: { epochs: 1, dropPath: 0.3, clip: 1 } };
    const run = (accumulate: number) =>
      runSteps(engine, tinyJob(jobs.finetune, tinyConfig({ training: { accumulate, ...mixing }, phases })), 3);
    const whole = await run(1);
    for (const count of [2, 4]) {
      const parts = await run(count);
      for (const [step, loss] of whole.losses.entries()) {
        expect(Math.abs((parts.losses[step] as number) / loss - 1)).toBeLessThan(1e-6);
      }
    }
  });
});
