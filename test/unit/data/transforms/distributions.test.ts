import { describe, expect, it } from 'vitest';
import { parseRandAugment } from '../../../../src/config/rand-augment.ts';
import { drawJitter } from '../../../../src/data/transforms/colour-jitter.ts';
import { drawBox } from '../../../../src/data/transforms/crop.ts';
import { drawErasure, erase } from '../../../../src/data/transforms/erasing.ts';
import { noiseOf, noiseTable } from '../../../../src/data/transforms/noise.ts';
import { drawPlacement } from '../../../../src/data/transforms/placement.ts';
import { drawOperations } from '../../../../src/data/transforms/rand-augment.ts';
import { randomStream } from '../../../../src/util/random.ts';

/*
 * Seeds are fixed, so these tests always do the same. The bounds are those that a right sampler with another seed would
 * fail with probability 1e-4 for each comparison: 3.9 standard errors of a mean, and 2.23 / sqrt(n) between an empirical and
 * a true distribution function (Kolmogorov's distribution).
 */
const DRAWS = 20_000;
const stream = (index: number) => randomStream(7, 'distributions', index);
const draws = <Value>(draw: (index: number) => Value, count = DRAWS) =>
  Array.from({ length: count }, (_, i) => draw(i));

function expectShare(found: number, of: number, share: number): void {
  expect(Math.abs(found / of - share)).toBeLessThan(3.9 * Math.sqrt((share * (1 - share)) / of));
}

function expectDistribution(values: readonly number[], cumulative: (value: number) => number): void {
  const sorted = [...values].sort((a, b) => a - b);
  const distances = sorted.map((value, index) =>
    Math.max(
      Math.abs(cumulative(value) - index / sorted.length),
      Math.abs(cumulative(value) - (index + 1) / sorted.length),
    ),
  );
  expect(Math.max(...distances)).toBeLessThan(2.23 / Math.sqrt(sorted.length));
}

const uniform = (least: number, most: number) => (value: number) =>
  Math.max(0, Math.min(1, (value - least) / (most - least)));
const logUniform = (least: number, most: number) => (value: number) =>
  uniform(Math.log(least), Math.log(most))(Math.log(value));

describe('the random crop', () => {
  const crop = { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] } as const;

  it('has an area uniform in its range and proportions log-uniform in theirs, where any crop fits', () => {
    // So large an image that whole pixels do not show; small areas always fit.
    const boxes = draws((index) => drawBox({ ...crop, scale: [0.08, 0.5] }, 10_000, 10_000, stream(index)));
    expectDistribution(
      boxes.map(({ width, height }) => (width * height) / 1e8),
      uniform(0.08, 0.5),
    );
    expectDistribution(
      boxes.map(({ width, height }) => width / height),
      logUniform(3 / 4, 4 / 3),
    );
  });

  it('lies anywhere, and within the image', () => {
    const boxes = draws((index) => drawBox(crop, 500, 375, stream(index)));
    for (const { left, top, width, height } of boxes) {
      expect(left >= 0 && top >= 0 && width > 0 && height > 0).toBe(true);
      expect(left + width <= 500 && top + height <= 375).toBe(true);
    }
    const loose = boxes.filter(({ width }) => width <= 300);
    // Places are whole: a uniform number spreads them over their pixel.
    expectDistribution(
      loose.map(({ left, width }, index) => (left + stream(-1 - index).uniform()) / (501 - width)),
      uniform(0, 1),
    );
  });

  it('is as often repeated as proportions do not fit, as in a sampler written down from the definition', () => {
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const widths = (sample: (index: number) => { width: number; height: number }) => {
      const values = draws((index) => sample(index).width);
      const average = mean(values);
      return { average, error: Math.sqrt(mean(values.map((value) => (value - average) ** 2)) / values.length) };
    };
    const ours = widths((index) => drawBox(crop, 200, 400, stream(index)));
    const plain = widths((index) => {
      const random = randomStream(8, 'plain', index);
      for (let attempt = 0; attempt < 10; attempt++) {
        const area = 200 * 400 * (0.08 + 0.92 * random.uniform());
        const ratio = (3 / 4) ** (1 - 2 * random.uniform());
        const [width, height] = [Math.round((area * ratio) ** 0.5), Math.round((area / ratio) ** 0.5)];
        if (width <= 200 && height <= 400) return { width, height };
      }
      return { width: 200, height: 267 };
    });
    expect(Math.abs(ours.average - plain.average)).toBeLessThan(3.9 * Math.hypot(ours.error, plain.error));
  });

  it('falls back to the centre where nothing fits', () => {
    for (const [width, height, box] of [
      [1000, 10, { left: 493, top: 0, width: 13, height: 10 }],
      [10, 1000, { left: 0, top: 493, width: 10, height: 13 }],
      [1, 1, { left: 0, top: 0, width: 1, height: 1 }],
    ] as const) {
      expect(drawBox({ ...crop, scale: [1, 1] }, width, height, stream(0))).toEqual(box);
    }
    expect(drawBox({ scale: [1, 1], ratio: [0.7, 0.7] }, 20, 20, stream(0))).toMatchObject({ width: 14, height: 20 });
  });
});

