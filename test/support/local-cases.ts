import type { RunConfig } from '../../src/config/schema.ts';
import { normalisationOf } from '../../src/data/normalisation.ts';
import type { TokenBatch } from '../../src/data/text/windows.ts';
import { modulesOf } from '../../src/methods/table.ts';
import { buildArchitecture } from '../../src/models/registry.ts';
import type { HostTensors } from '../../src/util/tensor.ts';
import { plainGpt, plainRecurrent } from './plain-language.ts';
import {
  type PlainBatch,
  type PlainFamily,
  type PlainModules,
  type PlainTerm,
  type PlainText,
  plainResnetFamily,
  plainTextFamily,
  plainVitFamily,
} from './plain-local.ts';
import { CLASSES, tinyBatch, tinyGpt, tinyLstm, tinyResnet, tinySamples } from './tiny.ts';

/** A method with losses of modules' own: its settings, and for each module but the last what its loss is made of. */
export interface LocalCase {
  readonly name: string;
  readonly method: object;
  /** Of module `index` of `modules`. */
  readonly terms: (index: number, modules: number) => readonly PlainTerm[];
}

const label = (index: number, part: PlainTerm['part'], loss: PlainTerm['loss'] = 'label', weight = 1): PlainTerm => ({
  part,
  loss,
  prefix: `auxiliary.module-${index}.head`,
  weight,
});

/** λ1 falls from 2 to 0.5, λ2 rises from 0.25 to 1. */
const infoproTerms = (part: PlainTerm['part'], loss: PlainTerm['loss']) => (index: number, modules: number) => {
  const r = modules === 2 ? 0 : index / (modules - 2);
  return [
    {
      part: 'decoder',
      loss: 'reconstruction',
      prefix: `auxiliary.module-${index}.decoder`,
      weight: 2 * (1 - r) + 0.5 * r,
    } as const,
    label(index, part, loss, 0.25 * (1 - r) + r),
  ];
};
const lambdas = { reconstruction: [2, 0.5], label: [0.25, 1] };

/** Contrast tells images of classes apart. */
export const goesWithText = ({ name }: { readonly name: string }) => !name.includes('contrast');

export const localCases: readonly LocalCase[] = [
  { name: 'greedy', method: { name: 'greedy' }, terms: (index) => [label(index, 'linear')] },
  { name: 'dgl', method: { name: 'dgl' }, terms: (index) => [label(index, 'mlp-sr')] },
  {
    name: 'infopro, softmax',
    method: { name: 'infopro', infopro: { ...lambdas, loss: 'softmax', head: '1c2f' } },
    terms: infoproTerms('deep', 'label'),
  },
  {
    name: 'infopro, contrast',
    method: { name: 'infopro', infopro: { ...lambdas, loss: 'contrast', head: '1c2f' } },
    terms: infoproTerms('deep', 'contrast'),
  },
  {
    name: 'infopro, linear head',
    method: { name: 'infopro', infopro: { ...lambdas, loss: 'softmax', head: '0c1f' } },
    terms: infoproTerms('linear', 'label'),
  },
];

/** A family of networks, and how it computes in plain loops. */
export interface LocalFamily<Batch extends { readonly labels: readonly number[] }> {
  readonly family: string;
  readonly model: object;
  // biome-ignore lint/suspicious/noExplicitAny: features differ from family to family
  readonly plain: PlainFamily<any, Batch>;
}

export const imageFamilies: readonly LocalFamily<PlainBatch>[] = [
  { family: 'vision transformer', model: {}, plain: plainVitFamily({ heads: 2, patch: 4, eps: 1e-6 }) },
  { family: 'residual network', model: tinyResnet, plain: plainResnetFamily() },
];

export const textFamilies: readonly LocalFamily<PlainText>[] = [
  {
    family: 'decoder',
    model: tinyGpt,
    plain: plainTextFamily((weights) => plainGpt(weights, { heads: 2, eps: 1e-5 })),
  },
  {
    family: 'recurrent network',
    model: tinyLstm,
    plain: plainTextFamily((weights) => plainRecurrent(weights, { cell: 'lstm' })),
  },
];

/** Names of the blocks of each module. */
export function plainModules(config: RunConfig): PlainModules {
  const target = buildArchitecture(config.model, CLASSES);
  return modulesOf(target, config).map(({ from, to }) => target.blocks.slice(from, to).map(({ name }) => name));
}

/** The meta model of a tiny job on images, which has one block for each module: its blocks, and its weights by its own names. */
export function plainMeta({ family }: { readonly family: string }, modules: PlainModules, initial: HostTensors) {
  // Blocks of a residual network have their stage in their names, which is the module's.
  const blocks = modules.map(([first], index) => (family === 'vision transformer' ? `blocks.${index}` : `${first}`));
  const weights = Object.fromEntries(
    Object.entries(initial)
      .filter(([name]) => name.startsWith('meta.'))
      .map(([name, tensor]) => [name.slice('meta.'.length), tensor]),
  );
  return { blocks, weights };
}

/** A tiny batch of text as nested numbers. */
export function plainText(config: RunConfig, index: number): PlainText {
  const { context } = config.model;
  const { tokens } = tinySamples(config, index) as TokenBatch;
  const sequences = Array.from({ length: config.training.batchSize }, (_, row) => [
    ...tokens.subarray(row * (context + 1), (row + 1) * (context + 1)),
  ]);
  return {
    tokens: sequences.map((sequence) => sequence.slice(0, -1)),
    labels: sequences.flatMap((sequence) => sequence.slice(1)),
  };
}

/** A tiny batch of images as nested numbers. */
export function plainImages(config: RunConfig, index: number): PlainBatch {
  const { imageSize: side, channels } = config.model;
  const { mean, std } = normalisationOf(config);
  const { images, labels } = tinyBatch(config, index);
  const numbers = (length: number) => Array.from({ length }, (_, at) => at);
  const pixels = [...labels.keys()].map((row) =>
    numbers(channels).map((c) =>
      numbers(side).map((i) =>
        numbers(side).map((j) => (images[((row * side + i) * side + j) * channels + c] as number) / 255),
      ),
    ),
  );
  const normalised = pixels.map((image) =>
    image.map((plane, c) => plane.map((row) => row.map((value) => (value - (mean[c] as number)) / (std[c] as number)))),
  );
  return { images: normalised, pixels, labels: [...labels] };
}
