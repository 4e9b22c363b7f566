/** Bytes of a distribution, as Walker's alias method (1977) draws them: each place of 256 is one byte or another. */
export interface NoiseTable {
  /** [256]: a byte and the probability that a draw of its place is that. */
  readonly own: Float64Array;
  readonly other: Uint8Array;
}

/** The byte that a uniform number in [0, 1) stands for. */
export function noiseOf({ own, other }: NoiseTable, uniform: number): number {
  const place = 256 * uniform;
  const byte = place | 0;
  return place < (own[byte] as number) ? byte : (other[byte] as number);
}

/** The distribution of 255 (mean + std · N(0, 1)), rounded and kept within 0 and 255. */
export function noiseTable(mean: number, std: number): NoiseTable {
  const key = `${mean} ${std}`;
  const known = tables.get(key);
  if (known) return known;
  const below = (byte: number) => {
    if (byte <= 0) return 0;
    return byte >= 256 ? 1 : normalDistribution((byte - 0.5 - 255 * mean) / (255 * std));
  };
  const table = aliasTable(Float64Array.from({ length: 256 }, (_, byte) => below(byte + 1) - below(byte)));
  if (tables.size >= MOST_TABLES) tables.clear();
  tables.set(key, table);
  return table;
}

/** Kept, as all images have the same few. */
const tables = new Map<string, NoiseTable>();
const MOST_TABLES = 64;

/** What places of too little probability lack is taken from those of too much (Vose 1991). */
function aliasTable(probabilities: Float64Array): NoiseTable {
  const left = probabilities.map((probability) => 256 * probability);
  const own = Float64Array.from({ length: 256 }, (_, byte) => byte + 1);
  const other = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const [few, many] = [
    bytes.filter((byte) => (left[byte] as number) < 1),
    bytes.filter((byte) => (left[byte] as number) >= 1),
  ];
  for (;;) {
    const [poor, rich] = [few.pop(), many.at(-1)];
    if (poor === undefined || rich === undefined) return { own, other };
    own[poor] = poor + (left[poor] as number);
    other[poor] = rich;
    left[rich] = (left[rich] as number) - (1 - (left[poor] as number));
    if ((left[rich] as number) < 1) few.push(many.pop() as number);
  }
}

/** The standard normal distribution function, by its series around 0 (Marsaglia 2004). */
function normalDistribution(x: number): number {
  if (Math.abs(x) > 8) return x < 0 ? 0 : 1;
  let sum = x;
  for (let term = x, odd = 3, before = 0; sum !== before; odd += 2) {
    before = sum;
    term *= (x * x) / odd;
    sum += term;
  }
  return 0.5 + (sum * Math.exp(-(x * x) / 2)) / Math.sqrt(2 * Math.PI);
}
