import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { families as compositionFamilies } from '../../../src/engine/compositions/table.ts';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { families as kernelFamilies, kernels } from '../../../src/engine/kernels/table.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { type Provider, type ProviderName, providers } from '../../../src/engine/providers.ts';
import type { HostTensor } from '../../../src/util/tensor.ts';
import {
  expectAllClose,
  expectClose,
  normals,
  type Operation,
  programOf,
  runOn,
  wholeNumbers,
} from '../../support/compare-engines.ts';
import { thorough } from '../../support/faults.ts';
import { kernelsOf, modelFor, runModel } from '../../support/lowered.ts';
import { type Row, rowsByName } from '../../support/lowering-pairs.ts';

const providerNames = Object.keys(providers) as ProviderName[];
/** Operators that some provider lacks. */
const lacking = [...new Set(providerNames.flatMap((name) => [...providers[name].lacks]))];

/** Providers by what distinguishes them for lowering; each one's model is run by the CPU provider. */
const variants: readonly (readonly [string, Partial<Provider>])[] = [
  ...providerNames.map((name) => [name, providers[name]] as const),
  ...lacking.map((operator) => [`without ${operator}`, { lacks: new Set([operator]) }] as const),
  ['without all that any lacks', { lacks: new Set(lacking), splitOutputs: 2, takesEmpty: false }],
  ['with few outputs of Split', { splitOutputs: 7 }],
  ['without empty tensors', { takesEmpty: false }],
];
const providerOf = (traits: Partial<Provider>): Provider => ({ ...providers.cpu, ...traits, widens: 'everything' });
const rowNames = Object.keys(rowsByName);
const rowOf = (name: string) => rowsByName[name] as Row;

describe.each(rowNames)('%s', (name) => {
  it('lowered and composed agree in value and gradients, whatever the shapes', async () => {
    const [onnx, eager] = [createOnnxEngine({ threads: 1 }), await createEagerEngine('cpu')];
    await fc.assert(
      fc.asyncProperty(rowOf(name).pairs, async (pair) => {
        const program = programOf(pair, true);
        const reference = programOf({ ...pair, body: pair.composed ?? pair.body }, true);
        const expected = await runOn(eager, reference, pair.inputs);
        const lowered = await runOn(onnx, program, pair.inputs);
        expectAllClose(lowered, expected, pair.name);
        const { bytes } = modelFor(providers.cpu, program);
        for (const [variant, traits] of variants) {
          const model = modelFor(providerOf(traits), program);
          if (Buffer.from(model.bytes).equals(bytes)) continue;
          expectAllClose(await runModel(model, pair.inputs), expected, `${pair.name} ${variant}`);
        }
      }),
      { numRuns: thorough ? 40 : 15 },
    );
  });

  it('is about the kernels that it names', async () => {
    const found = new Set<string>();
    for (const pair of fc.sample(rowOf(name).pairs, { numRuns: 10, seed: 1 }))
      for (const kernel of await kernelsOf(programOf(pair, true), pair.inputs)) found.add(kernel);
    expect([...found]).toEqual(expect.arrayContaining([...rowOf(name).kernels]));
  });
});

describe('no lowering is without its equal', () => {
  const covered = new Set(rowNames.flatMap((name) => rowOf(name).kernels));
  const examples = rowNames.flatMap((name) => fc.sample(rowOf(name).pairs, { numRuns: 10, seed: 2 }));

  it('that is fused', () => {
    const fused = [...Object.keys(kernelFamilies.fused), ...Object.keys(compositionFamilies.fused)];
    expect(fused.filter((kernel) => !covered.has(kernel))).toEqual([]);
    // Kernels of ours are fused ones.
    const ours = Object.keys(kernels).filter((kernel) => kernel.startsWith('Incubate'));
    expect(ours.filter((kernel) => !(kernel in kernelFamilies.fused))).toEqual([]);
  });

  it.each(variants.slice(providerNames.length))('that differs for a provider %s', (_, traits) => {
    const changed = examples.filter((pair) => {
      const program = programOf(pair, true);
      const [usual, other] = [providers.cpu, providerOf(traits)].map((provider) => modelFor(provider, program));
      return !Buffer.from(other?.bytes ?? []).equals(usual?.bytes ?? new Uint8Array());
    });
    expect(changed.length).toBeGreaterThan(0);
  });

  it('that asks what the provider is', async () => {
    // Whoever asks says so in the source: these kernels, and no others, are lowered by what a provider is like.
    const folder = join(import.meta.dirname, '../../../src/engine/lowerings');
    const sources = await Promise.all((await readdir(folder)).map((file) => readFile(join(folder, file), 'utf8')));
    const asked = sources.join('\n').match(/provider\.\w+(?:\.has\('\w+'\))?/g) ?? [];
    const known = [
      ...lacking.map((operator) => `provider.lacks.has('${operator}')`),
      'provider.splitOutputs',
      'provider.takesEmpty',
    ];
    expect([...new Set(asked)].sort()).toEqual(known.sort());
  });
});

