import type { HostTensor, HostTensors } from '../../src/util/tensor.ts';
import type { PlainTextParts, Sequence } from './plain-language.ts';
import {
  at,
  convolved,
  type Image,
  map,
  mean,
  type Normalise,
  normalised,
  plainResidual,
  plainStem,
  relu,
} from './plain-resnet.ts';
import {
  dot,
  type PlainVit,
  plainBlock,
  plainEmbedding,
  plainGelu,
  plainLinear,
  plainNorm,
  plainSoftmax,
  type Tokens,
} from './plain-vit.ts';

/*
 * Networks cut into modules with losses of their own, in loops over single numbers of double precision, written from the
 * published descriptions of InfoPro, DGL and supervised contrast; for transformers from ours (docs/methods.md).
 */

/** What a module's own loss has of its features. */
export interface PlainTerm {
  readonly part: 'linear' | 'deep' | 'mlp-sr' | 'decoder';
  readonly loss: 'label' | 'contrast' | 'reconstruction';
  /** As its parameters begin. */
  readonly prefix: string;
  readonly weight: number;
}

/** A batch: normalised images, the same with values in [0, 1], and labels. */
export interface PlainBatch extends Labelled {
  readonly images: readonly Image[];
  readonly pixels: readonly Image[];
}

/** What is asked of each row that a head gives: its class. */
interface Labelled {
  readonly labels: readonly number[];
}

/** How a family computes; features are whatever its blocks take. */
export interface PlainFamily<Features, Batch extends Labelled = PlainBatch> {
  stem(batch: Batch, weights: HostTensors): Features;
  block(x: Features, name: string, weights: HostTensors): Features;
  /** [image, or token][class] */
  head(x: Features, weights: HostTensors): number[][];
  /** [image, or token][output] */
  auxiliary(x: Features, part: 'linear' | 'deep' | 'mlp-sr', prefix: string, weights: HostTensors): number[][];
  /** The loss of a decoder. */
  reconstruction(x: Features, prefix: string, weights: HostTensors, batch: Batch): number;
  /** Vectors along the features' last axis. */
  vectors(x: Features): number[][];
}

/** Names of the blocks of each module. */
export type PlainModules = readonly (readonly string[])[];

/** The features that module `index` takes; of the first, those that the stem gives. */
export function plainFeatures<Features, Batch extends Labelled>(
  family: PlainFamily<Features, Batch>,
  modules: PlainModules,
  index: number,
  batch: Batch,
  weights: HostTensors,
): Features {
  const blocks = modules.slice(0, index).flat();
  return blocks.reduce((x, name) => family.block(x, name, weights), family.stem(batch, weights));
}

/** The loss of module `index` on what it takes; of the last, without terms, cross-entropy. */
export function plainLoss<Features, Batch extends Labelled>(
  family: PlainFamily<Features, Batch>,
  blocks: readonly string[],
  given: Features,
  terms: readonly PlainTerm[] | null,
  batch: Batch,
  weights: HostTensors,
): number {
  const { labels } = batch;
  const x = blocks.reduce((features, name) => family.block(features, name, weights), given);
  if (terms === null) return crossEntropy(family.head(x, weights), labels);
  return terms.reduce((sum, { part, loss, prefix, weight }) => {
    if (part === 'decoder') return sum + weight * family.reconstruction(x, prefix, weights, batch);
    const outputs = family.auxiliary(x, part, prefix, weights);
    return sum + weight * (loss === 'contrast' ? supervisedContrast(outputs, labels) : crossEntropy(outputs, labels));
  }, 0);
}

/** With a share of the target on all classes. */
export function crossEntropy(logits: readonly number[][], labels: readonly number[], smoothing = 0.1): number {
  return mean(
    logits.map((row, image) => {
      const shares = plainSoftmax(row);
      return -row.reduce((sum, _, label) => {
        const target = smoothing / row.length + (label === labels[image] ? 1 - smoothing : 0);
        return sum + target * Math.log(shares[label] as number);
      }, 0);
    }),
  );
}

export function binaryCrossEntropy(logits: readonly number[], targets: readonly number[]): number {
  return mean(
    logits.map((logit, index) => {
      const probability = 1 / (1 + Math.exp(-logit));
      const target = targets[index] as number;
      return -(target * Math.log(probability) + (1 - target) * Math.log(1 - probability));
    }),
  );
}

