import * as tf from '@tensorflow/tfjs-core';
import { describe, expect } from 'vitest';
import type { Program } from '../../../src/engine/program.ts';
import { loadAddon, type Replay } from '../../../src/engine/torch/addon.ts';
import { lowerToTorch } from '../../../src/engine/torch/lower.ts';
import { traceProgram } from '../../../src/engine/trace.ts';
import { float32 } from '../../../src/util/tensor.ts';
import { runSteps, stepCases, tinyJob } from '../../support/tiny.ts';
import { torchEngine, torchTest } from '../../support/torch.ts';

/*
 * What a GPU records is done again by a processor, so that everything but the recording itself is tested here: feeds in
 * tensors that stay, new state in the tensors of the old, and what makes a recording unfit.
 */
const vector = { dtype: 'float32', shape: [2] } as const;
const numbers = (...values: number[]) => float32(Float32Array.of(...values));

describe('training at fixed addresses', () => {
  for (const [name, job, config] of stepCases()) {
    torchTest(`has the bits of training otherwise over 10 steps: ${name}`, async (engine) => {
      const tiny = tinyJob(job, config);
      const expected = await runSteps(engine, tiny, 10);
      const found = await runSteps(await torchEngine({ replay: 'always' }), tiny, 10);
      expect(found).toEqual(expected);
      expect(new Set(found.losses).size).toBe(10);
    });
  }
});

/** States a and b change places, and the sum of what they were is told with what a was. */
const exchange: Program = {
  name: 'exchange',
  state: { a: vector, b: vector },
  feeds: { by: vector },
  body: ({ a, b }, { by }) => ({
    state: { a: tf.reshape(b as tf.Tensor, [2]), b: a as tf.Tensor },
    outputs: { was: a as tf.Tensor, sum: tf.add(tf.add(a as tf.Tensor, b as tf.Tensor), by as tf.Tensor) },
  }),
};

describe('a program at fixed addresses', () => {
  torchTest('may exchange states and tell what they were', async () => {
    const engine = await torchEngine({ replay: 'always' });
    const executable = await engine.compile(exchange);
    const state = engine.createState({ a: numbers(1, 2), b: numbers(3, 4) });
    for (let run = 0; run < 8; run++) {
      const { was, sum } = await executable.run(state, { by: numbers(run, -run) });
      expect(was).toEqual(run % 2 === 0 ? numbers(1, 2) : numbers(3, 4));
      expect(sum).toEqual(numbers(4 + run, 6 - run));
    }
    expect(await state.read()).toEqual({ a: numbers(1, 2), b: numbers(3, 4) });
  });

  torchTest('goes on with state that was written, and with another state', async () => {
    const engine = await torchEngine({ replay: 'always' });
    const executable = await engine.compile({
      name: 'grow',
      state: { x: vector },
      feeds: { by: vector },
      body: ({ x }, { by }) => ({ state: { x: tf.add(x as tf.Tensor, by as tf.Tensor) }, outputs: {} }),
    });
    const states = [engine.createState({ x: numbers(0, 0) }), engine.createState({ x: numbers(100, 100) })] as const;
    for (let run = 0; run < 6; run++) await executable.run(states[0], { by: numbers(1, 2) });
    states[0].write({ x: numbers(10, 10) });
    for (let run = 0; run < 6; run++) await executable.run(states[0], { by: numbers(1, 2) });
    for (let run = 0; run < 6; run++) await executable.run(states[1], { by: numbers(1, 0) });
    expect(await states[0].read()).toEqual({ x: numbers(16, 22) });
    expect(await states[1].read()).toEqual({ x: numbers(106, 100) });
  });

  torchTest('is recorded after three runs, and again where its feeds or states are others', async () => {
    const { addon } = await loadAddon();
    const program = addon.compile(lowerToTorch(traceProgram(exchange)), 'always', true);
    const tensor = (...values: number[]) => addon.tensor(0, [values.length], Float32Array.from(values));
    const feed = [0, [2], Float32Array.of(0, 0)] as const;
    const states = [tensor(1, 2), tensor(3, 4)];
    const replays: number[] = [];
    for (let run = 0; run < 6; run++) {
      await addon.run(program, states, [feed]);
      replays.push(addon.recording(program)[0]);
    }
    expect(replays).toEqual([0, 0, 0, 1, 2, 3]);
    await addon.run(program, states, [[0, [1], Float32Array.of(0)]]);
    expect(addon.recording(program)).toEqual([0, null]);
    await addon.run(program, [tensor(1, 2), tensor(3, 4)], [feed]);
    expect(addon.recording(program)).toEqual([0, null]);
  });

  torchTest('holds no memory of a state that was disposed', async () => {
    const { addon } = await loadAddon();
    const engine = await torchEngine({ replay: 'always' });
    const executable = await engine.compile(exchange);
    const before = addon.live();
    const state = engine.createState({ a: numbers(1, 2), b: numbers(3, 4) });
    for (let run = 0; run < 5; run++) await executable.run(state, { by: numbers(0, 0) });
    state.dispose();
    expect(addon.live()).toBe(before);
  });

  torchTest('must not read values in the middle', async () => {
    const boxes = Float32Array.of(0, 0, 1, 1, 0, 0, 1, 1);
    const suppress: Program = {
      name: 'suppress',
      state: {},
      feeds: { boxes: { dtype: 'float32', shape: [2, 4] } },
      body(_, feeds) {
        const scores = tf.tensor1d([0.5, 0.9]);
        const { selectedIndices } = tf.image.nonMaxSuppressionPadded(
          feeds.boxes as tf.Tensor2D,
          scores,
          1,
          0.5,
          0,
          true,
        ) as { selectedIndices: tf.Tensor };
        return { state: {}, outputs: { selectedIndices } };
      },
    };
    const compile = async (replay: Replay) => (await torchEngine({ replay })).compile(suppress);
    await expect(compile('always')).rejects.toMatchObject({
      code: 'ENGINE_COMPILE',
      message:
        'suppress cannot be compiled: it cannot be recorded: non_max_suppression reads values in the middle of it',
    });
    const executable = await compile('try');
    for (let run = 0; run < 5; run++) {
      const { selectedIndices } = await executable.run((await torchEngine()).createState({}), {
        boxes: float32(boxes, [2, 4]),
      });
      expect([...(selectedIndices?.data ?? [])]).toEqual([1]);
    }
  });

  torchTest('is refused on a processor where CUDA graphs are asked for', async () => {
    await expect(torchEngine({ cudaGraphs: 'on' })).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringMatching(/has no CUDA graphs/),
      hint: expect.stringMatching(/--cuda-graphs/),
    });
    expect((await torchEngine({ cudaGraphs: 'auto' })).name).toBe('torch');
  });
});
