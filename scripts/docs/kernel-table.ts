import { getGradient } from '@tensorflow/tfjs-core';
import { families as composed } from '../../src/engine/compositions/table.ts';
import '../../src/engine/gradients.ts';
import { gradients } from '../../src/engine/gradients/table.ts';
import { refused } from '../../src/engine/kernels/refused.ts';
import { families as lowered } from '../../src/engine/kernels/table.ts';
import { constantKernels } from '../../src/engine/symbolic-backend.ts';

interface Row {
  readonly kernel: string;
  readonly family: string;
  readonly forward: string;
}

const rowsOf = (families: Readonly<Record<string, object>>, forward: string): Row[] =>
  Object.entries(families).flatMap(([family, kernels]) =>
    Object.keys(kernels).map((kernel) => ({ kernel, family, forward })),
  );

/** Who computes the gradient. Fused operations carry theirs along and are in no registry: in tfjs, and in `ops.ts`. */
function gradientOf({ kernel, family }: Row): string {
  if (kernel in gradients || kernel.startsWith('Incubate')) return 'ours';
  return getGradient(kernel) || family === 'fused' ? 'tfjs' : 'none: refused';
}

/** Every kernel as the rows of the table in docs/engine.md. */
export function kernelTable(): string[] {
  const rows = [
    ...rowsOf(lowered, 'operator'),
    ...rowsOf(composed, 'composed'),
    ...['Identity', ...constantKernels].map((kernel) => ({ kernel, family: 'constants', forward: 'constant' })),
  ];
  const inOrder = rows.sort((a, b) => compare(a.family, b.family) || compare(a.kernel, b.kernel));
  return [
    '| kernel | family | forward | gradient |',
    '|---|---|---|---|',
    ...inOrder.map((row) => `| ${row.kernel} | ${row.family} | ${row.forward} | ${gradientOf(row)} |`),
    ...Object.entries(refused).map(([kernel, reason]) => `| ${kernel} | – | refused | ${reason} |`),
  ];
}

const compare = (a: string, b: string) => (a < b ? -1 : Number(a > b));

const [BEGIN, END] = ['<!-- kernels: written by npm run docs:kernels -->', '<!-- kernels end -->'];

/** The page with its table of kernels as the code has it. */
export function withKernelTable(page: string): string {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new RangeError(`the page has no '${BEGIN}' and '${END}'`);
  return `${before}${BEGIN}\n\n${kernelTable().join('\n')}\n\n${END}${after}`;
}
