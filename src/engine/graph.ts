import type { Precision } from '../config/precision.ts';

/**
 * Element types within a graph; uint8 occurs only as a feed that is cast at once, and types of 16 bits only where
 * `rewrites/autocast.ts` puts them.
 */
export type ValueType = 'float32' | ReducedType | 'int32' | 'bool';

/** Floating-point numbers of 16 bits. */
export type ReducedType = 'float16' | 'bfloat16';

/** The type of products and activations in a precision; null where all numbers are float32. */
export function reducedTypeOf(precision: Precision = 'fp32'): ReducedType | null {
  return precision === 'fp16' ? 'float16' : precision === 'bf16' ? 'bfloat16' : null;
}

export function isReduced(type: ValueType): type is ReducedType {
  return type === 'float16' || type === 'bfloat16';
}

/** A tensor of the graph: an input, a constant or an output of a node. */
export interface Value {
  readonly id: number;
  readonly dtype: ValueType;
  readonly shape: readonly number[];
}

export type Attributes = Readonly<Record<string, unknown>>;

/** One application of a tfjs kernel. */
export interface Node {
  readonly kernel: string;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
}

/** A constant whose elements are all the same is kept as that one number. */
export type Constant =
  | { readonly kind: 'splat'; readonly value: Value; readonly element: number }
  | { readonly kind: 'dense'; readonly value: Value; readonly data: Float32Array | Int32Array | Uint8Array };

/** A program as the operations it consists of, in an order in which they can run. Free of any engine's notions. */
export interface Graph {
  readonly name: string;
  readonly state: ReadonlyMap<string, Value>;
  readonly feeds: ReadonlyMap<string, Value>;
  readonly constants: ReadonlyMap<number, Constant>;
  readonly nodes: readonly Node[];
  /** New values of state tensors. */
  readonly nextState: ReadonlyMap<string, Value>;
  readonly outputs: ReadonlyMap<string, Value>;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** The nodes, given in an order in which they can run, that results depend on. */
export function liveNodes(
  { nextState, outputs }: Pick<Graph, 'nextState' | 'outputs'>,
  nodes: readonly Node[],
): Node[] {
  const needed = new Set([...nextState.values(), ...outputs.values()].map(({ id }) => id));
  const live: Node[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some(({ id }) => needed.has(id))) continue;
    for (const { id } of node.inputs) needed.add(id);
    live.push(node);
  }
  return live.reverse();
}
