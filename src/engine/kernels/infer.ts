import { messageOf } from '../../util/errors.ts';
import type { Attributes, Value } from '../graph.ts';
import type { Kernel, OutputType } from './kernel.ts';
import { kernels } from './table.ts';

/** Types of a kernel's outputs. @throws RangeError with the kernel and its inputs where they do not fit together. */
export function inferred(kernel: string, inputs: readonly Value[], attributes: Attributes): readonly OutputType[] {
  try {
    return (kernels[kernel] as Kernel).infer(inputs, attributes);
  } catch (cause) {
    const operands = inputs.map(({ dtype, shape }) => `${dtype} [${shape}]`).join(' and ');
    throw new RangeError(`${kernel} of ${operands}: ${messageOf(cause)}`, { cause });
  }
}
