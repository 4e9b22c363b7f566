import { type Node, sameShape, type Value } from '../graph.ts';
import type { LoweringContext } from '../onnx-builder.ts';
import { elementTypes } from '../onnx-format.ts';

/** The name of an image that is kept in blocks of channels; see `blocks.ts`. */
export interface InBlocks {
  readonly blocks: string;
}

/** Lowers a node to ONNX operators; returns the names of its outputs, in order. */
export type Lowering = (context: LoweringContext, node: Node) => readonly (string | InBlocks)[];

/** Lowerings of one family of kernels by name. */
export type Lowerings = Readonly<Record<string, Lowering>>;

export const only = (node: Node): Value => node.outputs[0] as Value;
export const inputOf = (node: Node, index = 0): Value => node.inputs[index] as Value;

/** A tensor's name after a cast. */
export function cast({ onnx }: LoweringContext, name: string, to: keyof typeof elementTypes): string {
  return onnx.op('Cast', [name], { to: elementTypes[to] });
}

/** What an elementwise operator computed, broadcast to the node's shape where its operands did not reach that. */
export function expanded({ onnx, element }: LoweringContext, node: Node, name: string): string {
  const { shape } = only(node);
  const operands = node.inputs.filter((value) => element(value) === undefined).map((value) => value.shape);
  if (shape.length === 0 || operands.some((operand) => sameShape(operand, shape))) return name;
  const reached = shape.every((extent, axis) =>
    operands.some((operand) => (operand[axis - (shape.length - operand.length)] ?? 0) === extent),
  );
  return reached ? name : onnx.op('Expand', [name, onnx.int64(shape)]);
}

/** The name of an initialiser with the numbers 0 to length - 1. */
export function indices({ onnx }: LoweringContext, length: number): string {
  return onnx.initializer(
    'int32',
    [length],
    Int32Array.from({ length }, (_, index) => index),
  );
}
