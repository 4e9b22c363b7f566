import * as tf from '@tensorflow/tfjs-core';
import { afterAll, describe, expect, it } from 'vitest';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import type { Program } from '../../../src/engine/program.ts';
import { traceProgram } from '../../../src/engine/trace.ts';
import { float32 } from '../../../src/util/tensor.ts';

/** A program of a feed x [3]. */
const program = (body: (x: tf.Tensor) => tf.Tensor): Program => ({
  name: 'example',
  state: {},
  feeds: { x: { dtype: 'float32', shape: [3] } },
  body: (_, { x }) => ({ state: {}, outputs: { y: body(x as tf.Tensor) } }),
});

const engines = [createOnnxEngine({ threads: 1 }), await createEagerEngine('cpu')];

async function expectRefused(body: (x: tf.Tensor) => tf.Tensor, code: string, message: RegExp): Promise<void> {
  for (const engine of engines) {
    const refusal = expect.objectContaining({
      code,
      message: expect.stringMatching(message),
      hint: expect.stringMatching(/feed/),
    });
    await expect(engine.compile(program(body)), engine.name).rejects.toEqual(refusal);
  }
}

describe('random numbers within a program', () => {
  const draws: Record<string, (x: tf.Tensor) => tf.Tensor> = {
    dropout: (x) => tf.dropout(x, 0.5),
    multinomial: (x) => tf.multinomial(x as tf.Tensor1D, 3),
    rand: (x) => tf.add(x, tf.rand([3], Math.random)),
    randomGamma: (x) => tf.add(x, tf.randomGamma([3], 1)),
    randomNormal: (x) => tf.add(x, tf.randomNormal([3])),
    randomStandardNormal: (x) => tf.add(x, tf.randomStandardNormal([3])),
    randomUniform: (x) => tf.add(x, tf.randomUniform([3], 0, 1, 'float32', 7)),
    randomUniformInt: (x) => tf.add(x, tf.cast(tf.randomUniformInt([3], 0, 7), 'float32')),
    truncatedNormal: (x) => tf.add(x, tf.truncatedNormal([3])),
  };

  it('are drawn by these operations of tfjs', () => {
    const named = Object.keys(tf).filter((name) => /rand|dropout|truncated|multinomial|noise|bernoulli/i.test(name));
    // Those with capitals are kernels.
    expect(named.filter((name) => !/^[A-Z]/.test(name)).sort()).toEqual(Object.keys(draws).sort());
  });

  it.each(Object.entries(draws))('are refused: %s', async (name, body) => {
    if (name === 'multinomial') await expectRefused(body, 'ENGINE_KERNEL', /^example .*Multinomial.*closed-programs/);
    else
      await expectRefused(
        body,
        'ENGINE_RANDOM',
        new RegExp(`^example .* by ${name} \\(tf.${name}, at .*closed-programs`),
      );
  });

  it('are refused also where only a gradient draws them', async () => {
    const noisy = tf.customGrad(((x: tf.Tensor) => ({
      value: x,
      gradFunc: (dy: tf.Tensor) => tf.mul(dy, tf.randomUniform(dy.shape)),
    })) as never) as (x: tf.Tensor) => tf.Tensor;
    await expectRefused((x) => tf.grad(noisy)(x), 'ENGINE_RANDOM', /by randomUniform/);
  });

  it('are nobody’s business elsewhere', async () => {
    expect(traceProgram(program((x) => tf.dropout(x, 0))).nodes).toEqual([]);
    await tf.setBackend('cpu');
    const drawn = tf.randomUniform([3], 1, 2);
    expect([...(await drawn.data())].every((value) => value >= 1 && value < 2)).toBe(true);
    drawn.dispose();
  });
});

describe('tensors from elsewhere', async () => {
  await tf.setBackend('cpu');
  const outside = tf.keep(tf.tensor1d([1, 2, 3]));
  afterAll(() => outside.dispose());
  const message = /^example .* used a tensor that was not made within it \(tf\.\w+, at .*closed-programs/;

  it.each<[string, (x: tf.Tensor) => tf.Tensor]>([
    ['operand', (x) => tf.add(x, outside)],
    ['operand of an operation that is composed of others', (x) => tf.einsum('i,i->', x, outside)],
    ['only operand', () => tf.exp(outside)],
    ['operand of a gradient', (x) => tf.grad((a) => tf.mul(outside, a))(x)],
    ['one of many', (x) => tf.concat([x, outside])],
  ])('of another backend are refused: %s', async (_, body) => {
    await expectRefused(body, 'ENGINE_TENSOR', message);
  });

  it('of another backend are refused as results', async () => {
    await expectRefused(() => outside, 'ENGINE_TENSOR', /^example .* used a tensor that was not made within it/);
  });

  it('of an earlier trace are refused: they would be taken for others', async () => {
    let kept: tf.Tensor | undefined;
    const first = program((x) => {
      const found = tf.mul(x, 2);
      kept ??= found;
      return tf.add(kept, 1);
    });
    traceProgram(first);
    expect(() => traceProgram(first)).toThrow(
      expect.objectContaining({ code: 'ENGINE_TENSOR', message: expect.stringMatching(message) }),
    );
  });

  it('of a trace are refused by eager execution', async () => {
    const [, eager] = engines;
    let kept: tf.Tensor | undefined;
    const leaking = program((x) => {
      kept ??= tf.mul(x, 2);
      return tf.add(x, kept);
    });
    const executable = await (eager as (typeof engines)[number]).compile(leaking);
    const feeds = { x: float32(Float32Array.of(1, 2, 3)) };
    await expect(executable.run((eager as (typeof engines)[number]).createState({}), feeds)).rejects.toThrow();
  });

  it('made of texts are refused', () => {
    const texts = program((x) => tf.add(x, tf.tensor(['a', 'b', 'c'])));
    const message = /^example .* type string \(.*closed-programs/;
    expect(() => traceProgram(texts)).toThrow(
      expect.objectContaining({ code: 'ENGINE_DTYPE', message: expect.stringMatching(message) }),
    );
  });
});
