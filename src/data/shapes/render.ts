import { type RandomStream, randomStream } from '../../util/random.ts';
import { type Distance, shapeClasses } from './distance.ts';

export type ShapeSplit = 'train' | 'validation';
type Colour = readonly [number, number, number];

/** Part of the data set's fingerprint: to be raised whenever the same key no longer gives the same image. */
export const SHAPES_VERSION = 2;
/** How much brighter a shape is than its background at least, of 255. */
const CONTRAST = 100;
/** Largest deviation of the noise on every channel, of 255. */
const NOISE = 10;

/** Label of an image: the classes take turns, so every split is balanced. */
export function shapeLabel(index: number): number {
  return index % shapeClasses.length;
}

/**
 * Draws an image of the generated data set: a shape of random colour, size, place and rotation on a plain, shaded,
 * striped or chequered background with noise. A pure function of its arguments.
 *
 * @param size side of the image, pixels
 * @param channels 1 (grey) or 3 (RGB)
 * @returns [size, size, channels]
 */
export function renderShape(
  seed: number,
  split: ShapeSplit,
  index: number,
  size: number,
  channels: number,
): Uint8Array {
  const random = randomStream(seed, `shapes/${split}`, index);
  const shape = shapeClasses[shapeLabel(index)] as (typeof shapeClasses)[number];
  const { first, second, foreground } = colours(random);
  const background = backgroundPattern(random);
  const distance = placed(shape.distance, shape.turns, random);
  const noise = random.uniform() * NOISE;

  const image = new Uint8Array(size * size * channels);
  const step = 1 / size;
  for (let row = 0, at = 0; row < size; row++) {
    const y = (row + 0.5) * step;
    for (let column = 0; column < size; column++, at += channels) {
      const x = (column + 0.5) * step;
      // Coverage of the pixel, one pixel wide across the border.
      const coverage = Math.min(1, Math.max(0, 0.5 - distance(x, y) * size));
      const blend = background(x, y);
      const red = mix(first[0], second[0], foreground[0], blend, coverage);
      const green = mix(first[1], second[1], foreground[1], blend, coverage);
      const blue = mix(first[2], second[2], foreground[2], blend, coverage);
      const grain = (random.uniform() + random.uniform() - 1) * noise * 2;
      if (channels === 1) {
        image[at] = byte(luma(red, green, blue) + grain);
      } else {
        image[at] = byte(red + grain);
        image[at + 1] = byte(green + grain);
        image[at + 2] = byte(blue + grain);
      }
    }
  }
  return image;
}

/** A shape moved, scaled and rotated within the unit square; the distance stays in units of the square's side. */
function placed(distance: Distance, turns: number, random: RandomStream): Distance {
  const radius = 0.32 + 0.12 * random.uniform();
  const room = 0.6 * (0.5 - radius);
  const centreX = 0.5 + (2 * random.uniform() - 1) * room;
  const centreY = 0.5 + (2 * random.uniform() - 1) * room;
  const angle = (2 * random.uniform() - 1) * turns;
  const [cos, sin] = [Math.cos(angle) / radius, Math.sin(angle) / radius];
  return (x, y) => {
    const [dx, dy] = [x - centreX, y - centreY];
    return distance(dx * cos + dy * sin, dy * cos - dx * sin) * radius;
  };
}

function colours(random: RandomStream): { first: Colour; second: Colour; foreground: Colour } {
  const draw = (range = 255): Colour => [random.uniform() * range, random.uniform() * range, random.uniform() * range];
  // Dark enough for a brighter shape to be found.
  const first = draw(120);
  const second = first.map((value) => value + (2 * random.uniform() - 1) * 36) as unknown as Colour;
  for (;;) {
    const foreground = draw();
    const ahead = [first, second].map((other) => luma(...foreground) - luma(...other));
    if (Math.min(...ahead) >= CONTRAST) return { first, second, foreground };
  }
}

/** Share of the second colour at a place of the unit square. */
function backgroundPattern(random: RandomStream): (x: number, y: number) => number {
  const kind = random.integer(4);
  const angle = random.uniform() * Math.PI;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const frequency = 2 + random.uniform() * 4;
  const phase = random.uniform();
  const wave = (value: number) => 0.5 + 0.5 * Math.sin(2 * Math.PI * (value * frequency + phase));
  if (kind === 0) return () => 0;
  if (kind === 1) return (x, y) => Math.min(1, Math.max(0, 0.5 + (x - 0.5) * cos + (y - 0.5) * sin));
  if (kind === 2) return (x, y) => wave(x * cos + y * sin);
  return (x, y) => ((Math.floor(x * frequency + phase) + Math.floor(y * frequency + phase)) % 2 === 0 ? 0 : 1);
}

/** The background, between its two colours, behind the foreground. */
function mix(first: number, second: number, foreground: number, blend: number, coverage: number): number {
  const behind = first * (1 - blend) + second * blend;
  return behind * (1 - coverage) + foreground * coverage;
}

/** Brightness by Rec. 601. */
function luma(red: number, green: number, blue: number): number {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

function byte(value: number): number {
  return Math.min(255, Math.max(0, Math.round(value)));
}
