import type { Graph, Value } from '../graph.ts';
import type { Treatments } from './autocast-kernels.ts';
import type { OperandRule } from './operands.ts';

/** Which values of a graph are worth having in a reduced type, by identifier. */
export interface Wanted {
  /** Some use is a matrix product or convolution, directly or behind nodes that can pass the type on. */
  readonly somewhere: ReadonlySet<number>;
  /** All uses are products, or moves towards nothing but products. */
  readonly everywhere: ReadonlySet<number>;
}

export function findWanted(graph: Graph, treatmentOf: Treatments, allows: OperandRule): Wanted {
  const able = findAble(graph, treatmentOf, allows);
  const somewhere = new Set<number>();
  const everywhere = new Set<number>();
  const elsewhere = new Set([...graph.nextState.values(), ...graph.outputs.values()].map(({ id }) => id));
  const use = (set: Set<number>, inputs: readonly Value[]) => {
    for (const { id } of inputs) set.add(id);
  };
  // All uses of a value come after its node, so they are known when it is reached.
  for (const node of [...graph.nodes].reverse()) {
    for (const { id } of node.outputs) if (somewhere.has(id) && !elsewhere.has(id)) everywhere.add(id);
    const treatment = treatmentOf(node);
    const every = node.outputs.every(({ id }) => everywhere.has(id));
    // Scores are masked by numbers that float16 does not have.
    const passes = node.kernel !== 'Softmax' && node.outputs.some(({ id }) => somewhere.has(id) && able.has(id));
    if (treatment === 'reduce' || passes || (treatment === 'move' && every)) use(somewhere, node.inputs);
    if (treatment !== 'reduce' && !(treatment === 'move' && every)) use(elsewhere, node.inputs);
  }
  return { somewhere, everywhere };
}

/** Identifiers of the values that have the reduced type if every one that could have it were wanted. */
function findAble(graph: Graph, treatmentOf: Treatments, allows: OperandRule): ReadonlySet<number> {
  const able = new Set<number>();
  for (const node of graph.nodes) {
    const treatment = treatmentOf(node);
    if (treatment === 'keep') continue;
    const depends = treatment === 'move' || treatment === 'follow';
    if (!depends || allows(node, ({ id }) => able.has(id))) for (const { id } of node.outputs) able.add(id);
  }
  return able;
}
