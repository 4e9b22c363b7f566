import type { Pixels } from '../pixels.ts';

/** An image as its source keeps it: not yet decoded, or pixels of any size. */
export type StoredImage =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'encoded'; readonly bytes: Uint8Array }
  | { readonly kind: 'pixels'; readonly pixels: Pixels };

/** Labelled images in a fixed order; nothing is read before it is asked for. */
export interface ImageSet {
  readonly length: number;
  label(index: number): number;
  /** What the image is called in messages: its path, or its place in an archive. */
  name(index: number): string;
  /** Throws DATA_FILE or DATA_IMAGE where what it is read from is no longer what it was. */
  read(index: number): StoredImage | Promise<StoredImage>;
}

/** Some images of a set, in the order of `indices`. */
export function pickImages(set: ImageSet, indices: readonly number[]): ImageSet {
  const at = (index: number) => {
    const picked = indices[index];
    if (picked === undefined) throw new RangeError(`no image ${index} among ${indices.length}`);
    return picked;
  };
  return {
    length: indices.length,
    label: (index) => set.label(at(index)),
    name: (index) => set.name(at(index)),
    read: (index) => set.read(at(index)),
  };
}
