import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { engineNames } from '../../../src/config/engines.ts';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { openEngine } from '../../../src/engine/engines.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { probeEngine } from '../../../src/engine/probe.ts';
import type { Program, ProgramResult } from '../../../src/engine/program.ts';
import { traceProgram } from '../../../src/engine/trace.ts';
import { float32, uint8 } from '../../../src/util/tensor.ts';

const specs = { w: { dtype: 'float32', shape: [3] }, bytes: { dtype: 'uint8', shape: [2] } } as const;
const program = (body: (w: tf.Tensor, bytes: tf.Tensor) => ProgramResult): Program => ({
  name: 'example',
  state: specs,
  feeds: {},
  body: ({ w, bytes }) => body(w as tf.Tensor, bytes as tf.Tensor),
});
const initial = { w: float32(Float32Array.of(1, -2, 3)), bytes: uint8(Uint8Array.of(200, 3)) };

describe.each([
  ['cpu', async () => createOnnxEngine({ threads: 2 })],
  ['tfjs-cpu', () => createEagerEngine('cpu')],
])('the engine %s', (name, open) => {
  it('has its name, widens bytes in the state and returns booleans as bytes', async () => {
    const engine = await open();
    expect(engine.name).toBe(name);
    const executable = await engine.compile(
      program((w, bytes) => ({ state: {}, outputs: { positive: tf.greater(w, 0), total: tf.sum(bytes) } })),
    );
    const { positive, total } = await executable.run(engine.createState(initial), {});
    expect(positive).toEqual(uint8(Uint8Array.of(1, 0, 1)));
    expect(total?.data[0]).toBe(203);
  });

  it('serves timers while runs follow each other', async () => {
    const engine = await open();
    const executable = await engine.compile(program((w) => ({ state: { w: tf.sin(w) }, outputs: {} })));
    const state = engine.createState(initial);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 0);
    const end = performance.now() + 100;
    while (performance.now() < end) await executable.run(state, {});
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
  });
});

describe('tracing', () => {
  it.each([
    [(w: tf.Tensor) => ({ state: { other: w }, outputs: {} }), /state tensor 'other', which is none of its own/],
    [(w: tf.Tensor) => ({ state: { w: tf.sum(w) }, outputs: {} }), /'w' as float32 \[\] instead of float32 \[3\]/],
    [(w: tf.Tensor) => ({ state: { w: tf.cast(w, 'int32') }, outputs: {} }), /'w' as int32 \[3\] instead of float32/],
  ])('refuses a new state that does not fit the old one %#', (body, message) => {
    expect(() => traceProgram(program(body))).toThrow(message);
  });

  it('finds data that is read asynchronously', () => {
    const trace = () =>
      traceProgram(
        program((w) => {
          void w.data().then(() => {});
          return { state: { w }, outputs: {} };
        }),
      );
    expect(trace).toThrow(expect.objectContaining({ code: 'ENGINE_DATA_READ' }));
  });

  it('leaves no tensors and no backend behind, also where it fails', async () => {
    await tf.setBackend('cpu');
    const before = tf.memory().numTensors;
    traceProgram(program((w) => ({ state: { w: tf.grad((x) => tf.sum(tf.sin(x)))(w) }, outputs: {} })));
    expect(() => traceProgram(program((w) => ({ state: { w: tf.add(w, tf.ones([7])) }, outputs: {} })))).toThrow();
    expect(tf.memory().numTensors).toBe(before);
    expect(tf.getBackend()).toBe('cpu');
  });

  it('keeps uniform constants as one number each', () => {
    const graph = traceProgram(
      program((w) => ({ state: {}, outputs: { y: tf.add(w, tf.mul(tf.fill([3], 2), tf.ones([3]))) } })),
    );
    expect(graph.nodes.map(({ kernel }) => kernel)).toEqual(['Add']);
    expect([...graph.constants.values()]).toMatchObject([{ kind: 'splat', element: 2 }]);
  });
});

describe('opening engines', () => {
  it('takes the processor where there is no GPU to use', async () => {
    expect((await openEngine({ engine: 'cpu', threads: 1 })).name).toBe('cpu');
  });

  it.each(engineNames)('opens %s exactly where its probe reports it as available', async (engine) => {
    const { name, available, reason, hint } = await probeEngine({ engine });
    expect(name).toBe(engine);
    if (available) {
      expect((await openEngine({ engine, threads: 1 })).name).toBe(engine);
      return;
    }
    expect(reason).toMatch(/\w/);
    expect(hint).toMatch(/\w/);
    await expect(openEngine({ engine, threads: 1 })).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: `the engine ${engine} cannot be used: ${reason}`,
      hint: `${hint} Or choose --engine cpu.`,
    });
  });
});
