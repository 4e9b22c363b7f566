import { readFile } from 'node:fs/promises';
import sharp, { type Sharp } from 'sharp';
import { IncubateError, messageOf } from '../util/errors.ts';
import type { StoredImage } from './sources/image-set.ts';

// Many small images decode side by side, so one thread each is enough, and none is decoded twice.
sharp.concurrency(1);
sharp.cache(false);

export interface DecodeOptions {
  /** Side of the square result, pixels. */
  readonly size: number;
  readonly channels: number;
  /** crop: the shorter side is scaled to `size` and the centre is cut out; stretch: the proportions change. */
  readonly resize: 'crop' | 'stretch';
}

/** Decodes the image file at a path as {@link decodeStored} does. */
export function decodeImage(path: string, options: DecodeOptions): Promise<Uint8Array> {
  return decodeStored({ kind: 'file', path }, path, options);
}

/**
 * Decodes an image to bytes [size, size, channels]: oriented as its EXIF data say, the first frame of several,
 * transparency on black, any colour space and depth to 8-bit sRGB or grey.
 *
 * @param name what messages call the image
 * @throws DATA_IMAGE naming it.
 */
export async function decodeStored(
  image: StoredImage,
  name: string,
  { size, channels, resize }: DecodeOptions,
): Promise<Uint8Array> {
  try {
    const pixels = await (await reader(image))
      .autoOrient()
      .resize(size, size, { fit: resize === 'crop' ? 'cover' : 'fill' })
      .flatten({ background: '#000000' })
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .raw({ depth: 'uchar' })
      .toBuffer();
    if (pixels.length === size * size * channels) return pixels;
    throw new Error(`it decodes to ${pixels.length} bytes instead of ${size}×${size}×${channels}`);
  } catch (error) {
    // libvips repeats itself over several lines.
    const [reason] = messageOf(error).split('\n', 1);
    throw new IncubateError('DATA_IMAGE', `the image ${JSON.stringify(name)} cannot be decoded: ${reason}`, {
      hint: 'Repair or remove the file and start a new run; if it was whole before, restore it and resume the run.',
      cause: error,
    });
  }
}

async function reader(image: StoredImage): Promise<Sharp> {
  if (image.kind === 'pixels') {
    const { data, height, width, channels } = image.pixels;
    return sharp(data, { raw: { width, height, channels: channels as 1 | 3 } });
  }
  if (image.kind === 'encoded') return sharp(image.bytes, { failOn: 'truncated' });
  // By its path, so that sharp's threads read and decode in one go even while a training step blocks this thread; but
  // libvips takes brackets in a path for options.
  const { path } = image;
  return sharp(path.includes('[') ? await readFile(path) : path, { failOn: 'truncated' });
}
