import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { runConfigSchema } from '../../../src/config/schema.ts';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import type { Architecture } from '../../../src/models/architecture.ts';
import { keyWithin, networkParameters, wholeNetwork } from '../../../src/models/network.ts';
import { buildArchitecture } from '../../../src/models/registry.ts';
import { runNetwork } from '../../../src/models/run-network.ts';
import { flatten, layoutOf, splitParameters } from '../../../src/training/layout.ts';
import { randomStream } from '../../../src/util/random.ts';
import { float32, type HostTensor } from '../../../src/util/tensor.ts';
import { plainResnet } from '../../support/plain-resnet.ts';
import { randomWeights } from '../../support/random-weights.ts';

const CLASSES = 3;
const BATCH = 3;

const weightsOf = (architecture: Architecture) => randomWeights(architecture, (normal) => 0.2 * Math.abs(normal));

const variants = [
  { name: 'resnet-20', width: 2, depth: 6, imageSize: 7, channels: 3 },
  { name: 'resnet-20', width: 3, depth: 3, imageSize: 4, channels: 1 },
  { name: 'resnet-18', width: 2, imageSize: 19, channels: 3 },
  { name: 'resnet-50', width: 1, imageSize: 33, channels: 3 },
];
const engines: [string, () => Promise<ReturnType<typeof createOnnxEngine>>][] = [
  ['cpu', async () => createOnnxEngine({ threads: 1 })],
  ['tfjs-cpu', () => createEagerEngine('cpu')],
];

describe.each(engines)('a residual network on the engine %s', (_, open) => {
  it.each(
    variants.flatMap((settings) =>
      (['running', 'batch'] as const).map((mode) => [settings.name, settings, mode] as const),
    ),
  )('%s equals loops over single numbers (%o, statistics %s)', async (_name, settings, mode) => {
    const { model } = runConfigSchema.parse({ model: settings });
    const architecture = buildArchitecture(model, CLASSES);
    const network = wholeNetwork(architecture, 'target');
    const layout = layoutOf(networkParameters(network, true));
    const weights = weightsOf(architecture);
    const { imageSize: side, channels } = model;
    const { normal } = randomStream(2, 'images');
    const images = float32(Float32Array.from({ length: BATCH * side * side * channels }, normal), [
      BATCH,
      side,
      side,
      channels,
    ]);
    const names = [...layout.parameters].filter(({ statistic }) => statistic).map(({ name }) => name);
    const engine = await open();
    const executable = await engine.compile({
      name: 'forward',
      state: { parameters: { dtype: 'float32', shape: [layout.size] } },
      feeds: { images: { dtype: 'float32', shape: images.shape } },
      body({ parameters }, feeds) {
        const seen: Record<string, tf.Tensor> = {};
        const dropPath = (residual: tf.Tensor) => residual;
        const logits = runNetwork(
          network,
          feeds.images as tf.Tensor,
          splitParameters(layout, parameters as tf.Tensor),
          (part) => ({
            dropPath,
            ...(mode === 'batch'
              ? {
                  batchStatistics(name: string, value: tf.Tensor) {
                    seen[keyWithin(part, name)] = tf.keep(tf.clone(value));
                  },
                }
              : {}),
          }),
        );
        return { state: {}, outputs: { logits, ...seen } };
      },
    });
    const state = engine.createState({ parameters: flatten(layout, weights) });
    const outputs = await executable.run(state, { images });
    const plain = plainResnet(nested(images), weights, mode);
    expectNear(outputs.logits, plain.logits.flat());
    if (mode === 'running') return;
    expect(Object.keys(outputs).sort()).toEqual(['logits', ...names].sort());
    for (const [name, { mean, variance }] of plain.statistics) {
      expectNear(outputs[`${name}.running_mean`], mean);
      expectNear(outputs[`${name}.running_var`], variance);
    }
  });
});

function nested({ data, shape }: HostTensor): number[][][][] {
  const [batch, height, width, channels] = shape as [number, number, number, number];
  const numbers = (length: number) => Array.from({ length }, (_, index) => index);
  return numbers(batch).map((b) =>
    numbers(channels).map((c) =>
      numbers(height).map((i) =>
        numbers(width).map((j) => data[((b * height + i) * width + j) * channels + c] as number),
      ),
    ),
  );
}

function expectNear(actual: HostTensor | undefined, expected: readonly number[]): void {
  expect(actual?.data.length).toBe(expected.length);
  const scale = Math.max(1, ...expected.map(Math.abs));
  for (const [index, value] of expected.entries())
    expect(Math.abs((actual?.data[index] as number) - value)).toBeLessThan(2e-4 * scale);
}
