import { readFile } from 'node:fs/promises';
import sharp, { type Sharp } from 'sharp';
import type { Pixels } from '../pixels.ts';
import type { StoredImage } from '../sources/image-set.ts';
import { undecodable } from './fault.ts';

// Many small images decode side by side, so one thread each is enough, and none is decoded twice.
sharp.concurrency(1);
sharp.cache(false);

/** crop: the shorter side is scaled and the centre is cut out; stretch: the proportions change. */
export type Resize = 'crop' | 'stretch';

/**
 * Decodes an image to bytes [size, size, channels]: oriented as its EXIF data say, the first frame of several,
 * transparency on black, any colour space and depth to 8-bit sRGB or grey.
 *
 * @param name what messages call the image
 * @throws DATA_IMAGE naming it.
 */
export async function decodeScaled(
  image: StoredImage,
  name: string,
  size: number,
  channels: number,
  resize: Resize,
): Promise<Uint8Array> {
  try {
    const opened = (await reader(image)).autoOrient().resize(size, size, { fit: resize === 'crop' ? 'cover' : 'fill' });
    const { data } = await bytesOf(opened, channels);
    if (data.length === size * size * channels) return data;
  } catch {
    // Whatever went wrong in the library.
  }
  throw undecodable(image, name);
}

/**
 * Decodes an image as {@link decodeScaled} does, but in the size that it has.
 *
 * @throws DATA_IMAGE naming it.
 */
export async function decodePixels(image: StoredImage, name: string, channels: number): Promise<Pixels> {
  if (image.kind === 'pixels' && image.pixels.channels === channels) return image.pixels;
  try {
    const { data, info } = await bytesOf((await reader(image)).autoOrient(), channels);
    if (info.channels === channels) return { data, width: info.width, height: info.height, channels };
  } catch {
    // Whatever went wrong in the library.
  }
  throw undecodable(image, name);
}

function bytesOf(image: Sharp, channels: number) {
  return image
    .flatten({ background: '#000000' })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
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
