import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { batchNorm } from '../../../src/engine/ops.ts';
import { fuseChannelPasses } from '../../../src/engine/rewrites/channel-passes.ts';
import { traceProgram } from '../../../src/engine/trace.ts';
import { float32 } from '../../../src/util/tensor.ts';
import { expectAllClose, normals, type Operation, programOf, runOn } from '../../support/compare-engines.ts';
import { torchTest } from '../../support/torch.ts';

/** A convolution with batch normalisation, a residual sum and a ReLU: every pass over images that is joined. */
function residual([batch, height, width, channels]: readonly [number, number, number, number]): Operation {
  const shape = [batch, height, width, channels];
  const vector = (name: string) => normals(name, [channels]);
  return {
    name: `residual [${shape}]`,
    inputs: {
      x: normals('x', shape),
      y: normals('y', shape),
      filter: normals('filter', [3, 3, channels, channels]),
      gain: vector('gain'),
      bias: vector('bias'),
    },
    body({ x, y, filter, gain, bias }) {
      const convolved = tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same');
      return tf.relu(tf.add(batchNorm(convolved, gain as tf.Tensor, bias as tf.Tensor, 1e-5), y as tf.Tensor));
    },
  };
}

describe('passes over images on torch', () => {
  // Channels that fill lines of vectors and that do not, images of less than a line and of many.
  for (const shape of [
    [2, 3, 3, 2],
    [3, 9, 7, 3],
    [2, 8, 8, 16],
    [2, 5, 5, 70],
    [1, 2, 2, 90],
    [2, 24, 24, 8],
  ] as const) {
    torchTest(`give value and gradients of tfjs: [${shape}]`, async (engine) => {
      const operation = residual(shape);
      const program = programOf(operation, true);
      const kernels = fuseChannelPasses(traceProgram(program), false).nodes.map(({ kernel }) => kernel);
      expect(kernels).toEqual(expect.arrayContaining(['FusedChannelAffine', 'FusedChannelProducts', 'FusedReluGrad']));
      const [found, expected] = [
        await runOn(engine, program, operation.inputs),
        await runOn(await createEagerEngine('cpu'), program, operation.inputs),
      ];
      expectAllClose(found, expected, operation.name);
    });
  }

  torchTest('leave what is no number as it is', async (engine) => {
    const inputs = {
      x: float32(Float32Array.of(Number.NaN, -1, 2, -3), [1, 1, 2, 2]),
      factor: float32(Float32Array.of(2, 3), [2]),
    };
    const body = ({ x, factor }: Record<string, tf.Tensor>) => tf.relu(tf.mul(x as tf.Tensor, factor as tf.Tensor));
    const { result } = await runOn(engine, programOf({ name: 'no number', inputs, body }, false), inputs);
    expect(Array.from(result?.data ?? [])).toEqual([Number.NaN, 0, 4, 0]);
  });
});

it('convolutions are joined with what follows only where that is asked for', () => {
  const { inputs } = residual([2, 4, 4, 4]);
  const body = ({ x, filter }: Record<string, tf.Tensor>) =>
    tf.relu(tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same'));
  const graph = traceProgram(programOf({ name: 'joined', inputs, body }, false));
  const kernels = (joins: boolean) => fuseChannelPasses(graph, joins).nodes.map(({ kernel }) => kernel);
  expect(kernels(true)).toContain('FusedConvolutionAffine');
  expect(kernels(false)).not.toContain('FusedConvolutionAffine');
  expect(kernels(false)).toContain('Conv2D');
});
