import type { Family } from '../family.ts';
import { metaDepth } from '../network.ts';
import { textAuxiliary } from '../text/auxiliary.ts';
import { type GptShape, gptArchitecture, gptBlock, gptShapes } from './architecture.ts';

/** Decoders of text. All blocks are alike, so a meta model is the same decoder with fewer of them. */
export const gptFamily: Family<GptShape> = {
  title: 'decoders',
  reads: 'text',
  hasStatistics: false,
  names: Object.keys(gptShapes),
  settings: ['width', 'depth', 'heads', 'mlpRatio', 'layerNormEps'],
  build(model, vocabulary) {
    const named = gptShapes[model.name];
    if (!named) throw new RangeError(`no decoder is named ${model.name}`);
    return gptArchitecture({
      width: model.width ?? named.width,
      depth: model.depth ?? named.depth,
      heads: model.heads ?? named.heads,
      mlpRatio: model.mlpRatio ?? 4,
      layerNormEps: model.layerNormEps ?? 1e-5,
      context: model.context,
      vocabulary,
    });
  },
  metaArchitecture: ({ shape }, modules, width) =>
    gptArchitecture({ ...shape, depth: metaDepth(modules), mlpRatio: shape.mlpRatio * width }),
  auxiliary: ({ shape }, place) => textAuxiliary({ ...shape, block: (name) => gptBlock(shape, name) }, place),
};
