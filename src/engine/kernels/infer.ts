import { messageOf } from '../../util/errors.ts';
import type { Attributes, Value } from '../graph.ts';
import type { Kernel, OutputType } from './kernel.ts';
import { kernels } from './table.ts';

/**
 * Types of a kernel's outputs.
 *
 * @param nameOf what a program's author calls a value, where it has a name
 * @throws RangeError with the kernel, its inputs and their names where they do not fit together.
 */
export function inferred(
  kernel: string,
  inputs: readonly Value[],
  attributes: Attributes,
  nameOf: (value: Value) => string | undefined = () => undefined,
): readonly OutputType[] {
  try {
    return (kernels[kernel] as Kernel).infer(inputs, attributes);
  } catch (cause) {
    const operands = inputs.map((value) => {
      const name = nameOf(value);
      return `${value.dtype} [${value.shape}]${name === undefined ? '' : ` (${name})`}`;
    });
    throw new RangeError(`${kernel} of ${operands.join(' and ')}: ${messageOf(cause)}`, { cause });
  }
}
