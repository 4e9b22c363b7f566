import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import type { StoredImage } from './sources/image-set.ts';

export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** Width and height of an image as it is shown, pixels, from its header. Throws what the image library throws. */
export async function readImageSize(image: StoredImage): Promise<ImageSize> {
  if (image.kind === 'pixels') return { width: image.pixels.width, height: image.pixels.height };
  const bytes = image.kind === 'file' ? await readFile(image.path) : image.bytes;
  const { width, height, autoOrient } = await sharp(bytes).metadata();
  return { width: autoOrient?.width ?? width, height: autoOrient?.height ?? height };
}
