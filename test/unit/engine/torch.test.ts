import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import type { Program } from '../../../src/engine/program.ts';
import { loadAddon } from '../../../src/engine/torch/addon.ts';
import { lowerToTorch } from '../../../src/engine/torch/lower.ts';
import { createTorchEngine } from '../../../src/engine/torch/torch-engine.ts';
import { tryTorch } from '../../../src/engine/torch/try-torch.ts';
import { float32, type HostTensor, int32 } from '../../../src/util/tensor.ts';
import { fullStep, jobs, runSteps, stepCases, tinyConfig, tinyJob } from '../../support/tiny.ts';
import { TORCH_THREADS, torchEngine, torchTest } from '../../support/torch.ts';

describe('training on torch', () => {
  for (const [name, job, config] of stepCases()) {
    torchTest(`has the losses of cpu over 20 steps: ${name}`, async (engine) => {
      const tiny = tinyJob(job, config);
      const expected = await runSteps(createOnnxEngine({ threads: 1 }), tiny, 20);
      const found = await runSteps(engine, tiny, 20);
      for (const [step, loss] of expected.losses.entries())
        expect(Math.abs((found.losses[step] as number) / loss - 1), `step ${step}`).toBeLessThan(1e-5);
      expect(new Set(expected.losses).size).toBe(20);
      expect(found.tensors.frozen?.data).toEqual(expected.tensors.frozen?.data);
    });
  }

  torchTest('ends with equal bits when it is repeated', async (engine) => {
    const tiny = tinyJob(jobs.middle, tinyConfig(fullStep));
    const [first, second] = [await runSteps(engine, tiny, 20), await runSteps(engine, tiny, 20)];
    for (const name of ['parameters', 'm', 'v']) expect(second.tensors[name]?.data).toEqual(first.tensors[name]?.data);
  });

  torchTest('has equal bits with blocks that are recomputed', async (engine) => {
    const [kept, again] = await Promise.all(
      [false, true].map((recompute) =>
        runSteps(engine, tinyJob(jobs.finetune, tinyConfig({ training: { recompute } })), 5),
      ),
    );
    expect(again?.losses).toEqual(kept?.losses);
    expect(again?.tensors.parameters?.data).toEqual(kept?.tensors.parameters?.data);
  });

  for (const precision of ['bf16', 'fp16'] as const) {
    torchTest(`in ${precision} is near training in fp32, or refused by an old PyTorch`, async (engine) => {
      const losses = async (chosen: string) =>
        (await runSteps(engine, tinyJob(jobs.finetune, tinyConfig({ training: { precision: chosen } })), 10)).losses;
      const { precisions } = await tryTorch(TORCH_THREADS);
      if (!precisions.includes(precision))
        return expect(losses(precision)).rejects.toMatchObject({ code: 'ENGINE_RUN' });
      const [expected, found] = [await losses('fp32'), await losses(precision)];
      expect(found).not.toEqual(expected);
      for (const [step, loss] of expected.entries())
        expect(Math.abs((found[step] as number) - loss), `step ${step}`).toBeLessThan(0.05);
    });
  }

  torchTest('in tf32 has the bits of fp32 on a processor', async (engine) => {
    const run = (precision: string) =>
      runSteps(engine, tinyJob(jobs.finetune, tinyConfig({ training: { precision } })), 3);
    const [fp32, tf32] = [await run('fp32'), await run('tf32')];
    expect(tf32.tensors.parameters?.data).toEqual(fp32.tensors.parameters?.data);
  });
});

describe('memory of torch', () => {
  torchTest('is flat over 1,000 steps', async (engine) => {
    const size = 250_000;
    const state = engine.createState({ x: float32(new Float32Array(size)) });
    const executable = await engine.compile({
      name: 'grow',
      state: { x: { dtype: 'float32', shape: [size] } },
      feeds: { by: { dtype: 'float32', shape: [size] } },
      body: ({ x }, { by }) => {
        const next = tf.add(x as tf.Tensor, tf.exp(by as tf.Tensor));
        return { state: { x: next }, outputs: { next } };
      },
    });
    const by = { by: float32(new Float32Array(size)) };
    const { addon } = await loadAddon();
    for (let step = 0; step < 50; step++) await executable.run(state, by);
    const before = { live: addon.live(), bytes: process.memoryUsage.rss() };
    for (let step = 0; step < 1000; step++) await executable.run(state, by);
    expect(addon.live()).toBeLessThanOrEqual(before.live);
    // A tensor kept in every step would be 1 GB.
    expect(process.memoryUsage.rss() - before.bytes).toBeLessThan(100e6);
    expect(((await state.read()).x as HostTensor<'float32'>).data[size - 1]).toBe(1050);
    const held = addon.live();
    state.dispose();
    expect(addon.live()).toBe(held - 1);
  });
});