/** Khosla et al., 2020, equation 2, of temperature 0.07; over samples that have another of their class. */
export function supervisedContrast(embeddings: readonly number[][], labels: readonly number[]): number {
  const unit = embeddings.map((z) => z.map((value) => value / Math.sqrt(dot(z, z))));
  const losses = unit.flatMap((anchor, i) => {
    const powers = unit.map((other) => Math.exp(dot(anchor, other) / 0.07));
    const all = powers.reduce((sum, power, a) => sum + (a === i ? 0 : power), 0);
    const positives = powers.filter((_, p) => p !== i && labels[p] === labels[i]);
    return positives.length === 0 ? [] : [-mean(positives.map((power) => Math.log(power / all)))];
  });
  return losses.length === 0 ? 0 : mean(losses);
}

export function plainVitFamily(vit: PlainVit): PlainFamily<Tokens[]> {
  const classTokens = (x: Tokens[], prefix: string, weights: HostTensors) =>
    x.map((tokens) => plainNorm(tokens[0] as number[], weights, `${prefix}norm`, vit));
  return {
    stem: ({ images }, weights) => plainEmbedding(images, weights, vit),
    block: (x, name, weights) => x.map((tokens) => plainBlock(tokens, weights, name, vit)),
    head: (x, weights) => classTokens(x, '', weights).map((token) => plainLinear(token, weights, 'head')),
    auxiliary(x, part, prefix, weights) {
      const given = part === 'deep' ? x.map((tokens) => plainBlock(tokens, weights, `${prefix}.block`, vit)) : x;
      const layers = { linear: 1, deep: 2, 'mlp-sr': 3 }[part];
      return classTokens(given, `${prefix}.`, weights).map((token) => {
        let units = token;
        for (let layer = 1; layer <= layers; layer++)
          units = plainLinear(layer === 1 ? units : units.map(plainGelu), weights, `${prefix}.fc${layer}`);
        return units;
      });
    },
    reconstruction(x, prefix, weights, { pixels }) {
      const { patch } = vit;
      const side = pixels[0]?.[0]?.length as number;
      const spread = x.map((tokens) => {
        const pieces = tokens
          .slice(1)
          .map((token) => plainLinear(plainNorm(token, weights, `${prefix}.norm`, vit), weights, `${prefix}.proj`));
        return plane(12, side, (c, i, j) => {
          const token = Math.floor(i / patch) * (side / patch) + Math.floor(j / patch);
          return pieces[token]?.[((i % patch) * patch + (j % patch)) * 12 + c] as number;
        });
      });
      const x12 = relu(normaliser(weights)(spread, `${prefix}.bn`));
      const made = biased(convolved(x12, weights, `${prefix}.conv`, 1), weights, `${prefix}.conv`);
      return binaryCrossEntropy(made.flat(3), pixels.flat(3));
    },
    vectors: (x) => x.flat(),
  };
}

/** @param mode batch: normalises by the batch's statistics; running: by the running ones */
export function plainResnetFamily(mode: 'batch' | 'running' = 'batch'): PlainFamily<Image[]> {
  return {
    stem: ({ images }, weights) => plainStem([...images], weights, normaliser(weights, mode)),
    block: (x, name, weights) => plainResidual(x, name, weights, normaliser(weights, mode)),
    head: (x, weights) => means(x).map((values) => plainLinear(values, weights, 'fc')),
    auxiliary(x, part, prefix, weights) {
      const normalise = normaliser(weights, mode);
      if (part === 'linear') return means(x).map((values) => plainLinear(values, weights, `${prefix}.fc`));
      if (part === 'deep') {
        const [outputs, inputs] = (weights[`${prefix}.conv1.weight`] as HostTensor).shape as [number, number];
        const stride = outputs > inputs ? 2 : 1;
        const features = relu(normalise(convolved(x, weights, `${prefix}.conv1`, stride), `${prefix}.bn1`));
        return means(features).map((values) => {
          const hidden = plainLinear(values, weights, `${prefix}.fc1`).map((value) => Math.max(0, value));
          return plainLinear(hidden, weights, `${prefix}.fc2`);
        });
      }
      let features = x.map((image) => adaptivePool(image, Math.ceil((image[0]?.length as number) / 4)));
      for (const layer of [1, 2, 3])
        features = relu(normalise(convolved(features, weights, `${prefix}.conv${layer}`, 1), `${prefix}.bn${layer}`));
      // One number a channel is an image of one pixel.
      let units: Image[] = features.map((image) =>
        adaptivePool(image, 2)
          .flat(2)
          .map((value) => [[value]]),
      );
      for (const layer of [1, 2, 3]) {
        const mixed = units.map((image) =>
          plainLinear(image.flat(2), weights, `${prefix}.fc${layer}`).map((value) => [[value]]),
        );
        units = relu(normalise(mixed, `${prefix}.fc_bn${layer}`));
      }
      return units.map((image) => plainLinear(image.flat(2), weights, `${prefix}.out`));
    },
    reconstruction(x, prefix, weights, { pixels }) {
      const large = x.map((image) => bilinear(image, pixels[0]?.[0]?.length as number));
      const features = relu(
        normaliser(weights, mode)(convolved(large, weights, `${prefix}.conv1`, 1), `${prefix}.bn1`),
      );
      const made = biased(convolved(features, weights, `${prefix}.conv2`, 1), weights, `${prefix}.conv2`);
      return binaryCrossEntropy(made.flat(3), pixels.flat(3));
    },
    vectors: (x) =>
      x.flatMap((image) =>
        (image[0] as number[][]).flatMap((row, i) => row.map((_, j) => image.map((rows) => rows[i]?.[j] as number))),
      ),
  };
}

