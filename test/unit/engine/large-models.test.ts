import * as tf from '@tensorflow/tfjs-core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { lowerToOnnx } from '../../../src/engine/lower-to-onnx.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { openSession } from '../../../src/engine/onnx-session.ts';
import type { Program } from '../../../src/engine/program.ts';
import { providers } from '../../../src/engine/providers.ts';
import { traceProgram } from '../../../src/engine/trace.ts';
import { randomStream } from '../../../src/util/random.ts';
import { float32 } from '../../../src/util/tensor.ts';
import { runOn } from '../../support/compare-engines.ts';

const { normal } = randomStream(2, 'large models');
const draw = (size: number) => Float32Array.from({ length: size }, normal);

/** x [size] times a constant plus another, rolled by a third. */
function programOf(size: number): { readonly program: Program; expected(x: Float32Array): Float32Array } {
  const [factors, summands] = [draw(size), draw(size)];
  const order = Int32Array.from({ length: size }, (_, index) => (index + 1) % size);
  return {
    program: {
      name: 'constants',
      state: {},
      feeds: { x: { dtype: 'float32', shape: [size] } },
      body(_, { x }) {
        const y = tf.add(tf.mul(x as tf.Tensor, tf.tensor1d(factors)), tf.tensor1d(summands));
        return { state: {}, outputs: { y: tf.gather(y, tf.tensor1d(order, 'int32')) } };
      },
    },
    expected: (x) =>
      Float32Array.from(order, (from) =>
        Math.fround(Math.fround((x[from] as number) * (factors[from] as number)) + (summands[from] as number)),
      ),
  };
}

describe('constants', () => {
  const size = 100;
  const { program, expected } = programOf(size);
  const graph = traceProgram(program);
  const x = draw(size);

  it.each([
    ['all in the model', 400, 0],
    ['all beside the model', 64, 3],
  ])('are %s, by their size, and give the same', async (_, inlineBytes, count) => {
    const model = lowerToOnnx(graph, program, { inlineBytes });
    expect(model.external.map(({ data }) => data.length)).toEqual(Array(count).fill(4 * size));
    const saved = lowerToOnnx(graph, program).bytes.length - model.bytes.length;
    // What is left of each in the model says where it is.
    expect(saved).toBeGreaterThanOrEqual(count * (4 * size - 100));
    expect(saved).toBeLessThanOrEqual(count * 4 * size);
    const session = await openSession(model, { provider: providers.cpu, threads: 1 });
    const results = await session.run({ 'feed:x': new Tensor('float32', x, [size]) });
    expect(results['next output:y']?.data).toEqual(expected(x));
    await session.release();
  });

  it('are beside the model from a mebibyte on', async () => {
    const large = programOf(2 ** 18 + 1);
    expect(lowerToOnnx(traceProgram(large.program), large.program).external).toHaveLength(3);
    const data = draw(2 ** 18 + 1);
    const { y } = await runOn(createOnnxEngine({ threads: 1 }), large.program, { x: float32(data) });
    expect(y?.data).toEqual(large.expected(data));
  });

  it('that the model names but nobody gives are an error of ONNX Runtime, so they are used', async () => {
    const { bytes } = lowerToOnnx(graph, program, { inlineBytes: 64 });
    await expect(InferenceSession.create(bytes)).rejects.toThrow(/external/i);
  });
});

it('a model beyond the limit is refused by name, with its size, the limit and a way out', () => {
  const { program } = programOf(50);
  const graph = traceProgram(program);
  const { bytes } = lowerToOnnx(graph, program, { inlineBytes: 64 });
  const limited = (modelBytes: number) => () => lowerToOnnx(graph, program, { inlineBytes: 64, modelBytes });
  expect(limited(bytes.length)).not.toThrow();
  expect(limited(bytes.length - 1)).toThrow(
    expect.objectContaining({
      code: 'ENGINE_GRAPH',
      message: `the graph of constants takes ${bytes.length} bytes; ONNX models end at ${bytes.length - 1}`,
      hint: expect.stringMatching(/more modules/),
    }),
  );
});

it('so is a constant beyond the limit, which ONNX Runtime refuses also beside the model', () => {
  const { program } = programOf(10_000);
  expect(() => lowerToOnnx(traceProgram(program), program, { modelBytes: 39_999 })).toThrow(
    expect.objectContaining({
      code: 'ENGINE_GRAPH',
      message: "constants has a constant float32 [10000] of 40000 bytes; ONNX Runtime's end at 39999",
      hint: expect.stringMatching(/state or feed/),
    }),
  );
  expect(() => lowerToOnnx(traceProgram(program), program, { modelBytes: 40_000, inlineBytes: 64 })).not.toThrow();
});
