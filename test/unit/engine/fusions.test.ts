import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Graph } from '../../../src/engine/graph.ts';
import { kernels } from '../../../src/engine/kernels/table.ts';
import { gelu, layerNorm } from '../../../src/engine/ops.ts';
import { CHANNEL_AFFINE, CHANNEL_PRODUCTS, RELU_GRAD } from '../../../src/engine/rewrites/channel-passes.ts';
import { fused } from '../../../src/engine/rewrites/fuse.ts';
import { rewritten } from '../../../src/engine/torch/lowerings/rewritten.ts';
import { traceProgram } from '../../../src/engine/trace.ts';
import { stepPrograms, stepSettings } from '../../../src/training/stepper.ts';
import { expectEqualOnBothEngines, normals, type Operation, programOf } from '../../support/compare-engines.ts';
import { jobs, tinyConfig, tinyJob } from '../../support/tiny.ts';
import { torchTest } from '../../support/torch.ts';

/** How many nodes of each fused kernel a graph has. */
function countsOf({ nodes }: Graph): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kernel } of nodes) if (!(kernel in kernels)) counts[kernel] = (counts[kernel] ?? 0) + 1;
  return counts;
}

function expectOrdered({ nodes, state, feeds, constants, nextState, outputs }: Graph): void {
  const known = new Set([...state.values(), ...feeds.values()].map(({ id }) => id).concat(...constants.keys()));
  for (const node of nodes) {
    for (const { id } of node.inputs) expect(known, node.kernel).toContain(id);
    for (const { id } of node.outputs) known.add(id);
  }
  for (const { id } of [...nextState.values(), ...outputs.values()]) expect(known).toContain(id);
}

describe('a training step', () => {
  const depth = 6;
  const block = { FusedAttention: 1, FusedAttentionGrad: 1, FusedGeluGrad: 1, FusedLinear: 4, FusedLayerNormGrad: 2 };
  const perStep = { FusedAdamW: 1, FusedSumOfSquares: 1 };

  it.each([
    ['as it is', {}, 1],
    ['recomputed', { recompute: true }, 2],
  ] as const)('has one node for what a block does, %s', (_, training, forwards) => {
    const tiny = tinyJob(jobs.finetune, tinyConfig({ training }));
    const [{ program }] = stepPrograms(stepSettings(tiny)) as [ReturnType<typeof stepPrograms>[number]];
    const lean = fused(traceProgram(program));
    expectOrdered(lean);
    expect(countsOf(lean)).toEqual({
      ...perStep,
      ...Object.fromEntries(Object.entries(block).map(([kernel, count]) => [kernel, count * depth])),
      FusedAttention: forwards * depth,
      // The stem and the head have one as well, as the head has a normalisation; the last of a block is not needed again.
      FusedLinear: 4 * depth + 2 + (forwards - 1) * 3 * depth,
      FusedLayerNormGrad: 2 * depth + 1,
    });
  });

  it('has lowerings for all of them on torch', () => {
    expect(Object.keys(rewritten).sort()).toEqual(
      [
        ...[...Object.keys(block), ...Object.keys(perStep), 'FusedSoftmaxGrad'],
        ...[CHANNEL_AFFINE, CHANNEL_PRODUCTS, RELU_GRAD],
      ].sort(),
    );
  });
});

type Inputs = Readonly<Record<string, tf.Tensor>>;
const [x, y] = [normals('x', [2, 3, 5]), normals('y', [2, 3, 5])];
const [q, k, v] = [normals('q', [2, 3, 5, 4]), normals('k', [2, 3, 7, 4]), normals('v', [2, 3, 7, 6])];
const row = { gain: normals('gain', [5]), bias: normals('bias', [5]) };
const matrices = { a: normals('a', [4, 3]), b: normals('b', [3, 5]), bias: normals('bias', [5]) };

const attended = ({ q: one, k: two, v: three }: Inputs, scale = 0.5) => {
  const weights = tf.softmax(tf.matMul(tf.mul(one as tf.Tensor, scale), two as tf.Tensor, false, true));
  return { weights, result: tf.matMul(weights, three as tf.Tensor) };
};
const phi = (z: tf.Tensor) => tf.add(tf.mul(tf.erf(tf.mul(z, Math.SQRT1_2)), 0.5), 0.5);
const density = (z: tf.Tensor, c = 0.5) => tf.mul(tf.exp(tf.mul(tf.square(z), -c)), 1 / Math.sqrt(2 * Math.PI));

