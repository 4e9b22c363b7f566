import { describe, expect, it } from 'vitest';
import { runConfigSchema } from '../../../src/config/schema.ts';
import { countParameters, parametersOf, partsOf } from '../../../src/models/architecture.ts';
import { initialise } from '../../../src/models/initialise.ts';
import { buildArchitecture, describeModel } from '../../../src/models/registry.ts';
import { IncubateError } from '../../../src/util/errors.ts';

const model = (settings: object) => runConfigSchema.parse({ model: { imageSize: 32, ...settings } }).model;
const build = (settings: object, classes = 100) => buildArchitecture(model(settings), classes);

/** Parameters of a residual network of 6n + 2 layers on RGB images, layer by layer. */
function cifarParameters(blocks: number, classes: number, width = 16): number {
  const convolved = (inputs: number, outputs: number, size: number) => inputs * outputs * size * size + 2 * outputs;
  const stage = (inputs: number, outputs: number) =>
    convolved(inputs, outputs, 3) +
    (2 * blocks - 1) * convolved(outputs, outputs, 3) +
    (inputs === outputs ? 0 : convolved(inputs, outputs, 1));
  const stages = stage(width, width) + stage(width, 2 * width) + stage(2 * width, 4 * width);
  return convolved(3, width, 3) + stages + 4 * width * classes + classes;
}

describe('the named residual networks', () => {
  it.each([
    ['resnet-20', 3],
    ['resnet-32', 5],
    ['resnet-44', 7],
    ['resnet-56', 9],
    ['resnet-110', 18],
  ])('%s has three stages of %i blocks', (name, blocks) => {
    for (const classes of [10, 100])
      expect(describeModel(model({ name }), classes)).toMatchObject({
        depth: 3 * blocks,
        parameters: cifarParameters(blocks, classes),
      });
  });

  it('resnet-110 has 1.737 M parameters with 100 classes, of 0.25 G multiply-adds', () => {
    const { parameters, macs } = describeModel(model({ name: 'resnet-110' }), 100);
    expect(parameters).toBe(1_736_564);
    expect(Math.round(macs / 1e7)).toBe(25);
  });

  // Parameters and multiply-adds of torchvision's models with 1000 classes.
  it.each([
    ['resnet-18', 8, 11_689_512, 1.81e9],
    ['resnet-34', 16, 21_797_672, 3.66e9],
    ['resnet-50', 16, 25_557_032, 4.09e9],
    ['resnet-101', 33, 44_549_160, 7.8e9],
  ])('%s has %i blocks, %i parameters', (name, depth, parameters, macs) => {
    const description = describeModel(model({ name, imageSize: 224 }), 1000);
    expect(description).toMatchObject({ depth, parameters });
    expect(description.macs / macs).toBeCloseTo(1, 2);
  });

  it('take another width and, of small images, another depth', () => {
    expect(describeModel(model({ name: 'resnet-20', width: 4, depth: 6 }), 10)).toMatchObject({
      depth: 6,
      parameters: cifarParameters(2, 10, 4),
    });
    const shapes = parametersOf(partsOf(build({ name: 'resnet-50', width: 8 }))).map(({ name, shape }) => [
      name,
      shape,
    ]);
    expect(Object.fromEntries(shapes)).toMatchObject({
      'conv1.weight': [8, 3, 7, 7],
      'layer1.0.conv3.weight': [32, 8, 1, 1],
      'layer4.2.conv2.weight': [64, 64, 3, 3],
      'fc.weight': [100, 256],
    });
  });
});

