import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { costOf } from '../../../src/engine/cost.ts';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { isReduced, type Node } from '../../../src/engine/graph.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { layerNorm } from '../../../src/engine/ops.ts';
import type { Program, Tensors } from '../../../src/engine/program.ts';
import { inPrecision } from '../../../src/engine/rewrites/autocast.ts';
import { torchTreatments } from '../../../src/engine/rewrites/autocast-kernels.ts';
import { fused } from '../../../src/engine/rewrites/fuse.ts';
import { traceFloat32, traceProgram } from '../../../src/engine/trace.ts';
import { stepPrograms, stepSettings } from '../../../src/training/stepper.ts';
import { type HostTensor, sizeOf } from '../../../src/util/tensor.ts';
import { normals, runOn } from '../../support/compare-engines.ts';
import { type Job, jobs, tinyConfig, tinyJob } from '../../support/tiny.ts';

const shapes = { x: [8, 6], a: [6, 10], b: [10], c: [10, 4] };

/** A program of tensors x [8, 6], a [6, 10], b [10] and c [10, 4], all feeds. */
function program(body: (given: Record<keyof typeof shapes, tf.Tensor2D>) => tf.Tensor): Program {
  return {
    name: 'example',
    state: {},
    feeds: Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { dtype: 'float32', shape }])),
    precision: 'fp16',
    body: (_, feeds) => ({ state: {}, outputs: { y: body(feeds as never) } }),
  };
}

/** Each node as `Kernel operands -> result`, f32 and f16 for short. */
function described(traced: Program): string[] {
  const short = (type: string) => type.replace('float', 'f');
  return traceProgram(traced).nodes.map(
    ({ kernel, inputs, outputs }) =>
      `${kernel} ${inputs.map(({ dtype }) => short(dtype)).join(' ')} -> ${short((outputs[0] as Node['outputs'][0]).dtype)}`,
  );
}

describe('autocast', () => {
  it('casts what goes into products once, and results back', () => {
    expect(described(program(({ x, a }) => tf.matMul(x, a)))).toEqual([
      'Cast f32 -> f16',
      'Cast f32 -> f16',
      'BatchMatMul f16 f16 -> f16',
      'Cast f16 -> f32',
    ]);
  });

  it('keeps what lies between products reduced, biases and numbers included', () => {
    const between = program(({ x, a, b, c }) => {
      const hidden = tf.mul(tf.add(tf.matMul(x, a), b), 0.5);
      return tf.matMul(tf.reshape(tf.transpose(hidden), [8, 10]), c);
    });
    expect(described(between)).toEqual([
      'Cast f32 -> f16',
      'Cast f32 -> f16',
      'BatchMatMul f16 f16 -> f16',
      'Cast f32 -> f16',
      'Add f16 f16 -> f16',
      'Multiply f16 f16 -> f16',
      'Transpose f16 -> f16',
      'Reshape f16 -> f16',
      'Cast f32 -> f16',
      'BatchMatMul f16 f16 -> f16',
      'Cast f16 -> f32',
    ]);
  });

  it('adds in float32 what no product wants', () => {
    expect(described(program(({ x, a, b }) => tf.add(tf.matMul(x, a), b)))).toEqual([
      'Cast f32 -> f16',
      'Cast f32 -> f16',
      'BatchMatMul f16 f16 -> f16',
      'Cast f16 -> f32',
      'Add f32 f32 -> f32',
    ]);
  });

  it('computes softmax in float32 and keeps its result reduced for products', () => {
    expect(described(program(({ x, a, c }) => tf.matMul(tf.softmax(tf.matMul(x, a)), c)))).toEqual([
      'Cast f32 -> f16',
      'Cast f32 -> f16',
      'BatchMatMul f16 f16 -> f16',
      'Cast f16 -> f32',
      'Softmax f32 -> f32',
      'Cast f32 -> f16',
      'Cast f32 -> f16',
      'BatchMatMul f16 f16 -> f16',
      'Cast f16 -> f32',
    ]);
  });

  it('leaves sums, statistics and products of activations in float32', () => {
    const statistics = program(({ x, a, b }) => {
      const product = tf.matMul(x, a);
      return tf.sum(tf.mul(layerNorm(product, b, b, 1e-5), product));
    });
    expect(described(statistics)).toEqual([
      'Cast f32 -> f16',
      'Cast f32 -> f16',
      'BatchMatMul f16 f16 -> f16',
      'Cast f16 -> f32',
      'IncubateLayerNorm f32 f32 f32 -> f32',
      'Multiply f32 f32 -> f32',
      'Sum f32 -> f32',
    ]);
  });

  it('changes nothing where there are no products, or where float32 is asked for', () => {
    const plain = program(({ x }) => tf.sum(tf.exp(x)));
    expect(described(plain)).toEqual(['Exp f32 -> f32', 'Sum f32 -> f32']);
    const product = program(({ x, a }) => tf.matMul(x, a));
    expect(traceProgram({ ...product, precision: 'fp32' }).nodes).toHaveLength(1);
  });

  it('keeps convolutions float32 where bfloat16 has no kernels for them', () => {
    const image = program(({ x, a }) => {
      const filter = tf.reshape(a, [2, 2, 3, 5]) as tf.Tensor4D;
      return tf.conv2d(tf.reshape(x, [1, 4, 4, 3]) as tf.Tensor4D, filter, 1, 'same');
    });
    const convolution = (precision: 'fp16' | 'bf16') =>
      described({ ...image, precision }).filter((node) => node.startsWith('Conv2D'));
    expect(convolution('fp16')).toEqual(['Conv2D f16 f16 -> f16']);
    expect(convolution('bf16')).toEqual(['Conv2D f32 f32 -> f32']);
  });
});

