import { IncubateError } from '../../util/errors.ts';
import type { Family, ModelConfig } from '../family.ts';
import { resnetArchitecture } from './architecture.ts';
import { resnetAuxiliary } from './auxiliary.ts';
import { metaShape } from './meta.ts';
import { type NamedResnet, type ResnetShape, residualBlocks, resnetShapes } from './shape.ts';

/** Residual networks: of 6n + 2 layers for small images, and those of ImageNet. */
export const resnetFamily: Family<ResnetShape> = {
  title: 'residual networks',
  reads: 'images',
  hasStatistics: true,
  names: Object.keys(resnetShapes),
  settings: ['width', 'depth'],
  build(model, classes) {
    const sized = resnetShapes[model.name];
    if (!sized) throw new RangeError(`no residual network is named ${model.name}`);
    const { imageSize, channels } = model;
    const { stem, bottleneck } = sized;
    const width = model.width ?? sized.width;
    const blocks = residualBlocks({ ...sized, width, stages: stagesOf(model, sized) }, imageSize);
    return resnetArchitecture({ stem, bottleneck, width, innerWidth: 1, imageSize, channels, classes, blocks });
  },
  metaArchitecture: ({ shape }, modules, width) =>
    resnetArchitecture({ ...metaShape(shape, modules), innerWidth: shape.innerWidth * width }),
  auxiliary: ({ shape }, place) => resnetAuxiliary(shape, place),
};

/** Throws CONFIG_MODEL where a depth is asked for that the stages cannot have. */
function stagesOf({ name, depth }: ModelConfig, { stem, stages }: NamedResnet): readonly number[] {
  if (depth === null) return stages;
  const total = stages.reduce((sum, count) => sum + count, 0);
  if (stem === 'imagenet') {
    throw new IncubateError('CONFIG_MODEL', `${name} has the stages ${stages.join(', ')}, and no other depth`, {
      hint: `Leave model.depth out: it is ${total}. ${namesOf('imagenet')} differ in it; ${namesOf('cifar')} take one.`,
    });
  }
  if (depth % stages.length === 0) return stages.map(() => depth / stages.length);
  const below = Math.max(1, Math.floor(depth / stages.length)) * stages.length;
  throw new IncubateError(
    'CONFIG_MODEL',
    `${depth} blocks cannot be shared out among the ${stages.length} stages of ${name}`,
    { hint: `Set model.depth to a multiple of ${stages.length}, such as ${below} or ${below + stages.length}.` },
  );
}

function namesOf(stem: NamedResnet['stem']): string {
  const names = Object.keys(resnetShapes).filter((name) => resnetShapes[name]?.stem === stem);
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
