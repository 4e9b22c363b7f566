import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeFrame } from '../../../src/data/jpeg/decode.ts';
import { type JpegFrame, readFrame } from '../../../src/data/jpeg/frame.ts';
import { type Reduction, reducedSize, reductionsOf } from '../../../src/data/jpeg/plane.ts';
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

/** A file, whether it is read, and of each reduction from 1/2 on width, height and SHA-256 of its pixels. */
interface FileCase {
  readonly name: string;
  readonly isRead: boolean;
  readonly file: string;
  readonly reduced?: readonly (readonly [number, number, string])[];
}

function frameOf(bytes: Uint8Array): JpegFrame {
  const frame = readFrame(bytes);
  if (!frame) throw new Error('a usual file is read');
  return frame;
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

  it('makes of any part the same pixels as of the whole, reduced or not', async () => {
    for (const chromaSubsampling of ['4:2:0', '4:4:4']) {
      const frame = frameOf(await picture(67, 53, 3).jpeg({ chromaSubsampling }).toBuffer());
      for (const reduction of reductionsOf(frame)) {
        const { width, height } = reducedSize(frame, reduction);
        const all = decodeFrame(frame, whole({ width, height }), 3, reduction)?.data.slice() ?? new Uint8Array();
        expect(all.length).toBe(width * height * 3);
        fc.assert(
          fc.property(
            fc.nat(width - 1),
            fc.nat(height - 1),
            fc.nat(width),
            fc.nat(height),
            (left, top, across, down) => {
              const part = {
                left,
                top,
                width: Math.min(width - left, across + 1),
                height: Math.min(height - top, down + 1),
              };
              const rows = Array.from({ length: part.height }, (_, row) => {
                const start = ((top + row) * width + left) * 3;
                return all.subarray(start, start + part.width * 3);
              });
              const decoded = decodeFrame(frame, part, 3, reduction)?.data ?? Buffer.of();
              expect(Buffer.compare(decoded, Buffer.concat(rows))).toBe(0);
            },
          ),
          { numRuns: 100, seed: 2 },
        );
      }
    }
  });

  it('reads files of libjpeg, reduced or not: restart markers, Exif and chroma halved across only', async () => {
    // Written by jpeg-files.py with PIL: what the image library cannot write, and pixels of its draft mode.
    const lines = (await readFile(new URL('jpeg-files.ndjson', import.meta.url), 'utf8')).trimEnd().split('\n');
    for (const line of lines) {
      const { name, isRead, file, reduced = [] } = JSON.parse(line) as FileCase;
      const bytes = new Uint8Array(Buffer.from(file, 'base64'));
      const frame = readFrame(bytes);
      expect(frame !== undefined, name).toBe(isRead);
      if (!frame) continue;
      const { length: channels } = frame.components;
      expect(decodeFrame(frame, whole(frame), channels), name).toEqual(await byLibrary(bytes, channels));
      const reductions = reductionsOf(frame).slice(1);
      expect(reductions.length).toBeGreaterThanOrEqual(2);
      for (const [index, reduction] of reductions.entries()) {
        const [width, height, sha256] = reduced[index] ?? [];
        expect(reducedSize(frame, reduction), name).toEqual({ width, height });
        const pixels = decodeFrame(frame, whole(reducedSize(frame, reduction)), channels, reduction);
        const hash = createHash('sha256')
          .update(pixels?.data ?? Buffer.of())
          .digest('hex');
        expect(hash, `${name}, 1/${reduction}`).toBe(sha256);
      }
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

  it('leaves to the library what would take much memory for good', async () => {
    const size = 4104;
    const flat = sharp({ create: { width: size, height: size, channels: 3, background: '#8090a0' } });
    const bytes = new Uint8Array(await flat.jpeg({ quality: 40 }).toBuffer());
    const frame = frameOf(bytes);
    expect(decodeFrame(frame, whole(frame), 3)).toBeUndefined();
    const half: Reduction = 2;
    const { data, ...extent } = decodeFrame(frame, whole(reducedSize(frame, half)), 3, half) ?? {};
    expect(extent).toEqual({ width: size / 2, height: size / 2, channels: 3 });
    expect(new Set(data)).toEqual(new Set((await byLibrary(bytes)).data));

    const padded = new Uint8Array(2 ** 25 + 1);
    padded.set(bytes.subarray(0, -2));
    padded.set(bytes.subarray(-2), padded.length - 2);
    expect(readFrame(padded)).toBeUndefined();
  });
});