describe('the tensors of a residual network', () => {
  it('have the names, shapes and order of torchvision', () => {
    const { blocks } = build({ name: 'resnet-18' });
    expect(blocks[2]?.parameters.map(({ name, shape }) => `${name} [${shape}]`)).toEqual([
      'layer2.0.conv1.weight [128,64,3,3]',
      ...['weight', 'bias', 'running_mean', 'running_var'].map((name) => `layer2.0.bn1.${name} [128]`),
      'layer2.0.conv2.weight [128,128,3,3]',
      ...['weight', 'bias', 'running_mean', 'running_var'].map((name) => `layer2.0.bn2.${name} [128]`),
      'layer2.0.downsample.0.weight [128,64,1,1]',
      ...['weight', 'bias', 'running_mean', 'running_var'].map((name) => `layer2.0.downsample.1.${name} [128]`),
    ]);
    const projections = (name: string) =>
      parametersOf(partsOf(build({ name }))).flatMap((spec) => /^(.+)\.downsample\.0/.exec(spec.name)?.[1] ?? []);
    expect(projections('resnet-34')).toEqual(['layer2.0', 'layer3.0', 'layer4.0']);
    expect(projections('resnet-50')).toEqual(['layer1.0', 'layer2.0', 'layer3.0', 'layer4.0']);
    expect(projections('resnet-20')).toEqual(['layer2.0', 'layer3.0']);
  });

  it('are decayed where they are filters or matrices', () => {
    const parts = partsOf(build({ name: 'resnet-20', depth: 3 }));
    const decayed = parametersOf(parts).filter(({ decay }) => decay);
    expect(decayed.every(({ shape }) => shape.length > 1)).toBe(true);
    expect(decayed).toHaveLength(1 + 2 * 3 + 2 + 1);
    const statistics = parametersOf(parts).filter(({ statistic }) => statistic);
    expect(statistics.every(({ name, decay }) => /running_(mean|var)$/.test(name) && !decay)).toBe(true);
    expect(statistics).toHaveLength(2 * (1 + 2 * 3 + 2));
    expect(countParameters(parts)).toBe(cifarParameters(1, 100));
  });

  it('begin as in torchvision', () => {
    const values = initialise(parametersOf(partsOf(build({ name: 'resnet-56' }))), 0, 'test');
    const moments = (name: string) => {
      const data = [...(values[name]?.data ?? [])];
      const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
      return { mean, deviation: Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length) };
    };
    // Kaiming normal by fan-out: 64 filters of 3 by 3.
    const filters = moments('layer3.1.conv1.weight');
    expect(filters.deviation / Math.sqrt(2 / (64 * 9))).toBeCloseTo(1, 1);
    expect(Math.abs(filters.mean)).toBeLessThan(1e-3);
    const largest = Math.max(...(values['layer3.1.conv1.weight']?.data ?? []).map(Math.abs));
    expect(largest).toBeGreaterThan(3.5 * filters.deviation);
    // Uniform in ±1 / sqrt(64).
    expect(moments('fc.weight').deviation / (0.125 / Math.sqrt(3))).toBeCloseTo(1, 1);
    expect(Math.max(...(values['fc.weight']?.data ?? []).map(Math.abs))).toBeLessThanOrEqual(0.125);
    const constants = { weight: 1, bias: 0, running_mean: 0, running_var: 1 };
    for (const [name, value] of Object.entries(constants))
      expect(new Set(values[`layer1.0.bn2.${name}`]?.data), name).toEqual(new Set([value]));
  });
});

it.each([
  [{ name: 'resnet-21' }, /unknown model 'resnet-21'/, /Did you mean 'resnet-20'\?.*vit-base.*resnet-101/],
  [{ name: 'vit-tin' }, /unknown model 'vit-tin'/, /Did you mean 'vit-tiny'\?.*resnet-110/],
  [{ name: 'resnet-20', heads: 3 }, /have no model\.heads/, /Leave it out.*null/],
  [
    { name: 'resnet-20', patch: 4, qkvBias: false, layerNormEps: 1e-6, mlpRatio: 4 },
    /residual networks such as resnet-20 have no model\.mlpRatio, model\.patch, model\.qkvBias, model\.layerNormEps/,
    /Leave them out.*model\.width and model\.depth/,
  ],
  [{ name: 'resnet-20', depth: 8 }, /8 blocks cannot be shared out among the 3 stages/, /such as 6 or 9/],
  [{ name: 'resnet-110', depth: 1 }, /1 blocks cannot/, /such as 3 or 6/],
  [{ name: 'resnet-50', depth: 12 }, /resnet-50 has the stages 3, 4, 6, 3/, /it is 16.*resnet-56 and resnet-110/],
])('%o is refused', (settings, message, hint) => {
  let error: unknown;
  try {
    build(settings);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(IncubateError);
  expect(error).toMatchObject({
    code: 'CONFIG_MODEL',
    exitCode: 3,
    message: expect.stringMatching(message),
    hint: expect.stringMatching(hint),
  });
});
