import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FeatureRows, linearCka } from '../../../../src/training/diagnostics/cka.ts';
import { randomStream } from '../../../../src/util/random.ts';

const value = fc.float({ min: -10, max: 10, noNaN: true }).map((drawn) => Math.round(drawn * 16) / 16);

/** Features of `n` samples. */
const rows = (n: number, width: number) =>
  fc
    .array(fc.array(value, { minLength: width, maxLength: width }), { minLength: n, maxLength: n })
    .map((drawn): FeatureRows => drawn.map((row) => Float32Array.from(row)));

const pairs = fc
  .tuple(fc.integer({ min: 4, max: 7 }), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }))
  .chain(([n, p, q]) => fc.tuple(rows(n, p), rows(n, q)));

const inner = (a: Float32Array, b: Float32Array) => a.reduce((sum, each, at) => sum + each * (b[at] as number), 0);

/** The mean of the kernel of HSIC over all ordered quadruples of different samples: what the estimate is by definition. */
function plainHsic(x: FeatureRows, y: FeatureRows): number {
  const n = x.length;
  const k = (i: number, j: number) => inner(x[i] as Float32Array, x[j] as Float32Array);
  const l = (i: number, j: number) => inner(y[i] as Float32Array, y[j] as Float32Array);
  let sum = 0;
  let count = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      for (let q = 0; q < n; q++) {
        for (let r = 0; r < n; r++) {
          if (new Set([i, j, q, r]).size < 4) continue;
          sum += k(i, j) * (l(i, j) + l(q, r) - 2 * l(i, q));
          count += 1;
        }
      }
    }
  }
  return sum / count;
}

/** An orthogonal matrix, by Gram and Schmidt. */
function rotation(width: number, seed: number): number[][] {
  const stream = randomStream(seed, 'rotation');
  const basis: number[][] = [];
  while (basis.length < width) {
    let vector = Array.from({ length: width }, () => stream.normal());
    for (const other of basis) {
      const share = vector.reduce((sum, each, at) => sum + each * (other[at] as number), 0);
      vector = vector.map((each, at) => each - share * (other[at] as number));
    }
    const norm = Math.hypot(...vector);
    basis.push(vector.map((each) => each / norm));
  }
  return basis;
}

describe('linear CKA', () => {
  it('is what its definition says', () => {
    fc.assert(
      fc.property(pairs, ([x, y]) => {
        const expected = plainHsic(x, y) / Math.sqrt(plainHsic(x, x) * plainHsic(y, y));
        fc.pre(plainHsic(x, x) > 1e-3 && plainHsic(y, y) > 1e-3);
        expect(linearCka(x, y)).toBeCloseTo(expected, 6);
      }),
    );
  });

  it('is 1 of features with themselves, and does not depend on which come first', () => {
    fc.assert(
      fc.property(pairs, ([x, y]) => {
        fc.pre(plainHsic(x, x) > 1e-3 && plainHsic(y, y) > 1e-3);
        expect(linearCka(x, x)).toBeCloseTo(1, 9);
        expect(linearCka(x, y)).toBeCloseTo(linearCka(y, x), 9);
      }),
    );
  });

  it('does not change with a rotation, a shift and a factor', () => {
    const n = 40;
    fc.assert(
      fc.property(
        rows(n, 5),
        rows(n, 3),
        fc.integer(),
        fc.integer({ min: 1, max: 9 }),
        value,
        (x, y, seed, factor, by) => {
          fc.pre(Number.isFinite(linearCka(x, y)));
          const turned = rotation(5, seed);
          const moved = x.map((row) =>
            Float32Array.from(
              turned,
              (axis) => factor * axis.reduce((sum, each, at) => sum + each * (row[at] as number), 0) + by,
            ),
          );
          expect(linearCka(moved, y)).toBeCloseTo(linearCka(x, y), 3);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('is 0 on average for independent features, however wide for their number', () => {
    const draws = Array.from({ length: 40 }, (_, seed) => {
      const stream = randomStream(seed, 'independent');
      const draw = () => Array.from({ length: 24 }, () => Float32Array.from({ length: 48 }, () => stream.normal()));
      return linearCka(draw(), draw());
    });
    expect(Math.abs(draws.reduce((sum, each) => sum + each, 0) / draws.length)).toBeLessThan(0.05);
  });

  it('is no number where there is too little to tell', () => {
    const vary = [1, 2, 4, 8].map((each) => Float32Array.of(each, -each));
    expect(linearCka(vary.slice(1), vary.slice(1))).toBeNaN();
    const constant = vary.map(() => Float32Array.of(3, 3));
    expect(linearCka(constant, vary)).toBeNaN();
  });

  it('takes as many samples of each', () => {
    const x = [1, 2, 3, 4, 5].map((each) => Float32Array.of(each));
    expect(() => linearCka(x, x.slice(1))).toThrow('5 and 4 samples');
  });
});