const extent = fc.integer({ min: 1, max: 5 });
const given = (tensor: tf.Tensor | undefined) => tensor as tf.Tensor;
const image = (tensor: tf.Tensor | undefined) => tensor as tf.Tensor4D;
const sides = { height: fc.integer({ min: 1, max: 6 }), width: fc.integer({ min: 1, max: 6 }) };
const resized = fc
  .record({
    ...sides,
    size: fc.tuple(extent, extent),
    mode: fc.constantFrom('', 'corners', 'centres'),
    nearest: fc.boolean(),
  })
  .map(({ height, width, size, mode, nearest }): Operation => {
    const resize = nearest ? tf.image.resizeNearestNeighbor : tf.image.resizeBilinear;
    return {
      name: `resize [${height},${width}] to [${size}] ${mode} ${nearest}`,
      inputs: { x: normals('x', [2, height, width, 3]) },
      body: ({ x }) => resize(image(x), size, mode === 'corners', mode === 'centres'),
    };
  });

const mirrored = fc
  .record({ rows: fc.tuple(extent, extent), columns: fc.tuple(extent, extent), reflect: fc.boolean() })
  .map(({ rows: down, columns, reflect }): Operation => {
    const most = (reflect ? 1 : 0) + Math.max(...down, ...columns);
    return {
      name: `mirrorPad [${down}] [${columns}] ${reflect}`,
      inputs: { x: normals('x', [most, most + 1]) },
      body: ({ x }) => tf.mirrorPad(given(x), [down, columns], reflect ? 'reflect' : 'symmetric'),
    };
  });

const sliced = fc
  .array(fc.record({ extent, from: extent, to: extent, stride: fc.constantFrom(-3, -2, -1, 1, 2, 3) }), {
    minLength: 1,
    maxLength: 3,
  })
  .map((axes): Operation => {
    // From the lower to the higher bound, or the other way round; at least the first element is inside.
    const bounds = axes.map(({ extent: size, from, to, stride }) => {
      const [low, high] = [Math.min(from, to, size) - 1, Math.min(Math.max(from, to), size) - 1];
      return stride > 0 ? [low, high + 1, stride] : [high, low - 1 < 0 ? -size - 1 : low - 1, stride];
    }) as [number, number, number][];
    return {
      name: `stridedSlice of [${axes.map((axis) => axis.extent)}] ${JSON.stringify(bounds)}`,
      inputs: {
        x: normals(
          'x',
          axes.map((axis) => axis.extent),
        ),
      },
      body: ({ x }) =>
        tf.stridedSlice(
          given(x),
          bounds.map(([begin]) => begin),
          bounds.map(([, end]) => end),
          bounds.map(([, , stride]) => stride),
        ),
    };
  });

const gathered = fc
  .record({
    extents: fc.tuple(extent, extent, extent),
    depth: fc.integer({ min: 1, max: 3 }),
    count: extent,
    seed: fc.nat(9),
  })
  .map(({ extents, depth, count, seed }): Operation => {
    const columns = extents.slice(0, depth).map((size, axis) => wholeNumbers(`${seed} ${axis}`, [count], size));
    return {
      name: `gatherND [${extents}] depth ${depth} count ${count} seed ${seed}`,
      inputs: { x: normals('x', extents) },
      body: ({ x }) =>
        tf.gatherND(
          given(x),
          tf.stack(
            columns.map(({ data }) => tf.tensor1d(data as Int32Array, 'int32')),
            1,
          ),
        ),
    };
  });

it.each<[string, fc.Arbitrary<Operation>]>([
  ['resizing', resized],
  ['mirror padding', mirrored],
  ['strided slices', sliced],
  ['gathering by coordinates', gathered],
])('%s: linear, so the gradient times the input is the weighted result', async (_, operations) => {
  const [onnx, eager] = [createOnnxEngine({ threads: 1 }), await createEagerEngine('cpu')];
  await fc.assert(
    fc.asyncProperty(operations, async (operation) => {
      const expected = await runOn(eager, programOf(operation, false), operation.inputs);
      const results = await runOn(onnx, programOf(operation, true), operation.inputs);
      expectClose(results.result, expected.result as HostTensor, operation.name);
      const dot = (tensor: HostTensor | undefined, weight: (index: number) => number) =>
        [...(tensor as HostTensor).data].reduce((sum, value, index) => sum + value * weight(index), 0);
      const { x } = operation.inputs as { x: HostTensor };
      const weighted = dot(results.result, Math.cos);
      expect(
        dot(results['gradient by x'], (index) => x.data[index] as number),
        operation.name,
      ).toBeCloseTo(weighted, 3);
    }),
    { numRuns: 40 },
  );
});
