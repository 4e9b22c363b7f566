import type { Resize } from './decoding/library.ts';
import { doInThread } from './decoding/threads.ts';
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
 * Decodes an image to bytes [size, size, channels], in a thread of its own: oriented as its EXIF data say, the first frame of
 * several, transparency on black, any colour space and depth to 8-bit sRGB or grey.
 *
 * @param name what messages call the image
 * @throws DATA_IMAGE naming it.
 */
export function decodeStored(image: StoredImage, name: string, options: DecodeOptions): Promise<Uint8Array> {
  return doInThread({ work: { kind: 'scale', ...options }, image, name });
}