it('flips and shifts are uniform', () => {
  const placements = draws((index) =>
    drawPlacement({ padding: 4, flip: 0.3 }, { seed: 1, stream: 'meta', epoch: 0, index }),
  );
  expectShare(placements.filter(({ mirrored }) => mirrored).length, DRAWS, 0.3);
  for (let shift = -4; shift <= 4; shift++) {
    expectShare(placements.filter(({ top }) => top === shift).length, DRAWS, 1 / 9);
    expectShare(placements.filter(({ left }) => left === shift).length, DRAWS, 1 / 9);
  }
});

describe('RandAugment', () => {
  const settings = parseRandAugment('rand-m9-mstd0.5-inc1');
  const all = draws((index) => drawOperations(settings, 'random', stream(index)));
  const names = [
    ...['AutoContrast', 'Equalize', 'Invert', 'Rotate', 'PosterizeIncreasing', 'SolarizeIncreasing', 'SolarizeAdd'],
    ...['ColorIncreasing', 'ContrastIncreasing', 'BrightnessIncreasing', 'SharpnessIncreasing'],
    ...['ShearX', 'ShearY', 'TranslateXRel', 'TranslateYRel'],
  ];

  it('applies each of two operations half the time, all 15 equally often', () => {
    for (const [count, share] of [0.25, 0.5, 0.25].entries())
      expectShare(all.filter((drawn) => drawn.length === count).length, DRAWS, share);
    const flat = all.flat();
    expect(new Set(flat.map(({ name }) => name))).toEqual(new Set(names));
    for (const name of names) expectShare(flat.filter((drawn) => drawn.name === name).length, flat.length, 1 / 15);
    expectShare(flat.filter(({ interpolation }) => interpolation === 'bilinear').length, flat.length, 0.5);
  });

  it('draws the strength from N(9, 0.5), at most 10, and either sign', () => {
    const values = all.flat().flatMap(({ name, value }) => (name === 'Rotate' ? [value / 3] : []));
    expectShare(values.filter((value) => value < 0).length, values.length, 0.5);
    const strengths = values.map(Math.abs);
    // 2.28 % lie two deviations above the mean, and are clipped.
    expectShare(strengths.filter((strength) => strength === 10).length, strengths.length, 0.02275);
    expectShare(strengths.filter((strength) => strength < 8.5).length, strengths.length, 0.15866);
    expectShare(strengths.filter((strength) => strength < 9).length, strengths.length, 0.5);
    const fixed = draws(
      (index) => drawOperations(parseRandAugment('rand-m9-n1-p1-inc1'), 'bicubic', stream(index)),
      500,
    );
    expect(new Set(fixed.flat().flatMap(({ name, value }) => (name === 'Rotate' ? [Math.abs(value)] : [])))).toEqual(
      new Set([27]),
    );
  });

  it.each([
    [
      0,
      {
        Rotate: [0],
        PosterizeIncreasing: [4],
        SolarizeIncreasing: [256],
        SolarizeAdd: [0],
        ColorIncreasing: [1],
        ShearX: [0],
        TranslateYRel: [0],
      },
    ],
    [
      9,
      {
        Rotate: [27, -27],
        PosterizeIncreasing: [1],
        SolarizeIncreasing: [26],
        SolarizeAdd: [99],
        ColorIncreasing: [1.81, 0.19],
        ShearX: [0.27, -0.27],
        TranslateYRel: [0.405, -0.405],
      },
    ],
    [
      10,
      {
        Rotate: [30, -30],
        PosterizeIncreasing: [0],
        SolarizeIncreasing: [0],
        SolarizeAdd: [110],
        ColorIncreasing: [1.9, 0.1],
        ShearX: [0.3, -0.3],
        TranslateYRel: [0.45, -0.45],
      },
    ],
  ])('has the values of timm at strength %d', (strength, expected) => {
    const drawn = draws(
      (index) => drawOperations(parseRandAugment(`rand-m${strength}-n1-p1-inc1`), 'bicubic', stream(index)),
      2000,
    ).flat();
    for (const [name, values] of Object.entries(expected)) {
      const found = [...new Set(drawn.flatMap((each) => (each.name === name ? [each.value] : [])))];
      expect(found.length, name).toBe(values.length);
      for (const value of values)
        expect(Math.min(...found.map((each) => Math.abs(each - value))), name).toBeLessThan(1e-12);
    }
  });

  it.each([
    ['m9', "begin with 'rand-'"],
    ['rand-x3', "'x3' is none of"],
    ['rand-m11', "'m11': from 0 to 10"],
    ['rand-m9-m9', "'m' stands twice"],
    ['rand-inc2', '0 or 1'],
    ['rand-', "'' is none of"],
  ])('refuses %j', (text, message) => {
    expect(() => parseRandAugment(text)).toThrow(message);
  });
});

