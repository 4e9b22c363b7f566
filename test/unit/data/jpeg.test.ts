import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeFrame } from '../../../src/data/jpeg/decode.ts';
import { readFrame } from '../../../src/data/jpeg/frame.ts';
import { randomStream } from '../../../src/util/random.ts';

/** An image with edges, smooth parts and noise. */
function picture(width: number, height: number, seed: number): Sharp {
  const random = randomStream(seed, 'picture');
  const waves = Array.from({ length: 6 }, () => random.uniform());
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = waves;
  const bytes = Uint8Array.from({ length: width * height * 3 }, (_, place) => {
    const [channel, x, y] = [place % 3, Math.floor(place / 3) % width, Math.floor(place / 3 / width)];
    const wave = Math.sin(x * a + channel * b) * Math.cos(y * c * (1 + d * channel)) + (x * e > y ? 0.6 : -0.3);
    return Math.max(0, Math.min(255, 128 + 90 * wave + 60 * f * random.normal()));
  });
  return sharp(bytes, { raw: { width, height, channels: 3 } });
}

const whole = ({ width, height }: { width: number; height: number }) => ({ left: 0, top: 0, width, height });

/** What the image library, which has libjpeg-turbo, makes of a file. */
async function byLibrary(bytes: Uint8Array, colours = 3) {
  const { data, info } = await sharp(bytes, { failOn: 'truncated' })
    .toColourspace(colours === 1 ? 'b-w' : 'srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data: new Uint8Array(data), width: info.width, height: info.height, channels: info.channels };
}

describe('the JPEG decoder', () => {
  it('makes of any size, quality and subsampling the same pixels as libjpeg-turbo', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 5, max: 100 }),
        fc.constantFrom('4:2:0', '4:4:4'),
        fc.boolean(),
        fc.nat(1000),
        async (width, height, quality, chromaSubsampling, grey, seed) => {
          const image = grey ? picture(width, height, seed).toColourspace('b-w') : picture(width, height, seed);
          const bytes = await image.jpeg({ quality, chromaSubsampling }).toBuffer();
          const frame = readFrame(bytes);
          // Very narrow images with shared chroma are left to the library.
          const isNarrow = !grey && chromaSubsampling === '4:2:0' && width <= 4;
          expect(frame === undefined).toBe(isNarrow);
          if (!frame) return;
          for (const channels of grey ? [1, 3] : [3]) {
            expect(decodeFrame(frame, whole(frame), channels)).toEqual(await byLibrary(bytes, channels));
          }
        },
      ),
      { numRuns: 300, seed: 1 },
    );
  });

  it('makes of any part the same pixels as of the whole', async () => {
    for (const chromaSubsampling of ['4:2:0', '4:4:4']) {
      const bytes = await picture(67, 53, 3).jpeg({ chromaSubsampling }).toBuffer();
      const frame = readFrame(bytes);
      if (!frame) throw new Error('a usual file is read');
      const all = decodeFrame(frame, whole(frame), 3)?.data.slice() ?? new Uint8Array();
      fc.assert(
        fc.property(fc.nat(66), fc.nat(52), fc.nat(66), fc.nat(52), (left, top, width, height) => {
          const part = { left, top, width: Math.min(67 - left, width + 1), height: Math.min(53 - top, height + 1) };
          const rows = Array.from({ length: part.height }, (_, row) => {
            const start = ((top + row) * 67 + left) * 3;
            return all.subarray(start, start + part.width * 3);
          });
          expect(Buffer.compare(decodeFrame(frame, part, 3)?.data ?? Buffer.of(), Buffer.concat(rows))).toBe(0);
        }),
        { numRuns: 200, seed: 2 },
      );
    }
  });

  it('reads files of libjpeg: restart markers, Exif and chroma halved across only', async () => {
    // Written by golden.py with PIL, with what the library cannot write.
    const lines = (await readFile(new URL('jpeg-files.ndjson', import.meta.url), 'utf8')).trimEnd().split('\n');
    for (const line of lines) {
      const { name, isRead, file } = JSON.parse(line) as { name: string; isRead: boolean; file: string };
      const bytes = new Uint8Array(Buffer.from(file, 'base64'));
      const frame = readFrame(bytes);
      expect(frame !== undefined, name).toBe(isRead);
      if (frame) expect(decodeFrame(frame, whole(frame), 3), name).toEqual(await byLibrary(bytes));
    }
  });

  it('leaves what is damaged to the library, or agrees with it', async () => {
    const bytes = new Uint8Array(await picture(40, 40, 5).jpeg({ quality: 70 }).toBuffer());
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(1), async (place, value, cut) => {
        const damaged = cut === 0 ? bytes.slice() : bytes.slice(0, place);
        if (cut === 0) damaged[place] = value;
        const frame = readFrame(damaged);
        const decoded = frame && decodeFrame(frame, whole(frame), 3);
        if (!decoded) return;
        const expected = await byLibrary(damaged).catch((error: Error) => error.message);
        expect(decoded).toEqual(expected);
      }),
      { numRuns: 400, seed: 3 },
    );
  });

  it('takes no memory for pixels that a file cannot hold', async () => {
    const bytes = new Uint8Array(await picture(16, 16, 5).jpeg().toBuffer());
    const start = bytes.findIndex((byte, place) => byte === 0xff && bytes[place + 1] === 0xc0);
    // 8000×8000, by the frame header.
    bytes.set([0x1f, 0x40, 0x1f, 0x40], start + 5);
    expect(readFrame(bytes)).toBeUndefined();
  });
});
