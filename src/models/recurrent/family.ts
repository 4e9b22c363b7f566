import { IncubateError } from '../../util/errors.ts';
import type { Family } from '../family.ts';
import { metaDepth } from '../network.ts';
import { textAuxiliary } from '../text/auxiliary.ts';
import { type Cell, cells, type RecurrentShape, recurrentArchitecture, recurrentLayer } from './architecture.ts';

/** Width and depth where the configuration has none. */
const standard = { width: 512, depth: 4 };

/** Recurrent language models. All layers are alike, so a meta model is the same network with fewer of them. */
export const recurrentFamily: Family<RecurrentShape> = {
  title: 'recurrent networks',
  reads: 'text',
  hasStatistics: false,
  names: Object.keys(cells),
  settings: ['width', 'depth'],
  build: (model, vocabulary) =>
    recurrentArchitecture({
      cell: model.name as Cell,
      width: model.width ?? standard.width,
      depth: model.depth ?? standard.depth,
      context: model.context,
      vocabulary,
    }),
  metaArchitecture({ shape }, modules, width) {
    if (width !== 1) {
      throw new IncubateError('CONFIG_MODEL', 'layers of recurrent networks have nothing within them to be narrower', {
        hint: 'Set division.metaWidth to 1.',
      });
    }
    return recurrentArchitecture({ ...shape, depth: metaDepth(modules) });
  },
  auxiliary: ({ shape }, place) => textAuxiliary({ ...shape, block: (name) => recurrentLayer(shape, name) }, place),
};