function stepProgram(job: Job): Program {
  const config = tinyConfig({ model: { width: 32 }, training: { batchSize: 16 } });
  const [step] = stepPrograms(stepSettings(tinyJob(job, config)));
  return (step as { program: Program }).program;
}

describe.each(Object.values(jobs))('a training step in float16: $id', (job) => {
  const graph = traceProgram({ ...stepProgram(job), precision: 'fp16' });
  const isCast = ({ kernel }: Node) => kernel === 'Cast';

  it('multiplies no matrices in float32', () => {
    const products = graph.nodes.filter(({ kernel }) => kernel === 'BatchMatMul');
    expect(products.length).toBeGreaterThan(10);
    for (const { inputs, outputs } of products)
      expect([...inputs, ...outputs].map(({ dtype }) => dtype)).toEqual(['float16', 'float16', 'float16']);
  });

  it('has float32 state, results and statistics', () => {
    for (const value of [...graph.nextState.values(), ...graph.outputs.values()]) expect(value.dtype).toBe('float32');
    const statistics = /^(Sum|Mean|Exp|Log|Sqrt|RealDiv|Square|Erf|IncubateLayerNorm)$/;
    const found = graph.nodes.filter(({ kernel }) => statistics.test(kernel));
    expect(found.length).toBeGreaterThan(10);
    for (const { kernel, inputs, outputs } of found)
      expect(
        [...inputs, ...outputs].some(({ dtype }) => isReduced(dtype)),
        kernel,
      ).toBe(false);
  });

  it('casts no tensor twice to float16, and none back and forth', () => {
    const casts = graph.nodes.filter(isCast);
    const narrowing = casts.filter(({ outputs }) => outputs[0]?.dtype === 'float16').map(({ inputs }) => inputs[0]?.id);
    expect(new Set(narrowing).size).toBe(narrowing.length);
    const widened = new Set(casts.filter(({ inputs }) => inputs[0]?.dtype === 'float16').map((n) => n.outputs[0]?.id));
    expect(widened.size).toBeGreaterThan(0);
    expect(narrowing.filter((id) => widened.has(id as number))).toEqual([]);
  });

  it('has values in the order of their computation, and every type as its kernel has it', () => {
    const known = new Set([...graph.state.values(), ...graph.feeds.values()]);
    for (const { value } of graph.constants.values()) known.add(value);
    for (const { kernel, inputs, outputs } of graph.nodes) {
      for (const value of inputs) expect(known.has(value), `${kernel} of ${value.id}`).toBe(true);
      for (const value of outputs) known.add(value);
      const floats = new Set(inputs.map(({ dtype }) => dtype).filter((dtype) => /float/.test(dtype)));
      if (kernel !== 'Cast') expect(floats.size, kernel).toBeLessThanOrEqual(1);
    }
  });
});

