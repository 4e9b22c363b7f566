import { createHash } from 'node:crypto';
import type { RunConfig } from '../../config/schema.ts';
import type { FoundImages } from '../images.ts';
import type { ImageSet } from '../sources/image-set.ts';
import { chooseSubset, type SubsetSize } from '../subset.ts';
import { shapeClasses } from './distance.ts';
import { renderShape, SHAPES_VERSION, type ShapeSplit, shapeLabel } from './render.ts';

/** Name of the generated data set, in place of a folder. */
export const SHAPES = 'shapes';

/** The generated data set, drawn at the size that the model takes. A subset of it is its first images. */
export function findShapes({ data, seed, model }: RunConfig): FoundImages {
  const { imageSize, channels } = model;
  const classes = shapeClasses.map(({ name }) => name);
  const split = (name: ShapeSplit, size: SubsetSize): ImageSet => {
    const items = Array.from({ length: data.shapes[name] }, (_, index) => ({ label: shapeLabel(index) }));
    return {
      length: chooseSubset(items, size, { seed, split: name, classes }).length,
      label: shapeLabel,
      name: (index) => `${SHAPES}/${name}/${index}`,
      read(index) {
        const pixels = renderShape(seed, name, index, imageSize, channels);
        return { kind: 'pixels', pixels: { data: pixels, height: imageSize, width: imageSize, channels } };
      },
    };
  };
  const train = split('train', { limit: data.trainLimit, shots: data.shots });
  const validation = split('validation', { limit: data.validationLimit, shots: null });
  const content = [SHAPES, SHAPES_VERSION, seed, train.length, validation.length, imageSize, channels];
  return {
    format: SHAPES,
    identity: {
      source: SHAPES,
      classes,
      train: train.length,
      validation: validation.length,
      fingerprint: createHash('sha256').update(JSON.stringify(content)).digest('hex'),
    },
    train,
    validation,
    inMemory: null,
    notes: [],
  };
}
