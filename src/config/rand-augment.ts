/** What a text such as `rand-m9-mstd0.5-inc1` says. */
export interface RandAugment {
  /** Strength, 0 to 10. */
  readonly magnitude: number;
  /** Standard deviation of the strength from image to image. */
  readonly deviation: number;
  /** Operations drawn for an image. */
  readonly layers: number;
  /** Probability that a drawn operation is applied. */
  readonly probability: number;
  /** Whether all operations do more at a higher strength. */
  readonly increasing: boolean;
}

/** The highest strength. */
export const MAX_MAGNITUDE = 10;

/**
 * Reads a text in timm's notation: `rand`, then in any order `m` (magnitude, 0 to 10), `mstd` (its deviation), `n` (layers),
 * `p` (probability of an operation) and `inc1` (the increasing operations), divided by hyphens.
 *
 * Throws a RangeError saying which part is wrong.
 */
export function parseRandAugment(text: string): RandAugment {
  const [head, ...parts] = text.split('-');
  if (head !== 'rand') throw new RangeError("it must begin with 'rand-'");
  const given = new Map<string, number>();
  for (const part of parts) {
    const [, key = '', digits = ''] = /^([a-z]+)(\d+(?:\.\d+)?)$/.exec(part) ?? [];
    const known = parameters.find(({ name }) => name === key);
    if (!known) throw new RangeError(`'${part}' is none of ${parameters.map(({ example }) => example).join(', ')}`);
    const value = Number(digits);
    if (given.has(key)) throw new RangeError(`'${key}' stands twice`);
    if (!known.accepts(value)) throw new RangeError(`'${part}': ${known.expected}`);
    given.set(key, value);
  }
  return {
    magnitude: given.get('m') ?? MAX_MAGNITUDE,
    deviation: given.get('mstd') ?? 0,
    layers: given.get('n') ?? 2,
    probability: given.get('p') ?? 0.5,
    increasing: given.get('inc') === 1,
  };
}

const parameters: readonly {
  readonly name: string;
  readonly example: string;
  readonly expected: string;
  readonly accepts: (value: number) => boolean;
}[] = [
  { name: 'm', example: 'm9', expected: 'from 0 to 10', accepts: (value) => value <= MAX_MAGNITUDE },
  { name: 'mstd', example: 'mstd0.5', expected: 'at most 100', accepts: (value) => value <= 100 },
  { name: 'n', example: 'n2', expected: 'a whole number', accepts: Number.isInteger },
  { name: 'p', example: 'p0.5', expected: 'from 0 to 1', accepts: (value) => value <= 1 },
  { name: 'inc', example: 'inc1', expected: '0 or 1', accepts: (value) => value === 0 || value === 1 },
];
