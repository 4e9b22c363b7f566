import { describe, expect, it } from 'vitest';
import type { Split } from '../../../../src/data/dataset.ts';
import { normalisationOf } from '../../../../src/data/normalisation.ts';
import { openDataset } from '../../../../src/data/open.ts';
import { createEagerEngine } from '../../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../../src/engine/onnx-engine.ts';
import type { Engine } from '../../../../src/engine/program.ts';
import { divide } from '../../../../src/models/divide.ts';
import { evaluationContext } from '../../../../src/models/forward.ts';
import { initialise } from '../../../../src/models/initialise.ts';
import { metaModules, type Network, networkParameters } from '../../../../src/models/network.ts';
import { describeModel } from '../../../../src/models/registry.ts';
import { runNetwork } from '../../../../src/models/run-network.ts';
import type { ModulePlan } from '../../../../src/protocol/plan.ts';
import { normalise } from '../../../../src/tasks/images.ts';
import { linearCka } from '../../../../src/training/diagnostics/cka.ts';
import { diagnoseAssembly } from '../../../../src/training/diagnostics/diagnose.ts';
import {
  layoutsOf,
  namedParameters,
  parameterSpecs,
  parameterState,
} from '../../../../src/training/network-layouts.ts';
import { jobNetwork } from '../../../../src/training/phases.ts';
import { IncubateError } from '../../../../src/util/errors.ts';
import { type HostTensors, uint8 } from '../../../../src/util/tensor.ts';
import { tinyConfig, tinyFamilies } from '../../../support/tiny.ts';
import { torchTest } from '../../../support/torch.ts';

async function assemblyOf(overrides: Parameters<typeof tinyConfig>[0]) {
  const config = tinyConfig({ ...overrides, data: { shapes: { train: 16, validation: 24 } } });
  const dataset = await openDataset(config);
  const classes = dataset.identity.classes.length;
  const modules = divide(describeModel(config.model, classes).blockCosts, config.division);
  const networkOf = (job: Parameters<typeof jobNetwork>[0]) => jobNetwork(job, modules, config, classes).network;
  const assembled = networkOf({ id: 'finetune', kind: 'finetune' });
  const meta = networkOf({ id: 'meta', kind: 'meta' });
  return { config, dataset, assembly: { modules, assembled, meta } };
}

const weightsOf = (network: Network, model: string): HostTensors =>
  initialise(networkParameters(network, true), 5, model);

/** What a network gives after each module but the last for every image, computed image by image in plain JavaScript. */
async function featuresOf(
  network: Network,
  modules: readonly ModulePlan[],
  weights: HostTensors,
  split: Split,
  config: ReturnType<typeof tinyConfig>,
) {
  const layouts = layoutsOf(network);
  const engine = await createEagerEngine('cpu');
  const { imageSize, channels } = config.model;
  const perModule: { features: Float32Array; shape: readonly number[] }[][] = [];
  for (const [index, { to }] of modules.slice(0, -1).entries()) {
    const program = await engine.compile({
      name: 'features',
      state: parameterSpecs(layouts),
      feeds: { images: { dtype: 'uint8', shape: [1, imageSize, imageSize, channels] } },
      body(state, { images }) {
        if (!images) throw new RangeError('missing');
        const input = normalise(images, normalisationOf(config));
        const features = runNetwork(
          network.slice(0, to + 1),
          input,
          namedParameters(layouts, state),
          () => evaluationContext,
        );
        return { state: {}, outputs: { features } };
      },
    });
    const state = engine.createState(parameterState(layouts, weights));
    perModule[index] = [];
    for (let image = 0; image < split.length; image++) {
      const bytes = uint8(await split.image(image), [1, imageSize, imageSize, channels]);
      const { features } = await program.run(state, { images: bytes });
      perModule[index]?.push({ features: features?.data as Float32Array, shape: features?.shape ?? [] });
    }
  }
  return perModule;
}

const norm = (values: Iterable<number>) => Math.sqrt([...values].reduce((sum, each) => sum + each ** 2, 0));
const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;

/** [1, ..., C] averaged to [C]. */
function averaged({ features, shape }: { features: Float32Array; shape: readonly number[] }): Float32Array {
  const width = shape.at(-1) as number;
  const places = features.length / width;
  return Float32Array.from({ length: width }, (_, channel) =>
    mean(Array.from({ length: places }, (_, place) => features[place * width + channel] as number)),
  );
}

