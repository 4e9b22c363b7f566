import type { DatasetIdentity } from '../protocol/run.ts';
import type { ImageSet } from './sources/image-set.ts';
import type { TokenBatch, TokenSplit } from './text/windows.ts';

/** What a job is trained and evaluated on: a data set of images or of text. */
export interface SampleSet {
  readonly identity: DatasetIdentity;
  readonly train: Samples;
  readonly validation: Samples;
}

/** Images, or text as sequences of tokens. */
export type Samples = Split | TokenSplit;

export type SampleBatch = Batch | TokenBatch;

/** A data set of images ready to be read: its images decode to the size that the model takes. */
export interface Dataset {
  readonly identity: DatasetIdentity;
  readonly train: Split;
  readonly validation: Split;
}

export interface Split {
  readonly length: number;
  /** The images as they are stored, for what is cut out of them before they are scaled; absent where nothing is. */
  readonly stored?: ImageSet;
  label(index: number): number;
  /** The image as bytes [imageSize, imageSize, channels]. Throws DATA_IMAGE naming the file if it cannot be read. */
  image(index: number): Promise<Uint8Array> | Uint8Array;
  /**
   * The batch of a key, where somebody else may have assembled it already; otherwise it is assembled here. Absent where
   * nobody else does.
   */
  batch?(key: BatchKey, assemble: (index: number) => Promise<Batch>): Promise<Batch>;
}

/** Which batch it is. With the run's configuration it says all of what the batch holds. */
export type BatchKey =
  | { readonly kind: 'train'; readonly stream: string; readonly epoch: number; readonly index: number }
  | { readonly kind: 'evaluation'; readonly batchSize: number; readonly index: number };

/** A batch of images, of fixed size, as the step programs take it. */
export interface Batch {
  /** [B, imageSize, imageSize, channels] */
  readonly images: Uint8Array;
  /** [B] */
  readonly labels: Int32Array;
  /** [B]; 1, or in an evaluation 0 for images that cannot be decoded, and for the padding of the last batch. */
  readonly weights: Float32Array;
  /** Images that should be in the batch and cannot be decoded, where such images are skipped; absent: none. */
  readonly damaged?: readonly DamagedImage[];
}

export interface DamagedImage {
  /** Its place in the split. */
  readonly index: number;
  /** What it is called and why it cannot be decoded. */
  readonly message: string;
}
