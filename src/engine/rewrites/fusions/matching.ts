import type { Graph, Node, Value } from '../../graph.ts';

/** Looks around in a graph. */
export interface Matching {
  /** The node that computes a value, if it is of that kernel. */
  producer(value: Value | undefined, kernel: string): Node | undefined;
  /** The nodes of a kernel that read a value. */
  consumers(value: Value, kernel: string): readonly Node[];
  /** How often a value is read by nodes, or is a result. */
  uses(value: Value): number;
  /** The number that all elements of a constant are, if they are. */
  element(value: Value | undefined): number | undefined;
}

/**
 * Tells of a node whether it is the last of several that one node can stand for. Outputs of that one are outputs of those
 * that it replaces.
 */
export type Fusion = (matching: Matching, node: Node) => Node | undefined;

export function matchingOf({ nodes, constants, nextState, outputs }: Graph): Matching {
  const producers = new Map<number, Node>(nodes.flatMap((node) => node.outputs.map(({ id }) => [id, node] as const)));
  const consumers = new Map<number, Node[]>();
  for (const node of nodes) {
    for (const { id } of node.inputs) {
      const known = consumers.get(id);
      if (known) known.push(node);
      else consumers.set(id, [node]);
    }
  }
  const results = [...nextState.values(), ...outputs.values()].map(({ id }) => id);
  return {
    producer(value, kernel) {
      const found = value && producers.get(value.id);
      return found?.kernel === kernel ? found : undefined;
    },
    consumers: ({ id }, kernel) => (consumers.get(id) ?? []).filter((node) => node.kernel === kernel),
    uses: ({ id }) => (consumers.get(id)?.length ?? 0) + results.filter((result) => result === id).length,
    element({ id } = { id: -1 } as Value) {
      const constant = constants.get(id);
      return constant?.kind === 'splat' ? constant.element : undefined;
    },
  };
}

/** Both orders of the operands of a node that has two and does not care. */
export function orders(node: Node | undefined): [Value, Value][] {
  const [a, b] = node?.inputs ?? [];
  return a && b
    ? [
        [a, b],
        [b, a],
      ]
    : [];
}

/** The operand beside a number, and the number. */
export function scaled(matching: Matching, value: Value | undefined): { x: Value; factor: number } | undefined {
  for (const [x, number] of orders(matching.producer(value, 'Multiply'))) {
    const factor = matching.element(number);
    if (factor !== undefined) return { x, factor };
  }
  return undefined;
}

export const isNear = (a: number | undefined, b: number): boolean =>
  a !== undefined && Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b));