/** A program of one feed x. */
const program = (x: HostTensor, body: (x: tf.Tensor) => tf.Tensor): Program => ({
  name: 'example',
  state: {},
  feeds: { x: { dtype: x.dtype, shape: x.shape } },
  body: (_, feeds) => ({ state: {}, outputs: { y: body(feeds.x as tf.Tensor) } }),
});

describe('the engine torch', () => {
  torchTest('leaves the event loop free while it computes', async (engine) => {
    const x = float32(new Float32Array(700 * 700).fill(1e-3), [700, 700]);
    const executable = await engine.compile(
      program(x, (given) => Array.from({ length: 20 }).reduce<tf.Tensor>((y) => tf.matMul(y, given), given)),
    );
    let isDone = false;
    let turns = 0;
    const done = executable.run(engine.createState({}), { x }).finally(() => {
      isDone = true;
    });
    for (; !isDone; turns++) await new Promise(setImmediate);
    await done;
    expect(turns).toBeGreaterThan(100);
  });

  torchTest('names the operation and the shapes where a run fails', async (engine) => {
    const x = int32(Int32Array.of(0, 7));
    const executable = await engine.compile(program(x, (index) => tf.gather(tf.range(0, 3), index as tf.Tensor1D)));
    await expect(executable.run(engine.createState({}), { x })).rejects.toMatchObject({
      code: 'ENGINE_RUN',
      message: expect.stringMatching(
        /^example failed while it ran: GatherV2 of float32 \[3\] and int32 \[2\]: index 7 is out of range/,
      ),
    });
    const good = await executable.run(engine.createState({}), { x: int32(Int32Array.of(2, 1)) });
    expect(good.y).toEqual(float32(Float32Array.of(2, 1)));
  });

  torchTest('says so where a step does not fit into memory, and goes on', async (engine) => {
    const x = float32(Float32Array.of(1, 2));
    const huge = await engine.compile(
      program(x, (given) => tf.sum(tf.exp(tf.tile(tf.reshape(given, [1, 2]), [2e6, 1e6])))),
    );
    const failed = huge.run(engine.createState({}), { x });
    await expect(failed).rejects.toMatchObject({
      code: 'ENGINE_MEMORY',
      message: expect.stringMatching(/for want of memory: Tile of/),
    });
    await expect(failed).rejects.toMatchObject({ hint: expect.stringMatching(/training\.accumulate/) });
    const small = await engine.compile(program(x, tf.square));
    expect((await small.run(engine.createState({}), { x })).y).toEqual(float32(Float32Array.of(1, 4)));
  });

  torchTest('has one number of threads in a process', async () => {
    await expect(createTorchEngine({ threads: TORCH_THREADS + 1, device: 'cpu' })).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringMatching(/computes with 1 threads already/),
    });
    expect((await torchEngine()).name).toBe('torch');
  });

  it('refuses a kernel that the addon has no operation for', () => {
    const value = { id: 0, dtype: 'float32', shape: [2] } as const;
    const output = { ...value, id: 1 };
    const graph = {
      name: 'example',
      state: new Map(),
      feeds: new Map([['x', value]]),
      constants: new Map(),
      nodes: [{ kernel: 'Conjure', inputs: [value], attributes: {}, outputs: [output] }],
      nextState: new Map(),
      outputs: new Map([['y', output]]),
    };
    expect(() => lowerToTorch(graph)).toThrow(
      expect.objectContaining({
        code: 'ENGINE_KERNEL',
        message: 'example uses Conjure, which the engine torch cannot run',
      }),
    );
  });
});