const cases: readonly (Operation & { readonly kernels: Readonly<Record<string, number>>; readonly gradient?: true })[] =
  [
    {
      name: 'a product and a bias',
      inputs: matrices,
      body: ({ a, b, bias }) => tf.add(bias as tf.Tensor, tf.matMul(a as tf.Tensor, b as tf.Tensor)),
      kernels: { FusedLinear: 1 },
    },
    {
      name: 'a product that is used again',
      inputs: matrices,
      body({ a, b, bias }) {
        const product = tf.matMul(a as tf.Tensor, b as tf.Tensor);
        return tf.mul(product, tf.add(product, bias as tf.Tensor));
      },
      kernels: {},
    },
    {
      name: 'a product and a column',
      inputs: { ...matrices, bias: normals('column', [4, 1]) },
      body: ({ a, b, bias }) => tf.add(tf.matMul(a as tf.Tensor, b as tf.Tensor), bias as tf.Tensor),
      kernels: {},
    },
    {
      name: 'a gelu',
      inputs: { x },
      body: ({ x: given }) => gelu(given as tf.Tensor),
      gradient: true,
      kernels: { FusedGeluGrad: 1 },
    },
    {
      name: 'the slope of no gelu',
      inputs: { x, y },
      body: ({ x: one, y: two }) =>
        tf.mul(two as tf.Tensor, tf.add(phi(one as tf.Tensor), tf.mul(one as tf.Tensor, density(two as tf.Tensor)))),
      kernels: {},
    },
    {
      name: 'the slope of a gelu with another density',
      inputs: { x, y },
      body: ({ x: one, y: two }) =>
        tf.mul(
          two as tf.Tensor,
          tf.add(phi(one as tf.Tensor), tf.mul(one as tf.Tensor, density(one as tf.Tensor, 0.4))),
        ),
      kernels: {},
    },
    {
      name: 'a layer normalisation',
      inputs: { x, ...row },
      body: ({ x: given, gain, bias }) =>
        tf.square(layerNorm(given as tf.Tensor, gain as tf.Tensor, bias as tf.Tensor, 1e-3)),
      gradient: true,
      kernels: { FusedLayerNormGrad: 1 },
    },
    {
      name: 'a softmax',
      inputs: { x },
      body: ({ x: given }) => tf.softmax(given as tf.Tensor),
      gradient: true,
      kernels: { FusedSoftmaxGrad: 1 },
    },
    {
      name: 'the gradient of no softmax',
      inputs: { x, y },
      body({ x: one, y: two }) {
        const product = tf.mul(one as tf.Tensor, two as tf.Tensor);
        return tf.sub(product, tf.mul(tf.sum(product, 1, true), two as tf.Tensor));
      },
      kernels: {},
    },
    {
      name: 'attention across',
      inputs: { q, k, v },
      body: (inputs) => attended(inputs).result,
      gradient: true,
      kernels: { FusedAttention: 1, FusedAttentionGrad: 1 },
    },
    {
      name: 'attention to itself',
      inputs: { x: normals('tokens', [2, 5, 3, 2, 4]) },
      body({ x: given }) {
        const [one, two, three] = tf.unstack(given as tf.Tensor, 2).map((part) => tf.transpose(part, [0, 2, 1, 3]));
        const { result } = attended({ q: one as tf.Tensor, k: two as tf.Tensor, v: three as tf.Tensor });
        return tf.transpose(result, [0, 2, 1, 3]);
      },
      gradient: true,
      kernels: { FusedAttention: 1, FusedAttentionGrad: 1 },
    },
    {
      name: 'attention whose weights are used again',
      inputs: { q, k, v },
      body(inputs) {
        const { weights, result } = attended(inputs);
        return tf.mul(result, tf.sum(tf.square(weights), -1, true));
      },
      gradient: true,
      kernels: { FusedAttention: 1, FusedSoftmaxGrad: 1 },
    },
    {
      name: 'values that depend on the weights',
      inputs: { q, k: normals('k', [2, 3, 5, 4]) },
      body({ q: one, k: two }) {
        const weights = tf.softmax(tf.matMul(tf.mul(one as tf.Tensor, 0.5), two as tf.Tensor, false, true));
        return tf.matMul(weights, tf.exp(weights));
      },
      kernels: {},
    },
    {
      name: 'a sum of squares',
      inputs: { x },
      body: ({ x: given }) => tf.sum(tf.square(given as tf.Tensor)),
      kernels: { FusedSumOfSquares: 1 },
    },
  ];

describe.each(cases.map((item) => [item.name, item] as const))('%s', (_, item) => {
  const graph = () => fused(traceProgram(programOf(item, item.gradient === true)));

  it('has the nodes of its own that it should', () => {
    expectOrdered(graph());
    expect(countsOf(graph())).toEqual(item.kernels);
  });

  torchTest('has the results of tfjs on torch', async (engine) => {
    await expectEqualOnBothEngines(item, item.gradient === true, engine);
  });
});
