import type { BatchKey, DamagedImage } from '../data/dataset.ts';
import type { SerializedError } from '../util/errors.ts';

/** Changes where a loader and a consumer of different versions would misunderstand each other. */
export const LOADER_PROTOCOL = 1;

/** Images that one message may ask for. */
export const MAX_IMAGES = 4096;

/** Requests of one consumer that may be unanswered; one that sends more is none of ours. */
export const MAX_UNANSWERED = 256;

export type SplitName = 'train' | 'validation';

/** What a consumer says to the loader. */
export type Request =
  /** The first message: which data set the consumer reads. */
  | { readonly type: 'hello'; readonly protocol: number; readonly fingerprint: string }
  | { readonly type: 'images'; readonly id: number; readonly split: SplitName; readonly indices: readonly number[] }
  | { readonly type: 'batch'; readonly id: number; readonly key: BatchKey }
  /** The batch that was the answer to `id` has been read. */
  | { readonly type: 'done'; readonly id: number };

/** Where an image lies in the shared file: [offset, height, width, channels]. It stays there as it is. */
export type ImagePlace = readonly [offset: number, height: number, width: number, channels: number];

/** An image as an answer tells of it; null: there is no room for it, and the consumer decodes it itself. */
export type ImageAnswer = ImagePlace | null | { readonly error: SerializedError };

/** What the loader says to a consumer. */
export type Answer =
  /** The shared file, and what stands at its beginning. */
  | { readonly type: 'welcome'; readonly file: string; readonly mark: string }
  | { readonly type: 'refused'; readonly reason: string }
  /** Said every second to who waits for an answer. */
  | { readonly type: 'alive' }
  | { readonly type: 'images'; readonly id: number; readonly images: readonly ImageAnswer[] }
  /** A slot of the shared file and its generation, which is another one once the slot holds something else. */
  | {
      readonly type: 'batch';
      readonly id: number;
      readonly offset: number;
      readonly batchSize: number;
      readonly generation: number;
      /** As the batch has it. */
      readonly damaged?: readonly DamagedImage[];
    }
  /** Nothing can be done for that request; without an error the consumer does without the loader. */
  | { readonly type: 'failed'; readonly id: number; readonly error?: SerializedError };

/** A request out of what a socket gave; undefined for anything else. */
export function parseRequest(value: unknown): Request | undefined {
  if (!isObject(value)) return undefined;
  const { type, id } = value;
  if (type === 'hello') {
    const { protocol, fingerprint } = value;
    return isCount(protocol) && typeof fingerprint === 'string' ? { type, protocol, fingerprint } : undefined;
  }
  if (!isCount(id)) return undefined;
  if (type === 'done') return { type, id };
  if (type === 'images') {
    const { split, indices } = value;
    if (!isSplit(split) || !Array.isArray(indices) || indices.length > MAX_IMAGES || !indices.every(isCount)) return;
    return { type, id, split, indices };
  }
  if (type !== 'batch') return undefined;
  const key = parseKey(value.key);
  return key && { type, id, key };
}

/** An answer out of what a socket gave; undefined for anything else. */
export function parseAnswer(value: unknown): Answer | undefined {
  if (!isObject(value)) return undefined;
  const { type, id } = value;
  if (type === 'alive') return { type };
  if (type === 'welcome') {
    const { file, mark } = value;
    return typeof file === 'string' && typeof mark === 'string' ? { type, file, mark } : undefined;
  }
  if (type === 'refused') return typeof value.reason === 'string' ? { type, reason: value.reason } : undefined;
  if (!isCount(id)) return undefined;
  if (type === 'failed') {
    if (value.error === undefined) return { type, id };
    return isError(value.error) ? { type, id, error: value.error } : undefined;
  }
  if (type === 'batch') {
    const { offset, batchSize, generation, damaged } = value;
    if (!isCount(offset) || !isCount(batchSize) || !isCount(generation)) return undefined;
    if (damaged === undefined) return { type, id, offset, batchSize, generation };
    const areImages = Array.isArray(damaged) && damaged.every(isDamagedImage);
    return areImages ? { type, id, offset, batchSize, generation, damaged } : undefined;
  }
  if (type !== 'images' || !Array.isArray(value.images) || !value.images.every(isImageAnswer)) return undefined;
  return { type, id, images: value.images };
}

function parseKey(value: unknown): BatchKey | undefined {
  if (!isObject(value)) return undefined;
  const { kind, index, stream, epoch, batchSize } = value;
  if (!isCount(index)) return undefined;
  if (kind === 'evaluation') return isCount(batchSize) && batchSize > 0 ? { kind, batchSize, index } : undefined;
  if (kind !== 'train' || typeof stream !== 'string' || !isCount(epoch)) return undefined;
  return { kind, stream, epoch, index };
}

function isImageAnswer(value: unknown): value is ImageAnswer {
  if (value === null) return true;
  if (Array.isArray(value)) return value.length === 4 && value.every(isCount);
  return isObject(value) && isError(value.error);
}

function isDamagedImage(value: unknown): value is DamagedImage {
  return isObject(value) && isCount(value.index) && typeof value.message === 'string';
}

function isError(value: unknown): value is SerializedError {
  if (!isObject(value)) return false;
  const { code, message, hint } = value;
  return typeof code === 'string' && typeof message === 'string' && (hint === undefined || typeof hint === 'string');
}

function isSplit(value: unknown): value is SplitName {
  return value === 'train' || value === 'validation';
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
