import type * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Samples, Split } from '../../../../src/data/dataset.ts';
import { openDataset } from '../../../../src/data/open.ts';
import { evaluatedBatches } from '../../../../src/data/samples.ts';
import { evaluationSplit } from '../../../../src/data/text/windows.ts';
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
import { taskOf } from '../../../../src/tasks/task.ts';
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
import { randomStream } from '../../../../src/util/random.ts';
import type { HostTensors } from '../../../../src/util/tensor.ts';
import { CLASSES, tinyConfig, tinyFamilies, tinyGpt } from '../../../support/tiny.ts';
import { torchTest } from '../../../support/torch.ts';

async function assemblyOf(overrides: Parameters<typeof tinyConfig>[0]) {
  const config = tinyConfig({ ...overrides, data: { shapes: { train: 16, validation: 24 } } });
  const isText = overrides?.model !== undefined && 'context' in overrides.model;
  const [validation, outputs] = isText ? [sequences(24), CLASSES] : [(await openDataset(config)).validation, 10];
  const modules = divide(describeModel(config.model, outputs).blockCosts, config.division);
  const networkOf = (job: Parameters<typeof jobNetwork>[0]) => jobNetwork(job, modules, config, outputs).network;
  const assembled = networkOf({ id: 'finetune', kind: 'finetune' });
  const meta = networkOf({ id: 'meta', kind: 'meta' });
  return { config, validation, assembly: { modules, assembled, meta } };
}

/** So many sequences of tokens drawn at random, and the token after the last. */
function sequences(count: number) {
  const { context } = tinyGpt;
  const { integer } = randomStream(5, 'text');
  return evaluationSplit(
    Uint8Array.from({ length: count * context + 1 }, () => integer(CLASSES)),
    context,
  );
}

const weightsOf = (network: Network, model: string): HostTensors =>
  initialise(networkParameters(network, true), 5, model);

/** What a network gives after each module but the last for every sample, computed one by one in plain JavaScript. */
async function featuresOf(
  network: Network,
  modules: readonly ModulePlan[],
  weights: HostTensors,
  samples: Samples,
  config: ReturnType<typeof tinyConfig>,
) {
  const layouts = layoutsOf(network);
  const engine = await createEagerEngine('cpu');
  const task = taskOf(config);
  const perModule: { features: Float32Array; shape: readonly number[] }[][] = [];
  for (const [index, { to }] of modules.slice(0, -1).entries()) {
    const program = await engine.compile({
      name: 'features',
      state: parameterSpecs(layouts),
      feeds: task.evaluationFeeds(1),
      body(state, feeds) {
        const parameters = namedParameters(layouts, state);
        const run = (parts: Network, x: tf.Tensor) => runNetwork(parts, x, parameters, () => evaluationContext);
        const outputs: Record<string, tf.Tensor> = {};
        task.evaluate(feeds, (input) => {
          outputs.features = run(network.slice(0, to + 1), input);
          return run(network.slice(to + 1), outputs.features);
        });
        return { state: {}, outputs };
      },
    });
    const state = engine.createState(parameterState(layouts, weights));
    perModule[index] = [];
    for await (const batch of evaluatedBatches(samples, config, 1)) {
      const { features } = await program.run(state, task.batchFeeds(batch));
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
    const { config, validation, assembly } = await assemblyOf({ model });
    const ours = weightsOf(assembly.assembled, 'target');
    const theirs = weightsOf(assembly.meta, 'meta');
    const found = await diagnoseAssembly(engine, 'tiny', assembly, {
      config,
      weights: { ...ours, ...theirs },
      validation,
    });
    const { modules, assembled, meta } = assembly;
    const a = await featuresOf(assembled, modules, ours, validation, config);
    const b = await featuresOf(meta, metaModules(modules), theirs, validation, config);
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

  it('are those that every sample by itself gives, with ONNX Runtime', () =>
    expectOwn(createOnnxEngine({ threads: 1 })));
  torchTest('are those that every sample by itself gives, with torch', expectOwn);
});

describe('diagnostics', () => {
  it('find nothing where the assembly is the meta model', async () => {
    const { config, validation, assembly } = await assemblyOf({ model: { depth: 3 } });
    const ours = weightsOf(assembly.assembled, 'target');
    const theirs = Object.fromEntries(Object.entries(ours).map(([name, tensor]) => [`meta.${name}`, tensor]));
    const { interfaces } = await diagnoseAssembly(createOnnxEngine({ threads: 1 }), 'tiny', assembly, {
      config,
      weights: { ...ours, ...theirs },
      validation,
    });
    expect(interfaces.length).toBe(2);
    for (const { normRatio, normError, outputError, cka } of interfaces) {
      expect([normRatio, normError, outputError]).toEqual([1, 0, 0]);
      expect(cka).toBeCloseTo(1, 9);
    }
  });

  it('leave out images that cannot be decoded', async () => {
    const { config, validation, assembly } = await assemblyOf({});
    const images = validation as Split;
    const weights = { ...weightsOf(assembly.assembled, 'target'), ...weightsOf(assembly.meta, 'meta') };
    const damaged: Split = {
      ...images,
      image: (index) => {
        if (index % 3 === 0) throw new IncubateError('DATA_IMAGE', 'damaged');
        return images.image(index);
      },
    };
    const whole: Split = {
      length: 16,
      label: () => 0,
      image: (index) => images.image(index + Math.floor(index / 2) + 1),
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

  it('pass over the places of a batch that no sequence fills', async () => {
    const { config, validation, assembly } = await assemblyOf({ model: tinyGpt });
    const weights = { ...weightsOf(assembly.assembled, 'target'), ...weightsOf(assembly.meta, 'meta') };
    const find = (batchSize: number) =>
      diagnoseAssembly(createOnnxEngine({ threads: 1 }), 'tiny', assembly, {
        config: { ...config, training: { ...config.training, batchSize } },
        weights,
        validation,
      });
    const [found, expected] = [await find(7), await find(8)];
    expect(found.images).toBe(24);
    for (const [index, each] of found.interfaces.entries())
      expect(each.normError).toBeCloseTo(expected.interfaces[index]?.normError as number, 5);
  });
});
