import type { Family } from '../family.ts';
import { metaDepth } from '../network.ts';
import { type VitShape, vitArchitecture, vitShapes } from './architecture.ts';
import { vitAuxiliary } from './auxiliary.ts';

/** Vision transformers. All blocks are alike, so a meta model is the same transformer with fewer of them. */
export const vitFamily: Family<VitShape> = {
  title: 'vision transformers',
  reads: 'images',
  hasStatistics: false,
  names: Object.keys(vitShapes),
  settings: ['width', 'depth', 'heads', 'mlpRatio', 'patch', 'qkvBias', 'layerNormEps'],
  build(model, classes) {
    const named = vitShapes[model.name];
    if (!named) throw new RangeError(`no vision transformer is named ${model.name}`);
    return vitArchitecture({
      width: model.width ?? named.width,
      depth: model.depth ?? named.depth,
      heads: model.heads ?? named.heads,
      mlpRatio: model.mlpRatio ?? named.mlpRatio,
      patch: model.patch ?? named.patch,
      qkvBias: model.qkvBias ?? named.qkvBias,
      layerNormEps: model.layerNormEps ?? named.layerNormEps,
      imageSize: model.imageSize,
      channels: model.channels,
      classes,
    });
  },
  metaArchitecture: ({ shape }, modules, width) =>
    vitArchitecture({ ...shape, depth: metaDepth(modules), mlpRatio: shape.mlpRatio * width }),
  auxiliary: ({ shape }, place) => vitAuxiliary(shape, place),
};
