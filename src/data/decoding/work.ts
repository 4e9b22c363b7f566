import type { StoredImage } from '../sources/image-set.ts';
import type { Augmentation } from '../transforms/augmentation.ts';
import type { ImageKey } from '../transforms/image-key.ts';
import type { Resize } from './library.ts';

/** What is made of stored images: bytes [size, size, channels]. */
export type Work = { readonly size: number; readonly channels: number } & (
  | { readonly kind: 'scale'; readonly resize: Resize }
  /** A part that each image's key decides on, changed as that decides. */
  | { readonly kind: 'crop'; readonly augment: Augmentation }
  /** The centre; `share` of the shorter side. */
  | { readonly kind: 'centre'; readonly share: number }
);

/** An image, and what is made of it. */
export interface WorkItem {
  readonly work: Work;
  readonly image: StoredImage;
  /** What messages call it. */
  readonly name: string;
  /** Absent where nothing is decided at random. */
  readonly key?: ImageKey;
}

/** Bytes of the result. */
export function resultBytes({ work }: WorkItem): number {
  return work.size * work.size * work.channels;
}
