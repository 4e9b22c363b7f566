import type { HostTensor, HostTensors } from '../../src/util/tensor.ts';
import { at, type Image, mean } from './plain-resnet.ts';

/** Tokens of an image: [token][unit]. */
export type Tokens = number[][];

/** What of a vision transformer its weights do not tell. */
export interface PlainVit {
  readonly heads: number;
  readonly patch: number;
  readonly eps: number;
}

const numbers = (length: number) => Array.from({ length }, (_, index) => index);

/** Patches projected, class token in front, positions added. */
export function plainEmbedding(images: readonly Image[], weights: HostTensors, { patch }: PlainVit): Tokens[] {
  const width = weights.cls_token?.shape[2] as number;
  return images.map((image) => {
    const side = (image[0]?.length as number) / patch;
    const patches = numbers(side * side).map((place) => {
      const [row, column] = [patch * Math.floor(place / side), patch * (place % side)];
      // In the order of a convolution's weights: channel, row, column.
      return image.flatMap((plane) =>
        numbers(patch).flatMap((i) => (plane[row + i] as number[]).slice(column, column + patch)),
      );
    });
    const token = numbers(width).map((unit) => at(weights, 'cls_token', unit));
    const embedded = [token, ...patches.map((values) => plainLinear(values, weights, 'patch_embed.proj'))];
    return embedded.map((values, place) =>
      values.map((value, unit) => value + at(weights, 'pos_embed', place * width + unit)),
    );
  });
}

/** Attention and MLP, each after a norm and added to what it takes. */
export function plainBlock(tokens: Tokens, weights: HostTensors, prefix: string, vit: PlainVit): Tokens {
  const attended = attention(
    tokens.map((token) => plainNorm(token, weights, `${prefix}.norm1`, vit)),
    weights,
    prefix,
    vit,
  );
  const middle = tokens.map((token, place) => token.map((value, unit) => value + (attended[place]?.[unit] as number)));
  return middle.map((token) => {
    const hidden = plainLinear(plainNorm(token, weights, `${prefix}.norm2`, vit), weights, `${prefix}.mlp.fc1`);
    const out = plainLinear(hidden.map(plainGelu), weights, `${prefix}.mlp.fc2`);
    return token.map((value, unit) => value + (out[unit] as number));
  });
}

function attention(tokens: Tokens, weights: HostTensors, prefix: string, { heads }: PlainVit): Tokens {
  const width = (tokens[0] as number[]).length;
  const size = width / heads;
  const qkv = tokens.map((token) => plainLinear(token, weights, `${prefix}.attn.qkv`));
  const part = (token: number[], which: number, head: number) =>
    token.slice(which * width + head * size, which * width + (head + 1) * size);
  return qkv.map((own) => {
    const mixed = numbers(heads).flatMap((head) => {
      const scores = qkv.map((other) => dot(part(own, 0, head), part(other, 1, head)) / Math.sqrt(size));
      const shares = plainSoftmax(scores);
      return numbers(size).map((unit) =>
        shares.reduce((sum, share, place) => sum + share * (part(qkv[place] as number[], 2, head)[unit] as number), 0),
      );
    });
    return plainLinear(mixed, weights, `${prefix}.attn.proj`);
  });
}

export function plainNorm(
  token: readonly number[],
  weights: HostTensors,
  name: string,
  { eps }: Pick<PlainVit, 'eps'>,
): number[] {
  const average = mean(token);
  const variance = mean(token.map((value) => (value - average) ** 2));
  return token.map(
    (value, unit) =>
      ((value - average) / Math.sqrt(variance + eps)) * at(weights, `${name}.weight`, unit) +
      at(weights, `${name}.bias`, unit),
  );
}

/** By PyTorch's weight [out, in, …]; the bias if there is one. */
export function plainLinear(values: readonly number[], weights: HostTensors, name: string): number[] {
  const { data, shape } = weights[`${name}.weight`] as HostTensor;
  const bias = weights[`${name}.bias`]?.data;
  return numbers(shape[0] as number).map((out) => {
    let sum = bias?.[out] ?? 0;
    for (let unit = 0; unit < values.length; unit++)
      sum += (values[unit] as number) * (data[out * values.length + unit] as number);
    return sum;
  });
}

export function plainGelu(value: number): number {
  return value * (0.5 + 0.5 * erf(value / Math.SQRT2));
}

/** By its series; the arguments of tests are small. */
function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= -(x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

export function plainSoftmax(scores: readonly number[]): number[] {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

export function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] as number), 0);
}
