import type { Plane } from './planes.ts';

/** Part of an image, in pixels, that the planes cover. */
export interface Part {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/*
 * What follows is the Independent JPEG Group's arithmetic, to the last bit: "fancy" upsampling (`jdsample.c`), by which a
 * sample of chroma weighs 3/4 and its neighbour 1/4 in each direction, and conversion in 16-bit fixed point (`jdcolor.c`).
 */

/** Writes luma to every one of `channels` channels. */
export function writeGrey(luma: Plane, part: Part, channels: number, target: Uint8Array): void {
  let to = 0;
  for (let row = 0; row < part.height; row++) {
    let from = rowStart(luma, part.top + row) + part.left - luma.left;
    for (let column = 0; column < part.width; column++, from++) {
      for (let channel = 0; channel < channels; channel++) target[to++] = luma.samples[from] as number;
    }
  }
}

/** Writes RGB where there is a sample of chroma for every pixel. */
export function writeColour(planes: readonly Plane[], part: Part, target: Uint8ClampedArray): void {
  const [luma, cb, cr] = planes as [Plane, Plane, Plane];
  let to = 0;
  for (let row = part.top; row < part.top + part.height; row++) {
    const start = rowStart(luma, row) + part.left - luma.left;
    for (let place = start; place < start + part.width; place++, to += 3) {
      const blue = (cb.samples[place] as number) - 128;
      const red = (cr.samples[place] as number) - 128;
      writePixel(luma.samples[place] as number, blue, red, target, to);
    }
  }
}

/** Writes RGB where two columns, and with `down` = 2 also two rows, share a sample of chroma. */
export function writeColourOfPairs(
  planes: readonly Plane[],
  down: number,
  part: Part,
  target: Uint8ClampedArray,
): void {
  const [luma, cb, cr] = planes as [Plane, Plane, Plane];
  const [cbSamples, crSamples] = [cb.samples, cr.samples];
  const final = cb.width - 1 - cb.left;
  const first = (part.left >> 1) - cb.left;
  const end = part.left + part.width;
  // Of one row alone there is nothing to weigh: 4 times its samples is 3 times and once.
  const [roundLeft, roundRight] = down === 2 ? [8, 7] : [4, 8];
  for (let row = 0, to = 0; row < part.height; row++) {
    const y = part.top + row;
    const near = rowStart(cb, down === 2 ? y >> 1 : y);
    const far = down === 2 ? rowStart(cb, (y >> 1) + (y & 1 ? 1 : -1)) : near;
    const lumaStart = rowStart(luma, y) - luma.left;
    let place = first;
    const before = Math.max(0, place - 1);
    let cbBefore = 3 * (cbSamples[near + before] as number) + (cbSamples[far + before] as number);
    let crBefore = 3 * (crSamples[near + before] as number) + (crSamples[far + before] as number);
    let cbHere = 3 * (cbSamples[near + place] as number) + (cbSamples[far + place] as number);
    let crHere = 3 * (crSamples[near + place] as number) + (crSamples[far + place] as number);
    for (let x = part.left & ~1; x < end; x += 2, place++) {
      // The outermost pixels take their sample as it is: 3 times and once.
      const next = place < final ? place + 1 : place;
      const cbNext = 3 * (cbSamples[near + next] as number) + (cbSamples[far + next] as number);
      const crNext = 3 * (crSamples[near + next] as number) + (crSamples[far + next] as number);
      if (x >= part.left) {
        const round = x === 0 ? 8 : roundLeft;
        const blue = ((3 * cbHere + cbBefore + round) >> 4) - 128;
        const red = ((3 * crHere + crBefore + round) >> 4) - 128;
        writePixel(luma.samples[lumaStart + x] as number, blue, red, target, to);
        to += 3;
      }
      if (x + 1 < end) {
        const round = place === final ? 7 : roundRight;
        const blue = ((3 * cbHere + cbNext + round) >> 4) - 128;
        const red = ((3 * crHere + crNext + round) >> 4) - 128;
        writePixel(luma.samples[lumaStart + x + 1] as number, blue, red, target, to);
        to += 3;
      }
      cbBefore = cbHere;
      crBefore = crHere;
      cbHere = cbNext;
      crHere = crNext;
    }
  }
}

function writePixel(luma: number, blue: number, red: number, target: Uint8ClampedArray, to: number): void {
  target[to] = luma + ((Math.imul(91881, red) + 32768) >> 16);
  target[to + 1] = luma + ((Math.imul(-22554, blue) + Math.imul(-46802, red) + 32768) >> 16);
  target[to + 2] = luma + ((Math.imul(116130, blue) + 32768) >> 16);
}

/** Where the samples of a row of the component begin; rows beyond the edge are the last ones. */
function rowStart({ top, height, stride }: Plane, row: number): number {
  return (Math.max(0, Math.min(height - 1, row)) - top) * stride;
}