describe.each(tinyFamilies)('the diagnostics of a %s', (_, model) => {
  const expectOwn = async (engine: Engine) => {
    const { config, dataset, assembly } = await assemblyOf({ model });
    const ours = weightsOf(assembly.assembled, 'target');
    const theirs = weightsOf(assembly.meta, 'meta');
    const found = await diagnoseAssembly(engine, 'tiny', assembly, {
      config,
      weights: { ...ours, ...theirs },
      validation: dataset.validation,
    });
    const split = dataset.validation;
    const { modules, assembled, meta } = assembly;
    const a = await featuresOf(assembled, modules, ours, split, config);
    const b = await featuresOf(meta, metaModules(modules), theirs, split, config);
    expect(found.images).toBe(24);
    expect(found.interfaces.map(({ module }) => module)).toEqual([0, 1]);
    for (const [index, { normRatio, normError, outputError, cka }] of found.interfaces.entries()) {
      const pairs = (a[index] ?? []).map((each, image) => [each, b[index]?.[image] as typeof each] as const);
      const norms = pairs.map(([x, y]) => [norm(x.features), norm(y.features)] as const);
      const distances = pairs.map(([x, y]) => norm(x.features.map((each, at) => each - (y.features[at] as number))));
      expect(normRatio).toBeCloseTo(mean(norms.map(([x, y]) => x / y)), 4);
      expect(normError).toBeCloseTo(mean(norms.map(([x, y]) => Math.abs(x / y - 1))), 4);
      expect(outputError).toBeCloseTo(mean(distances.map((each, image) => each / (norms[image]?.[1] as number))), 4);
      expect(cka).toBeCloseTo(
        linearCka(
          pairs.map(([x]) => averaged(x)),
          pairs.map(([, y]) => averaged(y)),
        ),
        3,
      );
    }
  };

  it('are those that every image by itself gives, with ONNX Runtime', () =>
    expectOwn(createOnnxEngine({ threads: 1 })));
  torchTest('are those that every image by itself gives, with torch', expectOwn);
});

describe('diagnostics', () => {
  it('find nothing where the assembly is the meta model', async () => {
    const { config, dataset, assembly } = await assemblyOf({ model: { depth: 3 } });
    const ours = weightsOf(assembly.assembled, 'target');
    const theirs = Object.fromEntries(Object.entries(ours).map(([name, tensor]) => [`meta.${name}`, tensor]));
    const { interfaces } = await diagnoseAssembly(createOnnxEngine({ threads: 1 }), 'tiny', assembly, {
      config,
      weights: { ...ours, ...theirs },
      validation: dataset.validation,
    });
    expect(interfaces.length).toBe(2);
    for (const { normRatio, normError, outputError, cka } of interfaces) {
      expect([normRatio, normError, outputError]).toEqual([1, 0, 0]);
      expect(cka).toBeCloseTo(1, 9);
    }
  });

  it('leave out images that cannot be decoded', async () => {
    const { config, dataset, assembly } = await assemblyOf({});
    const weights = { ...weightsOf(assembly.assembled, 'target'), ...weightsOf(assembly.meta, 'meta') };
    const damaged: Split = {
      ...dataset.validation,
      image: (index) => {
        if (index % 3 === 0) throw new IncubateError('DATA_IMAGE', 'damaged');
        return dataset.validation.image(index);
      },
    };
    const whole: Split = {
      length: 16,
      label: () => 0,
      image: (index) => dataset.validation.image(index + Math.floor(index / 2) + 1),
    };
    const skipping = { ...config, data: { ...config.data, onDamage: 'skip' as const } };
    const find = (validation: Split) =>
      diagnoseAssembly(createOnnxEngine({ threads: 1 }), 'tiny', assembly, { config: skipping, weights, validation });
    const found = await find(damaged);
    expect(found.images).toBe(16);
    const expected = await find(whole);
    for (const [index, each] of found.interfaces.entries()) {
      for (const [key, value] of Object.entries(each)) {
        expect(value).toBeCloseTo(
          Object.entries(expected.interfaces[index] ?? {}).find(([name]) => name === key)?.[1],
          5,
        );
      }
    }
  });
});
