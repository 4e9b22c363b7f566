import { expect, it } from 'vitest';
import type { RunConfig } from '../../../src/config/schema.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { float32, type HostTensors } from '../../../src/util/tensor.ts';
import { thorough } from '../../support/faults.ts';
import {
  goesWithText,
  imageFamilies,
  type LocalCase,
  type LocalFamily,
  localCases,
  plainImages,
  plainModules,
  plainText,
  textFamilies,
} from '../../support/local-cases.ts';
import { agreedGradient, batchGradient, expectGradient } from '../../support/plain-gradients.ts';
import { plainFeatures, plainLoss } from '../../support/plain-local.ts';
import { type TinyJob, tinyConfig, tinyJob, trainJob } from '../../support/tiny.ts';

const job = (method: object, model: object) =>
  // More images than classes: some have another of their own.
  tinyJob(trainJob, tinyConfig({ model, method, training: { batchSize: 6 } }));
const cases = [
  ...imageFamilies.flatMap((family) =>
    localCases.map((method) => ({ ...family, ...method, compare: () => compare(family, method, plainImages) })),
  ),
  ...textFamilies.flatMap((family) =>
    localCases
      .filter(goesWithText)
      .map((method) => ({ ...family, ...method, compare: () => compare(family, method, plainText) })),
  ),
];
/** What is left to `npm run test:fault` differs from another case in the family alone, or in the head alone. */
const compared = cases.filter(
  ({ family, name }) =>
    thorough ||
    family === 'vision transformer' ||
    (family === 'recurrent network' ? /softmax/.test(name) : !/linear/.test(name)),
);
const independent = cases.filter(({ family }) => thorough || family === 'vision transformer');

it.each(compared)('the losses and gradients of $name are those of plain loops: $family', ({ compare }) => compare());

async function compare<Batch extends { readonly labels: readonly number[] }>(
  { model, plain }: LocalFamily<Batch>,
  { method, terms }: LocalCase,
  batchOf: (config: RunConfig, index: number) => Batch,
): Promise<void> {
  const tiny = job(method, model);
  const found = await agreedGradient(tiny);
  const modules = plainModules(tiny.config);
  const batch = batchOf(tiny.config, 0);
  const seen = new Set<string>();
  for (const [index, blocks] of modules.entries()) {
    const isLast = index === modules.length - 1;
    const own = isLast ? null : terms(index, modules.length);
    const features = plainFeatures(plain, modules, index, batch, tiny.initial);
    const lossWith = (weights: HostTensors) =>
      // The first module has the stem, the last the head.
      plainLoss(plain, blocks, index === 0 ? plain.stem(batch, weights) : features, own, batch, weights);
    if (isLast) expect(found.loss / lossWith(tiny.initial)).toBeCloseTo(1, 4);
    for (const name of namesOf(tiny, index, blocks, isLast)) {
      seen.add(name);
      expectGradient(found, name, tiny.initial, lossWith);
    }
  }
  expect([...seen].sort()).toEqual(Object.keys(found.gradient).sort());
}

/** The trained parameters of a module and its auxiliary parts. */
function namesOf({ layouts }: TinyJob, index: number, blocks: readonly string[], isLast: boolean): string[] {
  const isBlock = (name: string) => /^(?:blocks\.\d+|layer\d+\.\d+|h\.\d+|rnn\.\d+)\./.test(name);
  return layouts.trained.parameters
    .map(({ name }) => name)
    .filter((name) => {
      if (name.startsWith('auxiliary.')) return name.startsWith(`auxiliary.module-${index}.`);
      if (isBlock(name)) return blocks.some((block) => name.startsWith(`${block}.`));
      const isHead = /^(?:norm|head|fc|ln_f|lm_head|decoder)\./.test(name);
      return isHead ? isLast : index === 0;
    });
}

it.each(independent)(
  'the gradient of a module under $name depends on no later one: $family',
  async ({ method, model }) => {
    const engine = createOnnxEngine({ threads: 1 });
    const tiny = job(method, model);
    const [blocks = []] = plainModules(tiny.config);
    const first = new Set(namesOf(tiny, 0, blocks, false));
    const { gradient } = await batchGradient(engine, tiny);
    const elsewhere = Object.fromEntries(
      Object.entries(tiny.initial).map(([name, { data, shape }]) => {
        const factor = first.has(name) || name.includes('running') ? 1 : 1.5;
        return [
          name,
          float32(
            Float32Array.from(data, (value) => value * factor),
            shape,
          ),
        ];
      }),
    );
    const other = await batchGradient(engine, tiny, elsewhere);
    expect([...first].some((name) => name.startsWith('auxiliary.module-0.'))).toBe(true);
    for (const [name, { data }] of Object.entries(gradient)) {
      if (first.has(name)) expect(other.gradient[name]?.data, name).toEqual(data);
      else expect(other.gradient[name]?.data, name).not.toEqual(data);
    }
  },
);
