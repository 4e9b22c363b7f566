import type { Resize } from './decoding/library.ts';
import { doInThread } from './decoding/threads.ts';
import { looksLikeJpeg } from './jpeg/frame.ts';
import type { StoredImage } from './sources/image-set.ts';

export interface DecodeOptions {
  /** Side of the square result, pixels. */
  readonly size: number;
  readonly channels: number;
  readonly resize: Resize;
}

/** Decodes the image file at a path as {@link decodeStored} does. */
export function decodeImage(path: string, options: DecodeOptions): Promise<Uint8Array> {
  return decodeStored({ kind: 'file', path }, path, options);
}

/**
 * Decodes an image to bytes [size, size, channels], beside this thread: oriented as its EXIF data say, the first frame of
 * several, transparency on black, any colour space and depth to 8-bit sRGB or grey.
 *
 * @param name what messages call the image
 * @throws DATA_IMAGE naming it.
 */
export async function decodeStored(image: StoredImage, name: string, options: DecodeOptions): Promise<Uint8Array> {
  if (looksLikeJpeg(image)) return doInThread({ work: { kind: 'scale', ...options }, image, name });
  const { size, channels, resize } = options;
  // The library has threads of its own.
  const { decodeScaled } = await import('./decoding/library.ts');
  return decodeScaled(image, name, size, channels, resize);
}
