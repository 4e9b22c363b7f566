import { takeImages } from '../data/batch-images.ts';
import type { Batch } from '../data/dataset.ts';
import type { SharedFile } from './shared-file.ts';

/*
 * A slot of the shared file holds one batch:
 * generation (8 bytes) | labels [B] int32 | weights [B] float32 | images [B, S, S, C] uint8
 * Generations are counted over all slots. 0 stands there while a slot is being written, so that a reader whose slot was
 * taken from it sees that it read something else.
 */
const GENERATION_BYTES = 8;

export function slotBytes(batchSize: number, imageBytes: number): number {
  return imagesOffset(batchSize) + batchSize * imageBytes;
}

export function imagesOffset(batchSize: number): number {
  return GENERATION_BYTES + batchSize * (Int32Array.BYTES_PER_ELEMENT + Float32Array.BYTES_PER_ELEMENT);
}

export function writeBatch(file: SharedFile, offset: number, batch: Batch, generation: number): void {
  const { labels, weights, images } = batch;
  const head = new Uint8Array(imagesOffset(labels.length));
  head.set(new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength), GENERATION_BYTES);
  head.set(
    new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength),
    GENERATION_BYTES + labels.byteLength,
  );
  file.write(head, offset);
  file.write(images, offset + head.length);
  file.write(new Uint8Array(Float64Array.of(generation).buffer), offset);
}

/** Reads a batch; undefined where its slot holds another generation, before or after. */
export function readBatch(
  read: (target: Uint8Array, offset: number) => void,
  {
    offset,
    batchSize,
    imageBytes,
    generation,
  }: {
    readonly offset: number;
    readonly batchSize: number;
    readonly imageBytes: number;
    readonly generation: number;
  },
): Batch | undefined {
  const head = new Uint8Array(imagesOffset(batchSize));
  read(head, offset);
  if (generationOf(head) !== generation) return undefined;
  const images = takeImages(batchSize * imageBytes);
  read(images, offset + head.length);
  const after = new Uint8Array(GENERATION_BYTES);
  read(after, offset);
  if (generationOf(after) !== generation) return undefined;
  const labels = new Int32Array(batchSize);
  const weights = new Float32Array(batchSize);
  const middle = GENERATION_BYTES + labels.byteLength;
  new Uint8Array(labels.buffer).set(head.subarray(GENERATION_BYTES, middle));
  new Uint8Array(weights.buffer).set(head.subarray(middle));
  return { images, labels, weights };
}

function generationOf(head: Uint8Array): number {
  return new DataView(head.buffer, head.byteOffset).getFloat64(0, true);
}
