import type { HostTensor, HostTensors } from '../../src/util/tensor.ts';

/** Images as nested numbers: [channel][row][column]. */
export type Image = number[][][];

/** What a plain computation of a residual network gives. */
export interface PlainResult {
  /** [image][class] */
  readonly logits: number[][];
  /** Mean and unbiased variance of the batch, by the name of the normalisation: one number a channel. */
  readonly statistics: Map<string, { readonly mean: number[]; readonly variance: number[] }>;
}

/**
 * A residual network in loops over single numbers of double precision, read off the names of its weights as PyTorch
 * would: strides are those of the published networks.
 *
 * @param mode batch: normalises by the batch's statistics; running: by the running ones
 */
export function plainResnet(images: readonly Image[], weights: HostTensors, mode: 'batch' | 'running'): PlainResult {
  const statistics: PlainResult['statistics'] = new Map();
  const normalise: Normalise = (batch, name) => normalised(batch, name, weights, mode, statistics);
  let x = plainStem([...images], weights, normalise);
  for (const block of blocksOf(weights)) x = plainResidual(x, block, weights, normalise);
  const fc = (index: number) => at(weights, 'fc.weight', index);
  const logits = x.map((image) => {
    const means = image.map((plane) => mean(plane.flat()));
    const classes = weights['fc.bias']?.data.length as number;
    return Array.from({ length: classes }, (_, label) =>
      means.reduce((sum, value, c) => sum + value * fc(label * means.length + c), at(weights, 'fc.bias', label)),
    );
  });
  return { logits, statistics };
}

/** How a batch is normalised by the batch normalisation of a name. */
export type Normalise = (batch: Image[], name: string) => Image[];

export function plainStem(images: Image[], weights: HostTensors, normalise: Normalise): Image[] {
  const isImageNet = weights['conv1.weight']?.shape[2] === 7;
  const x = relu(normalise(convolved(images, weights, 'conv1', isImageNet ? 2 : 1), 'bn1'));
  return isImageNet ? x.map((image) => image.map(pooled)) : x;
}

export function plainResidual(x: Image[], block: string, weights: HostTensors, normalise: Normalise): Image[] {
  const isBottleneck = `${block}.conv3.weight` in weights;
  const [stage, index] = block
    .slice(block.indexOf('layer') + 'layer'.length)
    .split('.')
    .map(Number) as [number, number];
  const stride = stage > 1 && index === 0 ? 2 : 1;
  let branch = relu(normalise(convolved(x, weights, `${block}.conv1`, isBottleneck ? 1 : stride), `${block}.bn1`));
  branch = normalise(convolved(branch, weights, `${block}.conv2`, isBottleneck ? stride : 1), `${block}.bn2`);
  if (isBottleneck) branch = normalise(convolved(relu(branch), weights, `${block}.conv3`, 1), `${block}.bn3`);
  const projects = `${block}.downsample.0.weight` in weights;
  const shortcut = projects
    ? normalise(convolved(x, weights, `${block}.downsample.0`, stride), `${block}.downsample.1`)
    : x;
  return relu(
    branch.map((image, at) => map(image, (value, c, i, j) => value + valueAt(shortcut[at] as Image, c, i, j))),
  );
}

/** Names of the blocks, stage by stage. */
export function blocksOf(weights: HostTensors): string[] {
  const names = Object.keys(weights).flatMap((name) => /^(layer\d+\.\d+)\.conv1\.weight$/.exec(name)?.[1] ?? []);
  const order = (name: string) => name.slice('layer'.length).split('.').map(Number) as [number, number];
  return names.sort((a, b) => order(a)[0] - order(b)[0] || order(a)[1] - order(b)[1]);
}

export function at(weights: HostTensors, name: string, index: number): number {
  return weights[name]?.data[index] as number;
}

function valueAt(image: Image, c: number, i: number, j: number): number {
  return image[c]?.[i]?.[j] ?? 0;
}

export function map(image: Image, f: (value: number, c: number, i: number, j: number) => number): Image {
  return image.map((plane, c) => plane.map((row, i) => row.map((value, j) => f(value, c, i, j))));
}

export const relu = (batch: Image[]) => batch.map((image) => map(image, (value) => Math.max(0, value)));
export const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Padding of half the filter on every side; outside the image there are zeros. */
export function convolved(batch: Image[], weights: HostTensors, name: string, stride: number): Image[] {
  const { shape, data: filter } = weights[`${name}.weight`] as HostTensor;
  const [outputs, inputs, size] = shape as [number, number, number, number];
  const pad = (size - 1) / 2;
  return batch.map((image) => {
    const side = Math.floor(((image[0]?.length as number) + 2 * pad - size) / stride) + 1;
    const sum = (o: number, i: number, j: number) => {
      let total = 0;
      for (let c = 0; c < inputs; c++)
        for (let di = 0; di < size; di++) {
          const row = image[c]?.[i * stride + di - pad];
          if (!row) continue;
          for (let dj = 0; dj < size; dj++)
            total += (row[j * stride + dj - pad] ?? 0) * (filter[((o * inputs + c) * size + di) * size + dj] as number);
        }
      return total;
    };
    return Array.from({ length: outputs }, (_, o) =>
      Array.from({ length: side }, (_, i) => Array.from({ length: side }, (_, j) => sum(o, i, j))),
    );
  });
}

/** The largest of three by three at every second place. */
function pooled(plane: number[][]): number[][] {
  const side = Math.floor((plane.length - 1) / 2) + 1;
  const around = (place: number) => [2 * place - 1, 2 * place, 2 * place + 1];
  return Array.from({ length: side }, (_, i) =>
    Array.from({ length: side }, (_, j) =>
      Math.max(...around(i).flatMap((row) => around(j).map((column) => plane[row]?.[column] ?? -Infinity))),
    ),
  );
}

export function normalised(
  batch: Image[],
  name: string,
  weights: HostTensors,
  mode: 'batch' | 'running',
  statistics: PlainResult['statistics'],
): Image[] {
  const channels = (batch[0] as Image).map((_, c) => {
    const values = batch.flatMap((image) => (image[c] as number[][]).flat());
    const average = mean(values);
    const squares = values.reduce((sum, value) => sum + (value - average) ** 2, 0);
    return { mean: average, biased: squares / values.length, unbiased: squares / (values.length - 1) };
  });
  statistics.set(name, { mean: channels.map((c) => c.mean), variance: channels.map((c) => c.unbiased) });
  // One factor and one term a channel.
  const slopes = channels.map(({ biased }, c) => {
    const spread = mode === 'batch' ? biased : at(weights, `${name}.running_var`, c);
    return at(weights, `${name}.weight`, c) / Math.sqrt(spread + 1e-5);
  });
  const terms = channels.map((channel, c) => {
    const centre = mode === 'batch' ? channel.mean : at(weights, `${name}.running_mean`, c);
    return at(weights, `${name}.bias`, c) - centre * (slopes[c] as number);
  });
  return batch.map((image) => map(image, (value, c) => value * (slopes[c] as number) + (terms[c] as number)));
}
