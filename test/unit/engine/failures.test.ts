import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { compileFailure, runFailure } from '../../../src/engine/failures.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import type { Engine, Program } from '../../../src/engine/program.ts';
import { float32, int32 } from '../../../src/util/tensor.ts';
import { torchEngine, torchFault } from '../../support/torch.ts';

const engines: readonly (readonly [string, () => Promise<Engine>])[] = [
  ['cpu', async () => createOnnxEngine({ threads: 1 })],
  ['tfjs-cpu', () => createEagerEngine('cpu')],
  ...(torchFault === null ? [['torch', torchEngine] as const] : []),
];

/** Adds a feed to the state w [3]. */
const adding: Program = {
  name: 'adding',
  state: { w: { dtype: 'float32', shape: [3] } },
  feeds: { x: { dtype: 'float32', shape: [3] } },
  body: ({ w }, { x }) => ({
    state: { w: tf.add(w as tf.Tensor, x as tf.Tensor) },
    outputs: { sum: tf.sum(w as tf.Tensor) },
  }),
};
const x = float32(Float32Array.of(1, 2, 3));

describe.each(engines)('on the engine %s', (_, open) => {
  it('a run that fails names its program and the operation', async () => {
    const engine = await open();
    const executable = await engine.compile({
      name: 'gathering',
      state: {},
      feeds: { at: { dtype: 'int32', shape: [1] } },
      body: (_state, { at }) => ({ state: {}, outputs: { y: tf.gather(tf.tensor1d([1, 2, 3]), at as tf.Tensor1D) } }),
    });
    const state = engine.createState({});
    const run = (index: number) => executable.run(state, { at: int32(Int32Array.of(index)) });
    await expect(run(7)).rejects.toMatchObject({
      code: 'ENGINE_RUN',
      message: expect.stringMatching(/^gathering failed while it ran: .*Gather.*\b7\b/s),
      hint: expect.stringMatching(/--engine/),
      cause: expect.any(Error),
    });
    // It is usable afterwards.
    expect((await run(2)).y?.data[0]).toBe(3);
  });

  it('a state has an end', async () => {
    const engine = await open();
    const executable = await engine.compile(adding);
    const state = engine.createState({ w: x });
    state.dispose();
    state.dispose();
    const message = (use: string) =>
      expect.objectContaining({ code: 'ENGINE_DISPOSED', message: `${use} was disposed before` });
    await expect(executable.run(state, { x })).rejects.toEqual(message('the state given to adding'));
    await expect(state.read()).rejects.toEqual(message('a state that is read'));
    await expect(state.read(['w'])).rejects.toEqual(message('a state that is read'));
    expect(() => state.write({ w: x })).toThrow(message('a state that is written'));
  });

  it('an executable has an end, which waits for its last run', async () => {
    const engine = await open();
    const executable = await engine.compile(adding);
    const state = engine.createState({ w: x });
    const last = executable.run(state, { x });
    executable.dispose();
    executable.dispose();
    expect((await last).sum?.data[0]).toBe(6);
    await expect(executable.run(state, { x })).rejects.toMatchObject({
      code: 'ENGINE_DISPOSED',
      message: 'adding was disposed before',
    });
    executable.dispose();
    expect([...((await state.read()).w?.data ?? [])]).toEqual([2, 4, 6]);
  });
});

describe('state that a run of ONNX Runtime uses', () => {
  it('is not changed by others meanwhile', async () => {
    const engine = createOnnxEngine({ threads: 1 });
    const executable = await engine.compile(adding);
    const state = engine.createState({ w: x });
    const first = executable.run(state, { x });
    const inUse = (what: string) =>
      expect.objectContaining({ code: 'ENGINE_STATE', message: `${what} is in use by adding` });
    await expect(executable.run(state, { x })).rejects.toEqual(inUse('the state given to adding'));
    expect(() => state.write({ w: x })).toThrow(inUse('a state that is written'));
    await first;
    expect((await executable.run(state, { x })).sum?.data[0]).toBe(12);
  });

  it('is given back after the run where it is disposed meanwhile', async () => {
    const engine = createOnnxEngine({ threads: 1 });
    const executable = await engine.compile(adding);
    const state = engine.createState({ w: x });
    const last = executable.run(state, { x });
    state.dispose();
    expect((await last).sum?.data[0]).toBe(6);
    await expect(state.read()).rejects.toMatchObject({ code: 'ENGINE_DISPOSED' });
  });
});

describe('want of memory', () => {
  it('is told apart from other failures of a run', async () => {
    // More than the addresses of a process.
    const size = 2 ** 23;
    const engine = createOnnxEngine({ threads: 1 });
    const executable = await engine.compile({
      name: 'table',
      state: {},
      feeds: { row: { dtype: 'float32', shape: [1, size] } },
      body: (_, { row }) => {
        const column = tf.reshape(row as tf.Tensor, [size, 1]);
        return { state: {}, outputs: { y: tf.sum(tf.sin(tf.add(row as tf.Tensor, column))) } };
      },
    });
    const feeds = { row: float32(new Float32Array(size), [1, size]) };
    await expect(executable.run(engine.createState({}), feeds)).rejects.toMatchObject({
      code: 'ENGINE_MEMORY',
      message:
        'table cannot go on for want of memory: Non-zero status code returned while running Add node. ' +
        `Status Message: Failed to allocate memory for requested buffer of size ${4 * size ** 2}`,
      hint: expect.stringMatching(/training\.accumulate.*training\.recompute.*devices\.slots/),
    });
  });

  // Words of the libraries, which no test can bring about everywhere.
  it.each([
    'std::bad_alloc',
    'Array buffer allocation failed',
    'CUDA failure 2: out of memory ; GPU=0',
    'Available memory of 1024 is smaller than requested bytes of 4096',
    'OOM when allocating tensor with shape[64,12,197,197] and type float on GPU:0 by allocator GPU_0_bfc',
  ])('has many words: %s', (words) => {
    expect(runFailure(adding, new Error(words))).toMatchObject({
      code: 'ENGINE_MEMORY',
      message: `adding cannot go on for want of memory: ${words}`,
    });
    expect(compileFailure(adding, new Error(words))).toMatchObject({ code: 'ENGINE_MEMORY' });
  });

  it('is not taken for what it is not', () => {
    for (const words of ['Load model failed', 'GPU device lost', 'room for zoom'])
      expect(runFailure(adding, new Error(words)).code).toBe('ENGINE_RUN');
    expect(compileFailure(adding, new Error('no such operator'))).toMatchObject({
      code: 'ENGINE_COMPILE',
      message: 'adding cannot be compiled: no such operator',
      hint: expect.stringMatching(/incubate doctor/),
    });
  });
});
