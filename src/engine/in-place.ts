import type { Graph, Node, Value } from './graph.ts';
import { kernels } from './kernels/table.ts';

/** Kernels whose output may share its input's memory. */
const VIEWS = new Set(['Reshape', 'ExpandDims']);

/**
 * State tensors whose new values an engine may write over the old ones: whatever reads the old value comes before the
 * operation that writes the new one, however independent operations are ordered, and no engine will fuse the two into one
 * that reads elements after it has written others.
 */
export function overwritableState({ nodes, state, nextState }: Graph): ReadonlySet<string> {
  const producers = new Map<number, Node>(nodes.flatMap((node) => node.outputs.map(({ id }) => [id, node] as const)));
  const consumers = new Map<number, Node[]>();
  for (const node of nodes) {
    for (const { id } of node.inputs) consumers.set(id, [...(consumers.get(id) ?? []), node]);
  }
  const written = [...nextState.values()];
  const overwritable = [...nextState].filter(([name, next]) => {
    const writer = producers.get(next.id);
    if (!writer || written.filter(({ id }) => id === next.id).length > 1 || !isElementwise(writer, producers))
      return false;
    const before = ancestors(writer, producers).add(writer);
    return readers(state.get(name) as Value, consumers).every((reader) => before.has(reader));
  });
  return new Set(overwritable.map(([name]) => name));
}

/** Whether a node and what it is computed from are such as no fusion joins with a product or a reduction. */
function isElementwise(node: Node, producers: ReadonlyMap<number, Node>): boolean {
  if (!kernels[node.kernel]?.elementwise) return false;
  return node.inputs.every(({ id }) => {
    const operand = producers.get(id);
    return !operand || operand.kernel === 'Concat' || kernels[operand.kernel]?.elementwise;
  });
}

/** Nodes that read a value's memory. */
function readers(value: Value, consumers: ReadonlyMap<number, readonly Node[]>): Node[] {
  return (consumers.get(value.id) ?? []).flatMap((node) =>
    VIEWS.has(node.kernel) ? [node, ...readers(node.outputs[0] as Value, consumers)] : [node],
  );
}

function ancestors(node: Node, producers: ReadonlyMap<number, Node>): Set<Node> {
  const found = new Set<Node>();
  const waiting = [node];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    for (const { id } of next.inputs) {
      const operand = producers.get(id);
      if (!operand || found.has(operand)) continue;
      found.add(operand);
      waiting.push(operand);
    }
  }
  return found;
}