describe('the memory of activations', () => {
  it('counts two bytes an element', () => {
    const square = { dtype: 'float32', shape: [100, 100] } as const;
    const chain: Program = {
      name: 'chain',
      state: { w: square },
      feeds: {},
      precision: 'fp16',
      body: ({ w }: Tensors) => ({ state: {}, outputs: { y: tf.max(tf.matMul(w as tf.Tensor2D, w as tf.Tensor2D)) } }),
    };
    const bytes = sizeOf(square.shape);
    // The product and the cast operand; then the product and its float32 copy.
    expect(costOf(traceProgram(chain)).peakActivationBytes).toBe((2 + 4) * bytes);
    expect(costOf(traceProgram({ ...chain, precision: 'fp32' })).peakActivationBytes).toBe(4 * bytes + 4);
  });

  it('is less than two thirds for a vision transformer, at the same number of operations', () => {
    const config = tinyConfig({
      model: { width: 192, heads: 3, depth: 12, imageSize: 32 },
      training: { batchSize: 64 },
    });
    const [step] = stepPrograms(stepSettings(tinyJob(jobs.finetune, config)));
    const cost = (precision: 'fp32' | 'fp16') =>
      costOf(traceProgram({ ...(step as { program: Program }).program, precision }));
    const [full, half] = [cost('fp32'), cost('fp16')];
    expect(half.peakActivationBytes / full.peakActivationBytes).toBeLessThan(2 / 3);
    expect(half.stateBytes).toBe(full.stateBytes);
    expect(Math.abs(half.flops / full.flops - 1)).toBeLessThan(1e-3);
  });
});

describe.each(Object.values(jobs))('a training step in bf16 as PyTorch computes it: $id', (job) => {
  const graph = inPrecision(fused(traceFloat32(stepProgram(job))), 'bf16', torchTreatments);
  const typesOf = (pattern: RegExp) => {
    const nodes = graph.nodes.filter(({ kernel }) => pattern.test(kernel));
    expect(nodes.length, String(pattern)).toBeGreaterThan(0);
    return new Set(nodes.flatMap(({ inputs, outputs }) => [...inputs, ...outputs].map(({ dtype }) => dtype)));
  };

  it('has products, attention and activations in bfloat16, forward and backward', () => {
    for (const pattern of [/^(FusedLinear|BatchMatMul)$/, /^FusedAttention/, /^(IncubateGelu|FusedGeluGrad)$/])
      expect(typesOf(pattern), String(pattern)).toEqual(new Set(['bfloat16']));
  });

  it('has normalisation, losses and the optimiser in float32', () => {
    for (const pattern of [/LayerNorm/, /^(Log|Exp|Max)$/, /^Fused(AdamW|SumOfSquares)$/])
      expect(typesOf(pattern), String(pattern)).toEqual(new Set(['float32']));
  });
});

describe('an emulated precision', () => {
  const inputs: Record<string, HostTensor> = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, normals(name, shape)]),
  );

  /** A number with `bits` binary digits, ties to even. */
  const rounded = (value: number, bits: number) => {
    const unit = 2 ** (Math.floor(Math.log2(Math.abs(value))) - bits + 1);
    const [below, rest] = [Math.floor(value / unit), value / unit - Math.floor(value / unit)];
    return (rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below) * unit;
  };

  it.each([
    ['fp16', 11],
    ['bf16', 8],
  ] as const)('rounds operands and results to %s', async (precision, bits) => {
    const engine = createOnnxEngine({ threads: 1, emulate: true });
    const { y } = await runOn(engine, { ...program(({ x, a }) => tf.matMul(x, a)), precision }, inputs);
    const [x, a] = [inputs.x?.data ?? [], inputs.a?.data ?? []] as const;
    for (const [index, value] of (y?.data ?? []).entries()) {
      const [row, column] = [Math.floor(index / 10), index % 10];
      let sum = 0;
      for (let k = 0; k < 6; k++)
        sum += rounded(x[row * 6 + k] as number, bits) * rounded(a[k * 10 + column] as number, bits);
      // The sum's own rounding to float32 may decide a tie.
      expect(Math.abs(value - rounded(sum, bits))).toBeLessThanOrEqual(2 ** -bits * Math.abs(sum) * 1.01);
      expect(rounded(value, bits)).toBe(value);
    }
  });

  it('is for tests: engines refuse what they do not have', async () => {
    const refused = { code: 'CONFIG_PRECISION', exitCode: 3, hint: expect.stringContaining('--engine cuda') };
    const half = program(({ x, a }) => tf.matMul(x, a));
    await expect(createOnnxEngine({ threads: 1 }).compile(half)).rejects.toMatchObject(refused);
    await expect((await createEagerEngine('cpu')).compile(half)).rejects.toMatchObject(refused);
    await expect(
      createOnnxEngine({ threads: 1, provider: 'cpu' }).compile({ ...half, precision: 'bf16' }),
    ).rejects.toThrow("the engine 'cpu' cannot train in bf16");
  });
});
