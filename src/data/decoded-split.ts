import type { Split } from './dataset.ts';
import type { DecodeOptions } from './decode.ts';
import type { ImageSet, StoredImage } from './sources/image-set.ts';

/** The images of a set, decoded to one size where they do not have it already. */
export function decodedSplit(set: ImageSet, options: DecodeOptions): Split {
  const decode = async (image: StoredImage, index: number) => {
    // Loaded when an image needs it, as sets of pixels may do without.
    const { decodeStored } = await import('./decode.ts');
    // A name alone would not say where a file is.
    return decodeStored(image, image.kind === 'file' ? image.path : set.name(index), options);
  };
  const decoded = (image: StoredImage, index: number) => pixelsOf(image, options) ?? decode(image, index);
  return {
    length: set.length,
    stored: set,
    label: (index) => set.label(index),
    image(index) {
      const image = set.read(index);
      return image instanceof Promise ? image.then((read) => decoded(read, index)) : decoded(image, index);
    },
  };
}

/** Whether images of this size need no decoding. */
function pixelsOf(image: StoredImage, { size, channels }: DecodeOptions): Uint8Array | undefined {
  if (image.kind !== 'pixels') return undefined;
  const { data, height, width } = image.pixels;
  return height === size && width === size && image.pixels.channels === channels ? data : undefined;
}
