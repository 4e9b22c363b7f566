import type { IncubateError } from '../../util/errors.ts';
import { deviceFailure, runFailure } from '../failures.ts';
import type { Graph } from '../graph.ts';
import type { Program } from '../program.ts';
import type { TorchFault } from './addon.ts';

/** The error for a run that failed in PyTorch: with the node of the graph that it arose in, without places in sources. */
export function torchFailure(program: Program, { nodes }: Graph, fault: TorchFault): IncubateError {
  const node = nodes[fault.node];
  const operands = node?.inputs.map(({ dtype, shape }) => `${dtype} [${shape}]`).join(' and ');
  const where = node ? `${node.kernel} of ${operands}: ` : '';
  const error = new Error(`${where}${fault.memory ? 'out of memory: ' : ''}${firstLine(fault.message)}`, {
    cause: fault,
  });
  return fault.broken ? deviceFailure(program, error) : runFailure(program, error);
}

/** An error of PyTorch without the trace behind it. */
export function firstLine(message: string): string {
  return message.split('\n')[0] ?? '';
}
