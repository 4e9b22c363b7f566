import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { RunConfig } from '../config/schema.ts';
import { writeDirectoryAtomic } from '../util/atomic-directory.ts';
import { writeFileAtomic } from '../util/atomic-file.ts';
import { packageVersion } from '../util/package.ts';
import type { Split } from './dataset.ts';
import { openDataset } from './open.ts';
import {
  PACKED_FILE,
  PACKED_VERSION,
  type PackedDescription,
  type PackedSplit,
  packedText,
} from './sources/packed-format.ts';

export interface PrepareOptions {
  /** Called after every image. */
  readonly onProgress?: (written: number, total: number) => void;
}

/** Images decoded at a time. */
const CONCURRENCY = 32;
/** Bytes written at a time. */
const PIECE = 1 << 20;

/**
 * Writes the configured data set as a packed set: its images decoded and resized to `model.imageSize`, which need no decoding
 * when they are trained on. The directory appears whole or not at all.
 *
 * @throws DATA_EXISTS where something is in the way, ENVIRONMENT_WRITE, and DATA_* as the data set does
 */
export async function preparePacked(
  config: RunConfig,
  directory: string,
  { onProgress }: PrepareOptions = {},
): Promise<PackedDescription> {
  const { identity, train, validation } = await openDataset({ ...config, data: { ...config.data, cacheMiB: 0 } });
  const { imageSize: size, channels } = config.model;
  const total = train.length + validation.length;
  let written = 0;
  const onImage = () => onProgress?.(++written, total);
  let description: PackedDescription | undefined;
  await writeDirectoryAtomic(directory, async (temporary) => {
    description = {
      packed: PACKED_VERSION,
      size,
      channels,
      classes: [...identity.classes],
      splits: {
        train: await writeSplit(temporary, 'train', train, onImage),
        validation: await writeSplit(temporary, 'validation', validation, onImage),
      },
      origin: {
        source: identity.source,
        fingerprint: identity.fingerprint,
        resize: config.data.resize,
        incubate: packageVersion(),
      },
    };
    await writeFileAtomic(join(temporary, PACKED_FILE), packedText(description));
  });
  return description as unknown as PackedDescription;
}

async function writeSplit(directory: string, name: string, split: Split, onImage: () => void): Promise<PackedSplit> {
  const labels = new DataView(new ArrayBuffer(4 * split.length));
  for (let index = 0; index < split.length; index++) labels.setInt32(4 * index, split.label(index), true);
  return {
    images: split.length,
    pixels: await writeHashed(directory, `${name}.pixels`, imagesOf(split, onImage)),
    labels: await writeHashed(directory, `${name}.labels`, [new Uint8Array(labels.buffer)]),
  };
}

/** The images in their order, with the next ones already being decoded. */
async function* imagesOf(split: Split, onImage: () => void): AsyncGenerator<Uint8Array> {
  const pending: Promise<Uint8Array>[] = [];
  for (let next = 0; next < split.length || pending.length > 0; ) {
    while (next < split.length && pending.length < CONCURRENCY) {
      const image = Promise.resolve(split.image(next++));
      // Handled when it is awaited; an earlier failure must not leave an unhandled rejection behind.
      image.catch(() => {});
      pending.push(image);
    }
    yield await (pending.shift() as Promise<Uint8Array>);
    onImage();
  }
}

async function writeHashed(
  directory: string,
  name: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<PackedSplit['pixels']> {
  const hash = createHash('sha256');
  let bytes = 0;
  async function* hashed() {
    for await (const piece of joined(pieces)) {
      hash.update(piece);
      bytes += piece.length;
      yield piece;
    }
  }
  await writeFileAtomic(join(directory, name), hashed());
  return { name, bytes, sha256: hash.digest('hex') };
}

/** The same bytes in larger pieces, so that few calls write them. */
async function* joined(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    gathered.push(piece);
    bytes += piece.length;
    if (bytes < PIECE) continue;
    yield Buffer.concat(gathered);
    gathered = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(gathered);
}
