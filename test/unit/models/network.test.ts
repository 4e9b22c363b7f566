import { describe, expect, it } from 'vitest';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { parametersOf, partsOf } from '../../../src/models/architecture.ts';
import { evaluationContext } from '../../../src/models/forward.ts';
import { initialise } from '../../../src/models/initialise.ts';
import {
  hybridNetwork,
  metaModules,
  type Network,
  networkParameters,
  slice,
  wholeNetwork,
} from '../../../src/models/network.ts';
import { buildArchitecture, metaArchitecture } from '../../../src/models/registry.ts';
import { runNetwork } from '../../../src/models/run-network.ts';
import type { ModulePlan } from '../../../src/protocol/plan.ts';
import { normalise } from '../../../src/tasks/images.ts';
import { flatten, layoutOf, splitParameters } from '../../../src/training/layout.ts';
import { bytesOf, type HostTensors, uint8 } from '../../../src/util/tensor.ts';
import { CLASSES, tinyBatch, tinyConfig, tinyResnet } from '../../support/tiny.ts';

const modules: ModulePlan[] = [
  { index: 0, from: 0, to: 1, metaDepth: 1 },
  { index: 1, from: 1, to: 4, metaDepth: 2 },
  { index: 2, from: 4, to: 6, metaDepth: 1 },
];
const families = (
  [
    ['a vision transformer', {}],
    ['a residual network', tinyResnet],
  ] as const
).map(([name, model]) => {
  const target = buildArchitecture(tinyConfig({ model }).model, CLASSES);
  const meta = metaArchitecture(target, modules);
  return [name, { target, meta, names: target.blocks.map((block) => block.name) }] as const;
});

async function logitsOf(network: Network, weights: HostTensors) {
  const layout = layoutOf([...networkParameters(network, true), ...networkParameters(network, false)]);
  const engine = createOnnxEngine({ threads: 1 });
  const executable = await engine.compile({
    name: 'forward',
    state: { parameters: { dtype: 'float32', shape: [layout.size] } },
    feeds: { images: { dtype: 'uint8', shape: [8, 8, 8, 3] } },
    body({ parameters }, { images }) {
      if (!parameters || !images) throw new RangeError('missing');
      const input = normalise(images, { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
      return {
        state: {},
        outputs: { logits: runNetwork(network, input, splitParameters(layout, parameters), () => evaluationContext) },
      };
    },
  });
  const state = engine.createState({ parameters: flatten(layout, weights) });
  const { logits } = await executable.run(state, { images: uint8(tinyBatch(tinyConfig(), 0).images, [8, 8, 8, 3]) });
  return logits?.data;
}

describe.each(families)('dividing %s', (_, { target, names: [first, second, third, fourth, fifth, sixth] }) => {
  it('gives the stem to the first module, the head to the last, and every part to exactly one', () => {
    const parts = modules.map(({ index }) => slice(target, modules, index).map(({ name }) => name));
    expect(parts).toEqual([
      ['stem', first],
      [second, third, fourth],
      [fifth, sixth, 'head'],
    ]);
    expect(metaModules(modules).map(({ from, to }) => [from, to])).toEqual([
      [0, 1],
      [1, 3],
      [3, 4],
    ]);
  });

  it('and assembling untrained modules gives the undivided network, bit for bit', async () => {
    const whole = initialise(parametersOf(partsOf(target)), 3, 'target');
    const assembled: Record<string, HostTensors[string]> = {};
    for (const { index } of [...modules].reverse()) {
      Object.assign(assembled, initialise(parametersOf(slice(target, modules, index)), 3, 'target'));
    }
    expect(Object.keys(assembled).sort()).toEqual(Object.keys(whole).sort());
    for (const [name, tensor] of Object.entries(whole))
      expect(bytesOf(assembled[name] as typeof tensor)).toEqual(bytesOf(tensor));
    const network = wholeNetwork(target, 'target');
    expect(await logitsOf(network, assembled)).toEqual(await logitsOf(network, whole));
  });
});

describe.each(families)('a hybrid of %s', (_, { target, meta, names: [, second, third, fourth] }) => {
  it('trains its module alone and holds the other meta slices', () => {
    const hybrid = hybridNetwork(target, meta, modules, 1);
    expect(hybrid.map(({ origin, spec, trainable }) => `${origin} ${spec.name} ${trainable}`)).toEqual([
      'meta stem false',
      `meta ${meta.blocks[0]?.name} false`,
      `target ${second} true`,
      `target ${third} true`,
      `target ${fourth} true`,
      `meta ${meta.blocks[3]?.name} false`,
      'meta head false',
    ]);
  });

  it.each([0, 1, 2])(
    'whose module %i is the meta slice itself computes what the meta model computes',
    async (index) => {
      // A target of the meta model's own depth, with the meta model's weights in place of the module's.
      const weights = initialise(parametersOf(partsOf(meta)), 5, 'meta');
      const prefixed = Object.fromEntries(Object.entries(weights).map(([name, tensor]) => [`meta.${name}`, tensor]));
      const hybrid = hybridNetwork(meta, meta, metaModules(modules), index);
      const logits = await logitsOf(hybrid, { ...prefixed, ...weights });
      expect(logits).toEqual(await logitsOf(wholeNetwork(meta, 'target'), weights));
    },
  );
});

describe.each(families)('%s that is not divided', (_, { target }) => {
  it('depends on every one of its parameters and statistics', async () => {
    const network = wholeNetwork(target, 'target');
    const weights = initialise(parametersOf(partsOf(target)), 3, 'target');
    const before = await logitsOf(network, weights);
    for (const [name, tensor] of Object.entries(weights)) {
      // A constant shift of all keys changes no attention, so only a part of the qkv bias is moved.
      const moved = { ...tensor, data: tensor.data.map((value, at) => (at % 3 === 0 ? value + 0.5 : value)) };
      expect(await logitsOf(network, { ...weights, [name]: moved }), name).not.toEqual(before);
    }
  });
});
