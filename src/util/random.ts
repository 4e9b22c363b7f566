import { createHash } from 'node:crypto';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/** A stream of random numbers; its values depend on its key alone. */
export interface RandomStream {
  /** Uniform in [0, 1), 32 random bits. */
  uniform(): number;
  /** Uniform integer in [0, bound), without modulo bias. */
  integer(bound: number): number;
  /** Standard normal (Box-Muller). */
  normal(): number;
}

/**
 * The stream named by a key such as `(seed, 'crop', epoch, index)`.
 *
 * Every random decision of a run is drawn from a stream of its own, so it does not depend on what was drawn before:
 * a resumed run continues with the numbers that the uninterrupted one would have used.
 */
export function randomStream(seed: number, purpose: string, ...indices: number[]): RandomStream {
  const digest = createHash('sha256')
    .update(`${seed}/${purpose}/${indices.join('/')}`)
    .digest();
  // xoroshiro128+ must not start from the all-zero state; a SHA-256 prefix of zeros does not occur in practice.
  const generator = xoroshiro128plusFromState([0, 4, 8, 12].map((offset) => digest.readInt32LE(offset)));
  const uniform = () => (generator.next() >>> 0) / 2 ** 32;
  let spare: number | undefined;

  return {
    uniform,
    integer(bound) {
      const limit = 2 ** 32 - (2 ** 32 % bound);
      let value = generator.next() >>> 0;
      while (value >= limit) value = generator.next() >>> 0;
      return value % bound;
    },
    normal() {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      const angle = 2 * Math.PI * uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
  };
}

/** A uniformly random order of 0..length-1 (Fisher-Yates). */
export function permutation(length: number, stream: RandomStream): Uint32Array {
  const order = Uint32Array.from({ length }, (_, index) => index);
  for (let last = length - 1; last > 0; last--) {
    const chosen = stream.integer(last + 1);
    const value = order[last] as number;
    order[last] = order[chosen] as number;
    order[chosen] = value;
  }
  return order;
}

/** Gamma(shape, 1) by Marsaglia and Tsang (2000); shapes below 1 by the boost U^(1/shape). */
function gamma(shape: number, stream: RandomStream): number {
  if (shape < 1) return gamma(shape + 1, stream) * (1 - stream.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = stream.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - stream.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Beta(a, b), the distribution of mixup's and cutmix' lambda. */
export function beta(a: number, b: number, stream: RandomStream): number {
  const first = gamma(a, stream);
  const second = gamma(b, stream);
  return first + second === 0 ? 0.5 : first / (first + second);
}

/** Normal(0, deviation) restricted to [-2, 2] as timm's `trunc_normal_(std=deviation)`, by rejection. */
export function truncatedNormal(deviation: number, stream: RandomStream): number {
  for (;;) {
    const value = stream.normal() * deviation;
    if (Math.abs(value) <= 2) return value;
  }
}