/** A batch of text: sequences, and the token after each of theirs, all in a row. */
export interface PlainText extends Labelled {
  readonly tokens: readonly (readonly number[])[];
}

/** @param partsOf the network's parts with given weights */
export function plainTextFamily(
  partsOf: (weights: HostTensors) => PlainTextParts,
): PlainFamily<readonly Sequence[], PlainText> {
  const units = (x: readonly Sequence[], weights: HostTensors, prefix: string, layers: number) =>
    x.flat().map((token) => {
      let values = plainNorm(token, weights, `${prefix}.norm`, { eps: 1e-5 });
      for (let layer = 1; layer <= layers; layer++)
        values = plainLinear(layer === 1 ? values : values.map(plainGelu), weights, `${prefix}.fc${layer}`);
      return values;
    });
  const blocks = (x: readonly Sequence[], name: string, weights: HostTensors) => {
    const parts = partsOf(weights);
    return x.map((sequence) => parts.block(sequence, name));
  };
  return {
    stem: ({ tokens }, weights) => tokens.map(partsOf(weights).stem),
    block: blocks,
    head: (x, weights) => x.flatMap(partsOf(weights).head),
    auxiliary(x, part, prefix, weights) {
      const given = part === 'deep' ? blocks(x, `${prefix}.block`, weights) : x;
      return units(given, weights, prefix, { linear: 1, deep: 2, 'mlp-sr': 3 }[part]);
    },
    reconstruction: (x, prefix, weights, { tokens }) => crossEntropy(units(x, weights, prefix, 1), tokens.flat(), 0),
    vectors: (x) => x.flat(),
  };
}

function normaliser(weights: HostTensors, mode: 'batch' | 'running' = 'batch'): Normalise {
  return (batch, name) => normalised(batch, name, weights, mode, new Map());
}

function plane(channels: number, side: number, value: (c: number, i: number, j: number) => number): Image {
  return Array.from({ length: channels }, (_, c) =>
    Array.from({ length: side }, (_row, i) => Array.from({ length: side }, (_value, j) => value(c, i, j))),
  );
}

function biased(batch: Image[], weights: HostTensors, name: string): Image[] {
  return batch.map((image) => map(image, (value, c) => value + at(weights, `${name}.bias`, c)));
}

const means = (batch: readonly Image[]) => batch.map((image) => image.map((rows) => mean(rows.flat())));

/** As `torch.nn.AdaptiveAvgPool2d`. */
function adaptivePool(image: Image, to: number): Image {
  const from = image[0]?.length as number;
  const within = (place: number) => [Math.floor((place * from) / to), Math.ceil(((place + 1) * from) / to)] as const;
  return plane(image.length, to, (c, i, j) =>
    mean((image[c] as number[][]).slice(...within(i)).flatMap((row) => row.slice(...within(j)))),
  );
}

/** As `torch.nn.functional.interpolate` with aligned corners. */
function bilinear(image: Image, to: number): Image {
  const from = image[0]?.length as number;
  const source = (place: number) => (to === 1 ? 0 : (place * (from - 1)) / (to - 1));
  return plane(image.length, to, (c, i, j) => {
    const [y, x] = [source(i), source(j)];
    const [top, left] = [Math.min(Math.floor(y), from - 1), Math.min(Math.floor(x), from - 1)];
    const pixel = (row: number, column: number) =>
      image[c]?.[Math.min(row, from - 1)]?.[Math.min(column, from - 1)] as number;
    const across = (row: number) => pixel(row, left) * (1 - (x - left)) + pixel(row, left + 1) * (x - left);
    return across(top) * (1 - (y - top)) + across(top + 1) * (y - top);
  });
}
