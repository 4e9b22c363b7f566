import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { traceCost } from '../../../src/engine/cost.ts';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import type { Engine, Program, ProgramResult, Tensors } from '../../../src/engine/program.ts';
import { traceProgram } from '../../../src/engine/trace.ts';
import { float32, uint8 } from '../../../src/util/tensor.ts';
import { jobs, runSteps, tinyConfig, tinyJob } from '../../support/tiny.ts';
import { torchEngine, torchFault } from '../../support/torch.ts';

const vector = { dtype: 'float32', shape: [3] } as const;

/** A program with a state w [3] and a feed x [3]. */
function program(body: (w: tf.Tensor, x: tf.Tensor) => ProgramResult): Program {
  return {
    name: 'example',
    state: { w: vector },
    feeds: { x: vector },
    body: ({ w }: Tensors, { x }: Tensors) => body(w as tf.Tensor, x as tf.Tensor),
  };
}
const result = (outputs: Tensors, state: Tensors = {}): ProgramResult => ({ state, outputs });
const x = float32(Float32Array.of(1, 2, 3));

const engines: readonly (readonly [string, () => Promise<Engine>])[] = [
  ['cpu', async () => createOnnxEngine({ threads: 1 })],
  ['tfjs-cpu', () => createEagerEngine('cpu')],
  ...(torchFault === null ? [['torch', torchEngine] as const] : []),
];

describe.each(engines)('the engine %s', (_, open) => {
  it('replaces the state that a program returns and keeps the rest', async () => {
    const engine = await open();
    const executable = await engine.compile(program((w, fed) => result({ sum: tf.sum(w) }, { w: tf.add(w, fed) })));
    const state = engine.createState({ w: x, other: float32(Float32Array.of(7)) });
    expect((await executable.run(state, { x })).sum?.data[0]).toBe(6);
    expect((await executable.run(state, { x })).sum?.data[0]).toBe(12);
    const { w, other } = await state.read();
    expect([...(w?.data ?? [])]).toEqual([3, 6, 9]);
    expect([...(other?.data ?? [])]).toEqual([7]);
  });

  it('does not let later changes of a caller’s array reach the state', async () => {
    const engine = await open();
    const data = Float32Array.of(1, 2, 3);
    const state = engine.createState({ w: float32(data) });
    data.fill(0);
    expect([...((await state.read(['w'])).w?.data ?? [])]).toEqual([1, 2, 3]);
  });

  it('returns one tensor under several names, inputs and constants', async () => {
    const engine = await open();
    const executable = await engine.compile(program((w, fed) => result({ a: fed, b: fed, c: tf.ones([2, 2]) }, { w })));
    const outputs = await executable.run(engine.createState({ w: x }), { x });
    expect([...(outputs.b?.data ?? [])]).toEqual([1, 2, 3]);
    expect([...(outputs.c?.data ?? [])]).toEqual([1, 1, 1, 1]);
  });

  it('returns one result as state and as outputs', async () => {
    const engine = await open();
    const executable = await engine.compile(
      program((w, fed) => {
        const sum = tf.add(w, fed);
        return result({ a: sum, b: sum, isPositive: tf.greater(sum, 0), doubled: tf.mul(sum, 2) }, { w: sum });
      }),
    );
    const state = engine.createState({ w: x });
    const { a, b, isPositive, doubled } = await executable.run(state, { x });
    expect([...(a?.data ?? [])]).toEqual([2, 4, 6]);
    expect([...(b?.data ?? [])]).toEqual([2, 4, 6]);
    expect([...(isPositive?.data ?? [])]).toEqual([1, 1, 1]);
    expect([...(doubled?.data ?? [])]).toEqual([4, 8, 12]);
    expect([...((await state.read()).w?.data ?? [])]).toEqual([2, 4, 6]);
  });

  it('widens bytes', async () => {
    const engine = await open();
    const executable = await engine.compile({
      name: 'bytes',
      state: {},
      feeds: { image: { dtype: 'uint8', shape: [2] } },
      body: (_state, { image }) => result({ doubled: tf.mul(tf.cast(image as tf.Tensor, 'float32'), 2) }),
    });
    const { doubled } = await executable.run(engine.createState({}), { image: uint8(Uint8Array.of(200, 255)) });
    expect([...(doubled?.data ?? [])]).toEqual([400, 510]);
  });

  it.each([
    [{}, /the feed 'x' is missing/],
    [{ x: float32(new Float32Array(4)) }, /the feed 'x' is float32 \[4\] instead of float32 \[3\]/],
    [{ x: uint8(new Uint8Array(3)) }, /the feed 'x' is uint8 \[3\] instead of float32 \[3\]/],
    [{ x, y: x }, /there is no feed 'y'/],
  ])('refuses the feeds %o', async (feeds, message) => {
    const engine = await open();
    const executable = await engine.compile(program((w, fed) => result({ sum: tf.add(w, fed) })));
    await expect(executable.run(engine.createState({ w: x }), feeds as never)).rejects.toThrow(message);
  });

  it('names a state tensor that is not there', async () => {
    const engine = await open();
    const executable = await engine.compile(program((w, fed) => result({ sum: tf.add(w, fed) })));
    await expect(executable.run(engine.createState({ v: x }), { x })).rejects.toThrow(/no tensor 'w'; it has v/);
    await expect(engine.createState({ v: x }).read(['w'])).rejects.toMatchObject({ code: 'ENGINE_STATE' });
  });

  it('refuses the state of another engine', async () => {
    const engine = await open();
    const other = engine.name === 'cpu' ? await createEagerEngine('cpu') : createOnnxEngine({ threads: 1 });
    const executable = await engine.compile(program((w, fed) => result({ sum: tf.add(w, fed) })));
    await expect(executable.run(other.createState({ w: x }), { x })).rejects.toThrow(/state of another engine/);
  });
});

