import { type RunConfig, runConfigSchema } from '../../src/config/schema.ts';

/** A training step that both sides compute: the same network, weights, batch and optimiser. */
export interface BenchCase {
  readonly name: string;
  /** Program in `peers/` without its extension. */
  readonly peer: string;
  readonly config: RunConfig;
  /** Numbers that the network gives: one for each class, or token. */
  readonly classes: number;
  /** The module that is incubated, the network divided as the configuration says; the whole network where absent. */
  readonly module?: number;
  /** Steps between two changes of sides. */
  readonly steps: number;
}

/** What both sides leave out: random masks, and all that only one of them has. */
function plainly(
  model: object,
  { batchSize, classes, steps, lr }: Pick<BenchCase, 'classes' | 'steps'> & { batchSize: number; lr: number },
  data: object = {},
): Omit<BenchCase, 'name' | 'peer'> {
  const phase = { epochs: 1, lr, dropPath: 0, clip: null };
  const config = runConfigSchema.parse({
    model,
    data,
    training: { batchSize, referenceBatch: null, labelSmoothing: 0, mixup: 0, cutmix: 0 },
    phases: { meta: phase, incubate: phase, finetune: phase },
  });
  return { config, classes, steps };
}

interface VitCase {
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly patch: number;
  readonly imageSize: number;
  readonly batchSize: number;
  readonly classes: number;
  readonly steps: number;
}

export function vit(name: string, { batchSize, classes, steps, ...model }: VitCase): BenchCase {
  const settings = { name: 'vit-tiny', mlpRatio: 4, qkvBias: true, layerNormEps: 1e-6, ...model };
  return { name, peer: 'vit', ...plainly(settings, { batchSize, classes, steps, lr: 1e-4 }) };
}

/** A language model of bytes. */
function language(name: string, peer: string, model: object, batchSize: number): BenchCase {
  const counts = { batchSize, classes: 256, steps: 2, lr: 1e-4 };
  return { name, peer, ...plainly({ context: 64, ...model }, counts, { format: 'text' }) };
}

const recurrent = { width: 256, depth: 4 };

const deit = { width: 192, heads: 3, patch: 4, imageSize: 32, batchSize: 64, classes: 10 };

/** Module 1 of four in a meta model of four blocks. */
export const moduleJob: BenchCase = { ...vit('deit-t depth 12', { ...deit, depth: 12, steps: 4 }), module: 1 };

export const cases: readonly BenchCase[] = [
  vit('deit-t depth 12', { ...deit, depth: 12, steps: 2 }),
  vit('deit-t depth 48', { ...deit, depth: 48, steps: 1 }),
  vit('vit-s/16 at 224', {
    width: 384,
    depth: 12,
    heads: 6,
    patch: 16,
    imageSize: 224,
    batchSize: 16,
    classes: 1000,
    steps: 1,
  }),
  {
    name: 'resnet-110 at 32',
    peer: 'resnet',
    // The dimensions that the name stands for, which the peer reads.
    ...plainly(
      { name: 'resnet-110', width: 16, depth: 54, imageSize: 32 },
      { batchSize: 128, classes: 100, steps: 1, lr: 1e-4 },
    ),
  },
  language(
    'gpt depth 12 at 64',
    'gpt',
    { name: 'gpt-nano', width: 192, depth: 12, heads: 3, mlpRatio: 4, layerNormEps: 1e-5 },
    64,
  ),
  language('lstm at 64', 'recurrent', { name: 'lstm', ...recurrent }, 32),
  language('gru at 64', 'recurrent', { name: 'gru', ...recurrent }, 32),
];
