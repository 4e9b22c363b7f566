import type { Graph, Node } from './graph.ts';

/**
 * The nodes in the order in which ONNX Runtime runs them: what the results need depth first, from the result recorded
 * last, and of several operands the one recorded last first.
 */
export function executionOrder({ nodes, nextState, outputs }: Graph): Node[] {
  const positions = new Map(nodes.flatMap((node, at) => node.outputs.map(({ id }) => [id, at] as const)));
  const ascending = (values: Iterable<{ readonly id: number }>) =>
    [...new Set([...values].map(({ id }) => positions.get(id)).filter((at) => at !== undefined))].sort((a, b) => a - b);
  const order: Node[] = [];
  const entered = new Set<number>();
  const waiting = ascending([...nextState.values(), ...outputs.values()]).map((at) => ({ at, isDone: false }));
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { at, isDone } = next;
    const node = nodes[at] as Node;
    if (isDone) order.push(node);
    else if (!entered.has(at)) {
      entered.add(at);
      waiting.push({ at, isDone: true });
      for (const operand of ascending(node.inputs)) waiting.push({ at: operand, isDone: false });
    }
  }
  return order;
}
