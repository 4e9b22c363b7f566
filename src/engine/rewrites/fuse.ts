import type { Graph, Node, Value } from '../graph.ts';
import { adamw, sumOfSquares } from './fusions/adamw.ts';
import { attention, attentionGrad } from './fusions/attention.ts';
import { geluGrad } from './fusions/gelu.ts';
import { layerNormGrad } from './fusions/layer-norm.ts';
import { linear } from './fusions/linear.ts';
import { type Fusion, matchingOf } from './fusions/matching.ts';
import { softmaxGrad } from './fusions/softmax.ts';

/** Later ones look for what earlier ones made, or left over. */
const passes: readonly (readonly Fusion[])[] = [
  [linear, geluGrad, layerNormGrad, softmaxGrad, attention],
  [attentionGrad, adamw],
  [sumOfSquares],
];

/**
 * A graph in which nodes that an engine has one kernel for are one node. Those kernels have names that begin with `Fused`
 * and are not among `kernels/table.ts`: an engine that asks for them must know them all.
 */
export function fused(graph: Graph): Graph {
  return passes.reduce((rest, fusions) => fuse(rest, fusions), graph);
}

function fuse(graph: Graph, fusions: readonly Fusion[]): Graph {
  const matching = matchingOf(graph);
  const replaced = new Set<number>();
  const made: Node[] = [];
  for (const node of graph.nodes) {
    for (const fusion of fusions) {
      const found = fusion(matching, node);
      if (!found || found.outputs.some(({ id }) => replaced.has(id))) continue;
      for (const { id } of found.outputs) replaced.add(id);
      made.push(found);
      break;
    }
  }
  if (made.length === 0) return graph;
  const byOutput = new Map(made.flatMap((node) => node.outputs.map(({ id }) => [id, node] as const)));
  // A node stands where the first of its outputs was computed.
  const placed = graph.nodes.flatMap((node) => {
    const outputs = node.outputs.map(({ id }) => byOutput.get(id));
    const whole = outputs.every((one) => one !== undefined);
    return whole ? (outputs as Node[]) : [node];
  });
  const nodes = ordered(graph, [...new Set(placed)]);
  return nodes ? { ...graph, nodes } : graph;
}

/** The nodes that results need, in the given order but for those that are needed earlier; nothing where there is a circle. */
function ordered({ nextState, outputs }: Graph, nodes: readonly Node[]): Node[] | undefined {
  const needed = neededOf(nodes, [...nextState.values(), ...outputs.values()]);
  const producers = new Map(nodes.flatMap((node) => node.outputs.map(({ id }) => [id, node] as const)));
  const order = new Set<Node>();
  const entered = new Set<Node>();
  for (const start of nodes) {
    if (!needed.has(start)) continue;
    const waiting: { readonly node: Node; readonly isReady: boolean }[] = [{ node: start, isReady: false }];
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const { node, isReady } = next;
      if (order.has(node)) continue;
      if (isReady) {
        order.add(node);
        continue;
      }
      if (entered.has(node)) return undefined;
      entered.add(node);
      waiting.push({ node, isReady: true });
      for (const { id } of node.inputs) {
        const operand = producers.get(id);
        if (operand && !order.has(operand)) waiting.push({ node: operand, isReady: false });
      }
    }
  }
  return [...order];
}

function neededOf(nodes: readonly Node[], results: readonly Value[]): ReadonlySet<Node> {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map(({ id }) => [id, node] as const)));
  const needed = new Set<Node>();
  const waiting = [...results];
  for (let value = waiting.pop(); value; value = waiting.pop()) {
    const node = producers.get(value.id);
    if (!node || needed.has(node)) continue;
    needed.add(node);
    waiting.push(...node.inputs);
  }
  return needed;
}
