import { blockCases } from './blocks.ts';
import type { KernelCase } from './case.ts';
import { convolutionCases } from './convolution.ts';
import { detectionCases } from './detection.ts';
import { indexingCases } from './indexing.ts';
import { normalisationCases } from './normalisation.ts';
import { poolingCases } from './pooling.ts';
import { resizeCases } from './resize.ts';
import { sequenceCases } from './sequences.ts';

export const familyCases: readonly KernelCase[] = [
  ...blockCases,
  ...convolutionCases,
  ...detectionCases,
  ...indexingCases,
  ...normalisationCases,
  ...poolingCases,
  ...resizeCases,
  ...sequenceCases,
];
