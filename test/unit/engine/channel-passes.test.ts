import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Graph, Node } from '../../../src/engine/graph.ts';
import { batchNorm } from '../../../src/engine/ops.ts';
import type { Program } from '../../../src/engine/program.ts';
import { fuseChannelPasses } from '../../../src/engine/rewrites/channel-passes.ts';
import { moveFactorsToFilters } from '../../../src/engine/rewrites/filter-factors.ts';
import { traceProgram } from '../../../src/engine/trace.ts';
import { stepPrograms, stepSettings } from '../../../src/training/stepper.ts';
import { jobs, tinyConfig, tinyJob, tinyResnet } from '../../support/tiny.ts';

type Images = tf.Tensor4D;

/** A program of an image [2, 4, 4, 3] and vectors [3]. */
function programOf(body: (x: Images, y: Images, vector: tf.Tensor1D) => tf.Tensor): Program {
  const image = { dtype: 'float32', shape: [2, 4, 4, 3] } as const;
  return {
    name: 'passes',
    state: {},
    feeds: { x: image, y: image, vector: { dtype: 'float32', shape: [3] } },
    body: (_, { x, y, vector }) => ({
      state: {},
      outputs: { result: body(x as Images, y as Images, vector as tf.Tensor1D) },
    }),
  };
}

const rewritten = (program: Program): Graph => fuseChannelPasses(moveFactorsToFilters(traceProgram(program)));
const kernelsOf = ({ nodes }: Graph) => nodes.map(({ kernel }) => kernel);
/** What the nodes do that passes over images are joined to. */
const mapsOf = ({ nodes }: Graph) =>
  nodes.flatMap(({ attributes }) =>
    attributes.operands ? [`${(attributes.operands as string[]).join(' ')}${attributes.relu ? ' relu' : ''}`] : [],
  );

describe('passes over images', () => {
  it.each<[string, Parameters<typeof programOf>[0], string[], string[]]>([
    ['a factor', (x, _, v) => tf.mul(v, x), ['FusedChannelAffine'], ['factor']],
    [
      'a factor, a term, a sum and a ReLU',
      (x, y, v) => tf.relu(tf.add(tf.add(tf.mul(x, v), v), y)),
      ['FusedChannelAffine'],
      ['factor term sum relu'],
    ],
    [
      'a map that is needed by itself',
      (x, _, v) => {
        const moved = tf.add(x, v);
        return tf.mul(tf.mul(moved, v), moved);
      },
      ['FusedChannelAffine', 'FusedChannelAffine', 'Multiply'],
      ['term', 'factor'],
    ],
    [
      'a term after a sum, which would change the order of three',
      (x, y, v) => tf.add(tf.add(tf.mul(x, v), y), v),
      ['FusedChannelAffine', 'FusedChannelAffine'],
      ['factor sum', 'term'],
    ],
    ['what is not per channel', (x, y) => tf.mul(x, tf.sub(y, tf.sum(y, 3, true))), ['Sum', 'Sub', 'Multiply'], []],
    ['a number less an image', (x, _, v) => tf.sub(v, x), ['Sub'], []],
    [
      'a vector [1, 1, 1, C]',
      (x, _, v) => tf.sub(x, tf.reshape(v, [1, 1, 1, 3])),
      ['Reshape', 'Reshape', 'Neg', 'FusedChannelAffine'],
      ['term'],
    ],
    ['sums of products', (x, y) => tf.sum(tf.mul(x, y), [0, 1, 2]), ['FusedChannelProducts'], []],
    ['means of squares', (x) => tf.mean(tf.square(x), [0, 1, 2]), ['FusedChannelProducts'], []],
    ['sums of products over pixels only', (x, y) => tf.sum(tf.mul(x, y), [1, 2]), ['Multiply', 'Sum'], []],
    [
      'the gradient of a ReLU',
      (x, y) => tf.grad((z: tf.Tensor) => tf.mul(tf.relu(z), y))(x),
      ['Relu', 'FusedReluGrad'],
      [],
    ],
    [
      'a mask that no ReLU made',
      (x, y) => tf.mul(y, tf.cast(tf.greater(x, 0), 'float32')),
      ['Greater', 'Cast', 'Multiply'],
      [],
    ],
  ])('are found: %s', (_, body, kernels, maps) => {
    const graph = rewritten(programOf(body));
    expect(kernelsOf(graph)).toEqual(kernels);
    expect(mapsOf(graph)).toEqual(maps);
  });

  it('join a convolution where nothing else needs its result', () => {
    const filter = () => tf.ones([3, 3, 3, 3]) as Images;
    const joined = rewritten(programOf((x, y, v) => tf.relu(tf.add(tf.add(tf.conv2d(x, filter(), 1, 'same'), v), y))));
    expect(kernelsOf(joined)).toEqual(['FusedConvolutionAffine']);
    expect(mapsOf(joined)).toEqual(['term sum relu']);
    const apart = rewritten(
      programOf((x, _, v) => {
        const result = tf.conv2d(x, filter(), 1, 'same');
        return tf.mul(tf.add(result, v), result);
      }),
    );
    expect(kernelsOf(apart)).toEqual(['Conv2D', 'FusedChannelAffine', 'Multiply']);
  });

  it('of batch normalisation between convolutions are three forward and one backward', () => {
    const graph = rewritten(
      programOf((x, y, v) => {
        const loss = (filter: tf.Tensor) => {
          const first = tf.conv2d(x, filter as Images, 1, 'same');
          const second = tf.conv2d(tf.relu(batchNorm(first, v, v, 1e-5)) as Images, filter as Images, 1, 'same');
          return tf.sum(tf.mul(second, y));
        };
        return tf.grad(loss)(tf.reshape(tf.tile(v, [27]), [3, 3, 3, 3]));
      }),
    );
    const isOverImages = ({ inputs }: Node) => inputs[0]?.shape.join() === '2,4,4,3';
    const passes = graph.nodes.filter((node) => isOverImages(node) && node.kernel.startsWith('Fused'));
    // Centred, squared, normalised with its ReLU; masked, multiplied, and all the rest, whose last factor is the filter's.
    expect(passes.map(({ kernel }) => kernel)).toEqual([
      ...['FusedChannelAffine', 'FusedChannelProducts', 'FusedChannelAffine'],
      ...['FusedReluGrad', 'FusedChannelProducts', 'FusedChannelAffine'],
    ]);
    expect(mapsOf({ ...graph, nodes: passes })).toEqual(['term', 'factor term relu', 'factor term sum']);
  });

  it('leave no pass over images of residual networks to be found', () => {
    const tiny = tinyJob(jobs.finetune, tinyConfig({ model: { ...tinyResnet, imageSize: 16 } }));
    const [step] = stepPrograms(stepSettings(tiny));
    const { nodes } = rewritten((step as NonNullable<typeof step>).program);
    const left = nodes.filter(({ kernel, outputs }) => {
      const shape = outputs[0]?.shape ?? [];
      return shape.length === 4 && (shape[1] as number) > 3 && ['Add', 'Sub', 'Multiply', 'Relu'].includes(kernel);
    });
    // The gradient of the mean over pixels is spread out.
    expect(left.length).toBeLessThanOrEqual(2);
  });
});