it('colour jitter has uniform factors and any order', () => {
  const settings = { brightness: [0.6, 1.4], contrast: [0, 2], saturation: [0.5, 0.9] } as const;
  const all = draws((index) => drawJitter(settings, stream(index)), 6000);
  const orders = all.map((drawn) => drawn.map(({ name }) => name).join());
  expect(new Set(orders).size).toBe(6);
  for (const order of new Set(orders)) expectShare(orders.filter((each) => each === order).length, 6000, 1 / 6);
  for (const name of ['brightness', 'contrast', 'saturation'] as const) {
    const factors = all.flatMap((drawn) => drawn.filter((each) => each.name === name).map(({ factor }) => factor));
    expectDistribution(factors, uniform(settings[name][0], settings[name][1]));
  }
  expect(
    drawJitter({ ...settings, contrast: null }, stream(0))
      .map(({ name }) => name)
      .sort(),
  ).toEqual(['brightness', 'saturation']);
});

describe('erasing', () => {
  const erasing = { probability: 0.25, area: [0.02, 1 / 3], ratio: [0.3, 1 / 0.3] } as const;

  it('takes a quarter of the images; areas uniform and proportions log-uniform where all fit', () => {
    const raster = { width: 5000, height: 5000, channels: 3 };
    const boxes = draws((index) => drawErasure({ ...erasing, area: [0.02, 0.25] }, raster, stream(index)));
    const found = boxes.filter((box) => box !== undefined);
    expectShare(found.length, DRAWS, 0.25);
    expectDistribution(
      found.map(({ width, height }) => (width * height) / 25e6),
      uniform(0.02, 0.25),
    );
    expectDistribution(
      found.map(({ width, height }) => height / width),
      logUniform(0.3, 1 / 0.3),
    );
  });

  it('draws every byte with the probability that rounding and clipping N(0, 1) gives it', () => {
    for (const [mean, std] of [
      [0.485, 0.229],
      [0.02, 0.2],
      [0.9, 0.001],
    ] as const) {
      const { own, other } = noiseTable(mean, std);
      const shares = new Float64Array(256);
      for (let place = 0; place < 256; place++) {
        const share = (own[place] as number) - place;
        shares[place] = (shares[place] as number) + share / 256;
        shares[other[place] as number] = (shares[other[place] as number] as number) + (1 - share) / 256;
      }
      // The density summed by the midpoint rule, to forty deviations on either side of what is cut off.
      const mass = (from: number, to: number) => {
        const [least, most] = [from, to].map((bound) =>
          Math.max(-40, Math.min(40, (bound - 255 * mean) / (255 * std))),
        );
        const [start, width] = [least as number, ((most as number) - (least as number)) / 40_000];
        let sum = 0;
        for (let step = 0; step < 40_000; step++) sum += Math.exp(-((start + (step + 0.5) * width) ** 2) / 2);
        return (sum * width) / Math.sqrt(2 * Math.PI);
      };
      for (const byte of [0, 1, 5, 77, 124, 200, 229, 230, 254, 255]) {
        const expected = mass(byte === 0 ? -1e6 : byte - 0.5, byte === 255 ? 1e6 : byte + 0.5);
        expect(Math.abs((shares[byte] as number) - expected), `${byte} of ${mean} ± ${std}`).toBeLessThan(1e-6);
      }
      expect(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1)).toBeLessThan(1e-12);
      for (const uniform of [0, 0.3, 0.5, 1 - 2 ** -32]) {
        const place = Math.floor(256 * uniform);
        const isOwn = 256 * uniform < (own[place] as number);
        expect(noiseOf({ own, other }, uniform)).toBe(isOwn ? place : other[place]);
      }
    }
    // Without a deviation it is the mean.
    expect([0, 0.4, 0.99].map((uniform) => noiseOf(noiseTable(0.2, 0), uniform))).toEqual([51, 51, 51]);
  });

  it('fills with what becomes N(0, 1) in normalisation, within bytes, and nothing outside', () => {
    const raster = { width: 200, height: 150, channels: 3 };
    const box = { left: 20, top: 30, width: 160, height: 100 };
    const image = new Uint8Array(raster.width * raster.height * 3).fill(77);
    const [mean, std] = [
      [0.5, 0.48, 0.02],
      [0.1, 0.12, 0.2],
    ];
    erase(image, 0, raster, box, mean, std, stream(1));
    const inside: number[][] = [[], [], []];
    for (const [place, value] of image.entries()) {
      const [x, y] = [Math.floor(place / 3) % 200, Math.floor(place / 600)];
      const isInside = x >= 20 && x < 180 && y >= 30 && y < 130;
      if (isInside) inside[place % 3]?.push(value);
      else expect(value).toBe(77);
    }
    const deviations = [0, 1].map((channel) => {
      const values = (inside[channel] ?? []).map((value) => (value / 255 - (mean[channel] ?? 0)) / (std[channel] ?? 1));
      const average = values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(Math.abs(average)).toBeLessThan(3.9 / Math.sqrt(values.length));
      return Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);
    });
    // A standard deviation of n values has a standard error of 1 / sqrt(2 n); rounding adds less than a thousandth.
    for (const deviation of deviations) expect(Math.abs(deviation - 1)).toBeLessThan(3.9 / Math.sqrt(32_000) + 1e-3);
    // Below zero lies what is less than -0.02 / 0.2 deviations: 46 %, and half a step more by rounding.
    const black = (inside[2] ?? []).filter((value) => value === 0).length;
    expectShare(black, 16_000, 0.46406);
  });
});
