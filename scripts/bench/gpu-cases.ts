import { precisions } from '../../src/config/precision.ts';
import { type BenchCase, vit } from './cases.ts';

/** Cases of one GPU: networks that are trained as a whole, and one that is divided. */
export interface GpuCases {
  readonly whole: readonly BenchCase[];
  /** The network that `modules` are parts of, by itself. */
  readonly divided: BenchCase;
  readonly modules: readonly BenchCase[];
}

/** What both sides keep activations in. */
const brain = precisions.find((name) => name.startsWith('bf'));

function inBrainFloat(bench: BenchCase, modules?: number): BenchCase {
  const { config } = bench;
  const training = { ...config.training, ...(brain ? { precision: brain } : {}) };
  const division = modules === undefined ? config.division : { ...config.division, modules };
  return { ...bench, config: { ...config, training, division } };
}

function casesOf(whole: readonly BenchCase[], given: BenchCase, count: number): GpuCases {
  const divided = inBrainFloat(given, count);
  const modules = Array.from({ length: count }, (_, module) => ({
    ...divided,
    name: `${given.name}: module ${module} of ${count}`,
    module,
  }));
  return { whole: whole.map((bench) => inBrainFloat(bench)), divided, modules };
}

const large = { patch: 16, imageSize: 224, batchSize: 128, classes: 1000, steps: 5 };

export const gpuCases: GpuCases = casesOf(
  [
    vit('vit-b/16 at 224', { ...large, width: 768, depth: 12, heads: 12 }),
    vit('deit-t at 32', {
      width: 192,
      depth: 12,
      heads: 3,
      patch: 4,
      imageSize: 32,
      batchSize: 128,
      classes: 10,
      steps: 20,
    }),
  ],
  vit('vit-l/16 at 224', { ...large, width: 1024, depth: 24, heads: 16 }),
  4,
);

const tiny = { width: 32, heads: 2, patch: 4, imageSize: 16, batchSize: 8, classes: 10, steps: 2 };

/** What takes seconds on a processor, to see that the measurement itself works. */
export const smallCases: GpuCases = casesOf(
  [vit('tiny', { ...tiny, depth: 2 })],
  vit('small', { ...tiny, depth: 4 }),
  2,
);
