import { sizeOf } from '../../util/tensor.ts';
import type { Graph, Node, Value } from '../graph.ts';
import type { Treatments } from './autocast-kernels.ts';

/** Whether a value has the reduced type where it is computed. */
export type IsReduced = (value: Value) => boolean;

/** Tells of a node that moves elements or follows its operands whether these let it compute in the reduced type. */
export type OperandRule = (node: Node, isReduced: IsReduced) => boolean;

export function operandRule(graph: Graph, treatmentOf: Treatments): OperandRule {
  const given = findGiven(graph, treatmentOf);
  const isSplat = ({ id }: Value) => graph.constants.get(id)?.kind === 'splat';
  return (node, isReduced) => {
    const operands = node.inputs.filter((value) => value.dtype === 'float32' && !isSplat(value));
    const others = operands.filter((value) => !isReduced(value));
    const followed = operands.length - others.length;
    if (treatmentOf(node) === 'move') return followed > 0 && others.length === 0;
    // Biases, gains and masks may be rounded. A product of two activations is a float32 number of its own.
    const size = sizeOf((node.outputs[0] as Value).shape);
    const small = others.every(({ id, shape }) => given.has(id) && sizeOf(shape) < size);
    return small && (node.kernel === 'Multiply' ? followed === 1 : followed > 0);
  };
}

/** Identifiers of state, feeds and constants, also where their elements have been moved: what is not computed. */
function findGiven(graph: Graph, treatmentOf: Treatments): ReadonlySet<number> {
  const inputs = [...graph.state.values(), ...graph.feeds.values()];
  const given = new Set([...inputs.map(({ id }) => id), ...graph.constants.keys()]);
  for (const node of graph.nodes) {
    const moved = treatmentOf(node) === 'move' && node.inputs.every(({ id }) => given.has(id));
    if (moved) for (const { id } of node.outputs) given.add(id);
  }
  return given;
}
