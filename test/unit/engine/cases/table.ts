import { blockCases } from './blocks.ts';
import type { KernelCase } from './case.ts';
import { convolutionCases } from './convolution.ts';
import { poolingCases } from './pooling.ts';

export const familyCases: readonly KernelCase[] = [...blockCases, ...convolutionCases, ...poolingCases];
