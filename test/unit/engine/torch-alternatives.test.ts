import * as tf from '@tensorflow/tfjs-core';
import { describe, expect } from 'vitest';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import type { Program } from '../../../src/engine/program.ts';
import { fused } from '../../../src/engine/rewrites/fuse.ts';
import { traceProgram } from '../../../src/engine/trace.ts';
import { adamw, adamwFeeds, adamwScalars } from '../../../src/training/adamw.ts';
import { randomStream } from '../../../src/util/random.ts';
import { float32, type HostTensor } from '../../../src/util/tensor.ts';
import { expectEqualOnBothEngines, expectGradientsOfDifferences, normals } from '../../support/compare-engines.ts';
import { jobs, runSteps, tinyConfig, tinyJob } from '../../support/tiny.ts';
import { torchEngine, torchTest } from '../../support/torch.ts';

/* What computes on a GPU in place of kernels of ours: PyTorch's own, which are the same functions on a processor. */
const alternatives = () => torchEngine({ kernels: 'torch' });

describe("PyTorch's kernels in place of ours", () => {
  for (const job of Object.values(jobs)) {
    for (const training of [{}, { recompute: true }]) {
      torchTest(`have the losses of cpu over 20 steps: ${job.id} ${JSON.stringify(training)}`, async () => {
        const phases = { incubate: { epochs: 1, clip: 0.5 }, finetune: { epochs: 1, dropPath: 0.2, clip: 0.5 } };
        const tiny = tinyJob(job, tinyConfig({ training: { mixup: 0.8, ...training }, phases }));
        const expected = await runSteps(createOnnxEngine({ threads: 1 }), tiny, 20);
        const found = await runSteps(await alternatives(), tiny, 20);
        for (const [step, loss] of expected.losses.entries())
          expect(Math.abs((found.losses[step] as number) / loss - 1), `step ${step}`).toBeLessThan(1e-5);
        expect(new Set(expected.losses).size).toBe(20);
      });
    }
  }

  const [q, k, v] = [normals('q', [2, 3, 5, 4]), normals('k', [2, 3, 7, 4]), normals('v', [2, 3, 7, 4])];
  const attended = (one: tf.Tensor, two: tf.Tensor, three: tf.Tensor) => {
    const weights = tf.softmax(tf.matMul(tf.mul(one, 0.5), two, false, true));
    return { weights, result: tf.matMul(weights, three) };
  };
  torchTest('attend, with gradients', async () => {
    const item = {
      name: 'attention',
      inputs: { q, k, v },
      body: ({ q: one, k: two, v: three }: Readonly<Record<string, tf.Tensor>>) =>
        attended(one as tf.Tensor, two as tf.Tensor, three as tf.Tensor).result,
    };
    const engine = await alternatives();
    await expectEqualOnBothEngines(item, true, engine);
    await expectGradientsOfDifferences(item, engine);
  });

  torchTest('tell the weights of attention where they are asked for', async () => {
    const item = {
      name: 'weights',
      inputs: { q, k, v },
      body({ q: one, k: two, v: three }: Readonly<Record<string, tf.Tensor>>) {
        const { weights, result } = attended(one as tf.Tensor, two as tf.Tensor, three as tf.Tensor);
        return tf.add(tf.sum(tf.square(weights)), tf.sum(result));
      },
    };
    await expectEqualOnBothEngines(item, true, await alternatives());
  });
});

/** Parameters, of which a part is decayed. */
const [SIZE, DECAYED] = [1000, 600];
const settings = { weightDecay: 0.05, beta1: 0.9, beta2: 0.999, eps: 1e-8, clip: null };
const flat = { dtype: 'float32', shape: [SIZE] } as const;
const update: Program = {
  name: 'update',
  state: { parameters: flat, m: flat, v: flat },
  feeds: { gradient: flat, ...adamwFeeds },
  body({ parameters, m, v }, { gradient, ...scalars }) {
    const given = { parameters, m, v } as Record<'parameters' | 'm' | 'v', tf.Tensor>;
    const layout = { size: SIZE, decayed: DECAYED, parameters: [] };
    const { gradientNorm, ...state } = adamw(given, gradient as tf.Tensor, scalars, layout, settings);
    return { state, outputs: {} };
  },
};

describe('AdamW', () => {
  for (const kernels of ['own', 'torch'] as const) {
    for (const start of [1, 50, 3000, 16000, 1e6]) {
      torchTest(`by kernels of ${kernels} is that of its definition from step ${start} on`, async () => {
        expect(fused(traceProgram(update)).nodes.map(({ kernel }) => kernel)).toContain('FusedAdamW');
        const stream = randomStream(0, 'adamw', start);
        const draw = (scale: number) => Float32Array.from({ length: SIZE }, () => scale * stream.normal());
        const expected = {
          p: Float64Array.from(draw(1)),
          m: Float64Array.from(draw(0.1)),
          v: Float64Array.from(draw(0.1)),
        };
        expected.v = expected.v.map(Math.abs);
        const engine = await torchEngine({ kernels });
        const state = engine.createState({
          parameters: float32(Float32Array.from(expected.p)),
          m: float32(Float32Array.from(expected.m)),
          v: float32(Float32Array.from(expected.v)),
        });
        const executable = await engine.compile(update);
        const lr = 1e-2;
        for (let step = start; step < start + 5; step++) {
          const gradient = draw(1);
          await executable.run(state, { gradient: float32(gradient), ...adamwScalars(settings, step, lr) });
          // Loshchilov and Hutter (ICLR 2019), algorithm 2.
          for (const [at, g] of gradient.entries()) {
            const m = 0.9 * (expected.m[at] as number) + 0.1 * g;
            const v = 0.999 * (expected.v[at] as number) + 0.001 * g * g;
            const [mHat, vHat] = [m / (1 - 0.9 ** step), v / (1 - 0.999 ** step)];
            const kept = at < DECAYED ? 1 - lr * 0.05 : 1;
            expected.p[at] = (expected.p[at] as number) * kept - (lr * mHat) / (Math.sqrt(vHat) + 1e-8);
            [expected.m[at], expected.v[at]] = [m, v];
          }
        }
        const found = (await state.read()) as Record<'parameters' | 'm' | 'v', HostTensor<'float32'>>;
        for (const [name, values] of [
          ['parameters', expected.p],
          ['m', expected.m],
          ['v', expected.v],
        ] as const) {
          const most = found[name].data.reduce(
            (worst, value, at) => Math.max(worst, Math.abs(value - (values[at] as number))),
            0,
          );
          expect(most, name).toBeLessThan(2e-6);
        }
      });
    }
  }
});
