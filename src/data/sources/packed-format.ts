import { createHash } from 'node:crypto';
import { z } from 'zod';

/** The file of a packed set that describes the others, written last. */
export const PACKED_FILE = 'packed.json';
/** Version of the layout; a reader refuses others. */
export const PACKED_VERSION = 1;

const file = z.strictObject({ name: z.string(), bytes: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) });
const split = z.strictObject({
  images: z.int().positive(),
  /** uint8 [images, size, size, channels] */
  pixels: file,
  /** int32 [images], little-endian */
  labels: file,
});

export const packedSchema = z.strictObject({
  packed: z.literal(PACKED_VERSION),
  /** Side of the images, pixels. */
  size: z.int().positive().max(65_535),
  channels: z.union([z.literal(1), z.literal(3)]),
  classes: z.array(z.string()).min(2),
  splits: z.strictObject({ train: split, validation: split }),
  /** What it was made of, for people. */
  origin: z.strictObject({ source: z.string(), fingerprint: z.string(), resize: z.string(), incubate: z.string() }),
  /** Of the description without this entry. */
  sha256: z.string(),
});

export type PackedDescription = Omit<z.output<typeof packedSchema>, 'sha256'>;
export type PackedSplit = PackedDescription['splits']['train'];

/** The description as it is written: its own SHA-256 and its form leave no byte that could change unnoticed. */
export function packedText(description: PackedDescription): string {
  const text = JSON.stringify(description, null, 2);
  const sha256 = createHash('sha256').update(text).digest('hex');
  return `${JSON.stringify({ ...description, sha256 }, null, 2)}\n`;
}
