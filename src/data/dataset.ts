import type { DatasetIdentity } from '../protocol/run.ts';

/** A data set ready to be read: its images decode to the size that the model takes. */
export interface Dataset {
  readonly identity: DatasetIdentity;
  readonly train: Split;
  readonly validation: Split;
}

export interface Split {
  readonly length: number;
  label(index: number): number;
  /** The image as bytes [imageSize, imageSize, channels]. Throws DATA_IMAGE naming the file if it cannot be read. */
  image(index: number): Promise<Uint8Array> | Uint8Array;
}

/** A batch of fixed size, as the step programs take it. */
export interface Batch {
  /** [B, imageSize, imageSize, channels] */
  readonly images: Uint8Array;
  /** [B] */
  readonly labels: Int32Array;
  /** [B]; 1, or 0 for the padding of the last batch of an evaluation. */
  readonly weights: Float32Array;
}
