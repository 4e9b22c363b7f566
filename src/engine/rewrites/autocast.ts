import type { Precision } from '../../config/precision.ts';
import { type Constant, type Graph, type Node, type ReducedType, reducedTypeOf, type Value } from '../graph.ts';
import { onnxTreatments, type Treatments } from './autocast-kernels.ts';
import { operandRule } from './operands.ts';
import { findWanted } from './wanted.ts';

/**
 * How many nodes after its last use a float32 copy is used again. Later ones are made anew, so that what lives from the
 * forward to the backward pass is the reduced tensor.
 */
const NEARBY = 24;

/** A graph of float32 in the precision that is asked for. */
export function inPrecision(graph: Graph, precision?: Precision, treatments = onnxTreatments): Graph {
  const type = reducedTypeOf(precision);
  return type ? autocast(graph, type, treatments[type]) : graph;
}

/**
 * A graph with matrix products and convolutions, and what lies between them, in a type of 16 bits: the counterpart of
 * `torch.autocast`. State, feeds, constants, results and everything that `autocast-kernels.ts` does not list stay float32.
 *
 * @param graph one of float32, as it is traced
 */
function autocast(graph: Graph, reducedType: ReducedType, treatmentOf: Treatments): Graph {
  const allows = operandRule(graph, treatmentOf);
  const wanted = findWanted(graph, treatmentOf, allows);
  const nodes: Node[] = [];
  const constants = new Map<number, Constant>(graph.constants);
  /** Values by the identifier that they have in the given graph: as computed, in the reduced type, and in float32. */
  const computed = new Map<number, Value>();
  const reduced = new Map<number, Value>();
  const wide = new Map<number, { readonly value: Value; lastUse: number }>();
  let next = 1 + Math.max(...valuesOf(graph).map(({ id }) => id));

  const element = (value: Value) => {
    const constant = graph.constants.get(value.id);
    return constant?.kind === 'splat' ? constant.element : undefined;
  };
  const isComputedReduced = ({ id }: Value) => computed.get(id)?.dtype === reducedType;
  const castOf = (value: Value, dtype: 'float32' | ReducedType): Value => {
    const output = { id: next++, dtype, shape: value.shape };
    nodes.push({ kernel: 'Cast', inputs: [value], attributes: { dtype }, outputs: [output] });
    return output;
  };
  const asReduced = (value: Value): Value => {
    const known = isComputedReduced(value) ? computed.get(value.id) : reduced.get(value.id);
    if (known) return known;
    const number = element(value);
    const copy = number === undefined ? castOf(value, reducedType) : { ...value, id: next++, dtype: reducedType };
    if (number !== undefined) constants.set(copy.id, { kind: 'splat', value: copy, element: number });
    reduced.set(value.id, copy);
    return copy;
  };
  const asFloat32 = (value: Value): Value => {
    if (!isComputedReduced(value)) return value;
    const known = wide.get(value.id);
    if (known && nodes.length - known.lastUse <= NEARBY) {
      known.lastUse = nodes.length;
      return known.value;
    }
    const copy = castOf(computed.get(value.id) as Value, 'float32');
    wide.set(value.id, { value: copy, lastUse: nodes.length });
    return copy;
  };
  const read = (value: Value, reduce: boolean): Value => {
    if (value.dtype !== 'float32') return value;
    return reduce ? asReduced(value) : asFloat32(value);
  };

  /** Whether a node computes in the reduced type. */
  const reduces = (node: Node): boolean => {
    switch (treatmentOf(node)) {
      case 'reduce':
        return true;
      case 'move':
        return allows(node, isComputedReduced) || node.outputs.every(({ id }) => wanted.everywhere.has(id));
      case 'follow':
        return node.outputs.some(({ id }) => wanted.somewhere.has(id)) && allows(node, isComputedReduced);
      default:
        return false;
    }
  };

  for (const node of graph.nodes) {
    const reduce = reduces(node);
    const inputs = node.inputs.map((value) => read(value, reduce));
    const outputs = node.outputs.map((value) => (reduce ? { ...value, dtype: reducedType } : value));
    nodes.push({ ...node, inputs, outputs });
    for (const value of outputs) computed.set(value.id, value);
    if (treatmentOf(node) !== 'narrow') continue;
    for (const value of outputs) {
      if (!wanted.somewhere.has(value.id)) continue;
      computed.set(value.id, castOf(value, reducedType));
      wide.set(value.id, { value, lastUse: nodes.length });
    }
  }
  const results = (values: ReadonlyMap<string, Value>) =>
    new Map([...values].map(([name, value]) => [name, read(value, false)]));
  const nextState = results(graph.nextState);
  const outputs = results(graph.outputs);
  return { ...graph, constants: usedOf(constants, nodes, [nextState, outputs]), nodes, nextState, outputs };
}

function valuesOf({ state, feeds, constants, nodes }: Graph): Value[] {
  const given = [...state.values(), ...feeds.values(), ...[...constants.values()].map(({ value }) => value)];
  return [...given, ...nodes.flatMap(({ outputs }) => outputs)];
}

function usedOf(
  constants: ReadonlyMap<number, Constant>,
  nodes: readonly Node[],
  results: readonly ReadonlyMap<string, Value>[],
): Map<number, Constant> {
  const used = new Set([
    ...nodes.flatMap(({ inputs }) => inputs),
    ...results.flatMap((values) => [...values.values()]),
  ]);
  return new Map([...constants].filter(([, { value }]) => used.has(value)));
}
