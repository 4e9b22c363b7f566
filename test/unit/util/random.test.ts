import { describe, expect, it } from 'vitest';
import { beta, permutation, randomStream, truncatedNormal } from '../../../src/util/random.ts';

const draws = (count: number, draw: () => number) => Array.from({ length: count }, draw);
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const variance = (values: number[]) => mean(values.map((value) => value ** 2)) - mean(values) ** 2;

describe('random streams', () => {
  it('depend on their key alone', () => {
    const sequence = (...key: [number, string, ...number[]]) => {
      const stream = randomStream(...key);
      return draws(5, stream.uniform);
    };
    expect(sequence(1, 'crop', 2, 3)).toEqual(sequence(1, 'crop', 2, 3));
    const others = [
      sequence(2, 'crop', 2, 3),
      sequence(1, 'flip', 2, 3),
      sequence(1, 'crop', 3, 2),
      sequence(1, 'crop', 23),
    ];
    for (const other of others) expect(other).not.toEqual(sequence(1, 'crop', 2, 3));
  });

  it('have the moments of their distributions', () => {
    const stream = randomStream(0, 'moments');
    const uniform = draws(20_000, stream.uniform);
    expect(mean(uniform)).toBeCloseTo(1 / 2, 1);
    expect(variance(uniform)).toBeCloseTo(1 / 12, 2);
    const normal = draws(20_000, stream.normal);
    expect(Math.abs(mean(normal))).toBeLessThan(0.03);
    expect(variance(normal)).toBeCloseTo(1, 1);
    const mixup = draws(20_000, () => beta(0.8, 0.8, stream));
    expect(mean(mixup)).toBeCloseTo(0.5, 1);
    expect(variance(mixup)).toBeCloseTo(0.25 / (2 * 0.8 + 1), 2); // ab / ((a+b)^2 (a+b+1))
    const small = draws(5_000, () => truncatedNormal(0.02, stream));
    expect(Math.sqrt(variance(small))).toBeCloseTo(0.02, 3);
    expect(draws(2_000, () => truncatedNormal(2, stream)).every((value) => Math.abs(value) <= 2)).toBe(true);
  });

  it('draw integers and orders evenly', () => {
    const stream = randomStream(0, 'integers');
    const counts = new Map<string, number>();
    for (let draw = 0; draw < 6000; draw++) {
      const order = permutation(3, stream).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(
      ['0,1,2', '0,2,1', '1,0,2', '1,2,0', '2,0,1', '2,1,0'].map((order) => order.replaceAll(',', '')),
    );
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