describe('tracing', () => {
  it('names an operation that cannot be traced and where it was called', () => {
    const trace = () => traceProgram(program((w) => result({ found: tf.unique(w).values })));
    expect(trace).toThrow(
      expect.objectContaining({ code: 'ENGINE_KERNEL', hint: expect.stringMatching(/depends on the data/) }),
    );
    expect(trace).toThrow(/operation Unique, which cannot be traced \(.*programs\.test\.ts/);
  });

  it('names an operation that has no gradient and where it was derived', () => {
    const trace = () => traceProgram(program((w) => result({ slope: tf.grad((x) => tf.diag(x as tf.Tensor1D))(w) })));
    expect(trace).toThrow(expect.objectContaining({ code: 'ENGINE_KERNEL' }));
    expect(trace).toThrow(/gradient of the operation Diag, which has none \(.*programs\.test\.ts/);
  });

  it('names where a program reads data', () => {
    const trace = () => traceProgram(program((w) => ((w.dataSync()[0] as number) > 0 ? result({ w }) : result({}))));
    expect(trace).toThrow(expect.objectContaining({ code: 'ENGINE_DATA_READ' }));
    expect(trace).toThrow(/programs\.test\.ts/);
  });

  it('names shapes that do not fit', () => {
    const trace = () => traceProgram(program((w) => result({ sum: tf.add(w, tf.ones([4])) })));
    expect(trace).toThrow(expect.objectContaining({ code: 'ENGINE_SHAPE', message: expect.stringMatching(/3.*4/) }));
  });

  it('refuses tensors from outside', async () => {
    await createEagerEngine('cpu');
    await tf.setBackend('cpu');
    const outside = tf.tensor1d([1, 2, 3]);
    expect(() => traceProgram(program((w) => result({ sum: tf.add(w, outside) })))).toThrow();
    outside.dispose();
    expect(tf.getBackend()).toBe('cpu');
  });

  it('drops dead code, repeated operations and multiplications by one', () => {
    const { nodes } = traceProgram(
      program((w, fed) => {
        tf.exp(w);
        return result({ a: tf.mul(tf.add(w, fed), tf.ones([3])), b: tf.square(tf.add(w, fed)) });
      }),
    );
    expect(nodes.map(({ kernel }) => kernel)).toEqual(['Add', 'Square']);
  });

  it('counts what a matrix product costs', () => {
    const cost = traceCost({
      name: 'product',
      state: { a: { dtype: 'float32', shape: [5, 7] } },
      feeds: { b: { dtype: 'float32', shape: [7, 3] } },
      body: ({ a }, { b }) => result({ c: tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D) }),
    });
    expect(cost).toEqual({
      flops: 2 * 5 * 7 * 3,
      stateBytes: 4 * (35 + 21),
      peakActivationBytes: 4 * 15,
      resultBytes: 4 * 15,
      nodes: 1,
    });
  });

  it('frees intermediate tensors in its estimate of memory', () => {
    const chain = program((w) =>
      result({ y: Array.from({ length: 20 }).reduce<tf.Tensor>((value) => tf.exp(value), w) }),
    );
    expect(traceCost(chain).peakActivationBytes).toBe(2 * 3 * 4);
  });
});

describe('buffers', () => {
  it('of the eager engine are flat over many runs', async () => {
    const engine = await createEagerEngine('cpu');
    const executable = await engine.compile(
      program((w, fed) => result({ sum: tf.sum(w) }, { w: tf.add(w, tf.mul(fed, 2)) })),
    );
    const state = engine.createState({ w: x });
    await executable.run(state, { x });
    const before = tf.memory().numTensors;
    for (let run = 0; run < 200; run++) await executable.run(state, { x });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('leave equal states after equal training, to the last bit', async () => {
    const engine = createOnnxEngine({ threads: 1 });
    const tiny = tinyJob(jobs.finetune, tinyConfig());
    const [first, second] = [await runSteps(engine, tiny, 20), await runSteps(engine, tiny, 20)];
    for (const name of ['parameters', 'm', 'v']) expect(second.tensors[name]?.data).toEqual(first.tensors[name]?.data);
  });
});
