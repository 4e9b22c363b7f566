import type { Split } from '../data/dataset.ts';
import { hasErrno, serializeError } from '../util/errors.ts';
import type { ImageAnswer, ImagePlace, SplitName } from './messages.ts';
import type { SharedFile } from './shared-file.ts';

/** Decoded images in a shared file: each is decoded when it is first asked for, and stays where it is. */
export interface ImageStore {
  /** Where the image lies, or why it does not. Never rejects. */
  place(split: SplitName, index: number): Promise<ImageAnswer> | ImageAnswer;
  /** Images that were decoded so far. */
  readonly decoded: number;
}

export interface ImageSource {
  readonly imageSize: number;
  readonly channels: number;
  readonly splits: Readonly<Record<SplitName, Split>>;
}

/**
 * Images are kept in the order in which they are asked for until the file is full; the others are each consumer's own
 * business. Every image is read once an epoch, so that no choice of what to keep is better than any other.
 */
export function createImageStore(file: SharedFile, { imageSize, channels, splits }: ImageSource): ImageStore {
  type Known = ImagePlace | Promise<ImageAnswer>;
  const places: Readonly<Record<SplitName, Known[]>> = { train: [], validation: [] };
  const imageBytes = imageSize * imageSize * channels;
  /** Offsets of places that were given to images which could not be decoded. */
  const spare: number[] = [];
  let free = file.first;
  let end = file.bytes;
  let decoded = 0;

  /** A place is taken before its image is decoded, so that nothing is decoded for which there is no room. */
  const takePlace = (): number | undefined => {
    if (spare.length > 0) return spare.pop();
    if (free + imageBytes > end) return undefined;
    free += imageBytes;
    return free - imageBytes;
  };
  const decode = async (split: SplitName, index: number, offset: number): Promise<ImageAnswer> => {
    try {
      const pixels = await splits[split].image(index);
      decoded += 1;
      file.write(pixels, offset);
      const place = [offset, imageSize, imageSize, channels] as const;
      places[split][index] = place;
      return place;
    } catch (error) {
      // Not kept: the image may be whole when it is asked for again.
      delete places[split][index];
      const isFull = hasErrno(error, 'ENOSPC', 'EDQUOT', 'EFBIG', 'EIO');
      if (isFull) end = 0;
      else spare.push(offset);
      return isFull ? null : { error: serializeError(error) };
    }
  };

  return {
    place(split, index) {
      const known = places[split][index];
      if (known) return known;
      const offset = index < splits[split].length ? takePlace() : undefined;
      if (offset === undefined) return null;
      const pending = decode(split, index, offset);
      places[split][index] = pending;
      return pending;
    },
    get decoded() {
      return decoded;
    },
  };
}
