import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDirectoryAtomic } from '../../util/atomic-directory.ts';
import { shapeClasses } from './distance.ts';
import { renderShape, type ShapeSplit, shapeLabel } from './render.ts';

export interface WriteShapesOptions {
  readonly train: number;
  readonly validation: number;
  /** Side of the images, pixels. */
  readonly size: number;
  readonly seed: number;
  readonly format: 'png' | 'jpg';
  /** Called after every image. */
  readonly onProgress?: (written: number, total: number) => void;
}

/** Images encoded at a time. */
const CONCURRENCY = 16;
const folders = { train: 'train', validation: 'val' } as const;

/**
 * Writes the generated data set as an image folder, which appears whole or not at all.
 *
 * @throws DATA_EXISTS where something is in the way, ENVIRONMENT_WRITE where writing fails.
 */
export async function writeShapes(directory: string, options: WriteShapesOptions): Promise<void> {
  const total = options.train + options.validation;
  let written = 0;
  const onImage = () => options.onProgress?.(++written, total);
  await writeDirectoryAtomic(directory, async (temporary) => {
    for (const split of ['train', 'validation'] as const) {
      for (const { name } of shapeClasses) await mkdir(join(temporary, folders[split], name), { recursive: true });
      await writeSplit(temporary, split, options, onImage);
    }
  });
}

async function writeSplit(
  root: string,
  split: ShapeSplit,
  { size, seed, format, ...counts }: WriteShapesOptions,
  onImage: () => void,
): Promise<void> {
  const { default: sharp } = await import('sharp');
  const write = async (index: number) => {
    const { name } = shapeClasses[shapeLabel(index)] as (typeof shapeClasses)[number];
    const file = `${String(Math.floor(index / shapeClasses.length) + 1).padStart(5, '0')}.${format}`;
    const pixels = renderShape(seed, split, index, size, 3);
    await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
      .toFormat(format === 'jpg' ? 'jpeg' : 'png', format === 'jpg' ? { quality: 95 } : {})
      .toFile(join(root, folders[split], name, file));
  };
  let next = 0;
  const worker = async () => {
    while (next < counts[split]) {
      await write(next++).catch((error: unknown) => {
        next = counts[split];
        throw error;
      });
      onImage();
    }
  };
  const results = await Promise.allSettled(Array.from({ length: CONCURRENCY }, worker));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
