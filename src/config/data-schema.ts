import { z } from 'zod';
import { dataFormats } from './data-formats.ts';
import { fraction, pair, positiveInteger } from './schema-values.ts';

/** Images of a split that are used. */
const imageLimit = z
  .union([
    positiveInteger,
    z
      .string()
      .regex(/^(?:100|\d{1,2}(?:\.\d{1,6})?)%$/)
      .refine((text) => Number.parseFloat(text) > 0)
      .meta({ examples: ['25%'] }),
  ])
  .nullable()
  .default(null);
/** Random factors: a spread around 1, or the least and the largest. */
const factors = z.union([z.number().min(0), pair(z.number().min(0))]).default(0);

/** The data, and what happens to them before a step. */
export const dataSchema = z
  .strictObject({
    source: z
      .string()
      .min(1)
      .default('shapes')
      .describe(
        "'shapes' (generated), or an image folder, archive, manifest, tar shards or a packed set; with the format text a file, a folder or a pattern; see docs/data.md",
      ),
    format: z
      .enum(['auto', ...dataFormats])
      .default('auto')
      .describe('what the source is; auto: looked for among formats of images'),
    holdout: fraction
      .default(0.1)
      .describe('share of the images, or of every text, held out when the source has no validation split'),
    vocabulary: z
      .int()
      .min(256)
      .max(2 ** 20)
      .default(256)
      .describe('text: number of tokens; 256: its bytes; more: frequent pairs too, learnt from what is for training'),
    tokenizer: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe('text: a tokenizer.json to use instead, with byte-level BPE'),
    resize: z.enum(['crop', 'stretch']).default('crop').describe('crop: shorter side to size, centre crop'),
    padding: z.int().min(0).default(4).describe('zero padding of the random crop, pixels; 0: no random crop'),
    flip: fraction.default(0.5).describe('probability of a horizontal flip'),
    crop: z
      .strictObject({
        scale: pair(fraction)
          .nullable()
          .default(null)
          .describe(
            'least and largest share of the area that a random crop cuts out and scales to the size, in place of padding; images of at most 32 pixels keep to the padding; null: no such crop',
          ),
        ratio: pair(z.number().positive())
          .default([3 / 4, 4 / 3])
          .describe('least and largest width / height of what is cut out'),
        reduce: z
          .boolean()
          .default(true)
          .describe(
            'whether JPEG images are decoded at 1/2, 1/4 or 1/8 of their size where twice the pixels that the crop comes to remain',
          ),
      })
      .prefault({}),
    interpolation: z
      .enum(['bicubic', 'bilinear', 'random'])
      .default('bicubic')
      .describe('of the random crop and of moved images; random: either of the two, drawn for each'),
    randAugment: z
      .string()
      .nullable()
      .default(null)
      .describe("RandAugment in timm's notation, such as rand-m9-mstd0.5-inc1; null: off"),
    colorJitter: z
      .strictObject({
        brightness: factors.describe(
          'spread around 1 of the random factor of brightness, or its least and largest value',
        ),
        contrast: factors.describe('the same for contrast'),
        saturation: factors.describe('the same for saturation'),
      })
      .prefault({}),
    erasing: z
      .strictObject({
        probability: fraction.default(0).describe('probability that a part of an image is replaced by noise'),
        area: pair(fraction)
          .default([0.02, 1 / 3])
          .describe('least and largest share of the area that is erased'),
        ratio: pair(z.number().positive())
          .default([0.3, 1 / 0.3])
          .describe('least and largest height / width of what is erased'),
      })
      .prefault({}),
    repeats: positiveInteger
      .default(1)
      .describe('times that an image appears in an epoch, augmented differently; epochs do not grow longer'),
    evalCropRatio: fraction
      .gt(0)
      .nullable()
      .default(null)
      .describe(
        'share of the shorter side that evaluation cuts out of the centre, of images above 32 pixels; null: as data.resize says',
      ),
    onDamage: z
      .enum(['fail', 'skip'])
      .default('fail')
      .describe('what a job does about an image that cannot be decoded; skip: takes the next one in its place'),
    damageLimit: z.int().min(0).nullable().default(null).describe('images that a job may skip; null: any number'),
    mean: z.array(fraction).nullable().default(null).describe('per channel, in [0, 1]; null: ImageNet'),
    std: z.array(z.number().positive()).nullable().default(null).describe('per channel; null: ImageNet'),
    cacheMiB: z
      .number()
      .min(0)
      .default(2048)
      .describe('decoded images kept in memory by a job, or by all jobs of a run where they share them, MiB'),
    sharing: z
      .enum(['off', 'images', 'batches'])
      .default('images')
      .describe(
        'what jobs that run side by side decode once: images, which each augments by itself, or batches, the same for all modules',
      ),
    prefetch: positiveInteger.default(4).describe('batches prepared ahead of the step'),
    trainLimit: imageLimit.describe('use this many training images, or this share of them, class-balanced'),
    validationLimit: imageLimit.describe('use this many validation images, or this share of them, class-balanced'),
    shots: positiveInteger.nullable().default(null).describe('use this many training images of every class'),
    shapes: z
      .strictObject({
        train: positiveInteger.default(6000).describe('generated training images'),
        validation: positiveInteger.default(1000).describe('generated validation images'),
      })
      .prefault({}),
  })
  .prefault({});
