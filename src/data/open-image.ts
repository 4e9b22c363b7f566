import type { Pixels } from './pixels.ts';
import type { ImageSet } from './sources/image-set.ts';
import type { Box } from './transforms/resize.ts';

/** An image whose size is known. */
export interface OpenedImage {
  readonly width: number;
  readonly height: number;
  /** Decodes at least the part `box`; the result's first pixel is the one at (`left`, `top`) of the image. */
  part(box: Box): DecodedPart | Promise<DecodedPart>;
}

export interface DecodedPart {
  readonly pixels: Pixels;
  readonly left: number;
  readonly top: number;
}

/**
 * Opens a stored image; what is not cut out of it may remain undecoded.
 *
 * @throws DATA_IMAGE naming it, here or where it is decoded.
 */
export async function openImage(images: ImageSet, index: number, channels: number): Promise<OpenedImage> {
  const image = await images.read(index);
  // Loaded when an image needs it, as sets of pixels may do without.
  const { decodePixels } = await import('./decode.ts');
  const pixels = await decodePixels(image, image.kind === 'file' ? image.path : images.name(index), channels);
  return { width: pixels.width, height: pixels.height, part: () => ({ pixels, left: 0, top: 0 }) };
}
