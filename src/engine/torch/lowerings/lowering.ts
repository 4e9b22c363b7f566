import type { Node, Value } from '../../graph.ts';
import { type TorchCodeBuilder, typeNumbers } from '../code.ts';

/** What a lowering may use. */
export interface TorchContext {
  readonly code: TorchCodeBuilder;
  /** The slot of a value; uniform constants are broadcast there without taking memory. */
  slot(value: Value): number;
  /** The nodes that read a value, and whether it is a result of the program besides. */
  readers(value: Value): { readonly nodes: readonly Node[]; readonly isResult: boolean };
  /** Whether kernels of ours are used where there are any. */
  readonly ownKernels: boolean;
}

/** Lowers a node to instructions; returns the slots of its outputs, in order. */
export type TorchLowering = (context: TorchContext, node: Node) => readonly number[];

/** Lowerings of one family of kernels by name. */
export type TorchLowerings = Readonly<Record<string, TorchLowering>>;

export const only = (node: Node): Value => node.outputs[0] as Value;
export const inputOf = (node: Node, index = 0): Value => node.inputs[index] as Value;

/** One operation on the node's inputs. */
export function operation(name: string, given: (node: Node) => readonly number[] = () => []): TorchLowering {
  return ({ code, slot }, node) => code.ops(name, node.inputs.map(slot), given(node), node.outputs.length);
}

/** Kernels and the operations that they are, as `Kernel:operation` separated by blanks. */
export function operations(names: string): TorchLowerings {
  return Object.fromEntries(
    names.split(' ').map((pair) => {
      const [kernel, name] = pair.split(':') as [string, string];
      return [kernel, operation(name)];
    }),
  );
}

/** A value in another type. */
export function cast({ code }: TorchContext, slot: number, type: keyof typeof typeNumbers): number {
  return code.op('cast', [slot], [typeNumbers[type]]);
}
